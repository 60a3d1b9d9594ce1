/** A router of one's own, without a daemon: the bench gives it the table that orchd would. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { controlClient } from './control.mjs';
import { startChild } from './children.mjs';

const program = fileURLToPath(new URL('../../packages/router/dist/orch-router.cjs', import.meta.url));
const uuid = (number) => `018f0000-0000-7000-8000-${String(number).padStart(12, '0')}`;

/**
 * Starts a router with these runtimes and links. `links`: [{from, type, to, overflow?, messages?, bytes?}] by name.
 * Gives the environment of each runtime, and ways to look at the router.
 */
export async function startRouter(scratch, runtimes, links, { nodeArgs = [] } = {}) {
	if (!existsSync(program)) throw new Error(`${program} is not there: run \`npm run build\` first`);
	const directory = scratch.fresh('r');
	const socket = `${directory}/router.sock`;
	const router = startChild(
		scratch,
		process.execPath,
		[...nodeArgs, program, '--socket', socket, '--state', `${directory}/state`, '--log-level', 'warn'],
		{
			name: 'orch-router',
			talks: false,
			cwd: directory,
		},
	);
	const failed = router.exited.then((result) => {
		throw new Error(`orch-router ended at its start: ${result.errors ?? result.message}`);
	});
	failed.catch(() => {
		// only of interest while it is being started
	});
	const control = await controlClient(scratch, socket, failed);
	const ids = new Map(runtimes.map((name, index) => [name, uuid(index + 1)]));
	const ports = runtimes.map((name, index) => ({
		runtime: ids.get(name),
		name,
		socket: `${directory}/${index}.sock`,
		veecleSocket: `${directory}/${index}.v.sock`,
		privileged: false,
		generation: 1,
		token: randomBytes(32).toString('hex'),
	}));
	const table = links.map(({ from, type, to, overflow = 'block', messages = 1024, bytes = 8 * 1024 * 1024 }, index) => ({
		id: uuid(1000 + index),
		from: ids.get(from),
		type,
		to: ids.get(to),
		messages,
		bytes,
		overflow,
		whileDown: 'drop',
	}));
	const { problems } = await control.call('router.table', { version: 1, ports, links: table });
	if (problems.length > 0) throw new Error(`the router cannot listen: ${JSON.stringify(problems)}`);
	const environmentOf = (name) => {
		const port = ports[runtimes.indexOf(name)];
		return { ORCH_IPC_SOCKET: port.socket, ORCH_IPC_TOKEN: port.token, ORCH_RUNTIME_ID: port.runtime, ORCH_RUNTIME_NAME: name };
	};
	return {
		pid: router.pid,
		control,
		environmentOf,
		/** Figures of the links, in the order in which they were given. */
		async figures() {
			const { links: reports } = await control.call('router.stats', {});
			return table.map(({ id }) => reports.find((report) => report.id === id));
		},
		async stop() {
			control.close();
			// SIGTERM and not SIGKILL: a profile is only written at an orderly end
			await router.kill('SIGTERM');
			await router.end();
		},
	};
}
