/**
 * What may stand at the end of an unfinished line: read from the commands' own data, so that a new command is completed
 * because it is there. Pure; what only orchd knows is named here and looked up elsewhere.
 */
import { offersOf } from '../args/offers.ts';
import { type ArgumentSpec, type Command, namesOf, nouns } from '../command.ts';
import { operations } from '../generated/operations.ts';
import { globalOptions } from '../globals.ts';
import { topics } from '../help.ts';
import { longFlag, shortFlag } from '../invocation.ts';
import type { OptionSpec, OptionSpecs } from '../option.ts';

export interface Candidate {
	readonly value: string;
	readonly description: string;
}

/** Names that only orchd knows: what a list operation answers, or the types of messages. */
export type Live = { readonly kind: 'list'; readonly operation: string } | { readonly kind: 'types' };

export interface Request {
	/** The word so far; what stands before the value in the same word (`--from=`) is in `before`. */
	readonly word: string;
	readonly before: string;
	readonly known: readonly Candidate[];
	readonly live?: Live;
	/** The shell itself completes these. */
	readonly paths?: 'files' | 'directories';
	/** What is typed already and need not be offered again. */
	readonly taken: readonly string[];
	/** Values of the options before it, by their keys: they narrow what fits, and name the socket to ask. */
	readonly given: Readonly<Record<string, string>>;
}

/** `words` are those behind `orch` as the shell understands them, the last one unfinished, maybe empty. */
export function requestOf(words: readonly string[], commands: readonly Command[]): Request {
	const line = readLine(words.slice(0, -1), commands);
	const typed = words.at(-1) ?? '';
	const request = (word: string, more: Partial<Request>): Request => ({
		word,
		before: '',
		known: [],
		taken: [],
		given: line.given,
		...more,
	});
	if (line.awaits) return request(typed, ofOption(line.awaits));
	if (!line.dashed && typed.startsWith('-')) {
		const at = typed.indexOf('=');
		if (at < 0) return request(typed, { known: optionCandidates(line) });
		const spec = findOption(line, typed.slice(0, at));
		if (!spec || spec.kind === 'flag') return request(typed, {});
		return request(typed.slice(at + 1), { before: typed.slice(0, at + 1), ...ofOption(spec) });
	}
	if (!line.command) return request(typed, { known: commandCandidates(line.path, commands) });
	return request(typed, { taken: line.args, ...ofArguments(line.command, line.args, commands) });
}

interface Line {
	/** Words of a command, as far as they are one. */
	readonly path: readonly string[];
	readonly command: Command | undefined;
	readonly args: readonly string[];
	/** The option whose value comes next. */
	readonly awaits: Exclude<OptionSpec, { kind: 'flag' }> | undefined;
	readonly used: ReadonlySet<string>;
	readonly given: Readonly<Record<string, string>>;
	readonly dashed: boolean;
}

function readLine(words: readonly string[], commands: readonly Command[]): Line {
	const path: string[] = [];
	const args: string[] = [];
	const used = new Set<string>();
	const given: Record<string, string> = {};
	let command: Command | undefined;
	let dashed = false;
	let awaits: { readonly key: string; readonly spec: Exclude<OptionSpec, { kind: 'flag' }> } | undefined;
	for (const word of words) {
		if (awaits) {
			given[awaits.key] = word;
			awaits = undefined;
		} else if (!dashed && word === '--') {
			dashed = true;
		} else if (!dashed && word.startsWith('-') && word !== '-') {
			const at = word.indexOf('=');
			const flag = at < 0 ? word : word.slice(0, at);
			for (const [key, spec] of Object.entries(specsOf(command))) {
				if (longFlag(spec.flags) !== flag && shortFlag(spec.flags) !== flag) continue;
				used.add(key);
				if (spec.kind === 'flag') continue;
				if (at < 0) awaits = { key, spec };
				else given[key] = word.slice(at + 1);
			}
		} else if (!command && leadsSomewhere([...path, word], commands)) {
			path.push(word);
			command = commandAt(path, commands);
		} else {
			args.push(word);
		}
	}
	return { path, command, args, awaits: awaits?.spec, used, given, dashed };
}

const specsOf = (command: Command | undefined): OptionSpecs => ({ ...globalOptions, ...command?.options });

const matches = (command: Command, path: readonly string[]): boolean =>
	path.length <= command.path.length && path.every((word, at) => namesOf(command, at).includes(word));
const leadsSomewhere = (path: readonly string[], commands: readonly Command[]): boolean =>
	commands.some((command) => matches(command, path));
const commandAt = (path: readonly string[], commands: readonly Command[]): Command | undefined =>
	commands.find((command) => command.path.length === path.length && matches(command, path));

const findOption = (line: Line, flag: string): OptionSpec | undefined =>
	Object.values(specsOf(line.command)).find((spec) => longFlag(spec.flags) === flag || shortFlag(spec.flags) === flag);

const optionCandidates = ({ command, used }: Line): Candidate[] =>
	// its own before those of every command
	Object.entries<OptionSpec>({ ...command?.options, ...globalOptions })
		.filter(([key, spec]) => spec.kind === 'list' || !used.has(key))
		.map(([, { flags, summary }]) => ({ value: longFlag(flags), description: summary }));

/** What may follow the words of an unfinished command: nouns and verbs, by their long names. */
function commandCandidates(path: readonly string[], commands: readonly Command[]): Candidate[] {
	const found = commands
		.filter((command) => command.path.length === path.length + 1 && matches(command, path))
		.map((command) => ({ value: command.path.at(-1) ?? '', description: command.summary }));
	if (path.length > 0) return found;
	return [...found, ...nouns.map(({ name, summary }) => ({ value: name, description: summary }))];
}

function ofArguments(command: Command, args: readonly string[], commands: readonly Command[]): Partial<Request> {
	const specs = command.args ?? [];
	const last = specs.at(-1);
	const spec: ArgumentSpec | undefined = specs[args.length] ?? (last?.many ? last : undefined);
	if (!spec) return {};
	if (spec.values) return { known: plainCandidates(spec.values()) };
	if (command.path[0] === 'help') return ofHelp(args, commands);
	return ofPlaceholder(spec.name);
}

function ofHelp(args: readonly string[], commands: readonly Command[]): Partial<Request> {
	const known = commandCandidates(args, commands);
	if (args.length > 0) return { known, taken: [] };
	return { known: [...known, ...Object.keys(topics).map((topic) => ({ value: topic, description: 'a topic' }))] };
}

function ofOption(spec: Exclude<OptionSpec, { kind: 'flag' }>): Partial<Request> {
	const offers = offersOf(spec.parse);
	if (offers.length > 0) return { known: plainCandidates(offers) };
	return ofPlaceholder(/\s(\S+)$/.exec(spec.flags)?.[1] ?? '');
}

/** By the word that stands for a value in the help: `RUNTIME` of `--from RUNTIME`. */
function ofPlaceholder(placeholder: string): Partial<Request> {
	const word = /^[A-Z]+/.exec(placeholder)?.[0] ?? '';
	if (/^(FILE|PATH|PROGRAM|ARGUMENT)$/.test(word)) return { paths: 'files' };
	if (/^(DIR|DIRECTORY)$/.test(word)) return { paths: 'directories' };
	if (word === 'TYPE') return { live: { kind: 'types' } };
	if (word === 'OPERATION')
		return { known: Object.entries(operations).map(([name, { summary }]) => ({ value: name, description: summary })) };
	const operation = `${word === 'REF' ? 'runtime' : word.toLowerCase()}.list`;
	return Object.hasOwn(operations, operation) ? { live: { kind: 'list', operation } } : {};
}

const plainCandidates = (values: readonly string[]): Candidate[] => values.map((value) => ({ value, description: '' }));
