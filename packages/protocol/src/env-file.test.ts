import { describe, expect, it } from 'vitest';
import { parseEnvFile } from './env-file.ts';

describe('an environment file', () => {
	it('has assignments, comments, quotes and exports', () => {
		const text = [
			'\uFEFF# database',
			'',
			'HOST=localhost',
			'export PORT = 5432   # the usual one',
			"RAW='a $b \\n # c'",
			'COOKED="a\\tb \\"c\\" \\$d"',
			'EMPTY=',
			'HASH=a#b',
			'LINES="one',
			'two"',
			'LAST=x\r',
		].join('\n');
		expect(parseEnvFile(text)).toEqual({
			env: {
				HOST: 'localhost',
				PORT: '5432',
				RAW: 'a $b \\n # c',
				COOKED: 'a\tb "c" $d',
				EMPTY: '',
				HASH: 'a#b',
				LINES: 'one\ntwo',
				LAST: 'x',
			},
		});
	});

	it.each([
		['A=1\nnothing here', { line: 2, reason: 'expected NAME=VALUE', text: 'nothing here' }],
		['A="1\nB=2', { line: 1, reason: 'the " is never closed', text: 'A="1' }],
		["A='1' 2", { line: 1, reason: 'something follows the closing quote', text: "A='1' 2" }],
		['=1', { line: 1, reason: 'expected NAME=VALUE', text: '=1' }],
	])('%j is refused with the line', (text, fault) => expect(parseEnvFile(text)).toEqual({ fault }));
});
