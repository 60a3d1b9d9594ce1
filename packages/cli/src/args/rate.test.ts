import { expect, it } from 'vitest';
import { BadValue } from './bad-value.ts';
import { parseRate } from './rate.ts';

it.each([
	['10/s', 10, 1000],
	['30/m', 30, 60_000],
	['1/5s', 1, 5000],
	['100/500ms', 100, 500],
	['1/1h', 1, 3_600_000],
])('%s is %i in %i ms', (text, count, everyMs) => {
	expect(parseRate(text)).toEqual({ count, everyMs });
});

it.each(['', '10', '0/s', '/s', '10/', '10/x', '1/2h', '1/0s', '-1/s', '1.5/s', '10/s/s', '1000000/s'])('%j is none', (text) => {
	expect(() => parseRate(text)).toThrow(BadValue);
});

it('a number alone is offered with its unit', () => {
	expect(() => parseRate('10')).toThrow(expect.objectContaining({ candidates: ['10/s'] }));
});
