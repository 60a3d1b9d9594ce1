/** Patterns of strangers: what they cost, and what becomes of them when they take their time. */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { until } from '@orch/base/testing';
import { expect, test } from 'vitest';
import { createPattern } from './pattern.ts';

const contexts = () => getHeapStatistics().number_of_native_contexts;

test('however many patterns are held, they share one context', () => {
	const before = contexts();
	const patterns = Array.from({ length: 50 }, (_, number) => createPattern(`^line ${number}$`));
	// each by its own expression, one after the other as well as in turns
	for (let round = 0; round < 2; round++)
		for (const [number, pattern] of patterns.entries())
			expect(pattern.matches(['line 0', `line ${number}`])).toEqual([number === 0, true]);
	expect(contexts() - before).toBeLessThanOrEqual(1);
});

test('what is only to be a pattern, and looks at nothing, takes no context', () => {
	const before = contexts();
	const patterns = Array.from({ length: 50 }, () => createPattern('ready'));
	expect(contexts() - before).toBeLessThanOrEqual(0);
	expect(patterns.length).toBe(50);
});

test('nothing of what was looked at is held', async () => {
	setFlagsFromString('--expose-gc');
	const collect = runInNewContext('gc') as () => void;
	const pattern = createPattern('ready');
	const looked = () => {
		const lines = ['not yet', 'ready'];
		expect(pattern.matches(lines)).toEqual([false, true]);
		return new WeakRef(lines);
	};
	const lines = looked();
	await until('it is gone', () => {
		collect();
		return lines.deref() === undefined;
	});
	expect(pattern.matches(['ready'])).toEqual([true]);
});
