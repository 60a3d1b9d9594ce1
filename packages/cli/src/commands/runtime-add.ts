/** `orch runtime add`: registers a program under supervision. */
import { assignment, choice, giveUp, nonEmpty, runtimeName, signalName, text, uuid } from '../args/values.ts';
import { parseDuration } from '../args/duration.ts';
import { parseNeed } from '../args/needs.ts';
import { probeOptions, probesOf } from '../args/probes.ts';
import { parseSize } from '../args/size.ts';
import { command } from '../command.ts';
import { CliError } from '../errors.ts';
import { flag, list, type OptionValues, value } from '../option.ts';
import { readEnvFile } from '../input-file.ts';
import { locateProgram } from '../program-path.ts';
import { lonelyOption, runtimeOptions, runtimeOptionsOf } from './runtime-options.ts';
import { maskRuntime } from '../secrets.ts';
import { asTyped } from '../typed-program.ts';
import { uploadProgram } from '../upload.ts';
import { inheritedOf } from '@orch/protocol/wire';
import { resolve } from 'node:path';
import type { Context } from '../context.ts';
import type { Api, ParamsOf, ResultOf } from '@orch/protocol';

const options = {
	name: value('--name NAME', 'its name; else the base name of the program', runtimeName),
	id: value('--id UUID', 'its id; else a new one', uuid),
	priority: value('--priority PRIORITY', 'high, normal or low: nice -10, 0, 10', choice(['high', 'normal', 'low'])),
	privileged: flag('--privileged', 'it may start and stop other runtimes'),
	arg: list('--arg ARG', 'an argument of the program, before those behind --', text),
	cwd: value('--cwd DIR', 'its working directory; else the current one', nonEmpty),
	env: list('-e, --env NAME=VALUE', 'a variable of its environment; NAME alone takes the value it has here', assignment),
	envFile: list('--env-file FILE', 'variables from a file of NAME=VALUE lines', nonEmpty),
	restart: value('--restart WHEN', 'no, on-failure (unless said otherwise) or always', choice(['no', 'on-failure', 'always'])),
	backoffFirst: value(
		'--backoff-first DURATION',
		'wait before the second restart (0.5s); the first comes at once',
		parseDuration,
	),
	backoffCap: value('--backoff-cap DURATION', 'the longest wait between restarts (30s)', parseDuration),
	giveUp: value('--give-up N/DURATION', 'give up after N failures in so long (5/60s), or never', giveUp),
	retryEvery: value('--retry-every DURATION', 'after giving up try again every so often; else not', parseDuration),
	healthy: value('--healthy DURATION', 'once it has lived so long, its failures are forgotten (60s)', parseDuration),
	stopSignal: value('--stop-signal SIGNAL', 'what asks it to end (SIGTERM)', signalName),
	grace: value('--grace DURATION', 'from that signal to SIGKILL (10s)', parseDuration),
	maxMemory: value('--max-memory SIZE', 'restart it when all its processes together use more, such as 512M', parseSize),
	...runtimeOptions,
	needs: list(
		'--needs NAME[:CONDITION]',
		'it is started when NAME is started, ready or has succeeded; NAME:ready:restart restarts it with NAME, :stop stops it',
		parseNeed,
	),
	...probeOptions,
	start: flag('--start', 'start it as well'),
	copy: flag('--copy', 'send the program to orchd, which may not see this file system'),
} as const;
type Options = OptionValues<typeof options>;

export const runtimeAdd = command({
	path: ['runtime', 'add'],
	summary: 'Register a program under supervision; prints its id',
	notes: [
		'A program with a slash is a path from the current directory; a bare name is looked up on PATH. No shell is involved.',
		'Of the environment here it keeps PATH, HOME, USER, SHELL, LANG, LC_* and TZ, then comes --env-file, then --env. Nothing else gets through.',
		'Starts orchd where none runs, unless ORCH_AUTOSTART=0.',
	],
	args: [
		{ name: 'PROGRAM', required: true },
		{ name: 'ARGUMENT', many: true },
	],
	options,
	examples: [
		'orch runtime add ./bin/ping',
		'orch runtime add node --name api --env PORT=3000 --start -- server.js --verbose',
		'orch runtime add ./worker --instances 3 --start',
		"orch runtime add ./backup --cron '0 3 * * *' --time-zone Europe/Berlin",
		'orch runtime add ./worker --arg --queue --arg jobs',
		'orch runtime add node --watch src --port 3000 --start -- src/server.js',
		'orch runtime add ./api --needs db:ready --ready-http :3000/health --live-http :3000/health --probe-every live=10s --start',
		'id=$(orch runtime add ./bin/ping --priority high -q)',
	],
	json: 'the runtime',
	async run(context, { args: [program = '', ...args], options: given }) {
		const { world } = context;
		const lonely = lonelyOption(given);
		if (lonely !== undefined) throw new CliError('usage.conflict', { reason: lonely, hint: 'orch help runtime add' });
		const params: ParamsOf<Api['runtime.add']> = {
			...specOf(given),
			...runtimeOptionsOf(given, world.cwd),
			program: locateProgram(program, { cwd: world.cwd, path: world.env['PATH'], mustExist: given.copy === true }),
			args: [...(given.arg ?? []), ...args],
			cwd: resolve(world.cwd, given.cwd ?? '.'),
			env: environmentOf(context, given),
		};
		await context.connectionOrStart();
		const binary = given.copy ? await uploadProgram(context, params.program) : undefined;
		const asked = context.act('runtime.add', { ...params, ...(binary === undefined ? {} : { binary }) });
		const added = await asked.catch((error: unknown) => {
			throw asTyped(error, { typed: program, path: params.program, cwd: world.cwd });
		});
		if (context.json) context.printJson(maskAdded(added));
		else for (const { id } of added.instances ?? [added]) context.print(`${id}\n`);
		for (const one of added.instances ?? [added]) {
			context.note(
				`${given.start ? 'added and started' : 'added'} runtime ${one.name}${given.start && one.pid !== null ? ` (pid ${one.pid})` : ''}`,
			);
			for (const other of one.alsoStarted ?? []) context.note(`started ${other}, which ${one.name} needs`);
			for (const warning of one.warnings) context.note(`  ${warning}`);
		}
		if (given.start) context.next(`orch status ${added.name}`, `orch runtime stdout ${added.name}`);
		else context.next(`orch start ${added.name}`);
		return undefined;
	},
});

type Added = ResultOf<Api['runtime.add']>;

const maskAdded = ({ instances, ...one }: Added): Added => ({
	...maskRuntime(one),
	...(instances && { instances: instances.map(maskRuntime) }),
});

function specOf(
	given: Options,
): Pick<
	ParamsOf<Api['runtime.add']>,
	'name' | 'id' | 'priority' | 'privileged' | 'restart' | 'stop' | 'limits' | 'needs' | 'probes' | 'start'
> {
	const restart = defined({
		when: given.restart,
		firstMs: given.backoffFirst,
		capMs: given.backoffCap,
		failures: given.giveUp?.failures,
		withinMs: given.giveUp?.withinMs,
		retryEveryMs: given.retryEvery,
		healthyMs: given.healthy,
		successExitCodes: given.successCode && [...given.successCode],
	});
	const stop = defined({
		signal: given.stopSignal,
		graceMs: given.grace,
		command: given.stopCommand && [...given.stopCommand],
		commandMs: given.stopCommandTimeout,
	});
	return defined({
		name: given.name,
		id: given.id,
		priority: given.priority,
		privileged: given.privileged,
		restart: Object.keys(restart).length > 0 ? restart : undefined,
		stop: Object.keys(stop).length > 0 ? stop : undefined,
		needs: given.needs && [...given.needs],
		probes: probesOf(given),
		limits: given.maxMemory === undefined ? undefined : { memoryBytes: given.maxMemory },
		start: given.start,
	});
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/** Without the keys that have no value: on the wire undefined would be a null. */
const defined = <T extends object>(values: T): Defined<T> =>
	Object.fromEntries(Object.entries(values).filter(([, each]) => each !== undefined)) as Defined<T>;

/** What is about who types; another user has these of his own. */
const ofTheUser = /^(HOME|USER|SHELL)$/;

function environmentOf({ world }: Context, given: Options): Record<string, string> {
	const env: Record<string, string> = {};
	const isTaken = (name: string) => given.user === undefined || !ofTheUser.test(name);
	for (const [name, value] of Object.entries(inheritedOf(world.env))) if (isTaken(name)) env[name] = value;
	for (const file of given.envFile ?? []) Object.assign(env, readEnvFile(file, world.cwd));
	for (const { name, value } of given.env ?? []) {
		const here = value ?? world.env[name];
		if (here !== undefined) env[name] = here;
	}
	return env;
}
