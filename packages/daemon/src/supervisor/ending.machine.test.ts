import { explore } from '@orch/base/testing';
import { expect, test } from 'vitest';
import { beginEnding, type EndingEffect, type EndingEvent, type EndingState, endingTable, stepEnding } from './ending.machine.ts';

const limits = { killMs: 5_000 };
const rows: Record<string, Record<string, { to: readonly string[] }>> = endingTable;
const everyEvent: EndingEvent[] = [
	{ kind: 'looked', left: 0 },
	{ kind: 'looked', left: 2 },
	{ kind: 'unseen' },
	{ kind: 'hurry', graceMs: 100 },
	{ kind: 'hurry', graceMs: 0 },
	{ kind: 'grace_over' },
	{ kind: 'kill_over' },
];
const edges = [1_000, 0].flatMap((graceMs) =>
	explore(beginEnding(graceMs, limits).state, everyEvent, (state, event) => stepEnding(state, event, limits)),
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
	const begun = [1_000, 0].map((graceMs) => beginEnding(graceMs, limits));
	for (const { effects } of begun) expect(effects.map(({ kind }) => kind)).toEqual(['set_timer']);
	for (const { from, to, effects } of edges) {
		const clears = effects.some(({ kind }) => kind === 'clear_timer');
		expect(clears).toBe(to.kind === 'over' && from.kind !== 'over');
	}
});

test('the machine of endings asks, then kills whatever is found, and is over when nothing is', () => {
	const seen: EndingEffect['kind'][] = [];
	let { state, effects } = beginEnding(1_000, limits);
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
	const { state } = beginEnding(0, limits);
	expect(stepEnding(state, { kind: 'kill_over' }, limits).state).toEqual({ kind: 'over', escaped: true });
});
