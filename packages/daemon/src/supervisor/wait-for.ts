/** Waits for a runtime to come to something, and says so where it will not. */
import type { Publisher } from '@orch/base';
import { isFailure } from './exit.ts';
import { SupervisorError } from './faults.ts';
import type { RuntimeSnapshot, SupervisorEvent } from './snapshot.ts';

/** `stopped`: nothing of it runs, and nothing is about to. `succeeded`: it has come to its end by itself, and well. */
export type Goal = 'running' | 'ready' | 'stopped' | 'succeeded';

export interface WaitForOptions {
	readonly events: Publisher<SupervisorEvent>;
	readonly id: string;
	readonly name: string;
	readonly goal: Goal;
	/** Undefined once it is removed. */
	readonly look: () => RuntimeSnapshot | undefined;
	readonly signal: AbortSignal | undefined;
}

export function waitFor({ events, id, name, goal, look, signal }: WaitForOptions): Promise<RuntimeSnapshot> {
	return new Promise((resolve, reject) => {
		/** The last one that was seen: one that is removed was something before. */
		let last: RuntimeSnapshot | undefined;
		let isSettled = false;
		const settle = (outcome: () => void) => {
			isSettled = true;
			unsubscribe();
			signal?.removeEventListener('abort', aborted);
			outcome();
		};
		const aborted = () => settle(() => reject(signal?.reason));
		const check = () => {
			if (isSettled) return;
			const snapshot = look();
			if (!snapshot) {
				const before = last;
				if (goal === 'stopped' && before) settle(() => resolve(before));
				else settle(() => reject(new SupervisorError({ kind: 'not_found', id })));
				return;
			}
			last = snapshot;
			const standing = standingOf(goal, snapshot);
			if (standing === 'there') settle(() => resolve(snapshot));
			else if (standing === 'never') {
				const { status, reason } = snapshot;
				settle(() => reject(new SupervisorError({ kind: 'not_reached', name, goal, status, reason })));
			}
		};
		const unsubscribe = events.subscribe((event) => {
			if (event.id === id) check();
		});
		signal?.addEventListener('abort', aborted, { once: true });
		if (signal?.aborted) aborted();
		else check();
	});
}

function standingOf(
	goal: Goal,
	{ status, desired, ready, lastExit, backoff, spec }: RuntimeSnapshot,
): 'there' | 'coming' | 'never' {
	const isAtRest = status === 'stopped' || status === 'exited' || (status === 'failed' && backoff?.nextAt === undefined);
	const isLeaving = status === 'stopping' && desired === 'stopped';
	switch (goal) {
		case 'running':
			return status === 'running' ? 'there' : isAtRest || isLeaving ? 'never' : 'coming';
		case 'ready':
			if (status === 'running') return ready === true ? 'there' : 'coming';
			return isAtRest || isLeaving ? 'never' : 'coming';
		case 'stopped':
			return isAtRest ? 'there' : 'coming';
		case 'succeeded':
			if (status === 'exited') return lastExit && !isFailure(lastExit, spec.restart) ? 'there' : 'never';
			return isAtRest || isLeaving ? 'never' : 'coming';
	}
}
