/** Operations that privileged runtimes ask orchd for: each goes out as an event, and waits here for its answer. */
import type { EventStream } from './event-stream.ts';
import type { ControlOutcome, Peer } from './peer.ts';

interface OpenControl {
	readonly peer: Peer;
	readonly done: (outcome: ControlOutcome) => void;
}

export class Controls {
	readonly #events: EventStream;
	readonly #open = new Map<number, OpenControl>();
	#last = 0;

	constructor(events: EventStream) {
		this.#events = events;
	}

	ask(peer: Peer, operation: string, params: unknown, done: (outcome: ControlOutcome) => void): void {
		if (!this.#events.hasReader) {
			done(unreachable);
			return;
		}
		this.#last += 1;
		const request = this.#last;
		this.#open.set(request, { peer, done });
		if (this.#events.publish({ kind: 'control', request, runtime: peer.runtime, operation, params })) return;
		this.#open.delete(request);
		done(overburdened);
	}

	/** One that nobody waits for any more is ignored. */
	answer(request: number, outcome: ControlOutcome): void {
		const control = this.#open.get(request);
		if (control === undefined) return;
		this.#open.delete(request);
		control.done(outcome);
	}

	/** Whoever asked is gone. */
	gone(peer: Peer): void {
		for (const [request, control] of this.#open) if (control.peer === peer) this.#open.delete(request);
	}

	/** Nobody is there any more who could answer. */
	failAll(): void {
		const controls = [...this.#open.values()];
		this.#open.clear();
		for (const { done } of controls) done(unreachable);
	}
}

const unreachable: ControlOutcome = {
	error: { code: 'disconnected', message: 'orchd is not there to be asked: it has been stopped, or is being restarted' },
};

const overburdened: ControlOutcome = {
	error: { code: 'busy', message: 'orchd is too far behind with what it was told before to be asked' },
};
