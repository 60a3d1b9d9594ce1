import { diagram } from '@orch/base';
import { explore } from '@orch/base/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
	gated,
	type ProbeEffect,
	type ProbeEvent,
	type ProbePlan,
	type ProbeState,
	probeTable,
	stepProbe,
} from './probe.machine.ts';

const plan: ProbePlan = {
	role: 'ready',
	everyMs: 1_000,
	firstEveryMs: 100,
	timeoutMs: 1_000,
	delayMs: 0,
	failures: 3,
	successes: 2,
	endsWithSuccess: false,
};
const plans: ProbePlan[] = [
	plan,
	{ ...plan, role: 'startup', endsWithSuccess: true, timeoutMs: null },
	{ ...plan, role: 'live', failures: 1, successes: 1 },
];
const rows: Record<string, Record<string, { to: readonly string[] } | undefined>> = probeTable;

const answered = (look: number, ok: boolean, tookMs = 0): ProbeEvent => ({ kind: 'answered', look, ok, tookMs });
/** The number of looks grows for ever; what follows does not depend on it, so walks end at the eighth. */
const mostLooks = 8;
const events: ProbeEvent[] = [
	{ kind: 'open' },
	{ kind: 'due' },
	{ kind: 'close' },
	...Array.from({ length: mostLooks }, (_, at) => [
		answered(at + 1, true),
		answered(at + 1, false),
		{ kind: 'not_seen', look: at + 1, tookMs: 0 } as const,
	]).flat(),
];
const walks = plans.map((one) =>
	explore(gated, events, (state: ProbeState, event: ProbeEvent) =>
		event.kind === 'due' && state.kind === 'resting' && state.looks === mostLooks
			? { state, effects: [] }
			: stepProbe(state, event, one),
	),
);
const edges = walks.flat();

test('the probe machine goes only where its table says', () => {
	for (const { from, event, to } of edges) {
		const declared = rows[from.kind]?.[event.kind]?.to ?? [from.kind];
		const isEndOfWalk = event.kind === 'due' && from.kind === 'resting' && from.looks === mostLooks;
		if (!isEndOfWalk) expect(declared, `${from.kind} --${event.kind}--> ${to.kind}`).toContain(to.kind);
	}
});

test('the probe machine takes every way that its table declares', () => {
	const declared = Object.entries(rows).flatMap(([from, row]) =>
		Object.entries(row).flatMap(([event, one]) => (one?.to ?? []).map((target) => `${from} --${event}--> ${target}`)),
	);
	const walked = new Set(edges.map(({ from, event, to }) => `${from.kind} --${event.kind}--> ${to.kind}`));
	expect(declared.filter((edge) => !walked.has(edge))).toEqual([]);
	expect(diagram(rows)).toContain('looking --> over: answered');
});

test('a probe takes one look at a time, and leaves neither a look nor a timer behind', () => {
	for (const { from, event, to, effects } of edges) {
		const has = (kind: ProbeEffect['kind']) => effects.filter((effect) => effect.kind === kind).length;
		const isAnswered =
			(event.kind === 'answered' || event.kind === 'not_seen') && from.kind === 'looking' && event.look === from.looks;
		const looks = (from.kind === 'looking' && !isAnswered ? 1 : 0) + has('look') - has('abandon');
		expect({ from, event, to, looks }).toEqual({ from, event, to, looks: to.kind === 'looking' ? 1 : 0 });
		const isEndOfWalk = event.kind === 'due' && from.kind === 'resting' && from.looks === mostLooks;
		const fires = event.kind === 'due' && !isEndOfWalk;
		const timers = (from.kind === 'resting' && !fires ? 1 : 0) + has('set_timer') - has('clear_timer');
		expect({ from, event, to, timers }).toEqual({ from, event, to, timers: to.kind === 'resting' ? 1 : 0 });
	}
});

test('a probe says a verdict only when it changes, and nothing after it is over', () => {
	for (const { from, event, effects } of edges) {
		const before = 'verdict' in from ? from.verdict : undefined;
		for (const effect of effects)
			if (effect.kind === 'verdict') expect({ event, good: effect.good }).not.toMatchObject({ good: before });
		if (from.kind === 'over') expect(effects).toEqual([]);
	}
});

/** Answers one look after the other; gives the verdicts as they were said, by the number of the look. */
function verdicts(one: ProbePlan, answers: readonly boolean[]): [look: number, good: boolean][] {
	const said: [number, boolean][] = [];
	let state = stepProbe(gated, { kind: 'open' }, one).state;
	for (const [at, ok] of answers.entries()) {
		state = stepProbe(state, { kind: 'due' }, one).state;
		const { state: next, effects } = stepProbe(state, answered(at + 1, ok), one);
		state = next;
		for (const effect of effects) if (effect.kind === 'verdict') said.push([at + 1, effect.good]);
	}
	return said;
}

test('thresholds are honoured: so many successes or failures in a row, whatever came before', () => {
	fc.assert(
		fc.property(
			fc.integer({ min: 1, max: 4 }),
			fc.integer({ min: 1, max: 4 }),
			fc.array(fc.boolean(), { maxLength: 40 }),
			(failures, successes, answers) => {
				const expected: [number, boolean][] = [];
				for (let look = 1; look <= answers.length; look++) {
					const good = answers[look - 1] === true;
					const needed = good ? successes : failures;
					const row = answers.slice(Math.max(0, look - needed), look);
					const isReached = row.length === needed && row.every((ok) => ok === good);
					if (isReached && expected.at(-1)?.[1] !== good) expected.push([look, good]);
				}
				expect(verdicts({ ...plan, failures, successes }, answers)).toEqual(expected);
			},
		),
		{ seed: 1, numRuns: 2_000 },
	);
});

test('a look that saw nothing, for want of something of ours, counts neither way, and the next one is taken in its time', () => {
	const row = [answered(1, false), { kind: 'not_seen', look: 2, tookMs: 30 } as const, answered(3, false)];
	let state = stepProbe(gated, { kind: 'open' }, plan).state;
	const said = row.map((event) => {
		state = stepProbe(state, { kind: 'due' }, plan).state;
		const next = stepProbe(state, event, plan);
		state = next.state;
		return next.effects;
	});
	expect(said[1]).toEqual([{ kind: 'set_timer', ms: 170 }]);
	expect(state).toMatchObject({ kind: 'resting', fails: 2, verdict: undefined });
});

test('a startup or live probe that has failed for good looks no more; a startup probe that has succeeded neither', () => {
	const [, startup = plan, live = plan] = plans;
	expect(verdicts(startup, [false, false, false, true, true])).toEqual([[3, false]]);
	expect(verdicts(startup, [true, true, false, false, false])).toEqual([[2, true]]);
	expect(verdicts(live, [true, false, true])).toEqual([
		[1, true],
		[2, false],
	]);
});

test('the first looks come quickly, then less often, then as often as was said', () => {
	const rests = (answers: readonly boolean[], tookMs = 0): number[] => {
		let state = stepProbe(gated, { kind: 'open' }, plan).state;
		return answers.map((ok, at) => {
			state = stepProbe(state, { kind: 'due' }, plan).state;
			const next = stepProbe(state, answered(at + 1, ok, tookMs), plan);
			state = next.state;
			return next.effects.flatMap((effect) => (effect.kind === 'set_timer' ? [effect.ms] : []))[0] ?? -1;
		});
	};
	expect(rests(Array(6).fill(false))).toEqual([100, 200, 400, 800, 1_000, 1_000]);
	// what a look took is a part of its interval
	expect(rests([true, true, true], 400)).toEqual([0, 600, 600]);
	expect(rests(Array(4).fill(false), 1_000)).toEqual([0, 0, 0, 0]);
});

test('an answer to an earlier look is no answer', () => {
	const looking = stepProbe(stepProbe(gated, { kind: 'open' }, plan).state, { kind: 'due' }, plan).state;
	expect(stepProbe(looking, answered(0, true), plan)).toEqual({ state: looking, effects: [] });
});
