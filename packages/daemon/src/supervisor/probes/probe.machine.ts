/** What a probe does next: one look at a time, thresholds, and the gate of the startup probe, with no clock and no socket in sight. */
import { type Step, step, type Table } from '@orch/base';

export type ProbeRole = 'startup' | 'ready' | 'live';

/** What is asked of a probe, with every default filled in. */
export interface ProbePlan {
	readonly role: ProbeRole;
	/** From the beginning of one look to that of the next. */
	readonly everyMs: number;
	/** The same for the first looks: doubled from look to look up to `everyMs`, until the probe has succeeded once. */
	readonly firstEveryMs: number;
	/** Of one look; null waits as long as it takes. */
	readonly timeoutMs: number | null;
	/** Before the first look. */
	readonly delayMs: number;
	/** In a row. */
	readonly failures: number;
	readonly successes: number;
	/** Whether its first success is its last look: what has been said once is not taken back. */
	readonly endsWithSuccess: boolean;
}

/** What has been seen so far. Counts stop at their thresholds. */
export interface Tally {
	/** Looks taken; the number of the present or last one. */
	readonly looks: number;
	readonly passes: number;
	readonly fails: number;
	/** Undefined until a threshold is reached for the first time. */
	readonly verdict: boolean | undefined;
}

export type ProbeState =
	/** The startup probe has not succeeded yet. */
	| { readonly kind: 'gated' }
	/** A timer runs until the next look. */
	| ({ readonly kind: 'resting' } & Tally)
	| ({ readonly kind: 'looking' } & Tally)
	/** Takes no look any more. */
	| { readonly kind: 'over' };

export type ProbeEvent =
	| { readonly kind: 'open' }
	| { readonly kind: 'due' }
	/** `look` is the number of the look that it answers: an answer to an earlier one is no answer. */
	| { readonly kind: 'answered'; readonly look: number; readonly ok: boolean; readonly tookMs: number }
	/** The look came to nothing by a fault of ours, which is no fault of the program. */
	| { readonly kind: 'not_seen'; readonly look: number; readonly tookMs: number }
	| { readonly kind: 'close' };

export type ProbeEffect =
	| { readonly kind: 'look'; readonly look: number; readonly timeoutMs: number | null }
	/** Nobody wants the answer any more. */
	| { readonly kind: 'abandon' }
	| { readonly kind: 'set_timer'; readonly ms: number }
	| { readonly kind: 'clear_timer' }
	/** A threshold is reached, and the verdict is another than before. */
	| { readonly kind: 'verdict'; readonly good: boolean };

type Next = Step<ProbeState, ProbeEffect>;

const fresh: Tally = { looks: 0, passes: 0, fails: 0, verdict: undefined };

export const gated: ProbeState = { kind: 'gated' };

/** Where the next look may be, counted from the beginning of the one before. */
function restMs({ looks, verdict }: Tally, { everyMs, firstEveryMs }: ProbePlan): number {
	return verdict === true ? everyMs : Math.min(everyMs, firstEveryMs * 2 ** Math.min(looks - 1, 30));
}

function count({ looks, passes, fails, verdict }: Tally, ok: boolean, plan: ProbePlan): Tally {
	const tally = {
		looks,
		passes: ok ? Math.min(passes + 1, plan.successes) : 0,
		fails: ok ? 0 : Math.min(fails + 1, plan.failures),
	};
	if (tally.passes === plan.successes) return { ...tally, verdict: true };
	if (tally.fails === plan.failures) return { ...tally, verdict: false };
	return { ...tally, verdict };
}

/** A process that fails one of these is ended: there is nothing left to look at. */
const isFatal = (role: ProbeRole): boolean => role !== 'ready';

function judge(before: Tally, ok: boolean, tookMs: number, plan: ProbePlan): Next {
	const tally = count(before, ok, plan);
	const said: ProbeEffect[] = [];
	if (tally.verdict !== undefined && tally.verdict !== before.verdict) said.push({ kind: 'verdict', good: tally.verdict });
	const isOver = tally.verdict === true ? plan.endsWithSuccess : tally.verdict === false && isFatal(plan.role);
	if (isOver) return { state: { kind: 'over' }, effects: said };
	return rest(tally, tookMs, plan, said);
}

const rest = (tally: Tally, tookMs: number, plan: ProbePlan, said: readonly ProbeEffect[] = []): Next => ({
	state: { ...tally, kind: 'resting' },
	effects: [...said, { kind: 'set_timer', ms: Math.max(0, restMs(tally, plan) - tookMs) }],
});

export const probeTable = {
	gated: {
		open: {
			to: ['resting'],
			run: (_state, _event, { delayMs }) => ({
				state: { kind: 'resting', ...fresh },
				effects: [{ kind: 'set_timer', ms: delayMs }],
			}),
		},
		close: { to: ['over'], run: () => ({ state: { kind: 'over' }, effects: [] }) },
	},
	resting: {
		due: {
			to: ['looking'],
			run: (state, _event, { timeoutMs }) => {
				const look = state.looks + 1;
				return { state: { ...state, kind: 'looking', looks: look }, effects: [{ kind: 'look', look, timeoutMs }] };
			},
		},
		close: { to: ['over'], run: () => ({ state: { kind: 'over' }, effects: [{ kind: 'clear_timer' }] }) },
	},
	looking: {
		answered: {
			to: ['looking', 'resting', 'over'],
			run: (state, { look, ok, tookMs }, plan) =>
				look === state.looks ? judge(state, ok, tookMs, plan) : { state, effects: [] },
		},
		not_seen: {
			to: ['looking', 'resting'],
			run: (state, { look, tookMs }, plan) => (look === state.looks ? rest(state, tookMs, plan) : { state, effects: [] }),
		},
		close: { to: ['over'], run: () => ({ state: { kind: 'over' }, effects: [{ kind: 'abandon' }] }) },
	},
	over: {},
} satisfies Table<ProbeState, ProbeEvent, ProbeEffect, ProbePlan>;

/** Stays where it is at an event for which there is no row: a late timer or answer is no error. */
export function stepProbe(state: ProbeState, event: ProbeEvent, plan: ProbePlan): Next {
	return step<ProbeState, ProbeEvent, ProbeEffect, ProbePlan>(probeTable, state, event, plan) ?? { state, effects: [] };
}
