/** What was typed, understood: a command, its input, the global options. Made by either parser from the same specs. */
import { BadValue } from './args/bad-value.ts';
import type { ArgumentSpec, Command, Input } from './command.ts';
import { CliError } from './errors.ts';
import type { Globals } from './globals.ts';
import type { OptionSpec, OptionSpecs } from './option.ts';

export interface Invocation {
	readonly command: Command;
	readonly input: Input<OptionSpecs>;
	readonly globals: Globals;
}

/** Texts as they were typed, by the option's key: true for a flag, several for a list. */
export type RawOptions = Readonly<Record<string, true | string | readonly string[] | undefined>>;

export function readOptions(specs: OptionSpecs, raw: RawOptions): Record<string, unknown> {
	const values: Record<string, unknown> = {};
	for (const [key, spec] of Object.entries(specs)) {
		const typed = raw[key];
		if (typed === undefined) continue;
		if (spec.kind === 'flag') values[key] = true;
		else values[key] = spec.kind === 'list' ? [typed].flat().map((text) => read(spec, String(text))) : read(spec, String(typed));
	}
	return values;
}

function read(spec: Exclude<OptionSpec, { kind: 'flag' }>, text: string): unknown {
	try {
		return spec.parse(text);
	} catch (error) {
		if (!(error instanceof BadValue)) throw error;
		const { expected, candidates, hint } = error;
		throw new CliError('usage.bad_value', { value: text, option: longFlag(spec.flags), expected, candidates, hint });
	}
}

/** `--output` of `-o, --output FORMAT`. */
export const longFlag = (flags: string): string => /--[^\s,]+/.exec(flags)?.[0] ?? /-[^\s,]/.exec(flags)?.[0] ?? flags;
/** `-o` of the same; undefined where there is none. */
export const shortFlag = (flags: string): string | undefined => /(?:^|\s)(-[^-\s,])/.exec(flags)?.[1];

/** Whether a command takes so many arguments; throws what to say where it does not. */
export function checkArguments(command: Command, args: readonly string[], options: Readonly<Record<string, unknown>> = {}): void {
	const specs = command.args ?? [];
	const name = `orch ${command.path.join(' ')}`.trimEnd();
	const missing = specs.find(
		({ required, unless = [] }, at) => required && at >= args.length && unless.every((key) => options[key] === undefined),
	);
	if (missing) throw new CliError('usage.missing', { what: alternatives(command, missing), command: name });
	if (args.length > specs.length && !specs.at(-1)?.many) {
		const takes = specs.length === 0 ? 'no arguments' : `no more than ${specs.map((spec) => spec.name).join(' ')}`;
		throw new CliError('usage.too_many', { arguments: args.slice(specs.length), command: name, takes });
	}
}

/** `RUNTIME, --all or --label`. */
function alternatives({ options = {} }: Command, { name, unless = [] }: ArgumentSpec): string {
	const flags = unless.flatMap((key) => (options[key] ? longFlag(options[key].flags) : []));
	const last = flags.at(-1);
	return last === undefined ? name : `${[name, ...flags.slice(0, -1)].join(', ')} or ${last}`;
}
