/** Help, written from the commands' own data: examples first, then what can be said. */
import type { Style } from '@orch/base/text';
import { type Command, nouns } from './command.ts';
import { globalOptions } from './globals.ts';
import type { OptionSpecs } from './option.ts';

export const exitCodes: readonly (readonly [number, string])[] = [
	[0, 'done, and what was asked for holds'],
	[1, 'tried, and failed'],
	[2, 'usage: unknown command or option, a bad value, a question that could not be asked'],
	[3, 'it is there, but not in the state that was asked for (orch status REF of what does not run)'],
	[4, 'no such runtime, link, type'],
	[5, 'orchd cannot be reached'],
	[6, 'not permitted'],
	[7, 'conflict: a name that is taken, a prefix that matches several, running when it must not be'],
	[8, 'configuration: a program, a file or a path that cannot be used'],
	[9, 'client and orchd speak no common protocol'],
	[124, '--timeout ran out'],
	[125, 'orch wait --for exited: it has ended, and nobody knows how'],
	[129, 'the terminal was closed'],
	[130, 'interrupted with Ctrl-C'],
	[143, 'terminated'],
];

const variables: readonly (readonly [string, string])[] = [
	['ORCH_SOCKET', 'socket of orchd; else $XDG_RUNTIME_DIR/orch/orchd.sock'],
	['ORCH_HOME', 'state of orchd; else $XDG_STATE_HOME/orch'],
	['ORCH_AUTOSTART', '0: never start orchd by itself'],
	['ORCH_PROJECT', 'name of the project, instead of that in its file, where no -p says another'],
	['ORCH_NO_INPUT', 'anything: never ask, as where there is no terminal'],
	['ORCHD_BIN', 'the program that is started as orchd'],
	['ORCH_LOG', 'log level of an orchd that is started: debug, info, warn, error, silent'],
	['ORCH_COMPLETION_MS', 'how long a completion may wait for names that orchd knows (300)'],
	['NO_COLOR, FORCE_COLOR', 'colours off, colours on'],
	['ORCH_NO_COLOR', 'colours off for orch alone'],
	['COLUMNS', 'width of tables on a terminal'],
];

/** A page of help on something that is no command. */
export const topics: Readonly<Record<string, () => string>> = {
	'exit-codes': () => `Exit codes\n\n${pairs(exitCodes.map(([code, meaning]) => [String(code), meaning] as const))}\n`,
	environment: () => `Environment variables\n\n${pairs(variables)}\n`,
};

export function rootHelp(commands: readonly Command[], style: Style): string {
	const daily = commands.filter(({ path }) => path.length === 1);
	const parts = [
		`${style.bold('orch')} runs the programs of one machine together and carries the messages between them.`,
		section('Usage', '  orch <command> [options]', style),
		section('Daily', pairs(daily.map((command) => [signature(command), command.summary] as const)), style),
		...nouns.map(({ name, alias }) =>
			section(
				`${name[0]?.toUpperCase()}${name.slice(1)}s: orch ${name}${alias ? ` (${alias})` : ''} …`.replace('Daemons', 'Daemon'),
				pairs(
					commands
						.filter(({ path }) => path[0] === name && path.length === 2)
						.map((command) => [signature(command).replace(`${name} `, ''), command.summary] as const),
				),
				style,
			),
		),
		section('Options of every command', optionLines(globalOptions), style),
		`More: orch help COMMAND · orch help ${Object.keys(topics).join(' · orch help ')}`,
	];
	return `${parts.join('\n\n')}\n`;
}

export function nounHelp(name: string, commands: readonly Command[], style: Style): string {
	const noun = nouns.find((each) => each.name === name || each.alias === name);
	const verbs = commands.filter(({ path }) => path[0] === noun?.name && path.length === 2);
	const parts = [
		`${style.bold(`orch ${noun?.name ?? name}`)}: ${noun?.summary ?? ''}${noun?.alias ? ` (short: ${noun.alias})` : ''}`,
		section('Commands', pairs(verbs.map((command) => [signature(command), command.summary] as const)), style),
		`More: orch help ${noun?.name ?? name} ${verbs[0]?.path[1] ?? 'COMMAND'}`,
	];
	return `${parts.join('\n\n')}\n`;
}

export function commandHelp(command: Command, style: Style, full: boolean): string {
	const parts = [`${style.bold(`orch ${command.path.join(' ')}`)}: ${command.summary}`];
	const hasOptions = command.options && Object.keys(command.options).length > 0;
	const typed = command.usage === undefined ? signature(command) : `${command.path.join(' ')} ${command.usage}`;
	const usage = `  orch ${typed}${hasOptions ? ' [options]' : ''}`;
	parts.push(section('Usage', usage, style));
	const examples = full ? (command.examples ?? []) : (command.examples ?? []).slice(0, 2);
	if (examples.length > 0) parts.push(section('Examples', examples.map((line) => `  ${line}`).join('\n'), style));
	if (command.options && Object.keys(command.options).length > 0)
		parts.push(section('Options', optionLines(command.options), style));
	if (full) {
		for (const note of command.notes ?? []) parts.push(wrap(note, 96));
		if (command.json) parts.push(section('With --json', `  ${command.json}`, style));
		parts.push(section('Options of every command', optionLines(globalOptions), style));
	} else {
		parts.push(`More: orch help ${command.path.join(' ')}`);
	}
	return `${parts.join('\n\n')}\n`;
}

/** `runtime (rt) add|… PROGRAM [ARGUMENT…]` without the alternatives: what to type. */
export function signature(command: Command): string {
	const args = (command.args ?? []).map(({ name, required, many, unless }) => {
		const word = many ? `${name}…` : name;
		return required && !unless ? word : `[${word}]`;
	});
	const last = [command.path.at(-1), ...(command.aliases ?? [])].join('|');
	return [...command.path.slice(0, -1), last, ...args].join(' ');
}

export const optionLines = (options: OptionSpecs): string =>
	pairs(
		Object.values(options).map(
			({ flags, summary, kind }) =>
				[flags.startsWith('--') ? `    ${flags}` : flags, kind === 'list' ? `${summary} (may be repeated)` : summary] as const,
		),
	);

const section = (title: string, body: string, style: Style): string => `${style.bold(title)}\n${body}`;

function pairs(lines: readonly (readonly [string, string])[]): string {
	const width = Math.min(34, Math.max(0, ...lines.map(([name]) => name.length)));
	return lines
		.map(([name, text]) =>
			name.length > width ? `  ${name}\n  ${' '.repeat(width)}  ${text}` : `  ${name.padEnd(width)}  ${text}`,
		)
		.join('\n');
}

export function wrap(text: string, width: number): string {
	const lines: string[] = [];
	let line = '';
	for (const word of text.split(' ')) {
		if (line !== '' && line.length + word.length >= width) {
			lines.push(line);
			line = word;
		} else {
			line = line === '' ? word : `${line} ${word}`;
		}
	}
	return [...lines, line].join('\n');
}
