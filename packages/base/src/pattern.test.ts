/** Patterns of strangers: what they cost, and what becomes of them when they take their time. */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { canTakeDescriptors, takeDescriptors, until } from './testing/index.ts';
import { expect, test } from 'vitest';
import { createPattern, PatternError } from './pattern.ts';

const contexts = () => getHeapStatistics().number_of_native_contexts;
/** Looked at from each of its letters on by `.*ready`: each line takes a while, and hundreds of them take longer than one may. */
const slowLine = 'x'.repeat(2_048);

test('many lines, of which each takes a while, are all looked at, and others get their turn meanwhile', async () => {
	let turns = 0;
	let isOver = false;
	const turn = () => {
		turns++;
		if (!isOver) setImmediate(turn);
	};
	setImmediate(turn);
	const lines = Array.from({ length: 150 }, (_, at) => (at % 50 === 49 ? `${slowLine} ready` : slowLine));
	const found = await createPattern('.*ready.*').matches(lines);
	isOver = true;
	expect(found).toEqual(lines.map((line) => line.endsWith('ready')));
	expect(turns).toBeGreaterThan(0);
});

test('one line that takes for ever, and too many of which none does, are given up', async () => {
	const awkward = createPattern('^(a+)+$');
	await expect(awkward.matches(['aaa', 'b', `${'a'.repeat(200)}!`, 'aaa'])).rejects.toThrow(/takes too long on a line:/);
	const many = createPattern('^(a+)+$', { mostMs: 100 }).matches(Array(10_000).fill(`${'a'.repeat(16)}!`));
	await expect(many).rejects.toThrow(/takes too long on lines like these/);
	await expect(many).rejects.toBeInstanceOf(PatternError);
	// and the next lines are looked at as if nothing had been
	expect(await awkward.matches(['aaa', 'b'])).toEqual([true, false]);
});

test.skipIf(!canTakeDescriptors)(
	'with too few descriptors to watch over the time it is not tried, which would end the process',
	async () => {
		const pattern = createPattern('ready');
		for (const left of [0, 1, 3]) {
			const giveBack = takeDescriptors(left);
			await expect(pattern.matches(['ready']).finally(giveBack)).rejects.toMatchObject({ code: 'EMFILE' });
		}
		expect(await pattern.matches(['ready'])).toEqual([true]);
	},
);

test('who does not want the answer any more costs nothing from then on', async () => {
	const abort = new AbortController();
	const looking = createPattern('.*ready.*').matches(Array(100_000).fill(slowLine), abort.signal);
	abort.abort(new Error('not wanted'));
	await expect(looking).rejects.toThrow('not wanted');
});

test('however many patterns are held, they share one context', async () => {
	const before = contexts();
	const patterns = Array.from({ length: 50 }, (_, number) => createPattern(`^line ${number}$`));
	// each by its own expression, one after the other as well as in turns
	for (let round = 0; round < 2; round++)
		for (const [number, pattern] of patterns.entries())
			expect(await pattern.matches(['line 0', `line ${number}`])).toEqual([number === 0, true]);
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
	const looked = async () => {
		const lines = ['not yet', 'ready'];
		expect(await pattern.matches(lines)).toEqual([false, true]);
		return new WeakRef(lines);
	};
	const lines = await looked();
	await until('it is gone', () => {
		collect();
		return lines.deref() === undefined;
	});
	expect(await pattern.matches(['ready'])).toEqual([true]);
});
