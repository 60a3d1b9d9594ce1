/** The full parser: every command, by commander; its errors in our words and with names that may have been meant. */
import { suggest } from '@orch/protocol/wire';
import { Command as Commander, Option } from 'commander';
import { type Command, namesOf, nouns } from './command.ts';
import { commands, helpCommand, home, versionCommand } from './commands/index.ts';
import { CliError } from './errors.ts';
import { globalOptions, type Globals } from './globals.ts';
import { checkArguments, type Invocation, type RawOptions, readOptions } from './invocation.ts';
import type { OptionSpecs } from './option.ts';
import { otherWords } from './other-words.ts';

export async function parse(argv: readonly string[]): Promise<Invocation> {
	const asked = helpAsked(argv);
	if (asked) return asked;
	let invocation: Invocation | undefined;
	const root = buildTree(argv, (node, command) => {
		invocation = understand(node, command);
	});
	await root.parseAsync([...argv], { from: 'user' });
	if (!invocation) throw new Error(`Cannot tell which command is meant by: ${argv.join(' ')}`);
	return invocation;
}

class Node extends Commander {
	override createCommand(name?: string): Node {
		return new Node(name);
	}

	/** Commander calls this for everything that it cannot make sense of. */
	override error(message: string, options?: { readonly code?: string }): never {
		throw usageError(this, message, options?.code ?? '');
	}
}

type Found = (node: Commander, command: Command) => void;

/** Every command as a node, those that the line may name with their options; `found` is called with the one that it does. */
function buildTree(argv: readonly string[], found: Found): Commander {
	const mayBe = (command: Command) => command.path.every((_word, at) => namesOf(command, at).some((name) => argv.includes(name)));
	const root = prepare(new Node('orch'), { ...home, options: {} }, found);
	const parents = new Map(
		nouns.map(({ name, alias, summary }) => {
			const node = prepare(root.command(name), nounCommand(name, summary), found);
			if (alias) node.alias(alias);
			return [name, node] as const;
		}),
	);
	for (const command of commands) {
		const [first = '', second] = command.path;
		const node = second === undefined ? root.command(first) : (parents.get(first) as Commander).command(second);
		for (const alias of command.aliases ?? []) node.alias(alias);
		if (mayBe(command)) prepare(node, command, found);
	}
	return root;
}

function prepare<N extends Commander>(node: N, command: Command, found: Found): N {
	node
		.helpOption(false)
		.helpCommand(false)
		.exitOverride()
		.configureOutput({ writeOut: () => {}, writeErr: () => {} });
	for (const { kind, flags } of Object.values<OptionSpecs[string]>({ ...globalOptions, ...command.options })) {
		const option = new Option(kind === 'flag' ? flags : withPlaceholder(flags));
		if (kind === 'list') option.argParser((text, before: string[] | undefined) => [...(before ?? []), text]);
		node.addOption(option);
	}
	// counted by us, so that both parsers say the same
	const acceptsAny = node.commands.length === 0 && command.path.length > 0 && !isNoun(command);
	if (acceptsAny) node.argument('[arguments...]');
	return node.action(() => found(node, command)) as N;
}

/** Commander tells options with values by the angle brackets. */
const withPlaceholder = (flags: string): string => flags.replace(/ ([^-\s][^\s,]*)$/, ' <$1>');

function understand(node: Commander, command: Command): Invocation {
	const raw: Record<string, unknown> = {};
	for (let each: Commander | null = node; each; each = each.parent) {
		const specs = each === node ? { ...globalOptions, ...command.options } : globalOptions;
		for (const [key, typed] of Object.entries(rawOptions(each, specs))) raw[key] ??= typed;
	}
	const globals = readOptions(sharedSpecs(command), raw as RawOptions) as Globals;
	if (globals.version) return { command: versionCommand, globals, input: { args: [], options: { client: true } as never } };
	const options = readOptions(command.options ?? {}, raw as RawOptions);
	checkArguments(command, node.args, options);
	return { command, globals, input: { args: node.args, options: options as never } };
}

/** The options of every command, as this one takes them: `-o` has formats of a command's own. */
const sharedSpecs = ({ options }: Command): OptionSpecs =>
	Object.fromEntries(Object.entries(globalOptions).map(([key, spec]) => [key, options?.[key] ?? spec]));

function rawOptions(node: Commander, specs: OptionSpecs): Record<string, unknown> {
	const raw: Record<string, unknown> = {};
	for (const [key, spec] of Object.entries(specs)) {
		const option = node.options.find((each) => each.flags === (spec.kind === 'flag' ? spec.flags : withPlaceholder(spec.flags)));
		if (!option || node.getOptionValueSource(option.attributeName()) !== 'cli') continue;
		const typed: unknown = node.getOptionValue(option.attributeName());
		// `--color x` and `--no-color` share an attribute: false is the negated one's
		if (option.negate ? typed === false : typed !== false) raw[key] = option.negate ? true : typed;
	}
	return raw;
}

const isNoun = (command: Command): boolean => command.path.length === 1 && nouns.some(({ name }) => name === command.path[0]);

/** A noun alone: says which commands it has. */
function nounCommand(name: string, summary: string): Command {
	return {
		path: [name],
		summary,
		run: async (context) => {
			await helpCommand.run(context, { args: [name], options: { toError: true } as never });
			return 2;
		},
	};
}

function usageError(node: Commander, message: string, code: string): CliError {
	const path = pathOf(node);
	const quoted = /'([\s\S]*)'/.exec(message)?.[1] ?? '';
	const [first] = node.args;
	const unknownCommand = node.commands.length > 0 && first !== undefined && !first.startsWith('-');
	if (unknownCommand && (code === 'commander.excessArguments' || code === 'commander.unknownOption'))
		return new CliError('usage.unknown_command', {
			...{ command: first, under: path, candidates: commandsLike(node, first) },
			hint: hereFor(first)?.hint,
		});
	if (code === 'commander.unknownOption') {
		const option = quoted.replace(/=[\s\S]*$/, '');
		const known = node.options.flatMap(({ long, short }) => [long, short].filter((flag) => flag !== undefined && flag !== null));
		if (known.includes(option))
			return new CliError('usage.conflict', { reason: `${option} takes no value`, hint: path.replace(/^orch/, 'orch help') });
		const near = suggest(
			option.replace(/^-+/, ''),
			known.map((flag) => flag.replace(/^-+/, '')),
		);
		const candidates = near
			.map((name) => known.find((flag) => flag.replace(/^-+/, '') === name) ?? name)
			.filter((flag) => flag.length > 2);
		const ofProgram = path === 'orch runtime add' && node.args.some((word) => !word.startsWith('-'));
		return new CliError('usage.unknown_option', {
			option,
			command: path,
			candidates,
			hint: ofProgram ? `options of the program itself stand behind --: ${path} ${node.args[0]} -- ${option}` : undefined,
		});
	}
	if (code === 'commander.optionMissingArgument') {
		const flag = /--[^\s,]+/.exec(quoted)?.[0] ?? quoted;
		const placeholder = /<([^>]+)>/.exec(quoted)?.[1] ?? 'value';
		return new CliError('usage.missing', { what: `${placeholder} behind ${flag}`, command: path });
	}
	return new CliError('usage.conflict', { reason: message.replace(/^error: /, ''), hint: path.replace(/^orch/, 'orch help') });
}

function commandsLike(node: Commander, word: string): string[] {
	// short aliases are near to everything
	const here = node.commands.flatMap((each) => [each.name(), ...each.aliases().filter((alias) => alias.length > 2)]);
	const meant = hereFor(word)?.commands ?? [];
	// who typed a word of another program has not mistyped one of ours
	const near = meant.length > 0 ? [] : suggest(word, here);
	if (node.parent) {
		const under = `${node.name()} `;
		return [...new Set([...meant.flatMap((one) => (one.startsWith(under) ? one.slice(under.length) : [])), ...near])].slice(0, 3);
	}
	// a verb without its noun
	const elsewhere = commands
		.filter(({ path, aliases }) => path.length === 2 && [path[1], ...(aliases ?? [])].includes(word))
		.map(({ path }) => path.join(' '));
	return [...new Set([...meant, ...elsewhere, ...near])].slice(0, 3);
}

const hereFor = (word: string) => (Object.hasOwn(otherWords, word) ? otherWords[word] : undefined);

function pathOf(node: Commander): string {
	const names: string[] = [];
	for (let each: Commander | null = node; each; each = each.parent) names.unshift(each.name());
	return names.join(' ');
}

/** `-h` and `--help` ask for help on the command around them, however unfinished that is. */
function helpAsked(argv: readonly string[]): Invocation | undefined {
	const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
	const full = own.includes('--help');
	if (!full && !own.includes('-h')) return undefined;
	const args: string[] = [];
	for (const word of own) {
		if (word.startsWith('-')) continue;
		const next = [...args, word];
		if (args.length < 2 && commands.some((command) => next.every((each, at) => namesOf(command, at).includes(each))))
			args.push(word);
	}
	const noColor = own.includes('--no-color');
	return { command: helpCommand, globals: noColor ? { noColor } : {}, input: { args, options: { full } as never } };
}
