/**
 * The shape that every state machine here has: a table with one row per (state, event).
 *
 * A row names the states it may lead to, so that diagrams and the coverage of walks are read from the table.
 */
export interface Step<State, Effect> {
	readonly state: State;
	readonly effects: readonly Effect[];
}

type OfKind<Union extends { kind: string }, Kind extends Union['kind']> = Extract<Union, { kind: Kind }>;

export interface Row<From, Event, State extends { kind: string }, Effect, Context> {
	readonly to: readonly State['kind'][];
	readonly run: (state: From, event: Event, context: Context) => Step<State, Effect>;
}

export type Table<State extends { kind: string }, Event extends { kind: string }, Effect, Context> = {
	readonly [S in State['kind']]: {
		readonly [E in Event['kind']]?: Row<OfKind<State, S>, OfKind<Event, E>, State, Effect, Context>;
	};
};

/**
 * Runs the row for `event`, or returns `undefined` where there is none.
 *
 * What a missing row means is the owner's to say: the supervisor stays where it is (a late timer is no error).
 */
export function step<State extends { kind: string }, Event extends { kind: string }, Effect, Context>(
	table: Table<State, Event, Effect, Context>,
	state: State,
	event: Event,
	context: Context,
): Step<State, Effect> | undefined {
	const rows = table[state.kind as State['kind']];
	const row = rows[event.kind as Event['kind']] as Row<State, Event, State, Effect, Context> | undefined;
	return row?.run(state, event, context);
}

/** The table as a Mermaid state diagram. */
export function diagram(
	table: Readonly<Record<string, Readonly<Record<string, { readonly to: readonly string[] } | undefined>>>>,
): string {
	const lines = Object.entries(table).flatMap(([from, rows]) =>
		Object.entries(rows).flatMap(([event, row]) => (row?.to ?? []).map((to) => `  ${from} --> ${to}: ${event}`)),
	);
	return ['stateDiagram-v2', ...lines].join('\n');
}
