/** NATS with its own client for Node: a server of one's own on a free port of the loopback. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { baselinePath, startChild, startProgram } from './children.mjs';
import { installPackages } from './packages.mjs';
import { processorMicros } from './processes.mjs';
import { until } from './wait.mjs';

const clientVersion = '3.4.0';

/** Where the client is and which server, or {problem}: the sentence that says why the bench is skipped. */
export function findNats() {
	const server = ['nats-server', '/usr/sbin/nats-server', '/usr/local/bin/nats-server'].find(
		(path) => spawnSync(path, ['--version']).status === 0,
	);
	if (server === undefined) return { problem: 'nats-server is not installed (on Debian: apt install nats-server)' };
	const version = spawnSync(server, ['--version'], { encoding: 'utf8' }).stdout.trim();
	const { folder, problem } = installPackages(`nats-${clientVersion}`, {
		dependencies: { '@nats-io/transport-node': clientVersion },
		// the one that the client would take asks for Node 22
		overrides: { '@nats-io/nuid': '^2.0.3' },
	});
	if (problem !== undefined) return { problem };
	return { server, version, client: createRequire(`${folder}/package.json`).resolve('@nats-io/transport-node') };
}

async function startServer(scratch, nats) {
	const directory = scratch.fresh('n');
	const server = startChild(
		scratch,
		nats.server,
		['-a', '127.0.0.1', '-p', '-1', '--ports_file_dir', directory, '-l', `${directory}/log`],
		{ name: 'nats-server', talks: false },
	);
	const url = await until(
		() => {
			const file = existsSync(directory) && readdirSync(directory).find((name) => name.endsWith('.ports'));
			if (!file) return undefined;
			try {
				return JSON.parse(readFileSync(`${directory}/${file}`, 'utf8')).nats[0];
			} catch {
				// it is still being written
				return undefined;
			}
		},
		10_000,
		'the port of nats-server',
	);
	return { url, pid: server.pid, stop: () => server.end() };
}

export async function natsThroughput(scratch, nats, { size, count }) {
	const warm = Math.floor(count / 3);
	const server = await startServer(scratch, nats);
	const common = { client: nats.client, url: server.url };
	const receiver = startProgram(scratch, baselinePath('nats-receiver.mjs'), { ...common, warm, count });
	await receiver.hears('ready');
	const sender = startProgram(scratch, baselinePath('nats-sender.mjs'), { ...common, size, count: warm + count });
	await sender.hears('ready');
	const before = processorMicros(server.pid);
	sender.tell('go');
	const done = await receiver.hears('done');
	const middleMicros = processorMicros(server.pid) - before;
	await sender.done();
	await receiver.end();
	await server.stop();
	if (done.bytes !== (warm + count) * size) throw new Error(`NATS lost messages: ${JSON.stringify(done)}`);
	return { perSecond: (count / done.nanos) * 1e9, middleMicrosPerMessage: middleMicros / (warm + count) };
}

export async function natsRoundTrip(scratch, nats, { size, count }) {
	const server = await startServer(scratch, nats);
	const common = { client: nats.client, url: server.url };
	const echo = startProgram(scratch, baselinePath('nats-echo.mjs'), common);
	await echo.hears('ready');
	const asker = startProgram(scratch, baselinePath('nats-asker.mjs'), { ...common, size, warm: Math.floor(count / 4), count });
	await asker.hears('ready');
	asker.tell('go');
	const done = await asker.hears('done');
	await asker.done();
	await echo.end();
	await server.stop();
	return done;
}
