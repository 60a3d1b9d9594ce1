import { describe, expect, it } from 'vitest';
import { readDuration, readSize } from './quantities.ts';

describe('a duration', () => {
	it.each([
		['0', 0],
		['500ms', 500],
		['10s', 10_000],
		['1.5m', 90_000],
		['1m30s', 90_000],
		['2h', 7_200_000],
		['1d', 86_400_000],
		['90d', 7_776_000_000],
	])('%s is %i ms', (text, ms) => expect(readDuration(text)).toBe(ms));

	it.each(['', '10', 's', '1 s', '-1s', '1s2', '1.s', '1S', '1w'])('%j is none', (text) =>
		expect(readDuration(text)).toBeUndefined(),
	);
});

describe('a size', () => {
	it.each([
		['0', 0],
		['4096', 4096],
		['7b', 7],
		['64k', 65_536],
		['64K', 65_536],
		['1.5k', 1536],
		['8MiB', 8_388_608],
		['8MB', 8_000_000],
		['1G', 1_073_741_824],
		['1gb', 1_000_000_000],
	])('%s is %i bytes', (text, bytes) => expect(readSize(text)).toBe(bytes));

	it.each(['', 'k', '1 k', '-1', '1ki', '1T', '1.k', '1kk'])('%j is none', (text) => expect(readSize(text)).toBeUndefined());
});
