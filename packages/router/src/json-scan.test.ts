import { expect, test } from 'vitest';
import fc from 'fast-check';
import { hasMoreJsonValues, isJson, scanMembers, scanValue } from './json-scan.ts';
import { maxJsonDepth, maxLineMembers } from './limits.ts';

const parses = (text: string): boolean => {
	try {
		JSON.parse(text);
		return true;
	} catch {
		return false;
	}
};

test('what JSON.parse takes is JSON, whatever blanks are in it', () => {
	fc.assert(
		fc.property(fc.json(), fc.integer({ min: 0, max: 3 }), (text, indent) => {
			const spaced = Buffer.from(JSON.stringify(JSON.parse(text), null, indent));
			expect(isJson(spaced, 0, spaced.length)).toBe(true);
			expect(scanValue(spaced, 0, spaced.length)).toBe(spaced.length);
		}),
	);
});

test('after any change of a byte it says what JSON.parse says', () => {
	fc.assert(
		fc.property(fc.json(), fc.nat(), fc.constantFrom(...'{}[]",:0123456789.eE+-\\tfnul \t\u0001x'), (text, where, by) => {
			const at = where % (text.length + 1);
			for (const changed of [
				text.slice(0, at) + by + text.slice(at + 1),
				text.slice(0, at) + by + text.slice(at),
				text.slice(0, at),
			]) {
				const bytes = Buffer.from(changed);
				expect([changed, isJson(bytes, 0, bytes.length)]).toEqual([changed, parses(changed)]);
			}
		}),
		{ numRuns: 2_000 },
	);
});

test('nesting is followed as deep as it is taken, and not deeper', () => {
	const deep = (levels: number) => Buffer.from('['.repeat(levels) + ']'.repeat(levels));
	expect(isJson(deep(maxJsonDepth), 0, maxJsonDepth * 2)).toBe(true);
	expect(isJson(deep(maxJsonDepth + 1), 0, maxJsonDepth * 2 + 2)).toBe(false);
});

test('members are told with where their values lie', () => {
	const text = ' {"type" : "Pi\\u006eg", "data": [1, {"a":2}] ,"id":7}';
	const bytes = Buffer.from(text);
	const members = scanMembers(bytes, 0, bytes.length);
	expect(Array.isArray(members) && members.map(({ key, start, end }) => [key, text.slice(start, end)])).toEqual([
		['type', '"Pi\\u006eg"'],
		['data', '[1, {"a":2}]'],
		['id', '7'],
	]);
	expect(scanMembers(Buffer.from('[1]'), 0, 3)).toBeUndefined();
	expect(scanMembers(Buffer.from('{}'), 0, 2)).toEqual([]);
	expect(scanMembers(Buffer.from('{"a":1}x'), 0, 8)).toBeUndefined();
});

test('no more members are looked for than a line may have, nor anything behind them', () => {
	const object = (count: number, end = '}') => Buffer.from(`{${Array(count).fill('"a":[]').join()}${end}`);
	const fits = object(maxLineMembers);
	expect(scanMembers(fits, 0, fits.length)).toHaveLength(maxLineMembers);
	const broken = object(maxLineMembers + 1, '');
	expect(scanMembers(broken, 0, broken.length)).toBe('too_many');
});

test('values are counted with their keys, and not what looks like them in a text', () => {
	for (const [text, values] of [
		['{"a":[1,{"b":null},[ ],{}],"c\\",":true}', 11],
		['[[],[[]],[ {} ]]', 6],
		['[",:[{","\\\\",1]', 4],
	] as const) {
		const bytes = Buffer.from(`${text}${' '.repeat(20)}`);
		const isMore = (most: number) => hasMoreJsonValues(bytes, 0, bytes.length, most);
		expect([text, isMore(values - 1), isMore(values)]).toEqual([text, true, false]);
	}
	expect(hasMoreJsonValues(Buffer.from('"text without an end'), 0, 20, 1)).toBe(false);
});
