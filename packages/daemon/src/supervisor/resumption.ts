/** Where a runtime goes on under a new daemon: by what the one before remembered, and by what has become of its process since. */
import type { RememberedState } from './journal.ts';
import type { Account } from './restart.ts';
import type { Condemned, RuntimeState } from './runtime.machine.ts';

export interface Remains {
	readonly remembered: RememberedState;
	readonly desired: 'running' | 'stopped';
	/** Whether a daemon that starts, starts it too. */
	readonly autostart: boolean;
	readonly account: Account;
	/** Of a process that was being ended as a failure. */
	readonly condemned: Condemned | undefined;
	/** By policy since the last start by command. */
	readonly restarts: number;
	/** Of the process that ran when the daemon before ended: it runs, it has ended since, or there was none. */
	readonly process: 'lives' | 'ended' | 'none';
	/** Whether something may be left of processes whose end was judged before. */
	readonly leftovers: boolean;
	/** Nothing of another boot lives, and nothing that was under way is any more. */
	readonly isSameBoot: boolean;
	/** Milliseconds since the Unix epoch. */
	readonly now: number;
	/** No wait lasts longer, whatever has become of the clock of the wall since it began. */
	readonly longestWaitMs: number;
}

export interface Resumption {
	readonly state: RuntimeState;
	/**
	 * What is to be done from there: `settle` judges the end of the process, `end` ends what is left of it, `relaunch` does a launch
	 * again that had not come to its program, as soon as what it needs is there; the others are commands to the machine.
	 */
	readonly next?: 'start' | 'stop' | 'restart' | 'settle' | 'end' | 'relaunch';
	/** What is left of the wait that was under way. */
	readonly timerMs?: number;
}

export function resume(remains: Remains): Resumption {
	const { remembered, desired, autostart, account, condemned, restarts, process, leftovers, isSameBoot, now, longestWaitMs } =
		remains;
	const left = (until: number) => Math.min(longestWaitMs, Math.max(0, until - now));
	const isWanted = desired === 'running';
	// where nothing was to follow a stop that nobody had commanded it was the daemon that was ending
	const again = isWanted && ((remembered.kind === 'stopping' && remembered.thenStart) || autostart);
	// a stop that could not end it is a stop that goes on
	const wasEnded = !isWanted || remembered.kind === 'stopping' || remembered.kind === 'stopped';
	if (isWanted && isSameBoot && condemned) {
		const { what: reason } = condemned.end;
		return { state: { kind: 'stopping', launching: false, thenStart: again, condemned, reason }, next: 'end' };
	}
	if (process === 'lives') {
		const state: RuntimeState = { kind: 'running', account };
		return wasEnded ? { state, next: again ? 'restart' : 'stop' } : { state };
	}
	if (process === 'ended') {
		// one that was being stopped no policy brings back
		return wasEnded ? ending(again) : { state: { kind: 'running', account }, next: 'settle' };
	}
	// what was being ended then is, before anything else comes: how much of it there is nobody has seen yet
	const clear: Pick<Resumption, 'next'> = leftovers ? { next: 'end' } : {};
	const stopped: Resumption = leftovers ? ending(false) : { state: { kind: 'stopped' } };
	const started: Resumption = leftovers ? ending(true) : { state: { kind: 'stopped' }, next: 'start' };
	if (isWanted && !isSameBoot) return autostart ? started : stopped;
	switch (remembered.kind) {
		case 'exited':
			return { state: { kind: 'exited', clearing: leftovers }, ...clear };
		case 'failed': {
			const { reason, nextAt } = remembered;
			const timer = isWanted && nextAt !== null ? { timerMs: left(nextAt) } : {};
			const retries = 'timerMs' in timer;
			return { state: { kind: 'failed', account, reason, clearing: leftovers, due: false, retries }, ...timer, ...clear };
		}
		case 'backoff': {
			const { reason, nextAt } = remembered;
			if (!isWanted) return stopped;
			return { state: { kind: 'backoff', account, reason, clearing: leftovers, due: false }, timerMs: left(nextAt), ...clear };
		}
		case 'active':
			if (!isWanted) return stopped;
			// when it was begun nothing was left but what may have escaped, and that delays no launch by the daemon before, either
			return {
				state: { kind: 'waiting', account, by: restarts > 0 ? 'policy' : 'command', reason: 'is launched again' },
				next: 'relaunch',
			};
		case 'stopping':
		case 'stopped':
			return again ? started : stopped;
	}
}

/** The machine hears when nothing is left any more. */
const ending = (thenStart: boolean): Resumption => ({ state: { kind: 'stopping', launching: false, thenStart }, next: 'end' });
