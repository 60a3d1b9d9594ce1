import { describe, expect, it } from 'vitest';
import { commands } from './commands/index.ts';
import { otherWords } from './other-words.ts';

describe('a command by the name that it has elsewhere', () => {
	const known = new Set(commands.map(({ path }) => path.join(' ')));

	it.each(Object.entries(otherWords))('%s is told by commands that there are, or by what to do instead', (word, here) => {
		expect(known.has(word)).toBe(false);
		expect(here.commands.filter((one) => !known.has(one))).toEqual([]);
		expect(here.commands.length > 0 || here.hint !== undefined).toBe(true);
	});
});
