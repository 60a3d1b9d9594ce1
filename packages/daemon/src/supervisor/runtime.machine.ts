/** What a runtime does next: states, events and effects, with no clock and no process in sight. */
import { type Step, step, type Table } from '@orch/base';
import { type Account, afterRestart, type End, freshAccount, judge } from './restart.ts';
import type { RestartPolicy } from './spec.ts';

/** A process that is ended as a failure: its account before that, and the end it will have had. */
export interface Condemned {
	readonly account: Account;
	readonly end: End;
}

/**
 * `clearing` is whether what the last process has left is being ended: nothing is launched before that is over.
 * `due` is whether the wait before the next try is over.
 */
export type RuntimeState =
	| { readonly kind: 'stopped' }
	/** Something that it needs is not there yet; when it is, one launch follows. Nothing runs, and nothing is being ended. */
	| { readonly kind: 'waiting'; readonly account: Account; readonly by: 'command' | 'policy'; readonly reason: string }
	| { readonly kind: 'starting'; readonly account: Account }
	| { readonly kind: 'running'; readonly account: Account }
	/**
	 * `launching`: the launch that was under way is not settled yet. `thenStart`: a process follows. `condemned`: it is ended as
	 * a failure, with `reason`, and once nothing is left the policy decides.
	 */
	| {
			readonly kind: 'stopping';
			readonly launching: boolean;
			readonly thenStart: boolean;
			readonly condemned?: Condemned | undefined;
			readonly reason?: string | undefined;
	  }
	| {
			readonly kind: 'backoff';
			readonly account: Account;
			readonly reason: string;
			readonly clearing: boolean;
			readonly due: boolean;
	  }
	/** Ended by itself, and is not restarted. */
	| { readonly kind: 'exited'; readonly clearing: boolean }
	/** Could not start, or gave up. */
	| {
			readonly kind: 'failed';
			readonly account: Account;
			readonly reason: string;
			readonly clearing: boolean;
			readonly due: boolean;
			readonly retries: boolean;
	  };

/**
 * Every `launch` is answered by exactly one `launched` or `launch_failed`, every `launched` by one `exited`, and every
 * `end` by one `emptied`; an `end` while one is under way joins it. `exited` comes before the `emptied` of its process,
 * unless the process cannot be ended at all.
 */
export type RuntimeEvent =
	| { readonly kind: 'start' }
	/** `reason` where it is not a person's command: what it needs was restarted, a file has changed. */
	| { readonly kind: 'restart'; readonly reason?: string | undefined }
	| { readonly kind: 'stop'; readonly reason?: string | undefined }
	/** The daemon ends: nothing is to be left, and how it stands is what the next one goes on from. */
	| { readonly kind: 'shut_down' }
	/** What runs must not go on: too much memory, a probe that fails. */
	| { readonly kind: 'condemned'; readonly end: End }
	| { readonly kind: 'launched' }
	| { readonly kind: 'launch_failed'; readonly end: End }
	/** `leftovers`: the process group is not empty. */
	| { readonly kind: 'exited'; readonly end: End; readonly leftovers: boolean }
	| { readonly kind: 'emptied' }
	| { readonly kind: 'backoff_over' }
	/** What it needs is there now, or is not for another reason than before. */
	| { readonly kind: 'needs_changed' };

export type RuntimeEffect =
	| { readonly kind: 'launch'; readonly by: 'command' | 'policy' }
	/** Give up the launch that is under way, if the program is not let go yet. */
	| { readonly kind: 'abandon' }
	/** End everything there is of this runtime: signal, grace, SIGKILL, until nothing is left. */
	| { readonly kind: 'end' }
	/** Look, beside all else, whether something has escaped from a process whose group is empty; and end it. */
	| { readonly kind: 'sweep' }
	| { readonly kind: 'set_timer'; readonly ms: number }
	| { readonly kind: 'clear_timer' };

/** By what a runtime is judged, as it is now. */
export interface RuntimeContext extends RestartPolicy {
	/** What it waits for before a launch: "waits for db: ready"; absent where all that it needs is there. */
	readonly waitsFor?: string | undefined;
	/** Whether an earlier stop could not end all: a start by command tries that again. */
	readonly hasEscaped?: boolean | undefined;
}

type Next = Step<RuntimeState, RuntimeEffect>;

/** Every launch comes by here: none goes on without what is needed. */
const launch = (
	account: Account,
	by: 'command' | 'policy',
	{ waitsFor }: Pick<RuntimeContext, 'waitsFor'>,
	...before: readonly RuntimeEffect[]
): Next =>
	waitsFor === undefined
		? { state: { kind: 'starting', account }, effects: [...before, { kind: 'launch', by }] }
		: { state: { kind: 'waiting', account, by, reason: waitsFor }, effects: before };

const relaunch = (account: Account, context: RuntimeContext): Next => launch(afterRestart(account, context), 'policy', context);

const stop = (thenStart: boolean, ...before: readonly RuntimeEffect[]): Next => ({
	state: { kind: 'stopping', launching: false, thenStart },
	effects: [...before, { kind: 'end' }],
});

const abandon = (thenStart: boolean): Next => ({
	state: { kind: 'stopping', launching: true, thenStart },
	effects: [{ kind: 'abandon' }],
});

const because = (reason: string | undefined, { state, effects }: Next): Next =>
	reason === undefined || state.kind !== 'stopping' ? { state, effects } : { state: { ...state, reason }, effects };

/** A process is over, or could not be launched: what now. `leftovers` must be ended before anything else is launched. */
function settle(account: Account, end: End, leftovers: boolean, policy: RuntimeContext): Next | undefined {
	const verdict = judge(account, end, policy);
	switch (verdict.kind) {
		case 'rest':
			return undefined;
		case 'again': {
			if (!leftovers && verdict.waitMs === 0) {
				const { state, effects } = relaunch(verdict.account, policy);
				return { state, effects: [...effects, { kind: 'sweep' }] };
			}
			const due = verdict.waitMs === 0;
			return {
				state: { kind: 'backoff', account: verdict.account, reason: end.what, clearing: leftovers, due },
				effects: [{ kind: leftovers ? 'end' : 'sweep' }, ...timer(due ? null : verdict.waitMs)],
			};
		}
		case 'give_up':
			return {
				state: {
					kind: 'failed',
					account: verdict.account,
					reason: verdict.reason,
					clearing: true,
					due: false,
					retries: verdict.retryMs !== null,
				},
				effects: [{ kind: 'end' }, ...timer(verdict.retryMs)],
			};
	}
}

/** Nothing is left of a condemned process. One that is never restarted has failed. */
const settleCondemned = ({ account, end }: Condemned, policy: RuntimeContext): Next =>
	settle(account, end, false, policy) ?? {
		state: { kind: 'failed', account, reason: end.what, clearing: false, due: false, retries: false },
		effects: [],
	};

const timer = (ms: number | null): RuntimeEffect[] => (ms === null ? [] : [{ kind: 'set_timer', ms }]);
const clearTimer: RuntimeEffect = { kind: 'clear_timer' };

/** A start by command where nothing runs; what is still being ended is waited for. */
function start(clearing: boolean, context: RuntimeContext, ...before: readonly RuntimeEffect[]): Next {
	if (clearing) return { state: { kind: 'stopping', launching: false, thenStart: true }, effects: before };
	return context.hasEscaped ? stop(true, ...before) : launch(freshAccount, 'command', context, ...before);
}

/** Where the next try may be waited for, and what the last process left may still be being ended. */
type BetweenTries = Extract<RuntimeState, { readonly kind: 'backoff' | 'failed' }>;

const startAnew = ({ clearing }: BetweenTries, _event: RuntimeEvent, context: RuntimeContext): Next =>
	start(clearing, context, clearTimer);
const comeDue = (state: BetweenTries, _event: RuntimeEvent, context: RuntimeContext): Next =>
	state.clearing ? { state: { ...state, due: true }, effects: [] } : relaunch(state.account, context);
const beCleared = (state: BetweenTries, _event: RuntimeEvent, context: RuntimeContext): Next =>
	state.due ? relaunch(state.account, context) : { state: { ...state, clearing: false }, effects: [] };

export const runtimeTable = {
	stopped: {
		start: { to: ['starting', 'waiting', 'stopping'], run: (_state, _event, context) => start(false, context) },
		restart: { to: ['starting', 'waiting', 'stopping'], run: (_state, _event, context) => start(false, context) },
		// what an earlier stop could not end is tried again
		stop: { to: ['stopping'], run: () => stop(false) },
		shut_down: { to: ['stopping'], run: () => stop(false) },
	},
	waiting: {
		// a command forgets what failed before; a restart of what has not begun is its start
		start: { to: ['starting', 'waiting'], run: (_state, _event, context) => launch(freshAccount, 'command', context) },
		restart: { to: ['starting', 'waiting'], run: (_state, _event, context) => launch(freshAccount, 'command', context) },
		stop: { to: ['stopping'], run: () => stop(false) },
		shut_down: { to: ['stopping'], run: () => stop(false) },
		needs_changed: {
			to: ['starting', 'waiting'],
			run: ({ account, by }, _event, context) => launch(account, by, context),
		},
	},
	starting: {
		stop: { to: ['stopping'], run: (_state, { reason }) => because(reason, abandon(false)) },
		shut_down: { to: ['stopping'], run: () => abandon(false) },
		restart: { to: ['stopping'], run: (_state, { reason }) => because(reason, abandon(true)) },
		launched: { to: ['running'], run: ({ account }) => ({ state: { kind: 'running', account }, effects: [] }) },
		launch_failed: {
			to: ['starting', 'waiting', 'backoff', 'failed'],
			run: ({ account }, { end }, policy) =>
				settle(account, end, false, policy) ?? {
					state: { kind: 'failed', account, reason: end.what, clearing: true, due: false, retries: false },
					effects: [{ kind: 'end' }],
				},
		},
	},
	running: {
		stop: { to: ['stopping'], run: (_state, { reason }) => because(reason, stop(false)) },
		shut_down: { to: ['stopping'], run: () => stop(false) },
		restart: { to: ['stopping'], run: (_state, { reason }) => because(reason, stop(true)) },
		condemned: {
			to: ['stopping'],
			run: ({ account }, { end }, { when }) => ({
				state: { kind: 'stopping', launching: false, thenStart: when !== 'no', condemned: { account, end }, reason: end.what },
				effects: [{ kind: 'end' }],
			}),
		},
		exited: {
			to: ['starting', 'waiting', 'backoff', 'exited', 'failed'],
			run: ({ account }, { end, leftovers }, policy) =>
				settle(account, end, leftovers, policy) ?? { state: { kind: 'exited', clearing: true }, effects: [{ kind: 'end' }] },
		},
	},
	stopping: {
		start: {
			to: ['stopping'],
			run: ({ launching }) => ({ state: { kind: 'stopping', launching, thenStart: true }, effects: [] }),
		},
		restart: {
			to: ['stopping'],
			run: ({ launching }) => ({ state: { kind: 'stopping', launching, thenStart: true }, effects: [] }),
		},
		// a stop again may bring a shorter grace
		stop: {
			to: ['stopping'],
			run: ({ launching }) => ({
				state: { kind: 'stopping', launching, thenStart: false },
				effects: launching ? [] : [{ kind: 'end' }],
			}),
		},
		shut_down: {
			to: ['stopping'],
			run: ({ launching, condemned, reason }, _event, { when }) => ({
				// what policy would follow it with is the next daemon's affair; that nothing is to is known now
				state: { kind: 'stopping', launching, thenStart: false, ...(when === 'no' && condemned ? { condemned, reason } : {}) },
				effects: launching ? [] : [{ kind: 'end' }],
			}),
		},
		launched: { to: ['stopping'], run: ({ thenStart, reason }) => because(reason, stop(thenStart)) },
		launch_failed: { to: ['stopping'], run: ({ thenStart, reason }) => because(reason, stop(thenStart)) },
		emptied: {
			to: ['stopped', 'starting', 'waiting', 'backoff', 'failed'],
			run({ thenStart, condemned }, _event, policy) {
				if (condemned) return settleCondemned(condemned, policy);
				return thenStart ? launch(freshAccount, 'command', policy) : { state: { kind: 'stopped' }, effects: [] };
			},
		},
	},
	backoff: {
		start: {
			to: ['starting', 'waiting', 'stopping'],
			run: startAnew,
		},
		restart: {
			to: ['starting', 'waiting', 'stopping'],
			run: startAnew,
		},
		stop: { to: ['stopping'], run: () => stop(false, clearTimer) },
		shut_down: { to: ['stopping'], run: () => stop(false, clearTimer) },
		backoff_over: {
			to: ['starting', 'waiting', 'backoff'],
			run: comeDue,
		},
		emptied: {
			to: ['starting', 'waiting', 'backoff'],
			run: beCleared,
		},
	},
	exited: {
		start: { to: ['starting', 'waiting', 'stopping'], run: ({ clearing }, _event, context) => start(clearing, context) },
		restart: { to: ['starting', 'waiting', 'stopping'], run: ({ clearing }, _event, context) => start(clearing, context) },
		stop: { to: ['stopping'], run: () => stop(false) },
		shut_down: { to: ['exited'], run: () => ({ state: { kind: 'exited', clearing: true }, effects: [{ kind: 'end' }] }) },
		emptied: { to: ['exited'], run: () => ({ state: { kind: 'exited', clearing: false }, effects: [] }) },
	},
	failed: {
		start: {
			to: ['starting', 'waiting', 'stopping'],
			run: startAnew,
		},
		restart: {
			to: ['starting', 'waiting', 'stopping'],
			run: startAnew,
		},
		stop: { to: ['stopping'], run: () => stop(false, clearTimer) },
		shut_down: {
			to: ['failed', 'stopping'],
			run: (state) => (state.due ? stop(false) : { state: { ...state, clearing: true }, effects: [{ kind: 'end' }] }),
		},
		backoff_over: {
			to: ['starting', 'waiting', 'failed'],
			run: comeDue,
		},
		emptied: {
			to: ['starting', 'waiting', 'failed'],
			run: beCleared,
		},
	},
} satisfies Table<RuntimeState, RuntimeEvent, RuntimeEffect, RuntimeContext>;

/** Stays where it is at an event for which there is no row: a late timer is no error. */
export function stepRuntime(state: RuntimeState, event: RuntimeEvent, context: RuntimeContext): Next {
	return (
		step<RuntimeState, RuntimeEvent, RuntimeEffect, RuntimeContext>(runtimeTable, state, event, context) ?? { state, effects: [] }
	);
}
