/** Requests, replies and control requests. */
import { getEventListeners } from 'node:events';
import { FrameFlag, FrameKind, type TypeEntry } from '@orch/protocol/data';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { pack } from './codec.ts';
import { OrchError } from './error.ts';
import { unpack } from './plain-msgpack.ts';
import { type FakeFrame, endStages, stage, until } from './testing/fake-router.ts';

afterEach(endStages);

const types: readonly TypeEntry[] = [
	{ id: 1, name: 'Add', codec: 'json' },
	{ id: 2, name: 'Crop', codec: 'raw' },
];
const json = (frame: FakeFrame): unknown => JSON.parse(frame.payload.toString());
const jsonBytes = (data: unknown): Buffer => Buffer.from(JSON.stringify(data));

async function connected(options = {}, connectOptions = {}) {
	const { router, connection } = await stage({ types, ...options }, connectOptions);
	await connection.opened;
	return { router, connection, client: await router.client() };
}

describe('a request', () => {
	test('resolves with its reply, whatever the order of the replies', async () => {
		const { connection, client } = await connected();
		const asked = [connection.request('Add', [1, 2]), connection.request('Add', [3, 4])];
		const frames = [await client.next(FrameKind.request), await client.next(FrameKind.request)];
		expect(frames.map((frame) => [json(frame), frame.seq])).toEqual([
			[[1, 2], 0],
			[[3, 4], 0],
		]);
		for (const { corr, typeId } of frames.reverse())
			client.send({ kind: FrameKind.reply, typeId, corr, src: 3, dst: 7 }, jsonBytes({ corr }));
		expect(await Promise.all(asked)).toEqual([{ corr: frames[1]?.corr }, { corr: frames[0]?.corr }]);
		expect(connection.counters.asking).toBe(0);
	});

	test('takes no number of the messages of its type', async () => {
		const { router, connection, client } = await connected();
		await connection.send('Add', 0);
		connection.request('Add', 1).catch(() => {});
		await connection.send('Add', 2);
		expect((await client.messages(2)).map(({ seq }) => seq)).toEqual([1, 2]);
		expect(router.clients).toHaveLength(1);
	});

	test('rejects with the error of whoever answered', async () => {
		const { connection, client } = await connected();
		const asked = connection.request('Crop', 1).catch((error: OrchError) => error);
		const { corr } = await client.next(FrameKind.request);
		client.send(
			{ kind: FrameKind.reply, flags: FrameFlag.error, typeId: 2, corr, dst: 7 },
			pack({ code: 'too_dark', message: 'Turn on the light' }),
		);
		const error = await asked;
		expect(error).toBeInstanceOf(OrchError);
		expect(error).toMatchObject({ code: 'too_dark', message: 'Turn on the light' });
	});

	test.each([
		['no MessagePack', Buffer.from([0xc1, 0xc1]), 'codec', 'The error reply cannot be read'],
		['nothing', Buffer.alloc(0), 'codec', 'The error reply cannot be read'],
		['no object', pack(null), 'error', 'The answer is an error without a message'],
		['no texts', pack({ code: { toString: 1 }, message: ['x'] }), 'error', 'The answer is an error without a message'],
	])('alone fails by an error reply that is %s', async (_what, payload, code, message) => {
		const { router, connection, client } = await connected();
		const ended = vi.fn();
		connection.onEvent('disconnected', ended);
		const asked = connection.request('Crop', 1).catch((error: OrchError) => error);
		const other = connection.request('Add', 2);
		const [{ corr }, { corr: otherCorr }] = [await client.next(FrameKind.request), await client.next(FrameKind.request)];
		client.send({ kind: FrameKind.reply, flags: FrameFlag.error, typeId: 2, corr, dst: 7 }, payload);
		const error = await asked;
		expect(error).toBeInstanceOf(OrchError);
		expect(error).toMatchObject({ code, message });
		client.send({ kind: FrameKind.reply, typeId: 1, corr: otherCorr, src: 3, dst: 7 }, jsonBytes('fine'));
		expect(await other).toBe('fine');
		expect(ended).not.toHaveBeenCalled();
		expect(router.clients).toHaveLength(1);
	});

	test('rejects with what the router says about it', async () => {
		const { connection, client } = await connected();
		const asked = connection.request('Add', 1);
		const { corr } = await client.next(FrameKind.request);
		client.error({ code: 'no_route', corr, message: 'No link takes "Add" from "me"' });
		await expect(asked).rejects.toMatchObject({ code: 'no_route', message: 'No link takes "Add" from "me"' });
	});

	test('times out, leaves nothing behind, and counts an answer that comes later', async () => {
		const { connection, client } = await connected();
		const asked = connection.request('Add', 1, { timeoutMs: 20 });
		const { corr, typeId } = await client.next(FrameKind.request);
		await expect(asked).rejects.toMatchObject({
			code: 'timeout',
			message: 'The request of type "Add" timed out: no answer came within 20 ms',
		});
		expect(connection.counters).toMatchObject({ asking: 0, late: 0 });
		client.send({ kind: FrameKind.reply, typeId, corr, dst: 7 }, jsonBytes(3));
		await until('the late answer', () => connection.counters.late === 1);
	});

	test('that may wait for ever does', async () => {
		const { connection, client } = await connected();
		const [patient, month] = [Number.POSITIVE_INFINITY, 2 ** 31].map((timeoutMs) => connection.request('Add', 1, { timeoutMs }));
		await expect(connection.request('Add', 2, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'timeout' });
		for (const asked of [await client.next(FrameKind.request), await client.next(FrameKind.request)])
			client.send({ kind: FrameKind.reply, typeId: 1, corr: asked.corr, src: 3, dst: 7 }, jsonBytes('late'));
		expect(await Promise.all([patient, month])).toEqual(['late', 'late']);
	});

	test('that waits for credit times out too, and is never sent', async () => {
		const { router, connection, client } = await connected({ credit: { frames: 0 } });
		await expect(connection.request('Add', 1, { timeoutMs: 20 })).rejects.toMatchObject({
			message: 'The request of type "Add" timed out: it could not be sent within 20 ms',
		});
		expect(connection.counters).toMatchObject({ asking: 0, waiting: 0 });
		client.credit(router.idOf('Add'), { frames: 5 });
		await connection.send('Add', 'next');
		await client.messages(1);
		expect(client.frames.filter(({ kind }) => kind === FrameKind.request)).toEqual([]);
	});

	test('is given up when its signal is aborted, before it is sent or after', async () => {
		const { connection, client } = await connected();
		const controller = new AbortController();
		const asked = connection.request('Add', 1, { signal: controller.signal });
		await client.next(FrameKind.request);
		controller.abort(new Error('enough'));
		await expect(asked).rejects.toMatchObject({ code: 'aborted', cause: new Error('enough') });
		await expect(connection.request('Add', 1, { signal: controller.signal })).rejects.toMatchObject({ code: 'aborted' });
		expect(connection.counters.asking).toBe(0);
	});

	test('leaves no listener on a signal that outlives it', async () => {
		const { connection, client } = await connected();
		const { signal } = new AbortController();
		const asked = connection.request('Add', 1, { signal });
		const { corr, typeId } = await client.next(FrameKind.request);
		expect(getEventListeners(signal, 'abort')).toHaveLength(1);
		client.send({ kind: FrameKind.reply, typeId, corr, dst: 7 }, jsonBytes(2));
		await asked;
		expect(getEventListeners(signal, 'abort')).toEqual([]);
	});

	test('fails at once when the connection breaks after it was sent, and waits on when it was not', async () => {
		const { router, connection, client } = await connected({ credit: { frames: 1 } });
		const sent = connection.request('Add', 'sent');
		await client.next(FrameKind.request);
		const waiting = connection.request('Add', 'waiting');
		client.socket.destroy();
		await expect(sent).rejects.toMatchObject({ code: 'disconnected' });
		const second = await router.client(2);
		const frame = await second.next(FrameKind.request);
		second.send({ kind: FrameKind.reply, typeId: 1, corr: frame.corr, dst: 7 }, jsonBytes('answer'));
		expect(await waiting).toBe('answer');
	});

	test('keeps a copy of raw bytes that wait', async () => {
		const { router, connection, client } = await connected({ credit: { frames: 0 } }, { codecs: { Crop: 'raw' } });
		const bytes = Buffer.alloc(50_000, 1);
		connection.request('Crop', bytes).catch(() => {});
		bytes.fill(2);
		await client.next(FrameKind.declare);
		client.credit(router.idOf('Crop', 'raw'), { frames: 1 });
		const { payload } = await client.next(FrameKind.request);
		expect(payload.every((byte) => byte === 1)).toBe(true);
	});
});

describe('a reply handler', () => {
	const ask = { kind: FrameKind.request, typeId: 1, src: 12, seq: 0 } as const;

	test('answers with what it returns, or what its promise resolves to', async () => {
		const { connection, client } = await connected();
		connection.reply('Add', (data) => (data as number[]).reduce((sum, n) => sum + n));
		client.send({ ...ask, corr: 5 }, jsonBytes([1, 2]));
		const reply = await client.next(FrameKind.reply);
		expect({ ...reply, payload: json(reply) }).toMatchObject({
			typeId: 1,
			src: 7,
			dst: 12,
			corr: 5,
			seq: 0,
			flags: FrameFlag.direct,
			payload: 3,
		});
		await client.consumed(1, 1);
		connection.reply('Crop', async (data) => data as Uint8Array);
		client.send({ ...ask, typeId: 2, corr: 6 }, Buffer.from('px'));
		expect((await client.next(FrameKind.reply)).payload.toString()).toBe('px');
	});

	test.each([
		[
			'throws',
			() => {
				throw Object.assign(new Error('No such file'), { code: 'ENOENT' });
			},
			{ code: 'ENOENT', message: 'No such file' },
		],
		[
			'throws what it was sent',
			() => {
				throw { toString: 1 };
			},
			{ code: 'handler_failed', message: 'The handler threw what cannot be told' },
		],
		['rejects', () => Promise.reject(new TypeError('Not a number')), { code: 'handler_failed', message: 'Not a number' }],
		[
			'returns what cannot be written',
			() => 1n,
			{ code: 'codec', message: 'Cannot send a message of type "Add": it cannot be written as JSON' },
		],
	])('that %s answers with an error, and goes on with the next', async (_what, handler, error) => {
		const { connection, client } = await connected();
		connection.reply('Add', (data) => (data === 'bad' ? handler() : data));
		client.send({ ...ask, corr: 1 }, jsonBytes('bad'));
		client.send({ ...ask, corr: 2 }, jsonBytes('good'));
		const replies = [await client.next(FrameKind.reply), await client.next(FrameKind.reply)] as const;
		expect(replies[0].flags).toBe(FrameFlag.direct | FrameFlag.error);
		expect(unpack(replies[0].payload, 0, replies[0].payload.length)).toEqual(error);
		expect(json(replies[1])).toBe('good');
	});

	test('whose reply is longer than a frame may be answers with an error, and the connection goes on', async () => {
		const { connection, client } = await connected({ welcome: { maxFrame: 65_536 } });
		const replies: Record<string, string> = { fits: 'x'.repeat(65_536 - 36 - 2), long: 'x'.repeat(65_536 - 36 - 1) };
		connection.reply('Add', (name: string) => {
			if (name === 'throws') throw new Error('x'.repeat(100_000));
			return replies[name];
		});
		for (const [index, name] of ['long', 'throws', 'fits'].entries())
			client.send({ kind: FrameKind.request, typeId: 1, src: 3, corr: index + 1 }, jsonBytes(name));
		const [long, threw, fits] = [
			await client.next(FrameKind.reply),
			await client.next(FrameKind.reply),
			await client.next(FrameKind.reply),
		];
		expect(unpack(long.payload, 0, long.payload.length)).toEqual({
			code: 'too_large',
			message: 'Cannot reply to a request of type "Add": the 65501 bytes of the reply are more than the 65500 that it may have',
		});
		expect(unpack(threw.payload, 0, threw.payload.length)).toEqual({ code: 'handler_failed', message: 'x'.repeat(16 * 1024) });
		expect([long.flags & FrameFlag.error, threw.flags & FrameFlag.error, fits.flags & FrameFlag.error]).toEqual([
			FrameFlag.error,
			FrameFlag.error,
			0,
		]);
		expect(json(fits)).toBe(replies['fits']);
	});

	test('answers one after the other, or as many at a time as it is told', async () => {
		const { connection, client } = await connected();
		const finish = new Map<unknown, () => void>();
		const handler = (data: unknown) => new Promise((resolve) => finish.set(data, () => resolve(data)));
		const off = connection.reply('Add', handler);
		for (const corr of [1, 2]) client.send({ ...ask, corr }, jsonBytes(corr));
		await until('the first', () => finish.has(1));
		client.send({ kind: FrameKind.ping });
		await client.next(FrameKind.pong);
		expect(finish.has(2)).toBe(false);
		finish.get(1)?.();
		await until('the second', () => finish.has(2));
		finish.get(2)?.();
		const replied = async () => (await client.next(FrameKind.reply)).corr;
		expect([await replied(), await replied()]).toEqual([1, 2]);
		await client.consumed(1, 2);
		off();
		connection.reply('Add', handler, { concurrency: 2 });
		for (const corr of [3, 4, 5]) client.send({ ...ask, corr }, jsonBytes(corr));
		await until('two at a time', () => finish.has(4));
		expect(finish.has(5)).toBe(false);
		finish.get(4)?.();
		await until('the third', () => finish.has(5));
		expect(await replied()).toBe(4);
		finish.get(5)?.();
		finish.get(3)?.();
		expect([await replied(), await replied()].sort()).toEqual([3, 5]);
	});

	test('waits for requests that came before it; a type has one', async () => {
		const { connection, client } = await connected();
		client.send({ ...ask, corr: 1 }, jsonBytes(1));
		await until('parking', () => connection.counters.parkedBytes > 0);
		connection.reply('Add', (data) => data);
		await client.next(FrameKind.reply);
		expect(() => connection.reply('Add', () => 1)).toThrow('a type has one reply handler');
	});

	test('where messages of the type are handled but requests are not, says so to whoever asks', async () => {
		const { connection, client } = await connected();
		connection.on('Add', () => {});
		client.send({ ...ask, corr: 1 }, jsonBytes(1));
		const reply = await client.next(FrameKind.reply);
		expect(unpack(reply.payload, 0, reply.payload.length)).toEqual({
			code: 'unhandled',
			message: 'Requests of type "Add" are not answered here',
		});
	});

	test('takes plain messages of its type too, and answers them to nobody', async () => {
		const { connection, client } = await connected();
		const got: unknown[] = [];
		connection.reply('Add', (data) => got.push(data));
		client.message(1, 1, 'by hand');
		await client.consumed(1, 1);
		expect(got).toEqual(['by hand']);
		expect(client.frames.filter(({ kind }) => kind === FrameKind.reply)).toEqual([]);
	});

	test('does not answer by a new connection what was asked by the old one', async () => {
		const { router, connection, client } = await connected();
		let finish: () => void = () => {};
		let calls = 0;
		connection.reply('Add', () => {
			calls += 1;
			return new Promise<number>((resolve) => {
				finish = () => resolve(1);
			});
		});
		client.send({ ...ask, corr: 1 }, jsonBytes(1));
		client.send({ ...ask, corr: 2 }, jsonBytes(2));
		await until('the first', () => calls === 1);
		client.socket.destroy();
		const second = await router.client(2);
		await until('the new connection', () => connection.connected);
		finish();
		second.send({ ...ask, corr: 3 }, jsonBytes(3));
		await until('the new request', () => calls === 2);
		finish();
		expect((await second.next(FrameKind.reply)).corr).toBe(3);
		await second.consumed(1, 1);
	});
});

describe('a control request', () => {
	test('waits for the connection and resolves with its result', async () => {
		const { router, connection } = await stage();
		const asked = connection.control('runtime.start', { runtime: 'pong' });
		const client = await router.client();
		const frame = await client.next(FrameKind.control);
		const [kind, id, operation, params] = unpack(frame.payload, 0, frame.payload.length) as unknown[];
		expect([kind, operation, params]).toEqual([0, 'runtime.start', { runtime: 'pong' }]);
		client.body(FrameKind.control, [1, id, { status: 'running' }]);
		expect(await asked).toEqual({ status: 'running' });
	});

	test('that cannot be written fails at once, and keeps no connection from being made', async () => {
		const { router, connection } = await stage();
		const circle: { self?: unknown } = {};
		circle.self = circle;
		await expect(connection.control('runtime.start', circle)).rejects.toMatchObject({
			code: 'codec',
			message: 'Cannot send the control request "runtime.start": its parameters cannot be written as MessagePack',
		});
		await expect(connection.control('runtime.start', { data: new Uint8Array(2 ** 24) })).rejects.toMatchObject({
			code: 'too_large',
		});
		await connection.opened;
		expect([connection.counters.asking, router.clients.length]).toEqual([0, 1]);
	});

	test('rejects with the error of the operation', async () => {
		const { connection, client } = await connected();
		const asked = connection.control('runtime.start', { runtime: 'pong' });
		const frame = await client.next(FrameKind.control);
		const [, id] = unpack(frame.payload, 0, frame.payload.length) as unknown[];
		client.body(FrameKind.control, [2, id, { code: 'denied', message: 'no control privileges' }]);
		await expect(asked).rejects.toMatchObject({ code: 'denied', message: 'no control privileges' });
	});

	test('rejects with an error of its own where the answer has no texts', async () => {
		const { connection, client } = await connected();
		const asked = connection.control('runtime.start', { runtime: 'x' }).catch((error: OrchError) => error);
		const frame = await client.next(FrameKind.control);
		const [, id] = unpack(frame.payload, 0, frame.payload.length) as unknown[];
		client.body(FrameKind.control, [2, id, { code: { toString: 1 }, message: 7 }]);
		expect(await asked).toMatchObject({ code: 'error', message: 'The answer is an error without a message' });
		expect(connection.connected).toBe(true);
	});

	test('fails when the connection breaks or no answer comes', async () => {
		const { router, connection, client } = await connected();
		const asked = connection.control('daemon.status');
		await client.next(FrameKind.control);
		client.socket.destroy();
		await expect(asked).rejects.toMatchObject({ code: 'disconnected' });
		await router.client(2);
		await expect(connection.control('daemon.status', {}, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'timeout' });
		expect(connection.counters.asking).toBe(0);
	});
});
