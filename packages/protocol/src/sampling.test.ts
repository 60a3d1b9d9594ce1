import { expect, test } from 'vitest';
import { Sampling } from './sampling.ts';

test('the first so many of each stretch are taken, whether they come one by one or together', () => {
	const sampling = new Sampling({ count: 3, everyMs: 1000 });
	expect(sampling.take(2, 500)).toBe(2);
	expect(sampling.take(5, 600)).toBe(1);
	expect(sampling.take(5, 1499)).toBe(0);
	expect(sampling.take(100, 1500)).toBe(3);
	// a stretch begins with what passes first in it
	expect(sampling.take(1, 9_900)).toBe(1);
	expect([1, 2, 3].map(() => sampling.take(1, 10_100))).toEqual([1, 1, 0]);
});
