/** What happens when the connection or the router goes away, and when it does not want us. */
import { type DeclareBody, FrameKind } from '@orch/protocol/data';
import { afterEach, describe, expect, test } from 'vitest';
import { unpack } from './plain-msgpack.ts';
import { endStages, stage, until } from './testing/fake-router.ts';

afterEach(endStages);

const json = (frame: { readonly payload: Buffer }): unknown => JSON.parse(frame.payload.toString());
const types = [{ id: 1, name: 'Ping', codec: 'json' }] as const;

describe('reconnecting', () => {
	test('comes back after a restart of the router, with its port and what it has sent and seen', async () => {
		const { router, connection } = await stage({ types });
		const got: unknown[] = [];
		connection.on('Ping', (data) => got.push(data));
		await connection.send('Pong', 1);
		await connection.send('Pong', 2);
		const first = await router.client();
		first.message(1, 5, 'a', { src: 3 });
		first.message(1, 9, 'b', { src: 4 });
		first.message(1, 6, 'c', { src: 3 });
		first.send({ kind: FrameKind.request, typeId: 1, src: 3, seq: 0, corr: 1 }, Buffer.from('1'));
		await first.messages(2);
		await until('three messages', () => got.length === 3);
		await router.kill();
		await until('the break', () => !connection.connected);
		expect(connection.status).toBe('connecting');
		await router.listen();
		const second = await router.client(2);
		expect(second.hello?.resume).toEqual({
			port: 7,
			sent: [[router.idOf('Pong'), 2]],
			seen: [
				[4, 1, 9],
				[3, 1, 6],
			],
		});
	});

	test('declares its types again and numbers on, and sends what was given meanwhile', async () => {
		const { router, connection } = await stage();
		const events: string[] = [];
		connection.onEvent('connected', ({ resumed }) => events.push(resumed ? 'resumed' : 'connected'));
		connection.onEvent('disconnected', () => events.push('disconnected'));
		await connection.send('Ping', 1);
		await connection.send('Pong', 1);
		await (await router.client()).messages(2);
		await router.kill();
		await until('the break', () => !connection.connected);
		expect(connection.trySend('Ping', 0)).toBe(false);
		const sends = [2, 3].map((n) => connection.send('Ping', n));
		await router.listen();
		const second = await router.client(2);
		const declare = await second.next(FrameKind.declare);
		expect((unpack(declare.payload, 0, declare.payload.length) as DeclareBody).types.map(({ name }) => name)).toEqual([
			'Ping',
			'Pong',
		]);
		expect((await second.messages(2)).map((frame) => [frame.seq, json(frame)])).toEqual([
			[2, 2],
			[3, 3],
		]);
		await Promise.all(sends);
		expect(events.filter((event) => event !== 'disconnected')).toEqual(['connected', 'resumed']);
	});

	test('a router that gives another port gets numbers from one', async () => {
		const { router, connection } = await stage();
		await connection.send('Ping', 1);
		await (await router.client()).messages(1);
		router.options = { welcome: { port: 99 } };
		(await router.client()).socket.destroy();
		await router.client(2);
		await until('the new connection', () => connection.connected);
		await connection.send('Ping', 2);
		const [frame] = await (await router.client(2)).messages(1);
		expect([frame?.src, frame?.seq]).toEqual([99, 1]);
	});

	test('sends nothing twice when the connection breaks in the middle of a message', async () => {
		const { router, connection } = await stage({}, { codecs: { Image: 'raw' } });
		await connection.send('Image', Buffer.alloc(0));
		const first = await router.client();
		await first.messages(1);
		first.socket.pause();
		const payload = Buffer.alloc(30_001);
		const sends = Array.from({ length: 100 }, () => connection.send('Image', payload));
		await until('a full socket', () => connection.counters.waiting > 0 && connection.counters.waiting < 100);
		// what the router has read ends within a frame
		first.socket.resume();
		const before = await first.messages(1);
		first.socket.destroy();
		before.push(...first.frames.filter(({ kind }) => kind === FrameKind.data));
		await Promise.all(sends);
		await connection.send('Image', Buffer.alloc(0));
		const second = await router.client(2);
		const after = await until('the last message', () => {
			const list = second.frames.filter(({ kind }) => kind === FrameKind.data);
			return list.at(-1)?.seq === 102 && list;
		});
		const all = [...before, ...after].map(({ seq }) => seq);
		expect(new Set(all).size).toBe(all.length);
		expect(all).toEqual([...all].sort((a, b) => a - b));
		// what had not been accepted is not lost: it goes by the new connection
		expect(second.hello?.resume?.sent).toEqual([[router.idOf('Image', 'raw'), 102 - after.length]]);
	});

	test('tells what was lost', async () => {
		const { router, connection } = await stage();
		const lost: unknown[] = [];
		connection.onEvent('lost', (event) => lost.push(event));
		await connection.opened;
		router.options = { welcome: { lost: [{ type: 'Ping', count: 4 }] } };
		(await router.client()).socket.destroy();
		await until('the news', () => lost.length > 0);
		expect(lost).toEqual([{ type: 'Ping', count: 4 }]);
	});

	test('hands over what was parked before the break, and does not report it to the new router', async () => {
		const { router, connection } = await stage({ types });
		const first = await router.client();
		first.message(1, 1, 1);
		first.message(1, 2, 2);
		await until('parking', () => connection.counters.parkedBytes > 0);
		first.socket.destroy();
		const second = await router.client(2);
		second.message(1, 3, 3);
		await until('parking', () => connection.counters.parkedBytes === 3 * 33);
		const got: unknown[] = [];
		connection.on('Ping', (data) => got.push(data));
		await second.consumed(1, 1);
		expect(got).toEqual([1, 2, 3]);
	});

	test('says that it is ready again to a router that was not there', async () => {
		const { router, connection } = await stage();
		await connection.ready();
		await (await router.client()).next(FrameKind.ready);
		await router.kill();
		await router.listen();
		await (await router.client(2)).next(FrameKind.ready);
	});

	test('waits for a router that is not there yet', async () => {
		const { router, connection } = await stage();
		await router.kill();
		const sent = connection.send('Ping', 1);
		const waits: number[] = [];
		connection.onEvent('disconnected', ({ retryInMs }) => waits.push(retryInMs));
		await until('some tries', () => waits.length >= 4);
		expect(waits.every((ms, index) => ms <= 10 * 2 ** (index + 1))).toBe(true);
		await router.listen();
		await sent;
	});

	test('takes up the connection again when the router says bye', async () => {
		const { router, connection } = await stage();
		await connection.opened;
		(await router.client()).send({ kind: FrameKind.bye });
		await router.client(2);
		await connection.send('Ping', 1);
	});

	test('takes up the connection again when the stream cannot be read any more', async () => {
		const { router, connection } = await stage();
		const reasons: string[] = [];
		connection.onEvent('disconnected', ({ reason }) => reasons.push(reason));
		await connection.opened;
		(await router.client()).socket.write('this is no frame');
		await router.client(2);
		await until('the new connection', () => connection.connected);
		(await router.client(2)).send({ kind: FrameKind.typedef }, Buffer.from([0xc1]));
		await router.client(3);
		(await router.client(3)).send({ kind: 77 as never, flags: 0x80 });
		await router.client(4);
		await until('the new connection', () => connection.connected);
		(await router.client(4)).welcome();
		await router.client(5);
		expect(reasons[3]).toContain('a connection has one welcome');
		expect(reasons[0]).toBe('the router sent what is not a frame (bad_magic)');
		expect(reasons[1]).toContain('the router sent a frame of kind 19 that cannot be read');
		expect(reasons[2]).toContain('the router sent a frame of kind 77 that cannot be read: it must be understood');
	});

	test.each(['bad_token', 'version'] as const)(
		'gives up for good on %s, with a sentence for everyone who waits',
		async (code) => {
			const { router, connection, said } = await stage({ answers: false });
			const failed: string[] = [];
			connection.onEvent('failed', (error) => failed.push(error.message));
			const waiting = connection.send('Ping', 1);
			const asking = connection.request('Add', 1);
			const ready = connection.ready();
			(await router.client()).error({ code, fatal: true, message: 'this process was started before the last restart' });
			const sentence = 'Cannot connect to orch: this process was started before the last restart';
			for (const promise of [waiting, asking, ready, connection.opened, connection.closed, connection.send('Ping', 2)]) {
				await expect(promise).rejects.toMatchObject({ code, message: sentence });
			}
			expect([connection.status, said, failed]).toEqual(['failed', [`orch: ${sentence}`], [sentence]]);
			await new Promise((resolve) => setTimeout(resolve, 50));
			expect(router.clients).toHaveLength(1);
		},
	);

	test('gives up on a router that speaks another version', async () => {
		const { connection } = await stage({ welcome: { proto: 9 } });
		await expect(connection.opened).rejects.toMatchObject({ code: 'version' });
	});

	test('keeps trying while another process of the runtime is connected, and says so once', async () => {
		const { router, connection, said } = await stage({ answers: false });
		for (const count of [1, 2]) {
			(await router.client(count)).error({
				code: 'already_connected',
				fatal: true,
				message: 'another process of "me" is connected',
			});
		}
		router.options = {};
		await connection.opened;
		expect(said).toEqual(['orch: another process of "me" is connected; this process tries again until it can connect']);
	});

	test('an error that is not fatal is told and leaves the connection as it is', async () => {
		const { router, connection } = await stage();
		const errors: string[] = [];
		connection.onEvent('error', ({ code }) => errors.push(code));
		await connection.opened;
		(await router.client()).error({ code: 'schema', type: 'Ping' });
		await until('the error', () => errors.length > 0);
		await connection.send('Ping', 1);
		expect([errors, router.clients.length]).toEqual([['schema'], 1]);
	});
});
