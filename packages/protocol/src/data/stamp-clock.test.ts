import { describe, expect, test } from 'vitest';
import { StampClock } from './stamp-clock.ts';

/** A wall that is `aheadMs` of a monotonic clock, read at `atMs`; the second clock is read `lateMs` after it. */
const look = (stamps: StampClock, atMs: number, aheadMs: number, lateMs = 0): number =>
	stamps.offsetMs(Math.floor(atMs + aheadMs), atMs + lateMs) - aheadMs;

describe('the wall in parts of a millisecond', () => {
	test('is known the better the more often it is looked at, and never told late', () => {
		const stamps = new StampClock();
		const wrongBy = [0.9, 7.4, 12.7, 19.05, 30.31].map((atMs) => look(stamps, atMs, 5_000));
		expect(wrongBy.map((ms) => ms.toFixed(2))).toEqual(['-0.90', '-0.40', '-0.40', '-0.05', '-0.05']);
	});

	test('is not wrong for good because somebody else had the processor between two clocks', () => {
		const stamps = new StampClock();
		expect(look(stamps, 10, 5_000, 2.5)).toBeCloseTo(-2.5);
		expect(look(stamps, 20, 5_000)).toBeCloseTo(0);
		expect(look(stamps, 30, 5_000, 2.5)).toBeCloseTo(0);
	});

	test('is that of a wall which is set, forth or back', () => {
		const stamps = new StampClock();
		look(stamps, 10, 5_000);
		expect(look(stamps, 20, 9_000)).toBeCloseTo(0);
		expect(look(stamps, 30, 1_000)).toBeCloseTo(0);
	});

	test('follows a wall that is slewed back, by three milliseconds at once, and by less within twenty seconds', () => {
		const stamps = new StampClock();
		// half a millisecond in each second is the most that a kernel slews by
		for (let second = 0; second < 120; second++) {
			const wrongBy = look(stamps, second * 1_000, 5_000 - second / 2);
			expect(wrongBy).toBeLessThanOrEqual(3);
		}
		const stays = new StampClock();
		look(stays, 0, 5_000);
		expect([5_000, 11_000, 22_000].map((atMs) => look(stays, atMs, 4_998))).toEqual([2, 2, 0]);
	});
});
