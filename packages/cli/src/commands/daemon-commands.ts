/** `orch daemon start|stop|restart|upgrade|status`: orchd itself. */
import { version } from '@orch/protocol/wire';
import { choice } from '../args/values.ts';
import { command } from '../command.ts';
import type { Connection } from '../connect.ts';
import { isDaemonMissing } from '../connect-failure.ts';
import type { Context } from '../context.ts';
import { daemonArgs, daemonEnv, startDaemon } from '../daemon-start.ts';
import { awaitEnd } from '../daemon-stop.ts';
import { CliError } from '../errors.ts';
import { flag, value } from '../option.ts';
import { plural } from '../render/time.ts';
import { showDaemonStatus } from './daemon-status.ts';

export const daemonStart = command({
	path: ['daemon', 'start'],
	summary: 'Start orchd; changes nothing where it runs already',
	notes: ['With --foreground this very process becomes orchd: its log comes here, Ctrl-C stops all runtimes and ends it.'],
	options: { foreground: flag('--foreground', 'in this terminal, until Ctrl-C') },
	examples: ['orch daemon start', 'orch daemon start --foreground'],
	json: 'the versions of orchd',
	async run(context, { options: { foreground } }) {
		if (foreground) {
			replaceEnv(daemonEnv(context.world.env));
			return context.world.becomeDaemon(daemonArgs(context.places));
		}
		const { pid, started } = await running(context);
		if (context.json) context.printJson(await context.read('daemon.version', {}));
		else if (started) context.note(`orch: started orchd (pid ${pid}), log ${context.places.logFile}`);
		else context.note(`orch: orchd is running already (pid ${pid})`);
		return undefined;
	},
});

async function running(context: Context): Promise<{ readonly pid: number; readonly started: boolean }> {
	// one that is starting or stopping is waited for
	const found = await answering(context).catch((error: unknown) => {
		if (isUnheard(error)) return undefined;
		throw error;
	});
	if (found) return { pid: (await context.hello()).pid, started: false };
	const { connection, pid } = await startDaemon(context.world, context.places);
	context.adopt(connection);
	return { pid: (await connection.session.hello()).pid, started: pid !== undefined };
}

/** Undefined where no orchd runs; whatever else is wrong is thrown. */
async function answering(context: Context): Promise<Connection | undefined> {
	const connection = await context.connection();
	try {
		await connection.connected;
		return connection;
	} catch (error) {
		if (isDaemonMissing(error) && !isUnheard(error)) return undefined;
		throw error;
	}
}

/** It runs, and what is to become of it cannot be said to it. */
const isUnheard = (error: unknown): boolean => error instanceof CliError && error.code === 'daemon.unheard';

/** orchd reads its variables from this process, which becomes it. */
function replaceEnv(env: Readonly<Record<string, string>>): void {
	for (const name of Object.keys(process.env)) if (!Object.hasOwn(env, name)) delete process.env[name];
}

export const daemonStop = command({
	path: ['daemon', 'stop'],
	summary: 'Stop all runtimes gracefully, then orchd; returns once it is gone',
	notes: [
		'The next orchd starts the runtimes again that ran. With --runtimes keep they run on meanwhile, links flow on, and the next orchd knows them again.',
	],
	options: { runtimes: value('--runtimes keep|stop', 'what becomes of the runtimes   [stop]', choice(['keep', 'stop'])) },
	examples: ['orch daemon stop', 'orch daemon stop --runtimes keep'],
	json: '{"stopped","kept"}: how many runtimes were stopped, and how many run on',
	async run(context, { options: { runtimes } }) {
		const connection = await answering(context);
		if (!connection) {
			if (context.json) context.printJson({ stopped: 0, kept: 0 });
			else context.note('orch: orchd is not running');
			return undefined;
		}
		const { pid } = await context.hello();
		const { stopped, kept } = await context.withinTimeout(async (signal) => {
			const answer = await context.act('daemon.stop', runtimes === undefined ? {} : { runtimes });
			await awaitEnd(context.world, context.places, connection, pid, signal);
			return answer;
		});
		const and = stopped > 0 ? ` and ${plural(stopped, 'runtime')}` : kept > 0 ? `; ${plural(kept, 'runtime')} kept running` : '';
		if (context.json) context.printJson({ stopped, kept });
		else context.note(`orch: stopped orchd (pid ${pid})${and}`);
		return undefined;
	},
});

export const daemonRestart = command({
	path: ['daemon', 'restart'],
	summary: 'End orchd and start it again; no runtime is restarted, and links flow on',
	examples: ['orch daemon restart'],
	json: '{"from","to","kept"}: the pids, and how many runtimes ran on',
	async run(context) {
		const { from, to, kept } = await replaceDaemon(context);
		if (context.json) context.printJson({ from: from?.pid ?? null, to: to.pid, kept });
		else if (from) context.note(`orch: restarted orchd (pid ${from.pid} → ${to.pid}); ${plural(kept, 'runtime')} kept running`);
		else context.note(`orch: started orchd (pid ${to.pid}); none was running`);
		return undefined;
	},
});

export const daemonUpgrade = command({
	path: ['daemon', 'upgrade'],
	summary: 'Replace the running orchd by the one that came with this orch; no runtime is restarted',
	options: { dryRun: flag('--dry-run', 'only say what would be done') },
	examples: ['git pull && npm ci && npm run build && orch daemon upgrade', 'orch daemon upgrade --dry-run'],
	json: '{"from","to","kept"}: the versions, and how many runtimes ran on; with --dry-run, what would be',
	async run(context, { options: { dryRun } }) {
		if (dryRun) {
			const running = (await answering(context)) ? await context.read('daemon.status', {}) : undefined;
			const kept = Object.entries(running?.runtimes ?? {}).reduce(
				(sum, [status, count]) => sum + (livingStatuses.has(status) ? count : 0),
				0,
			);
			if (context.json) context.printJson({ from: running?.version ?? null, to: version, kept });
			else if (running)
				context.note(`orch: would replace orchd ${running.version} by ${version} and keep ${plural(kept, 'runtime')} running`);
			else context.note(`orch: orchd is not running; would start ${version}`);
			return undefined;
		}
		const { from, to, kept } = await replaceDaemon(context);
		if (context.json) context.printJson({ from: from?.version ?? null, to: to.version, kept });
		else if (!from) context.note(`orch: started orchd ${to.version} (pid ${to.pid}); none was running`);
		else context.note(`orch: orchd ${from.version} → ${to.version} (pid ${to.pid}); ${plural(kept, 'runtime')} kept running`);
		return undefined;
	},
});

/** Statuses in which a process may be there. */
const livingStatuses: ReadonlySet<string> = new Set(['starting', 'running', 'stopping']);

interface Replaced {
	readonly from: { readonly pid: number; readonly version: string } | undefined;
	readonly to: { readonly pid: number; readonly version: string };
	readonly kept: number;
}

/** Ends the orchd that runs, without its runtimes, and starts another one on the same socket and state. */
async function replaceDaemon(context: Context): Promise<Replaced> {
	const connection = await answering(context);
	if (!connection) {
		const { connection: started } = await startDaemon(context.world, context.places);
		context.adopt(started);
		return { from: undefined, to: await context.read('daemon.version', {}), kept: 0 };
	}
	const { pid, version: before, socket, home } = await context.read('daemon.status', {});
	// its state may be elsewhere than this client would look for it
	const places = { ...context.places, socket, home, logFile: `${home}/orchd.log` };
	const { kept } = await context.act('daemon.stop', { runtimes: 'keep' });
	// also where a time was given: whoever gave up here would be left without any orchd
	await awaitEnd(context.world, places, connection, pid);
	const { connection: started } = await startDaemon(context.world, places);
	context.adopt(started);
	return { from: { pid, version: before }, to: await context.read('daemon.version', {}), kept };
}

export const daemonStatus = command({
	path: ['daemon', 'status'],
	summary: 'Show how orchd is; without one, where it would be',
	examples: ['orch daemon status', 'orch daemon status --json | jq .pid'],
	json: 'the status of orchd; without one an error on standard error, exit code 5',
	run: (context) => showDaemonStatus(context),
});
