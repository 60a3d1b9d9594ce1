/** What a command is: data that the parsers, the help and the guide read, and the function that does it. */
import type { Context } from './context.ts';
import type { OptionSpecs, OptionValues } from './option.ts';

export interface ArgumentSpec {
	readonly name: string;
	readonly required?: boolean;
	/** But for where one of these options is given, by its key. */
	readonly unless?: readonly string[];
	/** Takes all that are left. */
	readonly many?: boolean;
	/** What it may be, where that can be listed: for completion. */
	readonly values?: () => readonly string[];
}

export interface Input<Specs> {
	readonly args: readonly string[];
	readonly options: OptionValues<Specs>;
}

export interface CommandDefinition<Specs> {
	/** Its words after `orch`. */
	readonly path: readonly string[];
	/** Other names of its last word. */
	readonly aliases?: readonly string[];
	/** What it does, as an order. */
	readonly summary: string;
	/** What its user should know besides: paragraphs. */
	readonly notes?: readonly string[];
	readonly args?: readonly ArgumentSpec[];
	/** What is typed behind the path, where arguments and [options] do not say it. */
	readonly usage?: string;
	readonly options?: Specs;
	/** Lines to type. */
	readonly examples?: readonly string[];
	/** What `--json` prints. */
	readonly json?: string;
	/** Gives the exit code; nothing is 0. */
	readonly run: (context: Context, input: Input<Specs>) => Promise<number | undefined>;
}

export type Command = CommandDefinition<OptionSpecs>;

/** Keeps the types of the options for `run`, and forgets them outside. */
export const command = <const Specs extends OptionSpecs>(definition: CommandDefinition<Specs>): Command =>
	definition as unknown as Command;

/** Words that stand before verbs, with their short names. */
export const nouns: readonly { readonly name: string; readonly alias?: string; readonly summary: string }[] = [
	{ name: 'runtime', alias: 'rt', summary: 'programs under supervision' },
	{ name: 'link', alias: 'ln', summary: 'routes of messages between runtimes' },
	{ name: 'project', alias: 'pj', summary: 'files that say what runs together' },
	{ name: 'runner', alias: 'rn', summary: 'projects that are mounted at a base path' },
	{ name: 'daemon', summary: 'orchd itself' },
];

/** The names of a command's word at a place of its path. */
export function namesOf(command: Command, at: number): readonly string[] {
	const word = command.path[at];
	if (word === undefined) return [];
	if (at === command.path.length - 1) return [word, ...(command.aliases ?? [])];
	const alias = nouns.find(({ name }) => name === word)?.alias;
	return alias === undefined ? [word] : [word, alias];
}
