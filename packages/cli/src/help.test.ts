import { plain } from '@orch/base/text';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { commands } from './commands/index.ts';
import { globalOptions } from './globals.ts';
import { commandHelp, exitCodes, signature } from './help.ts';
import { longFlag, shortFlag } from './invocation.ts';
import type { OptionSpecs } from './option.ts';
import { parse } from './tree.ts';

const guide = readFileSync(new URL('../../../docs/guides/cli.md', import.meta.url), 'utf8');
const flagsOf = (options: OptionSpecs | undefined): string[] =>
	Object.values(options ?? {}).flatMap(({ flags }) => [longFlag(flags), shortFlag(flags)].filter((flag) => flag !== undefined));

describe('every command', () => {
	it.each(commands.map((command) => [command.path.join(' '), command] as const))(
		'orch %s is in the guide, with its options and aliases',
		(name, command) => {
			const [noun, verb] = command.path;
			const named = verb === undefined ? `orch ${noun}` : `${noun} ${verb}`;
			expect(guide.includes(named) || (noun === 'runtime' && guide.includes(`\`${verb}\``))).toBe(true);
			for (const alias of command.aliases ?? []) expect(guide).toContain(`\`${alias}\``);
			for (const flag of flagsOf(command.options).filter((each) => each !== '--full' && each !== '--to-error'))
				expect([name, flag, guide.includes(`\`${flag}`) || guide.includes(` ${flag}`)]).toEqual([name, flag, true]);
		},
	);

	it('has examples that can be understood', async () => {
		for (const command of commands) {
			for (const line of command.examples ?? []) {
				for (const part of line.split(/\s*(?:\||\|\||;)\s*/)) {
					const words = shellWords(part.replace(/^id=\$\((.*)\)$/, '$1'));
					if (words[0] !== 'orch') continue;
					const { command: found } = await parse(words.slice(1));
					if (part === line) expect(found.path).toEqual(command.path);
				}
			}
		}
	});

	it('has a summary that is an order, and help that begins with it', () => {
		for (const command of commands) {
			expect(command.summary).toMatch(/^[A-Z].*[^.]$/);
			expect(commandHelp(command, plain, true)).toContain(
				`${command.summary}\n\nUsage\n  orch ${command.usage === undefined ? signature(command) : command.path.join(' ')}`,
			);
		}
	});
});

it('the guide has every option of every command and every exit code', () => {
	for (const flag of flagsOf(globalOptions).filter((each) => !['-h', '--help', '--version', '--output'].includes(each)))
		expect(guide).toContain(flag);
	for (const [code] of exitCodes) expect(guide).toMatch(new RegExp(`^\\| (?:${code}|\\d+, ${code}|${code}, \\d+) \\|`, 'm'));
});

/** Words of a line as a shell reads them, as far as the examples go. */
function shellWords(line: string): string[] {
	return [...line.matchAll(/(?:'([^']*)'|([^\s']+))/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
}
