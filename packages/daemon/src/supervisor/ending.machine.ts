/** How processes are ended: prepared, asked, given their grace, killed, and in the end reported where even that did not help. */
import { type Step, step, type Table } from '@orch/base';

export type EndingState =
	/** The stop command runs; nobody is signalled before it is over. */
	| { readonly kind: 'preparing'; readonly graceMs: number }
	/** The signal is sent; what is found since is asked as well. */
	| { readonly kind: 'asking' }
	/** SIGKILL, again and again, until nothing is found. */
	| { readonly kind: 'killing' }
	| { readonly kind: 'over'; readonly escaped: boolean };

export type EndingEvent =
	/** The stop command is over, or has come to nothing. */
	| { readonly kind: 'prepared' }
	/** It has had its time. */
	| { readonly kind: 'command_over' }
	/** How many are left. */
	| { readonly kind: 'looked'; readonly left: number }
	/** What is left could not be seen: what is known of it has to do. */
	| { readonly kind: 'unseen' }
	/** Someone wants it to be over sooner. */
	| { readonly kind: 'hurry'; readonly graceMs: number }
	| { readonly kind: 'grace_over' }
	| { readonly kind: 'kill_over' };

export type EndingEffect =
	| { readonly kind: 'run_command' }
	| { readonly kind: 'end_command' }
	| { readonly kind: 'ask' }
	| { readonly kind: 'kill' }
	/** One timer at a time: setting one forgets the other. */
	| { readonly kind: 'set_timer'; readonly timer: 'command' | 'grace' | 'kill'; readonly ms: number }
	/** Makes the timer end within `ms`, where it would end later. */
	| { readonly kind: 'shorten_timer'; readonly ms: number }
	| { readonly kind: 'clear_timer' };

export interface EndingLimits {
	/** From the first SIGKILL to giving up on what is left: processes in an uninterruptible call, or of someone else. */
	readonly killMs: number;
}

type Next = Step<EndingState, EndingEffect>;

export interface EndingWish {
	readonly graceMs: number;
	/** How long the stop command may take; undefined where there is none. Without any grace it is not run. */
	readonly commandMs?: number | undefined;
}

/**
 * Nobody is signalled before the first look: what has left the group is found by its parents, and those a signal may end.
 */
export function beginEnding({ graceMs, commandMs }: EndingWish, { killMs }: EndingLimits): Next {
	if (graceMs === 0) return { state: { kind: 'killing' }, effects: [{ kind: 'set_timer', timer: 'kill', ms: killMs }] };
	if (commandMs === undefined) return ask(graceMs);
	return {
		state: { kind: 'preparing', graceMs },
		effects: [{ kind: 'run_command' }, { kind: 'set_timer', timer: 'command', ms: commandMs }],
	};
}

const ask = (graceMs: number, ...before: readonly EndingEffect[]): Next => ({
	state: { kind: 'asking' },
	effects: [...before, { kind: 'set_timer', timer: 'grace', ms: graceMs }],
});

const kill = ({ killMs }: EndingLimits, ...before: readonly EndingEffect[]): Next => ({
	state: { kind: 'killing' },
	effects: [...before, { kind: 'kill' }, { kind: 'set_timer', timer: 'kill', ms: killMs }],
});

const over = (escaped: boolean): Next => ({ state: { kind: 'over', escaped }, effects: [{ kind: 'clear_timer' }] });

export const endingTable = {
	preparing: {
		prepared: { to: ['asking'], run: ({ graceMs }) => ask(graceMs) },
		command_over: { to: ['asking'], run: ({ graceMs }) => ask(graceMs, { kind: 'end_command' }) },
		// the command gets no more of the time than what comes after it
		hurry: {
			to: ['preparing', 'killing'],
			run: (state, { graceMs }, limits) =>
				graceMs === 0
					? kill(limits, { kind: 'end_command' })
					: {
							state: { ...state, graceMs: Math.min(graceMs, state.graceMs) },
							effects: [{ kind: 'shorten_timer', ms: graceMs }],
						},
		},
	},
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
