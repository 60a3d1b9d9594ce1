/** One runtime of a file, already checked by the schema, as a declaration. */
import { isAbsolute, resolve } from 'node:path';
import type { NeedDeclaration, Policies, ProbeCheckDeclaration, ProbeDeclaration, RuntimeDeclaration } from '../declaration.ts';
import { checkMachine, locate, type Machine, type Say } from './machine.ts';
import { durationMs, sizeBytes } from './quantities.ts';
import type { DefaultsSection, NeedsSection, ProbeSection, RuntimeSection } from './schema-runtime.ts';
import { splitCommand } from './split-command.ts';
import type { Path } from './tree.ts';

export interface RuntimeContext {
	readonly project: string;
	readonly directory: string;
	readonly policies: Policies;
	readonly defaults: DefaultsSection;
	/** What every runtime of the project gets: inherited variables, then the project's own. */
	readonly env: Readonly<Record<string, string>>;
	readonly envFiles: readonly string[];
	/** Names in needs as they are meant: one name may be several instances. */
	readonly fullNames: (name: string) => readonly string[];
	/** Whether a probe of it tells when it is ready. */
	readonly tellsReady: (name: string) => boolean;
	/** What is there of all that is named. */
	readonly machine: Machine;
	readonly say: Say;
}

/** Undefined where it was said why there is none. */
export function declareRuntime(
	name: string,
	given: RuntimeSection,
	path: Path,
	context: RuntimeContext,
): RuntimeDeclaration | undefined {
	const { directory, policies, defaults } = context;
	const section: RuntimeSection = { ...defaults, ...given };
	const cwd = resolve(directory, section.cwd ?? '.');
	const env = { ...context.env, ...texts(defaults.env), ...texts(given.env) };
	const command = commandOf(section.command, section.shell, [...path, 'command'], context);
	if (command === undefined) return undefined;
	const [word = '', ...args] = command;
	const find = (program: string, where: Path) => locate(program, where, { cwd, searchPath: env['PATH'] }, context);
	const program = find(word, [...path, 'command']);
	const envFiles = [...context.envFiles, ...files(defaults.env_file, directory), ...files(given.env_file, directory)];
	const labels = { ...texts(defaults.labels), ...texts(given.labels) };
	const probes = probesOf(section.probes, [...path, 'probes'], context);
	const stop = stopOf(section.stop, [...path, 'stop'], context);
	const schedule = scheduleOf(section.schedule);
	const needs = needsOf(section.needs, context);
	const watch = section.watch === undefined ? undefined : watchOf(section.watch, directory);
	const user = section.user === undefined ? undefined : String(section.user);
	checkMachine(
		{ cwd, envFiles: envFiles.slice(context.envFiles.length), user, schedule, watch, stop, probes },
		path,
		find,
		context,
	);
	return withoutUndefined({
		name: `${context.project}/${name}`,
		project: context.project,
		program: program ?? word,
		args,
		cwd,
		env,
		priority: section.priority ?? 'normal',
		privileged: section.privileged ?? false,
		restart: restartOf(section.restart, policies),
		stop,
		autostart: section.autostart,
		labels: Object.keys(labels).length > 0 ? labels : undefined,
		envFiles: envFiles.length > 0 ? envFiles : undefined,
		user,
		umask: section.umask === undefined ? undefined : String(section.umask),
		probes,
		needs: needs.length > 0 ? needs : undefined,
		ports: section.ports === undefined ? undefined : [section.ports].flat(),
		limits: section.limits?.memory === undefined ? undefined : { memoryBytes: sizeBytes(String(section.limits.memory)) },
		schedule,
		watch,
		output: outputOf(section.output),
	});
}

/** As it is written over the wire and into the journal: no key without a value. */
function withoutUndefined<T extends object>(value: { [Key in keyof T]: T[Key] | undefined }): T {
	return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}

export const texts = (values: Readonly<Record<string, unknown>> | undefined): Record<string, string> =>
	Object.fromEntries(Object.entries(values ?? {}).map(([name, value]) => [name, value === null ? '' : String(value)]));

export const files = (given: string | readonly string[] | undefined, directory: string): string[] =>
	given === undefined ? [] : [given].flat().map((file) => resolve(directory, file));

function commandOf(
	command: RuntimeSection['command'] | undefined,
	shell: boolean | string | undefined,
	path: Path,
	{ say }: Pick<RuntimeContext, 'say'>,
): readonly string[] | undefined {
	if (command === undefined) return undefined;
	if (shell !== undefined && shell !== false) {
		const program = shell === true ? '/bin/sh' : shell;
		return [program, '-c', typeof command === 'string' ? command : command.join(' ')];
	}
	const split = typeof command === 'string' ? splitCommand(command) : { words: command.map(String) };
	if ('words' in split) {
		if (split.words[0] !== '') return split.words;
		say(path, 'the command cannot be used: its first word is empty');
		return undefined;
	}
	const hint = split.fault.includes('shell') ? 'add `shell: true`, or write the command as a list' : undefined;
	say(path, `the command cannot be used: ${split.fault}`, hint === undefined ? {} : { hint });
	return undefined;
}

const duration = (given: string | number | undefined): number | undefined =>
	given === undefined ? undefined : durationMs(String(given));

function restartOf(given: RuntimeSection['restart'], { restart }: Policies): RuntimeDeclaration['restart'] {
	if (given === undefined) return restart;
	if (typeof given === 'string') return { ...restart, when: given };
	const giveUp = given.give_up === undefined ? {} : giveUpOf(given.give_up);
	return {
		...restart,
		when: given.when ?? restart.when,
		firstMs: duration(given.first) ?? restart.firstMs,
		capMs: duration(given.cap) ?? restart.capMs,
		...giveUp,
		retryEveryMs:
			given.retry_every === undefined
				? restart.retryEveryMs
				: given.retry_every === 'never'
					? null
					: durationMs(String(given.retry_every)),
		healthyMs: duration(given.healthy) ?? restart.healthyMs,
		...(given.success_exit_codes === undefined ? {} : { successExitCodes: given.success_exit_codes }),
	};
}

function giveUpOf(text: string): { failures: number; withinMs?: number } {
	if (text === 'never') return { failures: 0 };
	const [failures = '', within = ''] = text.split('/');
	return { failures: Number(failures), withinMs: durationMs(within) };
}

function stopOf(given: RuntimeSection['stop'], path: Path, context: RuntimeContext): RuntimeDeclaration['stop'] {
	const { stop } = context.policies;
	if (given === undefined) return stop;
	if (typeof given === 'string') return { ...stop, signal: signalName(given) };
	const command = commandOf(given.command, undefined, [...path, 'command'], context);
	const commandMs = duration(given.command_timeout);
	return {
		...stop,
		signal: given.signal === undefined ? stop.signal : signalName(given.signal),
		graceMs: duration(given.grace) ?? stop.graceMs,
		...(command === undefined ? {} : { command }),
		...(commandMs === undefined ? {} : { commandMs }),
	};
}

const signalName = (given: string): string => (given.startsWith('SIG') ? given : `SIG${given}`);

function probesOf(given: RuntimeSection['probes'], path: Path, context: RuntimeContext): RuntimeDeclaration['probes'] {
	if (given === undefined) return undefined;
	const probes: Record<string, ProbeDeclaration> = {};
	for (const kind of ['startup', 'ready', 'live'] as const) {
		const section = given[kind];
		const probe = section === undefined ? undefined : probeOf(section, [...path, kind], context);
		if (probe) probes[kind] = probe;
	}
	return Object.keys(probes).length > 0 ? probes : undefined;
}

function probeOf(given: ProbeSection, path: Path, context: RuntimeContext): ProbeDeclaration | undefined {
	if (typeof given === 'string') {
		const check = shortCheck(given, path, context);
		return check && { check };
	}
	const kinds = (['http', 'tcp', 'exec', 'log', 'notify'] as const).filter((kind) => given[kind] !== undefined);
	if (kinds.length !== 1) {
		const found = kinds.length === 0 ? 'none' : kinds.join(' and ');
		context.say(path, `a probe is one of http, tcp, exec, log, notify; here is ${found}`);
		return undefined;
	}
	const check = checkOf(given, path, context);
	if (!check) return undefined;
	const { every, timeout, delay, failures, successes } = given;
	return withoutUndefined<ProbeDeclaration>({
		check,
		everyMs: duration(every),
		timeoutMs: duration(timeout),
		delayMs: duration(delay),
		failures,
		successes,
	});
}

function checkOf(given: Exclude<ProbeSection, string>, path: Path, context: RuntimeContext): ProbeCheckDeclaration | undefined {
	const { http, tcp, exec, log } = given;
	if (http !== undefined) {
		if (typeof http === 'string') return { kind: 'http', url: urlOf(http) };
		return withoutUndefined<ProbeCheckDeclaration & { kind: 'http' }>({
			kind: 'http',
			url: urlOf(http.url),
			headers: http.headers,
			statuses: http.statuses,
		});
	}
	if (tcp !== undefined) return addressOf(String(tcp), [...path, 'tcp'], context);
	if (exec !== undefined) {
		const command = commandOf(exec, undefined, [...path, 'exec'], context);
		return command && { kind: 'exec', command };
	}
	if (log !== undefined) {
		const { pattern, stream = undefined } = typeof log === 'string' ? { pattern: log } : log;
		return logOf(pattern, stream, [...path, 'log'], context);
	}
	return { kind: 'notify' };
}

function shortCheck(text: string, path: Path, context: RuntimeContext): ProbeCheckDeclaration | undefined {
	if (text === 'notify') return { kind: 'notify' };
	if (/^https?:\/\//.test(text)) return { kind: 'http', url: text };
	const rest = text.slice(text.indexOf(':') + 1);
	if (text.startsWith('tcp:')) return addressOf(rest.replace(/^\/\//, ''), path, context);
	if (text.startsWith('log:')) return logOf(rest, undefined, path, context);
	const command = commandOf(rest, undefined, path, context);
	return command && { kind: 'exec', command };
}

const urlOf = (given: string): string => (given.startsWith(':') ? `http://127.0.0.1${given}` : given);

function addressOf(text: string, path: Path, { say }: RuntimeContext): ProbeCheckDeclaration | undefined {
	const match = /^(?:(.+):)?(\d{1,5})$/.exec(text);
	const port = Number(match?.[2]);
	if (!match || !(port >= 1 && port <= 65_535)) {
		say(path, `'${text}' is no address; it must be a port from 1 to 65535, or host:port`);
		return undefined;
	}
	return match[1] === undefined ? { kind: 'tcp', port } : { kind: 'tcp', host: match[1], port };
}

function logOf(
	pattern: string,
	stream: 'stdout' | 'stderr' | undefined,
	path: Path,
	{ say }: RuntimeContext,
): ProbeCheckDeclaration | undefined {
	try {
		new RegExp(pattern, 'u');
	} catch (error) {
		say(path, `'${pattern}' is no regular expression: ${(error as Error).message.replace(/^.*: /, '')}`);
		return undefined;
	}
	return stream === undefined ? { kind: 'log', pattern } : { kind: 'log', pattern, stream };
}

/** Each name that is needed, with what is needed of it. */
export function needNames(given: NeedsSection | undefined): {
	readonly name: string;
	readonly condition: NeedDeclaration['condition'] | undefined;
	readonly onRestart?: NeedDeclaration['onRestart'];
	readonly step: string | number | undefined;
}[] {
	if (given === undefined) return [];
	const fromText = (text: string, step: number | undefined) => {
		const [name = '', condition] = text.split(':');
		return { name, condition: condition as NeedDeclaration['condition'] | undefined, step };
	};
	if (typeof given === 'string') return [fromText(given, undefined)];
	if (Array.isArray(given)) return given.map((text: string, index) => fromText(text, index));
	return Object.entries(given).map(([name, value]) => {
		if (typeof value === 'string') return { name, condition: value, step: name };
		const { condition, on_restart: onRestart } = value;
		return { name, condition, ...(onRestart === undefined ? {} : { onRestart }), step: name };
	});
}

/** Where nothing is said: ready, of one that a probe tells of; of others nobody would know, so that started is enough. */
function needsOf(given: NeedsSection | undefined, { fullNames, tellsReady }: RuntimeContext): NeedDeclaration[] {
	return needNames(given).flatMap(({ name, condition, onRestart }) =>
		fullNames(name).map((runtime) => ({
			runtime,
			condition: condition ?? (tellsReady(name) ? 'ready' : 'started'),
			...(onRestart === undefined ? {} : { onRestart }),
		})),
	);
}

function scheduleOf(given: RuntimeSection['schedule']): RuntimeDeclaration['schedule'] {
	if (given === undefined) return undefined;
	if (typeof given === 'string') return { cron: given, action: 'start' };
	const { cron, time_zone: timeZone, action = 'start', overlap } = given;
	return withoutUndefined<NonNullable<RuntimeDeclaration['schedule']>>({ cron, timeZone, action, overlap });
}

function watchOf(given: NonNullable<RuntimeSection['watch']>, directory: string): RuntimeDeclaration['watch'] {
	const { paths, ignore, quiet } =
		typeof given === 'string' || Array.isArray(given) ? { paths: given, ignore: undefined, quiet: undefined } : given;
	return withoutUndefined<NonNullable<RuntimeDeclaration['watch']>>({
		paths: [paths].flat().map((path) => (isAbsolute(path) ? path : resolve(directory, path))),
		ignore,
		quietMs: duration(quiet),
	});
}

function outputOf(given: RuntimeSection['output']): RuntimeDeclaration['output'] {
	if (given === undefined) return undefined;
	if (typeof given !== 'object') return { maxBytes: sizeBytes(String(given)) };
	const segment = given.segment === undefined ? {} : { segmentBytes: sizeBytes(String(given.segment)) };
	return { maxBytes: sizeBytes(String(given.max)), ...segment };
}
