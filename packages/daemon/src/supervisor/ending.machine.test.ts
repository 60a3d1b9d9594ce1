import { explore } from '@orch/base/testing';
import { expect, test } from 'vitest';
import { beginEnding, type EndingEffect, type EndingEvent, type EndingState, endingTable, stepEnding } from './ending.machine.ts';

const limits = { killMs: 5_000 };
const rows: Record<string, Record<string, { to: readonly string[] }>> = endingTable;
const everyEvent: EndingEvent[] = [
	{ kind: 'prepared' },
	{ kind: 'command_over' },
	{ kind: 'looked', left: 0 },
	{ kind: 'looked', left: 2 },
	{ kind: 'unseen' },
	{ kind: 'hurry', graceMs: 100 },
	{ kind: 'hurry', graceMs: 0 },
	{ kind: 'grace_over' },
	{ kind: 'kill_over' },
];
const wishes = [{ graceMs: 1_000 }, { graceMs: 0, commandMs: 500 }, { graceMs: 1_000, commandMs: 500 }];
const edges = wishes.flatMap((wish) =>
	explore(beginEnding(wish, limits).state, everyEvent, (state, event) => stepEnding(state, event, limits)),
);

test('the machine of endings takes the ways that its table declares, all of them and no other', () => {
	const declared = Object.entries(rows).flatMap(([from, row]) =>
		Object.entries(row).flatMap(([event, { to }]) => to.map((target) => `${from} --${event}--> ${target}`)),
	);
	const walked = new Set(
		edges.flatMap(({ from, event, to }) => (rows[from.kind]?.[event.kind] ? [`${from.kind} --${event.kind}--> ${to.kind}`] : [])),
	);
	expect([...walked].sort()).toEqual(declared.sort());
	for (const { from, event, to } of edges) if (!rows[from.kind]?.[event.kind]) expect(to).toEqual(from);
});

test('the machine of endings has a timer exactly until it is over', () => {
	const begun = wishes.map((wish) => beginEnding(wish, limits));
	for (const { effects } of begun) expect(effects.filter(({ kind }) => kind === 'set_timer')).toHaveLength(1);
	for (const { from, to, effects } of edges) {
		const clears = effects.some(({ kind }) => kind === 'clear_timer');
		expect(clears).toBe(to.kind === 'over' && from.kind !== 'over');
	}
});

test('the machine of endings asks, then kills whatever is found, and is over when nothing is', () => {
	const seen: EndingEffect['kind'][] = [];
	let { state, effects } = beginEnding({ graceMs: 1_000 }, limits);
	const take = () => seen.push(...effects.map(({ kind }) => kind));
	take();
	for (const event of [
		{ kind: 'looked', left: 3 },
		{ kind: 'grace_over' },
		{ kind: 'looked', left: 2 },
		{ kind: 'looked', left: 0 },
	] as const) {
		({ state, effects } = stepEnding(state, event, limits));
		take();
	}
	expect(seen).toEqual(['set_timer', 'ask', 'kill', 'set_timer', 'kill', 'clear_timer']);
	expect(state).toEqual<EndingState>({ kind: 'over', escaped: false });
});

test('the machine of endings gives up on what SIGKILL has not ended in time', () => {
	const { state } = beginEnding({ graceMs: 0 }, limits);
	expect(stepEnding(state, { kind: 'kill_over' }, limits).state).toEqual({ kind: 'over', escaped: true });
});

test('the machine of endings runs a command first, ends it when its time is over, and signals nobody meanwhile', () => {
	const seen: string[] = [];
	let { state, effects } = beginEnding({ graceMs: 1_000, commandMs: 500 }, limits);
	const take = () => seen.push(...effects.map((effect) => ('ms' in effect ? `${effect.kind} ${effect.ms}` : effect.kind)));
	take();
	for (const event of [
		{ kind: 'looked', left: 3 },
		{ kind: 'hurry', graceMs: 200 },
		{ kind: 'command_over' },
		{ kind: 'looked', left: 1 },
		{ kind: 'prepared' },
	] as const) {
		({ state, effects } = stepEnding(state, event, limits));
		take();
	}
	expect(seen).toEqual(['run_command', 'set_timer 500', 'shorten_timer 200', 'end_command', 'set_timer 200', 'ask']);
	expect(state).toEqual<EndingState>({ kind: 'asking' });
});

test('the machine of endings runs no command where no grace is given, and ends one that runs', () => {
	expect(beginEnding({ graceMs: 0, commandMs: 500 }, limits).state).toEqual({ kind: 'killing' });
	const { state } = beginEnding({ graceMs: 1_000, commandMs: 500 }, limits);
	expect(stepEnding(state, { kind: 'hurry', graceMs: 0 }, limits)).toEqual({
		state: { kind: 'killing' },
		effects: [{ kind: 'end_command' }, { kind: 'kill' }, { kind: 'set_timer', timer: 'kill', ms: 5_000 }],
	});
});
