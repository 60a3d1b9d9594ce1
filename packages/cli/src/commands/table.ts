/** Every command but help, which reads this table; in the order in which help lists them. */
import type { Command } from '../command.ts';
import { apply } from './apply.ts';
import { call } from './call.ts';
import { clear } from './clear.ts';
import { completion } from './completion.ts';
import { daemonRestart, daemonStart, daemonStatus, daemonStop, daemonUpgrade } from './daemon-commands.ts';
import { daemonInstall, daemonUninstall } from './daemon-install.ts';
import { daemonLogs } from './daemon-logs.ts';
import { diff } from './diff.ts';
import { doctor } from './doctor.ts';
import { down } from './down.ts';
import { events } from './events.ts';
import { explain } from './explain.ts';
import { init } from './init.ts';
import { graph, linkGraph } from './graph.ts';
import { linkAdd } from './link-add.ts';
import { linkList } from './link-list.ts';
import { linkRemove } from './link-remove.ts';
import { linkSend } from './link-send.ts';
import { linkShow } from './link-show.ts';
import { linkStats } from './link-stats.ts';
import { linkTap } from './link-tap.ts';
import { linkTypes } from './link-types.ts';
import { logs } from './logs.ts';
import { projectList, projectReload, projectShow } from './project-commands.ts';
import { ps } from './ps.ts';
import { restart } from './restart.ts';
import { runnerAdd, runnerList, runnerRemove, runnerShow } from './runner-commands.ts';
import { runtimeAdd } from './runtime-add.ts';
import { runtimeStderr, runtimeStdout } from './runtime-output.ts';
import { runtimeRemove } from './runtime-remove.ts';
import { runtimeScale } from './runtime-scale.ts';
import { runtimeShow } from './runtime-show.ts';
import { runtimeSignal } from './runtime-signal.ts';
import { schema } from './schema.ts';
import { start } from './start.ts';
import { status } from './status.ts';
import { stop } from './stop.ts';
import { top } from './top.ts';
import { up } from './up.ts';
import { config, validate } from './validate.ts';
import { versionCommand } from './version.ts';
import { wait } from './wait.ts';
import { why } from './why.ts';

/** A daily verb under its full name. */
const inFull = (daily: Command, verb: string, aliases: readonly string[] = []): Command => ({
	...daily,
	path: ['runtime', verb],
	aliases,
	examples: (daily.examples ?? []).map((line) =>
		line
			.replaceAll(`orch ${daily.path[0]} `, `orch runtime ${verb} `)
			.replace(new RegExp(`orch ${daily.path[0]}$`), `orch runtime ${verb}`),
	),
});

export const commandTable: readonly Command[] = [
	init,
	up,
	down,
	diff,
	apply,
	validate,
	config,
	graph,
	explain,
	schema,
	ps,
	start,
	stop,
	restart,
	status,
	why,
	wait,
	logs,
	top,
	events,
	clear,
	versionCommand,
	call,
	doctor,
	completion,
	runtimeAdd,
	inFull(ps, 'list', ['ls']),
	runtimeShow,
	inFull(start, 'start'),
	inFull(stop, 'stop'),
	inFull(restart, 'restart'),
	runtimeRemove,
	runtimeScale,
	runtimeSignal,
	inFull(logs, 'logs'),
	runtimeStdout,
	runtimeStderr,
	projectList,
	projectShow,
	projectReload,
	linkAdd,
	linkList,
	linkShow,
	linkRemove,
	linkTap,
	linkSend,
	linkStats,
	linkTypes,
	linkGraph,
	runnerAdd,
	runnerList,
	runnerShow,
	runnerRemove,
	daemonStart,
	daemonStop,
	daemonRestart,
	daemonUpgrade,
	daemonStatus,
	daemonLogs,
	daemonInstall,
	daemonUninstall,
];
