import { describe, expect, it } from 'vitest';
import { plainText, terminalText } from './log-text.ts';

const esc = '\u001b';

describe('text of programs on a terminal', () => {
	it.each([
		['colours pass, and end with the line', `${esc}[31mred`, `${esc}[31mred${esc}[0m`],
		['colours that end by themselves', `${esc}[1;32mok${esc}[m done`, `${esc}[1;32mok${esc}[m done`],
		['clear screen', `${esc}[2J${esc}[Hgone`, 'gone'],
		['a title', `${esc}]0;evil\u0007title`, 'title'],
		['a title that does not end', `${esc}]0;evil`, ''],
		['a link', `${esc}]8;;https://x.example${esc}\\text${esc}]8;;${esc}\\`, 'text'],
		['cursor movement by one byte', '\u009b5Aup', 'up'],
		['other sequences', `${esc}(Bplain${esc}c${esc}7`, 'plain'],
		['an escape alone', `a${esc}`, 'a'],
		['NUL, bell, a return in the middle', 'a\0b\u0007c\rd', 'a\\x00b\\x07c\\rd'],
		['letters that turn text round', 'a\u202eb\u061c', 'a\\u202eb\\u061c'],
		['tabs, wide and composed letters', '\t日本é', '\t日本é'],
	])('%s', (_what, text, shown) => {
		expect(terminalText(text, true)).toBe(shown);
	});

	it('without colours nothing of them passes', () => {
		expect(terminalText(`${esc}[31mred${esc}[0m`, false)).toBe('red');
	});
});

it('in a pipe what drives a terminal is taken away, and everything else is as it was', () => {
	expect(plainText(`${esc}[31mred${esc}[0m \0 \u0007 \r${esc}[2J`, false)).toBe('red \0 \u0007 \r');
	expect(plainText(`${esc}[31mred${esc}[2J`, true)).toBe(`${esc}[31mred`);
});
