/**
 * The short way for the commands that are typed most: their arguments are read by hand, and nothing but their own module is
 * loaded. Whatever is not plain (a bundle of short options, `--`, anything unknown, help) is left to the full parser, so
 * that there is one meaning of every line.
 */
import type { Command } from './command.ts';
import { globalOptions, type Globals } from './globals.ts';
import { type Invocation, longFlag, type RawOptions, readOptions, shortFlag } from './invocation.ts';
import type { OptionSpec, OptionSpecs } from './option.ts';

const hotCommands: Readonly<Record<string, () => Promise<Command>>> = {
	ps: async () => (await import('./commands/ps.ts')).ps,
	start: async () => (await import('./commands/start.ts')).start,
	status: async () => (await import('./commands/status.ts')).status,
	stop: async () => (await import('./commands/stop.ts')).stop,
	version: async () => (await import('./commands/version.ts')).versionCommand,
};

export const hotNames: readonly string[] = Object.keys(hotCommands);

/** Undefined where the full parser has to look. */
export async function hotInvocation(argv: readonly string[]): Promise<Invocation | undefined> {
	const [name, ...words] = argv;
	if (argv.length === 1 && (name === '-V' || name === '--version')) return versionOfClient();
	if (name === undefined || !Object.hasOwn(hotCommands, name)) return undefined;
	const command = await hotCommands[name]?.();
	return command && plainInvocation(command, words);
}

async function versionOfClient(): Promise<Invocation> {
	const { versionCommand } = await import('./commands/version.ts');
	return { command: versionCommand, globals: { version: true }, input: { args: [], options: { client: true } as never } };
}

function plainInvocation(command: Command, words: readonly string[]): Invocation | undefined {
	const specs: OptionSpecs = { ...globalOptions, ...command.options };
	const args: string[] = [];
	const raw: Record<string, true | string | string[]> = {};
	for (let at = 0; at < words.length; at++) {
		const word = words[at] ?? '';
		if (!word.startsWith('-')) {
			args.push(word);
			continue;
		}
		const found = findOption(specs, word);
		if (!found || found.key === 'help' || found.key === 'version') return undefined;
		if (found.spec.kind === 'flag') {
			raw[found.key] = true;
			continue;
		}
		const next = words[++at];
		if (next === undefined || next.startsWith('-')) return undefined;
		raw[found.key] = found.spec.kind === 'list' ? [...((raw[found.key] as string[] | undefined) ?? []), next] : next;
	}
	// one overrules the other, by an order that commander knows
	if (raw['color'] !== undefined && raw['noColor'] !== undefined) return undefined;
	const taken = command.args ?? [];
	if (args.length < taken.filter((spec) => spec.required).length) return undefined;
	if (args.length > taken.length && !taken.at(-1)?.many) return undefined;
	return {
		command,
		globals: readOptions(globalOptions, raw as RawOptions) as Globals,
		input: { args, options: readOptions(command.options ?? {}, raw as RawOptions) as never },
	};
}

function findOption(specs: OptionSpecs, word: string): { readonly key: string; readonly spec: OptionSpec } | undefined {
	for (const [key, spec] of Object.entries(specs))
		if (longFlag(spec.flags) === word || shortFlag(spec.flags) === word) return { key, spec };
	return undefined;
}
