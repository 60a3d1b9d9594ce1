/** `orch help`. */
import { suggest } from '@orch/protocol/wire';
import { command, namesOf, nouns } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { commandHelp, nounHelp, rootHelp, topics } from '../help.ts';
import { flag } from '../option.ts';
import { commandTable } from './table.ts';

export const helpCommand = command({
	path: ['help'],
	summary: 'Show help on a command or a topic',
	notes: [`Topics: ${Object.keys(topics).join(', ')}. -h behind a command is short, --help and orch help COMMAND are long.`],
	args: [{ name: 'COMMAND', many: true }],
	options: {
		full: flag('--full', 'everything there is to say'),
		toError: flag('--to-error', 'on standard error'),
	},
	examples: ['orch help', 'orch help runtime add', 'orch help exit-codes'],
	async run(context, { args, options: { full, toError = false } }) {
		const text = helpOn(context, args, full ?? true, toError);
		if (toError) context.world.err.write(text);
		else context.print(text);
		return undefined;
	},
});

function helpOn(context: Context, words: readonly string[], full: boolean, toError: boolean): string {
	const style = toError ? context.noteStyle : context.style;
	const commands = [...commandTable, helpCommand];
	const [first, ...rest] = words;
	if (first === undefined) return rootHelp(commands, style);
	const topic = rest.length === 0 && Object.hasOwn(topics, first) ? topics[first] : undefined;
	if (topic) return topic();
	if (rest.length === 0 && nouns.some(({ name, alias }) => first === name || first === alias))
		return nounHelp(first, commands, style);
	const found = commands.find(
		(each) => each.path.length === words.length && words.every((word, at) => namesOf(each, at).includes(word)),
	);
	if (found) return commandHelp(found, style, full);
	const known = [...commands.map(({ path }) => path.join(' ')), ...nouns.map(({ name }) => name), ...Object.keys(topics)];
	const asked = words.join(' ');
	throw new CliError('usage.unknown_command', { command: asked, under: 'orch', candidates: suggest(asked, known) });
}
