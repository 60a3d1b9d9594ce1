/** What a runtime may be given beside its program, as options of `orch runtime add`. */
import { resolve } from 'node:path';
import type { Api, ParamsOf } from '@orch/protocol';
import { BadValue } from '../args/bad-value.ts';
import { parseDuration } from '../args/duration.ts';
import { label } from '../args/label.ts';
import { parseSize } from '../args/size.ts';
import { choice, integer, nonEmpty } from '../args/values.ts';
import { words } from '../args/words.ts';
import { flag, list, type OptionValues, value } from '../option.ts';

export const runtimeOptions = {
	instances: value('--instances N', 'a group of so many, NAME-1 and so on; NAME means them all', integer(1, 1000)),
	label: list('-l, --label NAME=VALUE', 'a label, to choose it by', label),
	noAutostart: flag('--no-autostart', 'a daemon that starts does not start it'),
	envFileLive: list('--env-file-live FILE', 'variables from a file that orchd reads at every start', nonEmpty),
	user: value('--user USER', 'whom it runs as, by name or number; orchd must be root', nonEmpty),
	umask: value('--umask MODE', 'what its files are not: octal, such as 027', umask),
	port: list('--port N', 'it listens on this port, which must be free before each start', integer(1, 65_535)),
	successCode: list('--success-code N', 'an exit code beside 0 that is no failure', integer(1, 255)),
	stopCommand: value('--stop-command COMMAND', 'run before it is asked to end; words and quotes, no shell', words),
	stopCommandTimeout: value('--stop-command-timeout DURATION', 'how long that may take (10s)', parseDuration),
	cron: value('--cron EXPRESSION', "start or restart it at these times, such as '0 3 * * *'", nonEmpty),
	cronAction: value('--cron-action ACTION', 'start (unless said otherwise) or restart', choice(['start', 'restart'])),
	timeZone: value('--time-zone ZONE', 'of the times, such as Europe/Berlin; else the one of orchd', nonEmpty),
	overlap: value(
		'--overlap POLICY',
		'when a start is due while it runs: skip (unless said otherwise), queue or replace',
		choice(['skip', 'queue', 'replace']),
	),
	maxOutput: value('--max-output SIZE', 'how much of its output is kept, both streams together (64M)', outputSize),
	watch: list('--watch PATH', 'restart it when this file, or one below this directory, changes', nonEmpty),
	watchIgnore: list('--watch-ignore GLOB', "leave these files out, such as 'dist/**' or '*.log'", nonEmpty),
	watchQuiet: value('--watch-quiet DURATION', 'changes no farther apart are one (300ms)', parseDuration),
} as const;

type Given = OptionValues<typeof runtimeOptions>;
type Params = ParamsOf<Api['runtime.add']>;

/** The part of the request that they make; `cwd` is where paths are read from. */
export function runtimeOptionsOf(given: Given, cwd: string): Partial<Params> {
	const paths = (names: readonly string[]) => names.map((name) => resolve(cwd, name));
	const quiet = given.watchQuiet === undefined ? {} : { quietMs: given.watchQuiet };
	const ignore = given.watchIgnore ? { ignore: [...given.watchIgnore] } : {};
	return {
		...(given.instances !== undefined && { instances: given.instances }),
		...(given.label && { labels: Object.fromEntries(given.label) }),
		...(given.noAutostart && { autostart: false }),
		...(given.envFileLive && { envFiles: paths(given.envFileLive) }),
		...(given.user !== undefined && { user: given.user }),
		...(given.umask !== undefined && { umask: given.umask }),
		...(given.port && { ports: [...new Set(given.port)] }),
		...(given.maxOutput !== undefined && { output: { maxBytes: given.maxOutput } }),
		...(given.cron !== undefined && {
			schedule: {
				cron: given.cron,
				action: given.cronAction ?? 'start',
				...(given.timeZone !== undefined && { timeZone: given.timeZone }),
				...(given.overlap && { overlap: given.overlap }),
			},
		}),
		...(given.watch && { watch: { paths: paths(given.watch), ...ignore, ...quiet } }),
	};
}

/** Options that mean nothing without another one, for which they were meant. */
export function lonelyOption(given: Given): string | undefined {
	const lonely = (names: readonly (keyof Given)[]) => names.find((name) => given[name] !== undefined);
	const flagsOf = (name: keyof Given) => runtimeOptions[name].flags.split(' ')[0];
	const alone = [
		['--cron', given.cron, lonely(['cronAction', 'timeZone', 'overlap'])],
		['--watch', given.watch, lonely(['watchIgnore', 'watchQuiet'])],
		['--stop-command', given.stopCommand, lonely(['stopCommandTimeout'])],
	] as const;
	const found = alone.find(([, wanted, name]) => wanted === undefined && name !== undefined);
	return found?.[2] && `${flagsOf(found[2])} means nothing without ${found[0]}`;
}

/** Less than that would not hold the last words of a program. */
const leastOutputBytes = 65_536;

function outputSize(text: string): number {
	const bytes = parseSize(text);
	if (bytes < leastOutputBytes) throw new BadValue('a size of 64k or more', []);
	return bytes;
}

function umask(text: string): string {
	if (!/^0?[0-7]{3}$/.test(text)) throw new BadValue('three octal digits, such as 027', []);
	return text;
}
