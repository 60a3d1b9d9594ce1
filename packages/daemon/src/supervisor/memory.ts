/** What is remembered of a runtime from one daemon to the next: its machine's state in times of the wall, and back. */
import type { Clock } from '@orch/base';
import type { RememberedAccount, RememberedCondemned, RememberedExit, RememberedState, RuntimeMemory } from './journal.ts';
import type { Account } from './restart.ts';
import type { Condemned, RuntimeState } from './runtime.machine.ts';
import type { LastExit } from './snapshot.ts';

/** Between the clock that only grows, which is of one daemon, and that of the wall, which all of them share. */
interface Times {
	toWall(monotonicMs: number): number;
	toMonotonic(wallMs: number): number;
}

export function timesOf(clock: Clock): Times {
	return {
		toWall: (monotonicMs) => clock.now() - (clock.monotonicMs() - monotonicMs),
		// a wall clock that was set back must not make the past a future
		toMonotonic: (wallMs) => clock.monotonicMs() - Math.max(0, clock.now() - wallMs),
	};
}

/** The first memory of a runtime: nothing has happened yet. */
export const freshMemory = (bootId: string): RuntimeMemory => ({
	version: 1,
	bootId,
	desired: 'stopped',
	generation: 0,
	settled: 0,
	readyGeneration: 0,
	startedUpGeneration: 0,
	restarts: 0,
	state: { kind: 'stopped' },
	lastExit: null,
});

/** `timerAt` is when the wait that is under way ends, by the clock that only grows. */
export function rememberState(state: RuntimeState, timerAt: number | undefined, times: Times): RememberedState {
	const nextAt = timerAt === undefined ? null : times.toWall(timerAt);
	switch (state.kind) {
		case 'stopped':
			return { kind: 'stopped' };
		case 'exited':
			return { kind: 'exited' };
		case 'waiting':
			// what it needs is looked at anew, by the daemon that takes it up
			return { kind: 'stopping', thenStart: true };
		case 'starting':
		case 'running':
			return { kind: 'active', account: rememberAccount(state.account, times) };
		case 'stopping':
			return {
				kind: 'stopping',
				thenStart: state.thenStart,
				...(state.condemned ? { condemned: rememberCondemned(state.condemned, times) } : {}),
			};
		case 'backoff':
			// one whose wait is over, or that is to be started as soon as what it left is gone
			return {
				kind: 'backoff',
				account: rememberAccount(state.account, times),
				reason: state.reason,
				nextAt: nextAt ?? times.toWall(0),
			};
		case 'failed':
			return {
				kind: 'failed',
				account: rememberAccount(state.account, times),
				reason: state.reason,
				// of one that tries again as soon as what it left is gone the wait is over, too
				nextAt: nextAt ?? (state.due ? times.toWall(0) : null),
			};
	}
}

export function recallCondemned({ account, end }: RememberedCondemned, times: Times): Condemned {
	return { account: recallAccount(account, times), end: { ...end, failed: true, at: times.toMonotonic(end.at) } };
}

const rememberCondemned = ({ account, end: { what, livedMs, at, chance } }: Condemned, times: Times): RememberedCondemned => ({
	account: rememberAccount(account, times),
	end: { what, livedMs, at: Math.round(times.toWall(at)), chance },
});

export function recallAccount({ failures, tries, gaveUp }: RememberedAccount, times: Times): Account {
	return { failures: failures.map((at) => times.toMonotonic(at)), tries, gaveUp };
}

const rememberAccount = ({ failures, tries, gaveUp }: Account, times: Times): RememberedAccount => ({
	failures: failures.map((at) => Math.round(times.toWall(at))),
	tries,
	gaveUp,
});

export const rememberExit = ({ code, signal, coreDumped, at, notBefore, by, reason }: LastExit): RememberedExit => ({
	code: code ?? null,
	signal: signal ?? null,
	coreDumped,
	at,
	...(notBefore === undefined ? {} : { notBefore }),
	by,
	reason: reason ?? null,
});

export const recallExit = ({ code, signal, coreDumped, at, notBefore, by, reason }: RememberedExit): LastExit => ({
	code: code ?? undefined,
	signal: signal ?? undefined,
	coreDumped,
	at,
	...(notBefore === undefined ? {} : { notBefore }),
	by,
	reason: reason ?? undefined,
});
