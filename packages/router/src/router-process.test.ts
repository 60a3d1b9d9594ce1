/** The router as a program: what orchd reaches on its socket, and how it ends. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Clock, connectUnix, silentLogger, socketChannel, systemClock } from '@orch/base';
import { compileSchema } from '@orch/base/json-schema';
import { ManualClock, until } from '@orch/base/testing';
import type { RouterApi, RouterEvent } from '@orch/protocol';
import { createCaller, ourHello, Session } from '@orch/protocol/wire';
import { type RouterProcess, startRouter } from './router-process.ts';
import { FrameClient } from './testing/frame-client.ts';
import { idOf } from './testing/rig.ts';

let directory: string;
const started: RouterProcess[] = [];
const sessions: Session[] = [];
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), 'orch-rp-'));
});
afterEach(async () => {
	for (const session of sessions.splice(0)) session.close();
	for (const process of started.splice(0)) {
		process.stop('test');
		await process.ended;
	}
	rmSync(directory, { recursive: true, force: true });
});

async function start(
	options: { clock?: Clock; socket?: string; state?: string; inUse?: () => void } = {},
): Promise<RouterProcess> {
	const running = await startRouter({
		socket: options.socket ?? join(directory, 'router.sock'),
		stateDirectory: options.state ?? join(directory, 'state'),
		clock: options.clock ?? systemClock,
		log: silentLogger,
		pid: process.pid,
		uid: process.getuid?.() ?? 0,
		memoryBytes: () => process.memoryUsage.rss(),
		loadCompiler: () => compileSchema,
		inUse: options.inUse ?? (() => {}),
	});
	started.push(running);
	return running;
}

async function orchd() {
	const channel = socketChannel(await connectUnix(join(directory, 'router.sock')));
	const session = new Session({ channel, role: 'client', hello: ourHello('orchd/test', process.pid) });
	sessions.push(session);
	channel.bind({
		receive: (bytes) => session.receive(bytes),
		writable: () => session.writable(),
		disconnected: (reason) => session.disconnected(reason),
	});
	return { session, ...createCaller<RouterApi>(session) };
}

const port = (name: string) => ({
	runtime: idOf(name),
	name,
	socket: join(directory, `${name}.sock`),
	veecleSocket: join(directory, `${name}.v.sock`),
	privileged: false,
	generation: 1,
	token: 'secret',
});
const link = {
	id: idOf('a link'),
	from: idOf('a'),
	type: 'Ping',
	to: idOf('b'),
	messages: 10,
	bytes: 1_000,
	overflow: 'block' as const,
	whileDown: 'drop' as const,
};

test('serves every operation on its socket', async () => {
	await start();
	const daemon = await orchd();
	expect(await daemon.call('router.status', {})).toMatchObject({
		pid: process.pid,
		tableVersion: -1,
		types: 0,
		version: expect.any(String),
	});
	expect(await daemon.call('router.table', { version: 7, ports: [port('a'), port('b')], links: [link] })).toEqual({
		version: 7,
		problems: [],
		schemas: [],
	});
	const events: RouterEvent[] = [];
	const abort = new AbortController();
	const reading = (async () => {
		for await (const event of daemon.stream('router.events', {}, { signal: abort.signal })) events.push(event);
	})().catch(() => {});
	const taps: unknown[] = [];
	const tapping = (async () => {
		for await (const { messages } of daemon.stream('router.tap', { links: [], bodyBytes: 10 }, { signal: abort.signal }))
			taps.push(...messages);
	})().catch(() => {});
	const a = await FrameClient.connect({ path: port('a').socket, token: 'secret' });
	await until('the connection', () => events.length === 1);
	expect(events).toEqual([{ kind: 'connected', runtime: idOf('a'), generation: 1, codec: 'binary' }]);
	expect(
		await daemon.call('router.send', { from: idOf('a'), to: null, type: 'Ping', codec: 'json', body: Buffer.from('1') }),
	).toEqual({ accepted: 1, dropped: {} });
	await until('the tap', () => taps.length === 1);
	expect((await daemon.call('router.stats', {})).links).toEqual([
		expect.objectContaining({ id: link.id, counters: expect.objectContaining({ received: 1, queued: 1 }) }),
	]);
	expect(await daemon.call('router.ended', { runtime: idOf('a'), generation: 1 })).toEqual({});
	await until('the disconnection', () => events.length === 2 && a.closed);
	await expect(
		daemon.call('router.send', { from: null, to: idOf('b'), type: 'Ping', codec: 'json', body: Buffer.from('{') }),
	).rejects.toMatchObject({ code: 'message.invalid' });
	expect(await daemon.call('router.types', {})).toMatchObject({
		producers: [{ runtime: idOf('a'), type: 'Ping', messages: 1, refused: 0 }],
		samples: [{ type: 'Ping', from: 'a', codec: 'json', bytes: 1, body: Buffer.from('1') }],
		misfits: [],
	});
	await expect(daemon.session.request('router.stat', {})).rejects.toMatchObject({ code: 'operation.unknown' });
	expect(await daemon.call('router.answer', { request: 99, ok: 1 })).toEqual({});
	abort.abort();
	await Promise.all([reading, tapping]);
});

test('answers everything that orchd asks at once, however much it is', async () => {
	await start();
	const daemon = await orchd();
	await daemon.session.hello();
	const answers = Array.from({ length: 2_000 }, (_, request) => daemon.call('router.answer', { request, ok: 1 }));
	const table = daemon.call('router.table', { version: 1, ports: [port('a')], links: [] });
	const said = await Promise.all([table, ...answers]);
	expect(said).toEqual([expect.objectContaining({ version: 1, problems: [] }), ...answers.map(() => ({}))]);
});

test('is in use from the first program that connects on, which is said once', async () => {
	let said = 0;
	await start({ inUse: () => said++ });
	const daemon = await orchd();
	await daemon.call('router.table', { version: 1, ports: [port('a'), port('b')], links: [link] });
	expect(said).toBe(0);
	for (const name of ['a', 'b']) {
		await FrameClient.connect({ path: port(name).socket, token: 'secret' });
		expect(said).toBe(1);
	}
});

test('goes on by its last table when orchd is gone, and a new orchd finds things as they are', async () => {
	await start();
	const first = await orchd();
	await first.call('router.table', { version: 1_000, ports: [port('a'), port('b')], links: [link] });
	const [a, b] = [
		await FrameClient.connect({ path: port('a').socket, token: 'secret' }),
		await FrameClient.connect({ path: port('b').socket, token: 'secret' }),
	];
	const ping = await a.declare('Ping');
	first.session.close();
	a.send(ping, '1');
	await until('the message', () => b.messages.length === 1);
	const second = await orchd();
	// a clock that was set back counts from less
	expect((await second.call('router.table', { version: 3, ports: [port('a'), port('b')], links: [link] })).version).toBe(3);
	a.send(ping, '2');
	await until('the next', () => b.messages.length === 2);
	expect([a.closed, b.closed]).toEqual([false, false]);
	for (const client of [a, b]) client.destroy();
});

test('ends when it is asked to, and leaves no socket behind', async () => {
	const running = await start();
	const daemon = await orchd();
	await daemon.call('router.table', { version: 1, ports: [port('a')], links: [] });
	const a = await FrameClient.connect({ path: port('a').socket, token: 'secret' });
	expect(await daemon.call('router.stop', {})).toEqual({});
	await running.ended;
	await until('the goodbye', () => a.closed);
	expect(['router.sock', 'a.sock', 'a.v.sock'].map((name) => existsSync(join(directory, name)))).toEqual([false, false, false]);
});

test('one router for each state, and one for each socket', async () => {
	await start();
	await expect(start({ socket: join(directory, 'other.sock') })).rejects.toThrow('another router does');
	await expect(start({ state: join(directory, 'other') })).rejects.toThrow('another router answers');
	expect((await (await orchd()).call('router.status', {})).tableVersion).toBe(-1);
});

test('ends after ten minutes with neither orchd nor clients, and not before', async () => {
	const clock = new ManualClock();
	const running = await start({ clock });
	let ended = false;
	void running.ended.then(() => {
		ended = true;
	});
	await clock.advance(9 * 60_000);
	const daemon = await orchd();
	await daemon.call('router.table', { version: 1, ports: [port('a')], links: [] });
	await clock.advance(60 * 60_000);
	const a = await FrameClient.connect({ path: port('a').socket, token: 'secret' });
	daemon.session.close();
	await clock.advance(20 * 60_000);
	expect([ended, clock.pending]).toEqual([false, 0]);
	a.destroy();
	await until('the timer', () => clock.nextMs === 10 * 60_000);
	await clock.advance(10 * 60_000 - 1);
	expect(ended).toBe(false);
	await clock.advance(1);
	await until('the end', () => ended);
});
