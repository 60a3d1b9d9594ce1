/** Walks a machine through every state it can reach with `events`; the same walk each time, so what it finds stays found. */
import type { Step } from '../machine.ts';

export interface Edge<State, Event, Effect> {
	readonly from: State;
	readonly event: Event;
	readonly to: State;
	readonly effects: readonly Effect[];
}

export function explore<State, Event, Effect>(
	start: State,
	events: readonly Event[],
	step: (state: State, event: Event) => Step<State, Effect>,
	maxStates = 20_000,
): Edge<State, Event, Effect>[] {
	const edges: Edge<State, Event, Effect>[] = [];
	const seen = new Set([JSON.stringify(start)]);
	const open = [start];
	for (let from = open.shift(); from !== undefined; from = open.shift()) {
		for (const event of events) {
			const { state: to, effects } = step(from, event);
			edges.push({ from, event, to, effects });
			const key = JSON.stringify(to);
			if (seen.has(key)) continue;
			if (seen.size >= maxStates) throw new Error(`Cannot explore the machine: more than ${maxStates} states`);
			seen.add(key);
			open.push(to);
		}
	}
	return edges;
}
