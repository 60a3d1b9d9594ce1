import { appendFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@orch/base';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TimeIndex, TimeReader } from './time-index.ts';

let directory: string;
let files = 0;
beforeAll(() => {
	directory = mkdtempSync(join(tmpdir(), 'orch-times-'));
});
afterAll(() => rmSync(directory, { recursive: true }));
const begin = (path = join(directory, `${files++}.times`)) => {
	const index = new TimeIndex(path, silentLogger);
	index.read();
	return { path, index };
};

test('a byte has the time of the look that found it, in whatever order it is asked', () => {
	const { index } = begin();
	for (let mark = 1; mark <= 5_000; mark++) index.seen(mark * 10, 1_000_000 + mark);
	const reader = new TimeReader(index);
	for (let end = 1; end <= 50_000; end += 7) expect(reader.stampOf(end)).toEqual({ at: 1_000_000 + Math.ceil(end / 10) });
	expect(reader.stampOf(1)).toEqual({ at: 1_000_001 });
	expect(reader.stampOf(49_999)).toEqual({ at: 1_005_000 });
	expect(reader.stampOf(11)).toEqual({ at: 1_000_002 });
});

test('what came while nobody looked carries the interval', () => {
	const { index } = begin();
	index.seen(100, 5_000);
	index.found(300, 6_000, 9_000);
	index.seen(400, 10_000);
	const reader = new TimeReader(index);
	expect([100, 101, 300, 301].map((end) => reader.stampOf(end))).toEqual([
		{ at: 5_000 },
		{ at: 9_000, from: 6_000 },
		{ at: 9_000, from: 6_000 },
		{ at: 10_000 },
	]);
});

test('a clock that is set back does not disturb the order', () => {
	const { index } = begin();
	index.seen(1, 9_000);
	index.seen(2, 4_000);
	expect(new TimeReader(index).stampOf(2)).toEqual({ at: 9_000 });
});

test('another daemon goes on with it, also behind half a mark', () => {
	const { path, index } = begin();
	index.seen(10, 1_000);
	index.seen(20, 2_000);
	appendFileSync(path, 'half');
	const { index: next } = begin(path);
	expect([next.end, next.lastAt, next.count]).toEqual([20, 2_000, 2]);
	next.seen(30, 3_000);
	expect([10, 20, 30].map((end) => new TimeReader(next).stampOf(end).at)).toEqual([1_000, 2_000, 3_000]);
});

test('it never grows beyond a bound: what is gone is forgotten, then older times become coarser, newer ones do not', () => {
	const { path, index } = begin();
	const reader = new TimeReader(index);
	for (let mark = 1; mark <= 80_000; mark++) {
		index.seen(mark * 10, mark);
		if (index.isFull) index.shorten(100_000);
	}
	expect(statSync(path).size).toBeLessThanOrEqual(1024 * 1024);
	// the second half of them was never touched
	for (let mark = 60_000; mark <= 80_000; mark += 13) expect(reader.stampOf(mark * 10).at).toBe(mark);
	for (let mark = 11_000; mark <= 20_000; mark += 13) expect(reader.stampOf(mark * 10).at - mark).toBeLessThanOrEqual(2);
});

test('where a time begins is found: everything before it came before', () => {
	const { index } = begin();
	for (let mark = 1; mark <= 1_000; mark++) index.seen(mark * 10, mark * 100);
	const reader = new TimeReader(index);
	expect(reader.offsetBefore(0)).toBe(0);
	expect(reader.offsetBefore(50_000)).toBe(4_990);
	expect(reader.offsetBefore(50_001)).toBe(5_000);
	expect(reader.offsetBefore(1_000_000)).toBe(10_000);
});
