/** `orch runtime show`: everything that is known of a runtime. */
import { duration, exitText, lifetimeText, memory, percent, printable, statusMark, statusText } from '@orch/base/text';
import { describeNeed } from '../args/needs.ts';
import { command } from '../command.ts';
import { flag } from '../option.ts';
import { renderDetails } from '../render/details.ts';
import { describeProbes } from '../render/probes.ts';
import { size } from '../render/time.ts';
import { masked, maskRuntime } from '../secrets.ts';
import type { Runtime } from './runtime-status.ts';

export const runtimeShow = command({
	path: ['runtime', 'show'],
	aliases: ['inspect'],
	summary: 'Show everything about a runtime',
	notes: [`Values of the environment and of probes that look like secrets are shown as ${masked}, in JSON too, unless --reveal.`],
	args: [{ name: 'RUNTIME', required: true }],
	options: {
		env: flag('--env', 'its environment as well'),
		reveal: flag('--reveal', 'secrets as they are'),
	},
	examples: ['orch runtime show ping', 'orch runtime show ping --env', 'orch runtime show ping --json | jq .restart'],
	json: 'the runtime, with its environment, the paths of its output and its sockets',
	async run(context, { args: [runtime = ''], options: { env, reveal } }) {
		const whole = await context.read('runtime.show', { runtime });
		const shown = reveal ? whole : maskRuntime(whole);
		if (context.json) context.printJson(shown);
		else if (context.namesOnly) context.print(`${shown.id}\n`);
		else context.print(render(shown, env || reveal ? shown.env : undefined, context.pretty, context.style));
		return undefined;
	},
});

function render(
	runtime: Runtime,
	env: Readonly<Record<string, string>> | undefined,
	pretty: boolean,
	style: Parameters<typeof renderDetails>[1],
): string {
	const { restart, stop, backoff } = runtime;
	const list = (lines: readonly string[]) => (lines.length > 0 ? lines.map(printable).join('\n') : undefined);
	const giveUp =
		restart.failures > 0 ? `gives up after ${restart.failures} failures in ${duration(restart.withinMs)}` : 'never gives up';
	const retry =
		restart.failures > 0 && restart.retryEveryMs !== null ? `, then tries every ${duration(restart.retryEveryMs)}` : '';
	return `${style.bold(runtime.name)}\n${renderDetails(
		[
			['id', `${runtime.id}  (short ${runtime.shortId})`],
			[
				'status',
				`${pretty ? `${statusMark(runtime)} ` : ''}${statusText(runtime)}${runtime.reason === null ? '' : `: ${printable(runtime.reason)}`}`,
			],
			['desired', runtime.desired],
			['ready', runtime.ready === null ? undefined : runtime.ready ? 'yes' : 'no'],
			['pid', runtime.pid === null ? undefined : String(runtime.pid)],
			['cpu', runtime.usage?.cpuPercent == null ? undefined : percent(runtime.usage.cpuPercent)],
			['memory', runtime.usage ? `${memory(runtime.usage.memoryBytes)} in ${runtime.usage.processes} processes` : undefined],
			['max memory', runtime.options.limits?.memoryBytes === undefined ? undefined : memory(runtime.options.limits.memoryBytes)],
			['started', runtime.startedAt ?? undefined],
			['ended', runtime.lastExit ? exitText(runtime.lastExit, asItIs) : undefined],
			['processes', `${runtime.generation}, restarted ${runtime.restarts} times by policy since its start`],
			[
				'failures',
				backoff && backoff.failures > 0 ? `${backoff.failures} of ${backoff.of} in ${duration(backoff.withinMs)}` : undefined,
			],
			['next try', backoff?.nextAt ?? undefined],
			['command', printable([runtime.command, ...runtime.args].join(' '))],
			['directory', printable(runtime.cwd)],
			['priority', runtime.priority],
			['privileged', runtime.privileged ? 'yes, may start and stop others' : undefined],
			[
				'restart',
				`${restart.when}: at once, then ${duration(restart.firstMs)} doubled up to ${duration(restart.capMs)}; ${giveUp}${retry}; healthy after ${duration(restart.healthyMs)}`,
			],
			['stop', stopText(stop)],
			...optionLines(runtime, list),
			['needs', list((runtime.options.needs ?? []).map(describeNeed))],
			['probes', list(describeProbes(runtime.options.probes))],
			['history', list(runtime.history.slice(0, shownLives).map(lifeText))],
			['added', runtime.addedAt],
			['connected', runtime.connected ?? 'no'],
			['socket', runtime.socket],
			['veecle', runtime.veecleSocket],
			['stdout', runtime.stdoutPath],
			['stderr', runtime.stderrPath],
			['escaped', list(runtime.escaped.map(({ pid, command }) => `pid ${pid}  ${command}`))],
			['warnings', list(runtime.warnings)],
			['env', env && list(Object.entries(env).map(([name, value]) => `${name}=${value}`))],
		],
		style,
	)}`;
}

function stopText({ signal, graceMs, command, commandMs }: Runtime['stop']): string {
	const first =
		command === undefined ? '' : `${printable(command.join(' '))} (${duration(commandMs ?? defaultCommandMs)} at most), `;
	return `${first}${signal}, SIGKILL after ${duration(graceMs)}`;
}

/** As orchd has it where nothing else is said. */
const defaultCommandMs = 10_000;

/** What it was given beside its program, and what came of it so far. */
function optionLines(
	{ group, options, restart, triggers }: Runtime,
	list: (lines: readonly string[]) => string | undefined,
): (readonly [string, string | undefined])[] {
	const { schedule, watch, labels = {} } = options;
	const due = triggers?.schedule;
	const watched = triggers?.watch;
	return [
		['instance', group ? `${group.index} of ${group.name}` : undefined],
		['labels', list(Object.entries(labels).map(([name, value]) => `${name}=${value}`))],
		['autostart', options.autostart === false ? 'no' : undefined],
		['success', restart.successExitCodes ? `exit codes 0, ${restart.successExitCodes.join(', ')}` : undefined],
		['user', options.user && printable(options.user)],
		['umask', options.umask],
		['ports', options.ports?.join(', ')],
		['max output', options.output && size(options.output.maxBytes)],
		['env files', list(options.envFiles ?? [])],
		[
			'schedule',
			schedule &&
				`${schedule.action} at ${printable(schedule.cron)}${schedule.timeZone === undefined ? '' : ` (${printable(schedule.timeZone)})`}${schedule.action === 'start' ? `, ${schedule.overlap ?? 'skip'} while it runs` : ''}`,
		],
		['next due', due ? (due.nextAt ?? 'never') : undefined],
		['last due', due?.lastAt == null ? undefined : `${due.lastAt}${due.last === null ? '' : `: ${printable(due.last)}`}`],
		['watches', watch && list([...watch.paths, ...(watch.ignore ?? []).map((pattern) => `but ${pattern}`)])],
		['last change', watched?.last ? `${watched.last.at}: ${printable(watched.last.file)}` : undefined],
	];
}

const shownLives = 5;

/** `#3  pid 4711, 12s: exit code 1, 2026-11-21T09:12:44.000Z`. */
function lifeText({ generation, pid, startedAt, endedAt, exit }: Runtime['history'][number]): string {
	const livedMs = endedAt === null ? 0 : Date.parse(endedAt) - Date.parse(startedAt);
	const lived = endedAt === null ? '' : `, ${exit ? lifetimeText(exit, livedMs) : duration(livedMs)}`;
	return `#${generation}  pid ${pid}${lived}: ${exit ? exitText(exit, asItIs) : 'runs'}`;
}

const asItIs = (time: string): string => time;
