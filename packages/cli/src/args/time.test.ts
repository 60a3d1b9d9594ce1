import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseTime } from './time.ts';

let zone: string | undefined;
beforeAll(() => {
	zone = process.env['TZ'];
	process.env['TZ'] = 'Europe/Berlin';
});
afterAll(() => {
	process.env['TZ'] = zone;
});

const now = Date.UTC(2026, 0, 15, 11, 0, 0);

test.each([
	['5m', '2026-01-15T10:55:00.000Z'],
	['1h30m', '2026-01-15T09:30:00.000Z'],
	['2026-01-14T10:00:00Z', '2026-01-14T10:00:00.000Z'],
	['2026-01-14 10:00:00.5+02:00', '2026-01-14T08:00:00.500Z'],
	['2026-01-14T10:00:00', '2026-01-14T09:00:00.000Z'],
	['2026-07-14 10:00', '2026-07-14T08:00:00.000Z'],
	['2026-01-14', '2026-01-13T23:00:00.000Z'],
	['11:59', '2026-01-15T10:59:00.000Z'],
	// at noon here it has not been 13:00 yet: yesterday's is meant
	['13:00:07.25', '2026-01-14T12:00:07.250Z'],
])('%s is %s at noon in Berlin', (text, time) => {
	expect(parseTime(text)(now)).toBe(time);
});

test.each(['', 'yesterday', '25:00', '12:60', '2026-02-30', '2026-13-01 10:00', '5', '2026-01-14T99:00:00Z', '12'])(
	'%j is refused, and what it may be is said',
	(text) => {
		expect(() => parseTime(text)).toThrow(/it must be .*(such as|with its unit)/);
	},
);
