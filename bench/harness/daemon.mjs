/** An orchd of one's own on a private socket, with one client connection to it. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startChild } from './children.mjs';
import { controlClient } from './control.mjs';
import { isAlive } from './processes.mjs';
import { until } from './wait.mjs';

const program = fileURLToPath(new URL('../../packages/daemon/dist/orchd.cjs', import.meta.url));

/** With `directory` it comes after another one that was killed there. `answeredMs` is from its spawn to its first answer. */
export async function startDaemon(scratch, { nodeArgs = [], directory = scratch.fresh('d'), env = {} } = {}) {
	if (!existsSync(program)) throw new Error(`${program} is not there: run \`npm run build\` first`);
	const socket = `${directory}/orchd.sock`;
	const home = `${directory}/home`;
	const spawnedAt = performance.now();
	const daemon = startChild(
		scratch,
		process.execPath,
		[...nodeArgs, program, '--socket', socket, '--home', home, '--log-level', 'warn'],
		{
			name: 'orchd',
			talks: false,
			cwd: directory,
			env,
		},
	);
	const failed = daemon.exited.then((result) => {
		throw new Error(`orchd ended at its start: ${result.errors ?? result.message}`);
	});
	failed.catch(() => {
		// only of interest while it is being started
	});
	let control;
	let routerPid = 0;
	// SIGTERM stops all runtimes and the router; what does not go by that is killed, by the pid that we know to be ours
	const stop = scratch.add(async () => {
		control?.close();
		daemon.child.kill('SIGTERM');
		const left = () => [daemon.pid, routerPid].filter((pid) => pid > 0 && isAlive(pid));
		await until(() => left().length === 0, 30_000, 'the end of orchd').catch((error) => {
			for (const pid of left()) process.kill(pid, 'SIGKILL');
			throw error;
		});
		await daemon.end();
	});
	control = await controlClient(scratch, socket, failed);
	await control.call('daemon.version', {});
	const answeredMs = performance.now() - spawnedAt;
	routerPid = await until(
		async () => (await control.call('daemon.status', {})).router.pid ?? undefined,
		20_000,
		'the router of orchd',
		20,
	);
	return {
		pid: daemon.pid,
		routerPid,
		socket,
		home,
		directory,
		control,
		answeredMs,
		/** As `kill -9`: what it supervises lives on. */
		async kill() {
			control.close();
			daemon.child.kill('SIGKILL');
			await until(() => !isAlive(daemon.pid), 30_000, 'the death of orchd');
			await daemon.end();
		},
		stop,
		environment: { ORCH_SOCKET: socket, ORCH_HOME: home },
	};
}

/** As many at a time as one connection may have under way. */
export async function inParallel(items, work, atOnce = 60) {
	const results = [];
	let next = 0;
	const worker = async () => {
		for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index], index);
	};
	await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
	return results;
}
