/** The options that every command takes, anywhere after `orch`. */
import { choice, nonEmpty } from './args/values.ts';
import { parseDuration } from './args/duration.ts';
import { flag, type OptionValues, value } from './option.ts';

export const globalOptions = {
	output: value('-o, --output FORMAT', 'table, wide (all columns), json, or name', choice(['table', 'wide', 'json', 'name'])),
	json: flag('--json', 'same as -o json'),
	quiet: flag('-q, --quiet', 'only names or ids on stdout, only errors on stderr'),
	verbose: flag('-v, --verbose', 'with an error: its code, what led to it, and where'),
	color: value('--color WHEN', 'auto, always or never', choice(['auto', 'always', 'never'])),
	noColor: flag('--no-color', 'same as --color never'),
	timeout: value('--timeout DURATION', 'give up on an answer of orchd after so long', parseDuration),
	socket: value('--socket PATH', 'the socket of orchd, instead of $ORCH_SOCKET', nonEmpty),
	help: flag('-h, --help', 'show help'),
	version: flag('-V, --version', 'print the version of this client and nothing else'),
} as const;

export type Globals = OptionValues<typeof globalOptions>;

export const wantsJson = (globals: Globals): boolean => globals.json === true || globals.output === 'json';
export const wantsNames = (globals: Globals): boolean => globals.quiet === true || globals.output === 'name';
