import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { connectUnix, type Logger, silentLogger, socketChannel, systemClock } from '@orch/base';
import { until } from '@orch/base/testing';
import { lockName, ourHello, Session } from '@orch/protocol/wire';
import { afterEach, describe, expect, it } from 'vitest';
import { Locked, takeLock } from './lock.ts';
import { prepareSocketDirectory, SocketServer } from './socket-server.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
	for (const close of closers.splice(0).reverse()) await close();
});

function directory(): string {
	const path = mkdtempSync(join(tmpdir(), 'orch-socket-'));
	closers.push(() => rmSync(path, { recursive: true, force: true }));
	return path;
}

const echo = async (name: string, params: unknown) => {
	if (name === 'slow') await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
	return { kind: 'ok' as const, result: name === 'slow' ? 'slowly' : params };
};

async function open(
	path: string,
	options: { readonly maxConnections?: number; readonly log?: Logger } = {},
): Promise<SocketServer> {
	const server = await SocketServer.open({ path, dispatch: echo, log: silentLogger, clock: systemClock, ...options });
	closers.push(() => server.close());
	return server;
}

async function connect(path: string): Promise<Session> {
	const socket = await connectUnix(path);
	const channel = socketChannel(socket);
	const session = new Session({ channel, role: 'client', hello: ourHello('test/1', 1) });
	channel.bind({
		receive: (bytes) => session.receive(bytes),
		writable: () => session.writable(),
		disconnected: (reason) => session.disconnected(reason),
	});
	closers.push(() => socket.destroy());
	return session;
}

describe('the control socket', () => {
	it('is its owner’s alone from the first moment on', async () => {
		const path = join(directory(), 'o.sock');
		await open(path);
		expect(statSync(path).mode & 0o777).toBe(0o600);
	});

	it('is taken over when nobody answers on it', async () => {
		const path = join(directory(), 'o.sock');
		// a socket file whose process is gone: made by a server that loses its file's inode link to a hard link
		const dead = createServer();
		await new Promise<void>((resolve) => dead.listen(`${path}.x`, resolve));
		const { linkSync } = await import('node:fs');
		linkSync(`${path}.x`, path);
		await new Promise((resolve) => dead.close(resolve));
		expect(existsSync(path)).toBe(true);
		await open(path);
		const session = await connect(path);
		await expect(session.request('x', { a: 1 })).resolves.toEqual({ a: 1 });
	});

	it('is refused, untouched, when another program listens on it, or when it is no socket', async () => {
		const path = join(directory(), 'o.sock');
		const other = createServer((socket) => socket.end());
		await new Promise<void>((resolve) => other.listen(path, resolve));
		await expect(open(path)).rejects.toThrow('is in use by another program');
		await new Promise((resolve) => other.close(resolve));
		writeFileSync(path, 'precious');
		await expect(open(path)).rejects.toThrow('exists and is not a socket');
		expect(statSync(path).size).toBe(8);
	});

	it('answers one more connection than it takes by closing it, and goes on', async () => {
		const path = join(directory(), 'o.sock');
		const server = await open(path, { maxConnections: 2 });
		const first = await connect(path);
		const second = await connect(path);
		await Promise.all([first.hello(), second.hello()]);
		const third = await connect(path);
		await expect(third.hello()).rejects.toMatchObject({ code: 'disconnected' });
		expect(server.connections).toBe(2);
		await expect(first.request('x', 1)).resolves.toBe(1);
	});

	it('answers a client that has closed its side already, as one behind a pipe has', async () => {
		const path = join(directory(), 'o.sock');
		const server = await open(path);
		const socket = await connectUnix(path);
		let text = '';
		socket.on('data', (bytes) => {
			text += bytes.toString();
		});
		socket.end('{"id":1,"op":"slow"}\n{"id":2,"op":"x","params":7}\n');
		await until('the connection ends', () => server.connections === 0);
		expect(
			text
				.trim()
				.split('\n')
				.map((line) => JSON.parse(line))
				.sort((a, b) => a.id - b.id),
		).toEqual([
			{ id: 1, ok: 'slowly' },
			{ id: 2, ok: 7 },
		]);
	});

	it('closes in bounded time while a client does not read its answers', async () => {
		const path = join(directory(), 'o.sock');
		const server = await open(path);
		const socket = await connectUnix(path);
		closers.push(() => socket.destroy());
		// it is cut off in the middle of its request: that is the test
		socket.on('error', () => {});
		socket.pause();
		socket.write(`${JSON.stringify({ id: 1, op: 'x', params: 'y'.repeat(4_000_000) })}\n`);
		const witness = await connect(path);
		await witness.request('x', 1);
		await server.close();
		await until('every connection is gone', () => server.connections === 0);
	});
});

describe('a control socket that is gone', () => {
	it('is listened on again, in the directory made anew, and whoever was connected stays so', async () => {
		const path = join(directory(), 'run', 'o.sock');
		mkdirSync(dirname(path), { mode: 0o700 });
		const server = await open(path);
		const before = await connect(path);
		await before.hello();
		rmSync(dirname(path), { recursive: true });
		expect(await server.lookAfter()).toBe('listens anew');
		expect([statSync(path).mode & 0o777, statSync(dirname(path)).mode & 0o777]).toEqual([0o600, 0o700]);
		const after = await connect(path);
		expect(await Promise.all([before.request('x', 1), after.request('x', 2)])).toEqual([1, 2]);
		expect(server.connections).toBe(2);
		expect(await server.lookAfter()).toBe('listens');
		await server.close();
		expect(existsSync(path)).toBe(false);
	});

	it('is listened on again where one that nobody answers on has taken its place', async () => {
		const path = join(directory(), 'o.sock');
		const server = await open(path);
		const dead = createServer();
		await new Promise<void>((resolve) => dead.listen(`${path}.x`, resolve));
		renameSync(`${path}.x`, path);
		await new Promise((resolve) => dead.close(resolve));
		expect(await server.lookAfter()).toBe('listens anew');
		await expect((await connect(path)).request('x', 1)).resolves.toBe(1);
	});

	it('is left to whoever has taken its place, and taken again when that is gone', async () => {
		const path = join(directory(), 'o.sock');
		const server = await open(path);
		unlinkSync(path);
		const other = createServer((socket) => socket.end());
		await new Promise<void>((resolve) => other.listen(path, resolve));
		expect(await server.lookAfter()).toBe(`cannot listen: ${path} is in use by another program`);
		expect(statSync(path).isSocket()).toBe(true);
		await new Promise((resolve) => other.close(resolve));
		expect(await server.lookAfter()).toBe('listens anew');
	});

	it('is not listened on any more by a server that is closed', async () => {
		const path = join(directory(), 'o.sock');
		const server = await open(path);
		await server.close();
		expect(await server.lookAfter()).toBe('is closed');
		expect(existsSync(path)).toBe(false);
	});
});

describe('the directory of the socket', () => {
	it('is made private when it is missing', () => {
		const path = join(directory(), 'a', 'b');
		prepareSocketDirectory(path, process.getuid?.() ?? 0);
		expect(statSync(path).mode & 0o777).toBe(0o700);
	});

	it('is refused when it belongs to somebody else', () => {
		const path = join(directory(), 'mine');
		mkdirSync(path);
		chmodSync(path, 0o700);
		expect(() => prepareSocketDirectory(path, (process.getuid?.() ?? 0) + 1000)).toThrow('permission denied');
	});
});

const sha256Hex = (text: string) => createHash('sha256').update(text).digest('hex');

describe('the lock', () => {
	it('is one holder’s, who is named to the next', async () => {
		const path = join(directory(), 'o.sock');
		const lock = await takeLock('socket', path, 1);
		closers.push(() => lock.release());
		const refused = await takeLock('socket', path, 1).catch((error: unknown) => error);
		expect(refused).toBeInstanceOf(Locked);
		expect((refused as Locked).pid).toBe(process.pid);
		const state = await takeLock('state', path, 1);
		await state.release();
	});

	it('tells who asks how the socket is that it stands for, as soon as the holder knows', async () => {
		const path = join(directory(), 'o.sock');
		const lock = await takeLock('socket', path, 1, async () => 'listens');
		closers.push(() => lock.release());
		const socket = createConnection({ path: lockName('socket', path, 1, sha256Hex) });
		let text = '';
		for await (const bytes of socket) text += bytes.toString();
		expect(text).toBe(`${process.pid}\nlistens\n`);
	});

	it('is free again when its holder lets go', async () => {
		const path = join(directory(), 'o.sock');
		await (await takeLock('socket', path, 1)).release();
		await (await takeLock('socket', path, 1)).release();
	});
});
