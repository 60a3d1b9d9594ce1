/** What a program sends: types, codecs, credits, back-pressure. */
import { type DeclareBody, FrameKind } from '@orch/protocol/data';
import { afterEach, describe, expect, test } from 'vitest';
import { MessageRefused, OrchError } from './error.ts';
import { unpack } from './plain-msgpack.ts';
import { endStages, stage, until } from './testing/fake-router.ts';

afterEach(endStages);

const json = (frame: { readonly payload: Buffer }): unknown => JSON.parse(frame.payload.toString());

/** Whether a promise has settled, and how, once everything that is due has run. */
async function stateOf(promise: Promise<unknown>): Promise<string> {
	let state = 'pending';
	promise.then(
		() => {
			state = 'resolved';
		},
		(error: OrchError) => {
			state = error.code;
		},
	);
	await new Promise((resolve) => setImmediate(resolve));
	return state;
}

describe('sending', () => {
	test('says hello with the token, and the version range first', async () => {
		const { router } = await stage();
		const client = await router.client();
		expect(client.hello).toMatchObject({ protoMin: 1, protoMax: 1, token: 'token', pid: process.pid });
		expect(client.hello).not.toHaveProperty('resume');
	});

	test('sends what was given before the connection stood, in order, numbered from one', async () => {
		const { router, connection } = await stage();
		const sends = [1, 2, 3].map((n) => connection.send('Ping', { n }));
		const client = await router.client();
		const frames = await client.messages(3);
		expect(frames.map((frame) => [frame.src, frame.seq, json(frame)])).toEqual([
			[7, 1, { n: 1 }],
			[7, 2, { n: 2 }],
			[7, 3, { n: 3 }],
		]);
		await Promise.all(sends);
		expect(connection.counters).toMatchObject({ sent: 3, waiting: 0 });
	});

	test('tells what was refused for its schema by an event: of which type, where, why, and how many', async () => {
		const { router, connection } = await stage();
		const errors: OrchError[] = [];
		connection.onEvent('error', (error) => errors.push(error));
		await connection.opened;
		const client = await router.client();
		const message = 'Ping.seq must be integer, got string "one" (type declared by project shop)';
		client.error({ code: 'schema', message, type: 'Ping', path: '.seq', count: 3 });
		client.error({ code: 'schema', message: 'many' });
		await until('both', () => errors.length === 2);
		expect(errors.map((error) => error instanceof MessageRefused && { ...error, message: error.message })).toEqual([
			{ name: 'OrchError', code: 'schema', message, type: 'Ping', path: '.seq', count: 3 },
			{ name: 'OrchError', code: 'schema', message: 'many', type: undefined, path: '', count: 1 },
		]);
		// the type is sent further
		await connection.send('Ping', { seq: 1 });
		expect(await client.messages(1)).toHaveLength(1);
	});

	test('declares all types first used in one turn by one frame, with their codecs', async () => {
		const { router, connection } = await stage({}, { codecs: { Image: 'raw', State: 'msgpack' } });
		await connection.opened;
		await Promise.all([
			connection.send('Ping', 1),
			connection.send('Image', Buffer.from('px')),
			connection.send('State', { on: true }),
		]);
		const client = await router.client();
		const declare = await client.next(FrameKind.declare);
		expect((unpack(declare.payload, 0, declare.payload.length) as DeclareBody).types).toEqual([
			{ name: 'Ping', codec: 'json' },
			{ name: 'Image', codec: 'raw' },
			{ name: 'State', codec: 'msgpack' },
		]);
		const [ping, image, state] = await client.messages(3);
		expect([
			json(ping as never),
			image?.payload.toString(),
			unpack(state?.payload as Buffer, 0, state?.payload.length as number),
		]).toEqual([1, 'px', { on: true }]);
		expect(client.frames.filter(({ kind }) => kind === FrameKind.declare)).toEqual([]);
	});

	test('stamps messages with the time of sending in microseconds', async () => {
		const { router, connection } = await stage();
		const before = Date.now();
		await connection.send('Ping', 1);
		const [frame] = await (await router.client()).messages(1);
		const atMs = (frame?.ts ?? 0) / 1000;
		expect(atMs).toBeGreaterThanOrEqual(before - 1);
		expect(atMs).toBeLessThanOrEqual(Date.now() + 1);
	});

	test('keeps within the frames that the router has granted, and goes on when it grants more', async () => {
		const { router, connection } = await stage({ credit: { frames: 2 } });
		const sends = [1, 2, 3, 4].map((n) => connection.send('Ping', n));
		const client = await router.client();
		await client.messages(2);
		await Promise.all(sends.slice(0, 2));
		expect(await stateOf(sends[2] as Promise<void>)).toBe('pending');
		expect(connection.trySend('Ping', 5)).toBe(false);
		expect(connection.counters.waiting).toBe(2);
		client.credit(router.idOf('Ping'), { frames: 4 });
		expect((await client.messages(2)).map(json)).toEqual([3, 4]);
		await Promise.all(sends);
	});

	test('keeps within the bytes that the router has granted, of which the last frame may be over', async () => {
		const { router, connection } = await stage({ credit: { frames: 100, bytes: 100 } }, { codecs: { Image: 'raw' } });
		const sends = [60, 60, 60].map((length) => connection.send('Image', Buffer.alloc(length)));
		const client = await router.client();
		await client.messages(2);
		expect(await stateOf(sends[2] as Promise<void>)).toBe('pending');
		client.credit(router.idOf('Image', 'raw'), { frames: 100, bytes: 185 });
		await client.messages(1);
	});

	test('trySend keeps within the bytes, too', async () => {
		const { router, connection } = await stage({ credit: { frames: 100, bytes: 100 } }, { codecs: { Image: 'raw' } });
		await connection.send('Image', Buffer.alloc(60));
		expect(connection.trySend('Image', Buffer.alloc(60))).toBe(true);
		expect(connection.trySend('Image', Buffer.alloc(60))).toBe(false);
		await (await router.client()).messages(2);
	});

	test('counts limits on when they wrap around, and when unlimited is lifted', async () => {
		const { router, connection } = await stage({ credit: { unlimited: true } });
		await connection.send('Ping', 1);
		await connection.send('Ping', 2);
		const client = await router.client();
		await client.messages(2);
		client.credit(router.idOf('Ping'), { frames: 3 });
		client.body(FrameKind.ping, null);
		await client.next(FrameKind.pong);
		await connection.send('Ping', 3);
		const fourth = connection.send('Ping', 4);
		expect(await stateOf(fourth)).toBe('pending');
		// 2^31 frames more than what was sent is the most that a limit can say
		client.credit(router.idOf('Ping'), { frames: 2 ** 31 });
		await fourth;
	});

	test('a type without credit holds up no other type', async () => {
		const { router, connection } = await stage({ credit: { frames: 0 } });
		const blocked = connection.send('Blocked', 1);
		const free = connection.send('Free', 1);
		const client = await router.client();
		await client.next(FrameKind.declare);
		client.credit(router.idOf('Free'), { frames: 1 });
		await free;
		expect((await client.messages(1)).map(({ typeId }) => typeId)).toEqual([router.idOf('Free')]);
		expect(await stateOf(blocked)).toBe('pending');
	});

	test('trySend declares the type at its first use and says false until there is credit', async () => {
		const { router, connection } = await stage();
		await connection.opened;
		expect(connection.trySend('Ping', 1)).toBe(false);
		await until('credit', () => connection.trySend('Ping', 2));
		expect((await (await router.client()).messages(1)).map(json)).toEqual([2]);
	});

	test('messages of all lengths arrive whole and in order while the router reads slowly', async () => {
		const { router, connection } = await stage({}, { codecs: { Image: 'raw' } });
		await connection.send('Image', Buffer.alloc(0));
		const client = await router.client();
		await client.messages(1);
		client.socket.pause();
		const lengths = Array.from({ length: 400 }, (_, n) => (n % 7 === 0 ? 20_000 + n * 97 : n % 3 === 0 ? 4000 + n : n));
		const payloads = lengths.map((length, n) => Buffer.alloc(length, n));
		const sends = payloads.map((payload) => connection.send('Image', payload));
		expect(await stateOf(sends.at(-1) as Promise<void>)).toBe('pending');
		client.socket.resume();
		const frames = await client.messages(lengths.length);
		expect(frames.every(({ payload }, n) => payload.equals(payloads[n] as Buffer))).toBe(true);
		expect(frames.map(({ seq }) => seq)).toEqual(lengths.map((_, n) => n + 2));
		await Promise.all(sends);
	});

	test('a payload may be changed once send has resolved, also a large one', async () => {
		const { router, connection } = await stage({}, { codecs: { Image: 'raw' } });
		const client = await router.client();
		await connection.opened;
		client.socket.pause();
		const image = Buffer.alloc(100_000, 1);
		const small = Buffer.alloc(10, 1);
		const sends = Array.from({ length: 12 }, () => connection.send('Image', image));
		const last = connection.send('Image', small);
		small.fill(2);
		const waiting = Promise.all(sends).then(() => image.fill(2));
		client.socket.resume();
		const frames = await client.messages(13);
		await waiting;
		await last;
		expect(frames.every(({ payload }) => payload.every((byte) => byte === 1))).toBe(true);
	});

	test('trySend copies a large payload, since nothing tells when it is free again', async () => {
		const { router, connection } = await stage({}, { codecs: { Image: 'raw' } });
		await connection.send('Image', Buffer.alloc(1));
		const client = await router.client();
		await client.messages(1);
		client.socket.pause();
		const image = Buffer.alloc(200_000, 1);
		let accepted = 0;
		while (connection.trySend('Image', image)) accepted += 1;
		image.fill(2);
		client.socket.resume();
		const frames = await client.messages(accepted);
		expect(accepted).toBeGreaterThan(0);
		expect(frames.every(({ payload }) => payload.every((byte) => byte === 1))).toBe(true);
	});

	test('a loop of sends leaves the event loop its turns', async () => {
		const { router, connection } = await stage({}, { codecs: { Image: 'raw' } });
		await connection.send('Image', Buffer.alloc(1));
		let turns = 0;
		let running = true;
		const count = () => {
			turns += 1;
			if (running) setImmediate(count);
		};
		setImmediate(count);
		const payload = Buffer.alloc(1000);
		for (let n = 0; n < 8000; n++) await connection.send('Image', payload);
		running = false;
		expect(turns).toBeGreaterThan(3);
		await (await router.client()).messages(8001);
	});

	test('what waits is bounded: more is refused, with what would do', async () => {
		const { connection } = await stage({ credit: { frames: 0 } }, { limits: { maxWaitingMessages: 2 } });
		const held = [connection.send('Ping', 1), connection.send('Ping', 2)];
		const error = await connection.send('Ping', 3).catch((one: OrchError) => one);
		expect(error).toBeInstanceOf(OrchError);
		expect(error).toMatchObject({
			code: 'busy',
			message:
				'Cannot send a message of type "Ping": 2 messages of 2 bytes wait already; await each send() so that the receiver\'s pace is kept',
		});
		for (const one of held) one.catch(() => {});
	});

	test('bytes that wait are bounded too, but one message may be longer than that', async () => {
		const { connection } = await stage({ credit: { frames: 0 } }, { limits: { maxWaitingBytes: 10 }, defaultCodec: 'raw' });
		const first = connection.send('Ping', Buffer.alloc(100));
		expect(await stateOf(first)).toBe('pending');
		expect(await stateOf(connection.send('Ping', Buffer.alloc(1)))).toBe('busy');
		first.catch(() => {});
	});

	test('a message longer than a frame may be is refused, and the next one goes', async () => {
		const { router, connection } = await stage({ welcome: { maxFrame: 1032 } }, { codecs: { Image: 'raw' } });
		await connection.send('Image', Buffer.alloc(1000));
		await expect(connection.send('Image', Buffer.alloc(1001))).rejects.toMatchObject({
			code: 'too_large',
			message: 'Cannot send a message of type "Image": its 1001 bytes are more than the 1000 that a message may have',
		});
		expect(() => connection.trySend('Image', Buffer.alloc(1001))).toThrow('its 1001 bytes are more than the 1000');
		await expect(connection.send('Text', 'ä'.repeat(600))).rejects.toMatchObject({ code: 'too_large' });
		await connection.send('Text', 'x'.repeat(900));
		const frames = await (await router.client()).messages(2);
		expect(frames.map(({ payload, seq }) => [payload.length, seq])).toEqual([
			[1000, 1],
			[902, 1],
		]);
	});

	test.each(['', 'x'.repeat(256), 'ä'.repeat(128), 'line\nbreak', '\u0085', '\ud83e'])(
		'refuses %j as the name of a type',
		async (name) => {
			const { connection } = await stage();
			await expect(connection.send(name, 1)).rejects.toMatchObject({ code: 'invalid_type' });
		},
	);

	test('a type that the router refuses fails what waits and what comes, and no other type', async () => {
		const { router, connection } = await stage({ credit: { frames: 0 } });
		const refused = connection.send('Ping', 1);
		const client = await router.client();
		await client.next(FrameKind.declare);
		client.error({ code: 'too_many_types', type: 'Ping' });
		await expect(refused).rejects.toMatchObject({ code: 'too_many_types', message: 'told so: too_many_types' });
		await expect(connection.send('Ping', 2)).rejects.toMatchObject({ code: 'too_many_types' });
		expect(() => connection.trySend('Ping', 2)).toThrow('told so: too_many_types');
		const other = connection.send('Pong', 1);
		await client.next(FrameKind.declare);
		client.credit(router.idOf('Pong'), { frames: 1 });
		await other;
	});

	test('a payload that its codec cannot write is refused', async () => {
		const { connection } = await stage({}, { codecs: { Image: 'raw' } });
		await expect(connection.send('Image', 'text')).rejects.toMatchObject({ code: 'codec' });
		await expect(connection.send('Ping', 1n)).rejects.toMatchObject({ code: 'codec' });
	});

	test('long texts arrive whole, with characters of every width', async () => {
		const { router, connection } = await stage();
		const texts = [5000, 6000, 30_000, 200_000].map((length) => 'aä€😀'.repeat(length / 4));
		await Promise.all(texts.map((text) => connection.send('Text', text)));
		expect((await (await router.client()).messages(4)).map(json)).toEqual(texts);
	});

	test('answers a ping with its payload, behind what was sent before', async () => {
		const { router, connection } = await stage();
		await connection.send('Ping', 0);
		const client = await router.client();
		await client.messages(1);
		client.send({ kind: FrameKind.ping }, Buffer.from('are you there'));
		const pong = await client.next(FrameKind.pong);
		expect(pong.payload.toString()).toBe('are you there');
	});
});
