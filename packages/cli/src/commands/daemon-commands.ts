/** `orch daemon start|stop|status|logs`: orchd itself. */
import { command } from '../command.ts';
import type { Connection } from '../connect.ts';
import { isDaemonMissing } from '../connect-failure.ts';
import type { Context } from '../context.ts';
import { daemonArgs, daemonEnv, startDaemon } from '../daemon-start.ts';
import { awaitEnd } from '../daemon-stop.ts';
import { flag } from '../option.ts';
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
	const found = await answering(context);
	if (found) return { pid: (await found.session.hello()).pid, started: false };
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
		if (isDaemonMissing(error)) return undefined;
		throw error;
	}
}

/** orchd reads its variables from this process, which becomes it. */
function replaceEnv(env: Readonly<Record<string, string>>): void {
	for (const name of Object.keys(process.env)) if (!Object.hasOwn(env, name)) delete process.env[name];
}

export const daemonStop = command({
	path: ['daemon', 'stop'],
	summary: 'Stop all runtimes gracefully, then orchd; returns once it is gone',
	examples: ['orch daemon stop'],
	json: '{"stopped"}: how many runtimes were running',
	async run(context) {
		const connection = await answering(context);
		if (!connection) {
			if (context.json) context.printJson({ stopped: 0 });
			else context.note('orch: orchd is not running');
			return undefined;
		}
		const { pid } = await connection.session.hello();
		const { stopped } = await context.act('daemon.stop', {});
		await connection.closed;
		await awaitEnd(context.world, context.places, pid);
		if (context.json) context.printJson({ stopped });
		else context.note(`orch: stopped orchd (pid ${pid})${stopped > 0 ? ` and ${plural(stopped, 'runtime')}` : ''}`);
		return undefined;
	},
});

export const daemonStatus = command({
	path: ['daemon', 'status'],
	summary: 'Show how orchd is; without one, where it would be',
	examples: ['orch daemon status', 'orch daemon status --json | jq .pid'],
	json: 'the status of orchd; without one an error on standard error, exit code 5',
	run: (context) => showDaemonStatus(context),
});
