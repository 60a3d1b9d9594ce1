/** How processes are ended: asked, given their grace, killed, and in the end reported where even that did not help. */
import { type Step, step, type Table } from '@orch/base';

export type EndingState =
	/** The signal is sent; what is found since is asked as well. */
	| { readonly kind: 'asking' }
	/** SIGKILL, again and again, until nothing is found. */
	| { readonly kind: 'killing' }
	| { readonly kind: 'over'; readonly escaped: boolean };

export type EndingEvent =
	/** How many are left. */
	| { readonly kind: 'looked'; readonly left: number }
	/** What is left could not be seen: what is known of it has to do. */
	| { readonly kind: 'unseen' }
	/** Someone wants it to be over sooner. */
	| { readonly kind: 'hurry'; readonly graceMs: number }
	| { readonly kind: 'grace_over' }
	| { readonly kind: 'kill_over' };

export type EndingEffect =
	| { readonly kind: 'ask' }
	| { readonly kind: 'kill' }
	/** One timer at a time: setting one forgets the other. */
	| { readonly kind: 'set_timer'; readonly timer: 'grace' | 'kill'; readonly ms: number }
	| { readonly kind: 'clear_timer' };

export interface EndingLimits {
	/** From the first SIGKILL to giving up on what is left: processes in an uninterruptible call, or of someone else. */
	readonly killMs: number;
}

type Next = Step<EndingState, EndingEffect>;

/**
 * Nobody is signalled before the first look: what has left the group is found by its parents, and those a signal may end.
 */
export function beginEnding(graceMs: number, { killMs }: EndingLimits): Next {
	return graceMs === 0
		? { state: { kind: 'killing' }, effects: [{ kind: 'set_timer', timer: 'kill', ms: killMs }] }
		: { state: { kind: 'asking' }, effects: [{ kind: 'set_timer', timer: 'grace', ms: graceMs }] };
}

const kill = ({ killMs }: EndingLimits): Next => ({
	state: { kind: 'killing' },
	effects: [{ kind: 'kill' }, { kind: 'set_timer', timer: 'kill', ms: killMs }],
});

const over = (escaped: boolean): Next => ({ state: { kind: 'over', escaped }, effects: [{ kind: 'clear_timer' }] });

export const endingTable = {
	asking: {
		looked: {
			to: ['asking', 'over'],
			run: (state, { left }) => (left === 0 ? over(false) : { state, effects: [{ kind: 'ask' }] }),
		},
		unseen: { to: ['asking'], run: (state) => ({ state, effects: [{ kind: 'ask' }] }) },
		hurry: {
			to: ['asking', 'killing'],
			run: (state, { graceMs }, limits) =>
				graceMs === 0 ? kill(limits) : { state, effects: [{ kind: 'set_timer', timer: 'grace', ms: graceMs }] },
		},
		grace_over: { to: ['killing'], run: (_state, _event, limits) => kill(limits) },
	},
	killing: {
		looked: {
			to: ['killing', 'over'],
			run: (state, { left }) => (left === 0 ? over(false) : { state, effects: [{ kind: 'kill' }] }),
		},
		unseen: { to: ['killing'], run: (state) => ({ state, effects: [{ kind: 'kill' }] }) },
		kill_over: { to: ['over'], run: () => over(true) },
	},
	over: {},
} satisfies Table<EndingState, EndingEvent, EndingEffect, EndingLimits>;

/** Stays where it is at an event for which there is no row: a late look is no error. */
export function stepEnding(state: EndingState, event: EndingEvent, limits: EndingLimits): Next {
	return step<EndingState, EndingEvent, EndingEffect, EndingLimits>(endingTable, state, event, limits) ?? { state, effects: [] };
}
