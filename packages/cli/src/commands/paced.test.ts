import { ManualClock, until } from '@orch/base/testing';
import { expect, it } from 'vitest';
import { paced } from './paced.ts';

const never = new AbortController().signal;

it('keeps to a rate by the time of the first', async () => {
	const clock = new ManualClock(0);
	const startMs = clock.monotonicMs();
	const times: number[] = [];
	const taken: number[] = [];
	const pacing = paced({
		count: 4,
		rate: { count: 10, everyMs: 1000 },
		clock,
		signal: never,
		act: async () => times.push(clock.monotonicMs() - startMs),
		take: (many) => void taken.push(many),
	});
	for (let many = 1; many < 4; many++) {
		await until('the next one, and its wait', () => times.length === many && clock.pending === 1);
		expect(taken).toEqual([1, 2, 3].slice(0, many));
		await clock.advance(100);
	}
	await pacing;
	expect(times).toEqual([0, 100, 200, 300]);
	expect(taken).toEqual([1, 2, 3, 4]);
});

it('has no more than sixteen under way, and takes what comes of them in their order', async () => {
	const answers: ((value: number) => void)[] = [];
	const taken: number[] = [];
	const pacing = paced({
		count: 20,
		rate: undefined,
		clock: new ManualClock(0),
		signal: never,
		act: () => new Promise<number>((resolve) => void answers.push(resolve)),
		take: (number) => void taken.push(number),
	});
	await until('the first', () => answers.length === 16);
	for (const at of [3, 2, 1]) answers[at]?.(at);
	await until('nothing more', () => answers.length === 16);
	expect(taken).toEqual([]);
	answers[0]?.(0);
	await until('as many more', () => answers.length === 20);
	expect(taken).toEqual([0, 1, 2, 3]);
	for (let at = 4; at < 20; at++) answers[at]?.(at);
	await pacing;
	expect(taken).toEqual([...Array(20).keys()]);
});

it('ends with the first failure, and leaves no wait behind', async () => {
	const clock = new ManualClock(0);
	let acts = 0;
	const pacing = paced({
		count: Number.POSITIVE_INFINITY,
		rate: { count: 1, everyMs: 3_600_000 },
		clock,
		signal: never,
		act: () => Promise.reject(new Error(`failed ${++acts}`)),
		take: () => {},
	});
	await expect(pacing).rejects.toThrow('failed 1');
	expect([acts, clock.pending]).toEqual([1, 0]);
});

it('ends with the signal, whatever is under way', async () => {
	for (const rate of [undefined, { count: 1, everyMs: 1000 }]) {
		const clock = new ManualClock(0);
		const abort = new AbortController();
		const pacing = paced({ count: 2, rate, clock, signal: abort.signal, act: () => new Promise(() => {}), take: () => {} });
		abort.abort(new Error('enough'));
		await expect(pacing).rejects.toThrow('enough');
		expect(clock.pending).toBe(0);
	}
});
