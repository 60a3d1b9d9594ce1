import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMsgpackCodec, preface } from '@orch/protocol/wire';
import { ManualClock, until } from '@orch/base/testing';
import { askInJson, notJson } from './ask.ts';
import { systemClock } from './clock.ts';
import type { Context } from './context.ts';
import { placesOf } from './places.ts';
import { reconnect } from './reconnect.ts';
import { type FakeDaemon, startFakeDaemon } from './testing/fake-daemon.ts';
import { explainConnectFailure, refuseForeignDirectory } from './connect-failure.ts';
import { runCli } from './testing/run-cli.ts';
import type { World } from './world.ts';

let directory: string;
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), 'orch-connect-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function listening(path: string, onConnection: (socket: Socket) => void): Promise<Server> {
	const server = createServer(onConnection);
	await new Promise<void>((resolve) => server.listen(path, resolve));
	return server;
}
const closed = (server: Server) => new Promise((resolve) => server.close(resolve));

const world = (over: Partial<World>): World =>
	({
		env: {},
		cwd: '/',
		uid: 1000,
		userName: () => 'ben',
		homeDirectory: () => '/home/ben',
		temporaryDirectory: () => '/tmp',
		...over,
	}) as World;

describe('where orchd is looked for', () => {
	it('ORCH_SOCKET and ORCH_HOME are taken from where they were typed', () => {
		const places = placesOf(world({ cwd: '/srv/work', env: { ORCH_SOCKET: 'run/o.sock', ORCH_HOME: 'state' } }), undefined);
		expect([places.socket, places.home, places.logFile]).toEqual([
			'/srv/work/run/o.sock',
			'/srv/work/state',
			'/srv/work/state/orchd.log',
		]);
		expect(placesOf(world({ env: { ORCH_SOCKET: '/a' } }), '/b').socket).toBe('/b');
	});

	it('a socket that is not the default has a state of its own', () => {
		const { home } = placesOf(world({ env: { ORCH_SOCKET: '/x/o.sock' } }), undefined);
		expect(home).toMatch(/^\/home\/ben\/\.local\/state\/orch\/at-[0-9a-f]{12}$/);
		expect(placesOf(world({ env: { XDG_RUNTIME_DIR: '/run/user/1000' } }), undefined)).toMatchObject({
			socket: '/run/user/1000/orch/orchd.sock',
			home: '/home/ben/.local/state/orch',
		});
	});
});

describe('where nobody answers', () => {
	it('E101: no socket', async () => {
		const socket = join(directory, 'o.sock');
		expect(await runCli(['ps'], { socket })).toEqual({
			code: 5,
			out: '',
			err: `orch: orchd is not running (no socket at ${socket})\nhint: orch daemon start        (reading commands do not start it; orch up and orch runtime add do)\n`,
		});
	});

	it('E101 for whatever asks, but orch alone, and daemon stop, which has nothing to do', async () => {
		const socket = join(directory, 'o.sock');
		for (const line of [
			'version',
			'status',
			'stop x',
			'link tap',
			'runtime stdout x',
			'call runtime.list',
			'clear -y',
			'daemon status',
		])
			expect([line, (await runCli(line.split(' '), { socket })).code]).toEqual([line, 5]);
		expect(await runCli(['daemon', 'stop'], { socket })).toEqual({ code: 0, out: '', err: 'orch: orchd is not running\n' });
		const home = await runCli([], { socket });
		expect(home.code).toBe(0);
		expect(home.out).toContain('orchd is not running; it starts with the first runtime, or: orch daemon start');
	});

	it('orch version and orch daemon status say what they know', async () => {
		const socket = join(directory, 'o.sock');
		expect((await runCli(['version'], { socket })).out).toBe(`orch  0.1.0  (protocol 1, Node ${process.versions.node})\n`);
		const { out } = await runCli(['daemon', 'status'], { socket, env: { ORCH_HOME: '/state' } });
		expect(out).toBe(`orchd  not running\n  socket  ${socket}\n  state   /state\n  log     /state/orchd.log\n`);
	});

	it('E102: a socket that was left behind, with the last line of its log', async () => {
		const socket = join(directory, 'o.sock');
		// a server that is closed in the orderly way takes its file with it: this one's is moved out of its way
		const server = await listening(join(directory, 'moved.sock'), () => {});
		const { renameSync } = await import('node:fs');
		renameSync(join(directory, 'moved.sock'), socket);
		await closed(server);
		writeFileSync(
			join(directory, 'orchd.log'),
			'{"level":"info","time":"2026-01-01T00:00:00.000Z","name":"orchd","pid":7,"msg":"listening"}\n{"level":"error","time":"2026-01-01T00:00:01.000Z","name":"orchd","pid":7,"error":{"message":"out of memory"},"msg":"defect"}\n',
		);
		expect(await runCli(['ps'], { socket, env: { ORCH_HOME: directory } })).toEqual({
			code: 5,
			out: '',
			err: `orch: a socket is left at ${socket} but nothing answers (orchd, pid 7, is gone)\n  last line of ${directory}/orchd.log: 2026-01-01T00:00:01.000Z error orchd[7] defect error="out of memory"\nhint: orch daemon start        (removes the stale socket; runtimes still alive are adopted)\n`,
		});
	});

	it('E155: something else at that path', async () => {
		const path = join(directory, 'file');
		writeFileSync(path, '');
		expect((await runCli(['ps'], { socket: path })).err).toBe(
			`orch: ${path} is a file, not the socket of an orchd\nhint: check ORCH_SOCKET\n`,
		);
		expect(await runCli(['ps'], { socket: directory })).toMatchObject({
			code: 8,
			err: expect.stringContaining('is a directory, not the socket'),
		});
	});

	it('E132: a path that is too long', async () => {
		const socket = `/${'x'.repeat(120)}`;
		expect(await runCli(['ps'], { socket })).toMatchObject({
			code: 8,
			err: `orch: socket path is 121 bytes, the system allows 107: ${socket}\nhint: export ORCH_SOCKET=/tmp/orch.sock\n`,
		});
	});

	it('E103: somebody else’s socket, or a directory on the way', () => {
		const path = join(directory, 'o.sock');
		writeFileSync(path, '');
		chmodSync(path, 0o600);
		const denied = Object.assign(new Error('connect EACCES'), { code: 'EACCES' });
		const explain = (socket: string) => explainConnectFailure(denied, world({}), { ...placesOf(world({}), socket), socket });
		const me = process.getuid?.() === 0 ? 'root' : expect.any(String);
		expect(explain(path)).toMatchObject({
			code: 'daemon.socket_denied',
			data: { socket: path, owner: me, mode: '0600', self: 'ben' },
		});
		expect(explain(join(directory, 'not', 'there.sock')).data).toMatchObject({ socket: directory, mode: '0700' });
	});

	it('E156: a default directory that somebody else has made', async () => {
		const uid = (process.getuid?.() ?? 0) + 1;
		mkdirSync(join(directory, `orch-${uid}`));
		const foreign = world({ uid, temporaryDirectory: () => directory });
		expect(() => refuseForeignDirectory(foreign, placesOf(foreign, undefined))).toThrow('no orchd in it can be trusted');
		const ran = await runCli(['ps'], { uid, temporaryDirectory: directory });
		expect(ran.code).toBe(6);
		const own = world({ uid: uid - 1, temporaryDirectory: () => directory });
		mkdirSync(join(directory, `orch-${uid - 1}`));
		expect(() => refuseForeignDirectory(own, placesOf(own, undefined))).not.toThrow();
	});
});

describe('where somebody else answers', () => {
	it('E122: an orchd of another protocol', async () => {
		const socket = join(directory, 'o.sock');
		const codec = createMsgpackCodec();
		const server = await listening(socket, (connection) => {
			connection.on('error', () => {});
			connection.once('data', () =>
				connection.end(codec.encode({ kind: 'hello', hello: { proto: [7, 9], agent: 'orchd 9.0.0', pid: 1, maxFrame: 1 } })),
			);
		});
		const told = (daemon: string) => ({
			code: 9,
			out: '',
			err: `orch: this client (orch 0.1.0, protocol 1) cannot talk to orchd (orchd 9.0.0, protocol 7–9)\n  client ${process.argv[1]}\n  daemon ${daemon}\nhint: use the orch that came with that orchd, or a newer one\n`,
		});
		expect(await runCli(['link', 'ls'], { socket })).toEqual(told('(pid 1)'));
		// where this machine tells more of it
		const proc = join(directory, 'proc');
		mkdirSync(join(proc, '1'), { recursive: true });
		writeFileSync(join(proc, '1', 'cmdline'), '/usr/bin/node\0/opt/orch/orchd.cjs\0--socket\0/x\0');
		writeFileSync(join(proc, '1', 'stat'), `1 (a) b) S ${Array.from({ length: 18 }, () => 0).join(' ')} 100000 0\n`);
		writeFileSync(join(proc, 'uptime'), '87400.00 1.00\n');
		expect(await runCli(['link', 'ls'], { socket, root: directory })).toEqual(told('/opt/orch/orchd.cjs (pid 1, up 1d)'));
		await closed(server);
	});

	it('a connection that ends before the answer says so', async () => {
		const socket = join(directory, 'o.sock');
		const server = await listening(socket, (connection) => {
			connection.on('error', () => {});
			connection.once('data', () => connection.end());
		});
		expect(await runCli(['ps'], { socket })).toEqual({
			code: 5,
			out: '',
			err: 'orch: the connection ended before the answer: orchd closed the connection\n',
		});
		await closed(server);
	});
});

describe('where somebody takes connections and says nothing', () => {
	let socket: string;
	let server: Server;
	let connections: Socket[];
	beforeEach(async () => {
		connections = [];
		socket = join(directory, 'o.sock');
		server = await listening(socket, (connection) => void connections.push(connection));
	});
	afterEach(async () => {
		for (const connection of connections) connection.destroy();
		await closed(server);
	});

	it.each([
		'logs web',
		'logs web -f',
		'runtime stdout web --no-follow',
		'runtime stdout web',
		'events',
		'link tap',
		'call daemon.status',
		'call daemon.events',
		'down -p shop',
		'project reload shop',
		'stop web',
		'daemon start',
		'daemon stop',
		'daemon restart',
		'top --json',
	])('orch %s waits no longer than --timeout', async (line) => {
		const ran = await runCli([...line.split(' '), '--timeout', '50ms'], { socket, clock: systemClock });
		expect(ran).toMatchObject({ code: 124, out: '', err: expect.stringContaining('no answer within 50 ms') });
	});

	it.each(['logs web', 'daemon stop', 'stop web', 'down -p shop'])('orch %s waits no longer than 10 s', async (line) => {
		const clock = new ManualClock();
		const ran = runCli(line.split(' '), { socket, clock });
		await until('it has asked', () => connections.length > 0);
		await clock.advance(10_000);
		expect(await ran).toMatchObject({ code: 124 });
	});

	it('orch logs -f that comes back to it ends by Ctrl-C', async () => {
		const interruption = new AbortController();
		const places = placesOf(world({}), socket);
		const context = { world: { clock: systemClock }, places, note: () => {} } as unknown as Context;
		const waiting = reconnect(context, interruption.signal);
		await until('it is connected', () => connections.length > 0);
		interruption.abort();
		await expect(waiting).rejects.toThrow('aborted');
	});
});

it('--timeout is for all of what has an end, and not for what goes on', async () => {
	const daemon = await startFakeDaemon();
	const item = { lines: [], dropped: [], cursor: {} };
	daemon.override('runtime.logs', async function* (_params, { signal }) {
		yield item;
		await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
		return { ended: 'end' };
	});
	const clock = new ManualClock();
	const ran = (...args: string[]) => {
		const asked = until('it has asked', () => daemon.requests.some(({ operation }) => operation === 'runtime.logs'));
		return {
			asked,
			ended: runCli([...args, '--timeout', '5s'], { socket: daemon.socket, clock, interrupt: (each) => (fire = each) }),
		};
	};
	let fire: (exitCode?: number) => void = () => {};
	const finite = ran('logs', '--no-prefix');
	await finite.asked;
	await clock.advance(5_000);
	expect(await finite.ended).toMatchObject({ code: 124 });
	daemon.requests.length = 0;
	const endless = ran('logs', '-f', '--no-prefix');
	await endless.asked;
	await clock.advance(60_000);
	fire();
	expect(await endless.ended).toMatchObject({ code: 130 });
	await daemon[Symbol.asyncDispose]();
});

it.each(['down', 'reload'] as const)('--timeout is for all of a project %s, which an interruption just ends', async (what) => {
	await using daemon = await startFakeDaemon();
	const never = () => new Promise<never>(() => {});
	// biome-ignore lint/correctness/useYield: a project of which nothing is told
	daemon.override(`project.${what}`, async function* () {
		return never();
	});
	const clock = new ManualClock();
	const typed = what === 'down' ? ['down', '-p', 'shop'] : ['project', 'reload', 'shop'];
	const listensFor = { interruptions: 0 };
	const ran = runCli([...typed, '--timeout', '5s'], {
		socket: daemon.socket,
		clock,
		interrupt() {
			listensFor.interruptions++;
		},
	});
	await until('it has asked', () => daemon.requests.length > 0);
	await clock.advance(5_000);
	expect(await ran).toEqual({ code: 124, out: '', err: 'orch: no answer within 5000 ms\n' });
	expect([clock.pending, listensFor.interruptions]).toEqual([0, 0]);
});

it('orch daemon stop says so where orchd has answered and does not go', async () => {
	await using daemon = await startFakeDaemon();
	const clock = new ManualClock();
	const ran = runCli(['daemon', 'stop'], { socket: daemon.socket, clock });
	await until('it waits for its end', () => clock.nextMs === 15_000);
	await clock.advance(15_000);
	expect(await ran).toMatchObject({ code: 1, out: '', err: expect.stringContaining('after 15 s its pid') });
});

/** `orch daemon …` with a limit of 2 s, of which 1.5 s are over when orchd answers that it stops, which it then does not. */
async function endlessEnd(daemon: FakeDaemon, typed: string) {
	const clock = new ManualClock();
	const status = JSON.parse((await runCli(['daemon', 'status', '--json'], { socket: daemon.socket })).out);
	daemon.override('daemon.status', async () => ({ ...status, pid: process.pid }));
	let answer = () => {};
	daemon.override('daemon.stop', () => new Promise((resolve) => (answer = () => resolve({ stopped: 0, kept: 0 }))));
	const ran = runCli(['daemon', typed, '--timeout', '2s'], { socket: daemon.socket, clock });
	await until('it has asked', () => daemon.requests.some(({ operation }) => operation === 'daemon.stop'));
	await clock.advance(1_500);
	for (const session of daemon.sessions) session.whenAnswered(() => session.close());
	answer();
	// the connection is gone, and orchd is not
	await until('it looks again', () => clock.nextMs === 10);
	return { ran, clock };
}

it('orch daemon stop waits no longer than --timeout for the end of orchd, all in all', async () => {
	await using daemon = await startFakeDaemon();
	const { ran, clock } = await endlessEnd(daemon, 'stop');
	await clock.advance(500);
	expect(await ran).toMatchObject({ code: 124, out: '', err: expect.stringContaining('no answer within 2000 ms') });
	expect(clock.pending).toBe(0);
});

it.each(['restart', 'upgrade'])(
	'orch daemon %s does not give up between the end of one orchd and the start of the next',
	async (typed) => {
		await using daemon = await startFakeDaemon();
		const { ran, clock } = await endlessEnd(daemon, typed);
		await clock.advance(15_000);
		expect(await ran).toMatchObject({ code: 1, out: '', err: expect.stringContaining('after 15 s its pid') });
		expect(clock.pending).toBe(0);
	},
);

describe('a request', () => {
	it('leaves in the same write as the hello', async () => {
		const first = new Promise<number>((resolve) => {
			const relay = join(directory, 'relay.sock');
			void listening(relay, (connection) => {
				connection.on('error', () => {});
				connection.once('data', (bytes) => {
					const kinds: string[] = [];
					createMsgpackCodec().decode(bytes.subarray(preface.length), (message) =>
						kinds.push('kind' in message ? message.kind : 'fault'),
					);
					resolve(kinds.length);
					connection.destroy();
				});
			}).then(async (server) => {
				await runCli(['link', 'ls'], { socket: relay });
				await closed(server);
			});
		});
		expect(await first).toBe(2);
	});
});

describe('a fast question', () => {
	const answering = async (answer: (line: string, socket: Socket) => void) => {
		const path = join(directory, 'o.sock');
		const server = await listening(path, (socket) => {
			let text = '';
			socket.on('error', () => {});
			socket.on('data', (bytes) => {
				text += String(bytes);
				const lines = text.split('\n');
				if (lines.length === 3) answer(lines[1] ?? '', socket);
			});
		});
		return { path, server };
	};

	it('is a line behind the hello, and its answer may come in any pieces', async () => {
		const { path, server } = await answering((line, socket) => {
			expect(JSON.parse(line)).toEqual({ id: 1, op: 'runtime.list', params: {} });
			socket.write('{"id":1,');
			setImmediate(() => socket.write('"ok":[]}\n'));
		});
		expect(await runCli(['ps', '--json'], { socket: path })).toMatchObject({ code: 0, out: '[]\n' });
		await closed(server);
	});

	it('gets an answer that is longer than a frame may be', async () => {
		await using daemon = await startFakeDaemon();
		const line = 'web  running\n';
		const text = line.repeat(Math.ceil((17 * 1024 * 1024) / line.length));
		daemon.override('runtime.table', async () => ({ text }));
		const { code, out, err } = await runCli(['ps'], { socket: daemon.socket });
		expect([code, err, out === text]).toEqual([0, '', true]);
	});

	it('takes no longer an answer than it has said, and leaves that to the frames', async () => {
		const hellos: unknown[] = [];
		const path = join(directory, 'o.sock');
		const server = await listening(path, (socket) => {
			socket.on('error', () => {});
			socket.once('data', (bytes) => {
				hellos.push(JSON.parse(String(bytes).split('\n')[0] ?? ''));
				socket.write(`{"id":1,"ok":"${'x'.repeat(2_000)}`);
			});
		});
		const testWorld = { clock: systemClock } as unknown as World;
		const answer = await askInJson(testWorld, placesOf(world({}), path), 'runtime.list', {}, 1_000);
		expect(answer).toBe(notJson);
		expect(hellos).toMatchObject([{ hello: { maxFrame: 1_000 } }]);
		await closed(server);
	});

	it('fails as any other: with the error of orchd, or because that closes the connection', async () => {
		const refusing = await answering((_line, socket) =>
			socket.write('{"id":1,"error":{"code":"busy","number":"E150","message":"too much","exit":1,"retryable":true}}\n'),
		);
		expect(await runCli(['ps'], { socket: refusing.path })).toMatchObject({ code: 1, err: 'orch: too much\n' });
		await closed(refusing.server);
		const closing = await answering((_line, socket) => socket.end());
		const { code, err } = await runCli(['ps'], { socket: closing.path });
		expect([code, err]).toEqual([5, expect.stringContaining('orchd closed the connection')]);
		await closed(closing.server);
	});
});
