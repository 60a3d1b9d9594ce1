import { describe, expect, it } from 'vitest';
import { parseEnvFile } from './env-file.ts';

const variables = (text: string) => Object.fromEntries(parseEnvFile(text).variables);

describe('an environment file', () => {
	it('has assignments, comments, quotes and exports', () => {
		const text = [
			'\uFEFF# database',
			'',
			'HOST=localhost',
			'export PORT = 5432   # the usual one',
			"RAW='a $b \\n # c'",
			'COOKED= "a\\tb \\"c\\" \\$d"  # said',
			'EMPTY=',
			'NOTHING= # yet',
			'HASH=a#b',
			'COLOUR=#fff',
			'LINES="one',
			'two"',
			'LAST=x\r',
		].join('\n');
		expect(parseEnvFile(text).faults).toEqual([]);
		expect(variables(text)).toEqual({
			HOST: 'localhost',
			PORT: '5432',
			RAW: 'a $b \\n # c',
			COOKED: 'a\tb "c" $d',
			EMPTY: '',
			NOTHING: '',
			HASH: 'a#b',
			COLOUR: '#fff',
			LINES: 'one\ntwo',
			LAST: 'x',
		});
	});

	it('has the last value of a name, whatever that is', () => {
		expect([...parseEnvFile('A=1\r\n__proto__=x\r\nA=2\r\n').variables]).toEqual([
			['A', '2'],
			['__proto__', 'x'],
		]);
	});

	it.each([
		['A=1\nnothing here', { line: 2, reason: 'expected NAME=VALUE', text: 'nothing here' }],
		['A="1\nB=2', { line: 1, reason: 'the " is never closed', text: 'A="1' }],
		["A='1' 2", { line: 1, reason: 'something follows the closing quote', text: "A='1' 2" }],
		['=1', { line: 1, reason: 'expected NAME=VALUE', text: '=1' }],
	])('%j is refused with the line', (text, fault) => expect(parseEnvFile(text).faults).toEqual([fault]));

	it('tells everything that is wrong, but what an open quote has swallowed', () => {
		const { variables: good, faults } = parseEnvFile('one\nA=1\ntwo\nB="3\nthree\n');
		expect(faults.map(({ line }) => line)).toEqual([1, 3, 4]);
		expect([...good]).toEqual([['A', '1']]);
	});
});
