import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findJsonFault, jsonFrame } from './json-fault.ts';

const isJson = (text: string): boolean => {
	try {
		JSON.parse(text);
		return true;
	} catch {
		return false;
	}
};

describe('the place where a text stops being JSON', () => {
	it('is nowhere in what JSON.stringify writes', () => {
		fc.assert(
			fc.property(fc.json({ depthSize: 'large' }), fc.constantFrom(undefined, 2, '\t'), (text, indent) => {
				expect(findJsonFault(JSON.stringify(JSON.parse(text), null, indent))).toBeUndefined();
			}),
		);
	});

	it('is found exactly where JSON.parse refuses, and never elsewhere', () => {
		const damaged = fc
			.tuple(
				fc.json(),
				fc.nat(),
				fc.constantFrom('', ',', '"', '}', ']', '{', ':', '\\', "'", '01', 'nul', '\n', ' ', '-', '1.', 'tru'),
			)
			.map(([text, at, piece]) => {
				const where = at % (text.length + 1);
				return text.slice(0, where) + piece + text.slice(where + (at % 3));
			});
		fc.assert(
			fc.property(fc.oneof(damaged, fc.string()), (text) => {
				const fault = findJsonFault(text);
				expect(fault === undefined).toBe(isJson(text));
				if (fault) expect(fault.at >= 0 && fault.at <= text.length && fault.reason !== 'it cannot be read').toBe(true);
			}),
			{ numRuns: 2000 },
		);
	});

	it.each([
		['{"seq":1,', 9, 'unexpected end'],
		['{"seq":1,"t":', 13, 'unexpected end'],
		['{seq:1}', 1, "expected a key in double quotes, found 's'"],
		["{'seq':1}", 1, 'expected a key in double quotes, found a single quote'],
		['{"a" 1}', 5, "expected :, found '1'"],
		['[1 2]', 3, "expected , or ], found '2'"],
		['1 2', 2, "unexpected '2' after the end"],
		['"abc', 4, 'unexpected end: a string is not closed'],
		['"a\\x"', 3, '\\x is no escape'],
		['01', 1, 'not a number'],
		['', 0, 'unexpected end'],
		['hello', 0, "unexpected 'h'"],
		['[1,]', 3, "unexpected ']'"],
	])('%j: at %i, %s', (text, at, reason) => {
		expect(findJsonFault(text)).toMatchObject({ at, reason });
	});

	it('is refused politely where nesting would exhaust the stack', () => {
		expect(findJsonFault('['.repeat(100_000))?.reason).toBe('nested too deeply to say more');
		expect(findJsonFault('['.repeat(100_000) + ']'.repeat(100_000))).toBeUndefined();
	});

	it('is shown with a caret below it', () => {
		expect(jsonFrame('{"seq":1,"t":', 13)).toEqual({ line: 1, column: 14, frame: ['{"seq":1,"t":', '             ^'] });
		expect(jsonFrame('{\n\t"a": x\n}', 8)).toEqual({ line: 2, column: 7, frame: [' "a": x', '      ^'] });
	});

	it('is shown cut out of a long line', () => {
		const { frame } = jsonFrame(`{"a":"${'x'.repeat(200)}" "b"}`, 208);
		expect(frame[0]?.[frame[1]?.indexOf('^') ?? -1]).toBe('"');
		expect(frame[0]?.length).toBeLessThan(80);
	});
});
