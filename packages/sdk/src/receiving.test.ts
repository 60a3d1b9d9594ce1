/** What a program receives: order, parking, reports, what cannot be read. */
import { FrameKind, readCredits, type TypeEntry } from '@orch/protocol/data';
import { afterEach, describe, expect, test } from 'vitest';
import { pack } from './codec.ts';
import type { Message } from './message.ts';
import { type FakeClient, type FakeRouterOptions, endStages, stage, until } from './testing/fake-router.ts';

afterEach(endStages);

const types: readonly TypeEntry[] = [
	{ id: 1, name: 'Ping', codec: 'json' },
	{ id: 2, name: 'Pong', codec: 'json' },
	{ id: 3, name: 'Image', codec: 'raw' },
	{ id: 4, name: 'State', codec: 'msgpack' },
];

const frameBytes = (data: unknown): number => 32 + JSON.stringify(data).length;

async function receiving(options: FakeRouterOptions = {}, connectOptions = {}) {
	const { router, connection } = await stage({ types, ...options }, connectOptions);
	const client = await router.client();
	await connection.opened;
	return { router, connection, client };
}

/** A handler whose promise the test settles. */
function gate() {
	const started: unknown[] = [];
	const open: (() => void)[] = [];
	const handler = (data: unknown) =>
		new Promise<void>((resolve) => {
			started.push(data);
			open.push(resolve);
		});
	return { started, handler, finish: () => open.shift()?.() };
}

/** Everything that the router has sent so far has been read. */
async function caughtUp(client: FakeClient): Promise<void> {
	client.send({ kind: FrameKind.ping });
	await client.next(FrameKind.pong);
}

describe('receiving', () => {
	test('hands messages to their handler with who sent them, when and which', async () => {
		const { connection, client } = await receiving();
		const got: [unknown, Message][] = [];
		connection.on('Ping', (data, message) => got.push([data, message]));
		client.body(FrameKind.peer, { peers: [{ port: 3, runtime: 'id-of-pinger', name: 'pinger' }] });
		client.message(1, 41, { n: 1 }, { ts: 1_700_000_000_123_456 });
		await until('the message', () => got.length === 1);
		expect(got).toEqual([
			[{ n: 1 }, { type: 'Ping', from: 'pinger', fromId: 'id-of-pinger', seq: 41, sentAt: 1_700_000_000_123.456 }],
		]);
	});

	test('decodes each type by its codec', async () => {
		const { connection, client } = await receiving();
		const got: unknown[] = [];
		for (const name of ['Ping', 'Image', 'State']) connection.on(name, (data) => got.push(data));
		client.message(1, 1, 'text');
		client.send({ kind: FrameKind.data, typeId: 3, seq: 1 }, Uint8Array.of(1, 2));
		client.send({ kind: FrameKind.data, typeId: 4, seq: 1 }, pack({ on: true }));
		await until('three messages', () => got.length === 3);
		expect(got).toEqual(['text', Uint8Array.of(1, 2), { on: true }]);
	});

	test('hands messages of a type defined later to the handler that was there before', async () => {
		const { connection, client } = await receiving();
		const got: unknown[] = [];
		connection.on('Late', (data) => got.push(data));
		client.typedef([{ id: 9, name: 'Late', codec: 'json' }]);
		client.message(9, 1, 'here');
		await until('the message', () => got.length === 1);
	});

	test('parks messages until there is a handler, without reporting them', async () => {
		const { connection, client } = await receiving();
		for (const n of [1, 2, 3]) client.message(1, n, n);
		await until('parked bytes', () => connection.counters.parkedBytes === 3 * frameBytes(1));
		await caughtUp(client);
		expect(client.frames).toEqual([]);
		const got: unknown[] = [];
		connection.on('Ping', (data) => got.push(data));
		expect(got).toEqual([]);
		const report = await client.consumed(1, 3);
		expect(report.bytes).toBe(3 * frameBytes(1));
		expect(got).toEqual([1, 2, 3]);
		expect(connection.counters).toMatchObject({ parkedBytes: 0, received: 3 });
	});

	test('parks again when the last handler is gone', async () => {
		const { connection, client } = await receiving();
		const got: unknown[] = [];
		const off = connection.on('Ping', (data) => got.push(data));
		client.message(1, 1, 1);
		await client.consumed(1, 1);
		off();
		client.message(1, 2, 2);
		await until('parking', () => connection.counters.parkedBytes > 0);
		connection.on('Ping', (data) => got.push(data));
		await client.consumed(1, 2);
		expect(got).toEqual([1, 2]);
	});

	test('within a type waits for an asynchronous handler; another type goes on', async () => {
		const { connection, client } = await receiving();
		const pings = gate();
		const pongs: unknown[] = [];
		connection.on('Ping', pings.handler);
		connection.on('Pong', (data) => pongs.push(data));
		for (const n of [1, 2, 3]) client.message(1, n, n);
		client.message(2, 1, 'a');
		client.message(2, 2, 'b');
		await until('two pongs', () => pongs.length === 2);
		expect(pings.started).toEqual([1]);
		pings.finish();
		await until('the second', () => pings.started.length === 2);
		await client.consumed(1, 1);
		pings.finish();
		await until('the third', () => pings.started.length === 3);
		pings.finish();
		await client.consumed(1, 3);
		expect(pings.started).toEqual([1, 2, 3]);
	});

	test('calls all handlers of a type in their order, those for any type last, and waits for all of them', async () => {
		const { connection, client } = await receiving();
		const order: string[] = [];
		const slow = gate();
		connection.onAny((_data, { type }) => order.push(`any ${type}`));
		connection.on('Ping', () => order.push('first'));
		connection.on('Ping', slow.handler);
		connection.on('Ping', async () => order.push('third'));
		client.message(1, 1, 1);
		client.message(1, 2, 2);
		client.message(2, 1, 1);
		await until('the other type', () => order.includes('any Pong'));
		expect(order).toEqual(['first', 'third', 'any Ping', 'any Pong']);
		slow.finish();
		await client.consumed(1, 1);
		slow.finish();
		await client.consumed(1, 2);
		expect(order.filter((one) => one === 'first')).toHaveLength(2);
	});

	test('raw payloads are the handler’s to keep, unless it takes views', async () => {
		const { connection, client } = await receiving();
		const kept: Uint8Array[] = [];
		connection.on('Image', (data) => kept.push(data as Uint8Array));
		for (let n = 1; n <= 50; n++) client.send({ kind: FrameKind.data, typeId: 3, seq: n }, Buffer.alloc(n * 400, n));
		await client.consumed(3, 50);
		expect(kept.every((bytes, index) => bytes.length === (index + 1) * 400 && bytes.every((byte) => byte === index + 1))).toBe(
			true,
		);
	});

	test('a view shares memory with what is read next; a long frame comes in memory of its own', async () => {
		const { connection, client } = await receiving();
		const views: Uint8Array[] = [];
		connection.on('Image', (data) => views.push(data as Uint8Array), { view: true });
		client.send({ kind: FrameKind.data, typeId: 3, seq: 1 }, Buffer.alloc(10, 1));
		await until('the first', () => views.length === 1);
		client.send({ kind: FrameKind.data, typeId: 3, seq: 2 }, Buffer.alloc(10, 2));
		await until('the second', () => views.length === 2);
		expect(views[0]?.buffer).toBe(views[1]?.buffer);
		client.send({ kind: FrameKind.data, typeId: 3, seq: 3 }, Buffer.alloc(1_000_000, 3));
		await until('the long one', () => views.length === 3);
		expect(views[2]?.every((byte) => byte === 3)).toBe(true);
	});

	test('reports at the latest when a quarter of the window is consumed, in one frame for what was read together', async () => {
		const { connection, client } = await receiving({ welcome: { windowBytes: 4000 } });
		connection.on('Image', () => {});
		const frames = Array.from({ length: 20 }, (_, n) => n + 1);
		client.socket.cork();
		for (const seq of frames) client.send({ kind: FrameKind.data, typeId: 3, seq }, Buffer.alloc(68));
		client.socket.uncork();
		await client.consumed(3, 20);
		expect(client.frames.filter(({ kind }) => kind === FrameKind.credit).length).toBeLessThan(4);
	});

	test('sends a report along with whatever else goes out', async () => {
		const { connection, client } = await receiving();
		connection.on('Ping', async (data) => connection.send('Pong', data));
		connection.trySend('Pong', 0);
		await client.next(FrameKind.declare);
		await caughtUp(client);
		client.message(1, 1, 'back');
		await client.messages(1);
		const report = await client.next(FrameKind.credit);
		expect(readCredits(report.payload, 0, report.payload.length)).toEqual([
			{ typeId: 1, frames: 1, bytes: frameBytes('back'), unlimited: false },
		]);
	});

	test('reports a prompt type at once', async () => {
		const { connection, client } = await receiving({ types: [{ id: 1, name: 'Ping', codec: 'json', prompt: true }] });
		connection.on('Ping', () => {
			// a report that waited for something to go along with would come behind this
			setTimeout(() => void connection.ready(), 1);
		});
		client.message(1, 1, 1);
		await until('both frames', () => client.frames.length === 2);
		expect(client.frames.map(({ kind }) => kind)).toEqual([FrameKind.credit, FrameKind.ready]);
	});

	test('reports nothing when the welcome asks for no reports', async () => {
		const { connection, client } = await receiving({ welcome: { reports: false } });
		let got = 0;
		connection.on('Ping', () => {
			got += 1;
		});
		client.message(1, 1, 1);
		await until('the message', () => got === 1);
		await connection.close();
		expect(client.frames.map(({ kind }) => kind)).toEqual([FrameKind.bye]);
	});

	test('stops reading when too much is parked, and goes on when it has been handled', async () => {
		const { connection, client } = await receiving({ welcome: { reports: false } }, { limits: { maxParkedBytes: 500_000 } });
		const total = 400;
		for (let n = 1; n <= total; n++) client.send({ kind: FrameKind.data, typeId: 3, seq: n }, Buffer.alloc(10_000));
		await until('a full socket', () => client.socket.writableLength > 0 && connection.counters.parkedBytes > 500_000);
		expect(connection.counters.parkedBytes).toBeLessThan(500_000 + 300_000);
		let got = 0;
		connection.on('Image', () => {
			got += 1;
		});
		await until('all of them', () => got === total);
		expect(connection.counters.parkedBytes).toBe(0);
	});

	test('tells with the pong what was consumed before the ping, however little', async () => {
		const { connection, client } = await receiving();
		connection.on('Ping', () => {});
		client.message(1, 1, 1);
		client.send({ kind: FrameKind.ping }, Buffer.from('first'));
		await until('its pong', () => client.frames.some(({ kind }) => kind === FrameKind.pong));
		// what is written for the second comes behind what was written for the first
		client.send({ kind: FrameKind.ping }, Buffer.from('second'));
		await until('both', () => client.frames.filter(({ kind }) => kind === FrameKind.pong).length === 2);
		expect(client.frames.map(({ kind }) => kind)).toEqual([FrameKind.pong, FrameKind.credit, FrameKind.pong]);
	});

	test.each([
		['waits for credit', 'send'],
		['tries until there is credit', 'trySend'],
		['waits for a reply', 'request'],
	] as const)('reads on however much is parked while a handler %s', async (_what, how) => {
		const { connection, client } = await receiving({ credit: { frames: 1 } }, { limits: { maxParkedBytes: 500_000 } });
		await connection.send('Pong', 'all that there is credit for');
		let handled = 0;
		const parked = gate();
		connection.on('Ping', async (data) => {
			await parked.handler(data);
			if (how === 'send') await connection.send('Pong', 'out');
			else if (how === 'trySend') await until('credit', () => connection.trySend('Pong', 'out'));
			else await connection.request('Pong', 'out');
			handled += 1;
		});
		client.message(1, 1, 1);
		for (let n = 1; n <= 400; n++) client.send({ kind: FrameKind.data, typeId: 3, seq: n }, Buffer.alloc(10_000));
		await until('a full socket', () => client.socket.writableLength > 0 && connection.counters.parkedBytes > 500_000);
		// behind all that is parked, and all that is not read
		client.credit(2, { frames: 10 });
		parked.finish();
		if (how === 'request') {
			const { corr } = await client.next(FrameKind.request);
			client.send({ kind: FrameKind.reply, typeId: 2, corr, src: 3, dst: 7 }, Buffer.from('1'));
		}
		await until('the end of the handler', () => handled === 1);
	});

	test('tells of dropped messages in their place among those of the type', async () => {
		const { connection, client } = await receiving();
		const seen: unknown[] = [];
		const slow = gate();
		connection.onEvent('dropped', ({ count, reason }) => seen.push(`${count} ${reason}`));
		connection.on('Ping', (data) => {
			seen.push(data);
			return slow.handler(data);
		});
		const dropped = { type: 'Ping', from: 'pinger', count: 3, reason: 'drop_oldest', firstSeq: 3, lastSeq: 5 };
		client.message(1, 1, 1);
		client.message(1, 2, 2);
		client.body(FrameKind.dropped, dropped);
		client.message(1, 6, 6);
		await caughtUp(client);
		expect(seen).toEqual([1]);
		slow.finish();
		await client.consumed(1, 1);
		slow.finish();
		await until('all', () => seen.length === 4);
		expect(seen).toEqual([1, 2, '3 drop_oldest', 6]);
		slow.finish();
		client.body(FrameKind.dropped, { ...dropped, type: 'Nobody' });
		await until('the other notice', () => seen.length === 5);
		const report = await client.consumed(1, 3);
		expect(report.bytes).toBe(3 * frameBytes(1));
	});

	test('tells of a payload that cannot be read, counts it as consumed and goes on', async () => {
		const { connection, client } = await receiving();
		const errors: string[] = [];
		const got: unknown[] = [];
		connection.onEvent('error', ({ message }) => errors.push(message));
		connection.on('Ping', (data) => got.push(data));
		client.send({ kind: FrameKind.data, typeId: 1, seq: 1 }, Buffer.from('{"cut'));
		client.message(1, 2, 'good');
		await client.consumed(1, 2);
		expect([errors, got]).toEqual([['A message of type "Ping" cannot be read as json'], ['good']]);
	});

	test('skips header words and frame kinds that it does not know', async () => {
		const { connection, client } = await receiving();
		const got: unknown[] = [];
		connection.on('Ping', (data) => got.push(data));
		const frame = Buffer.alloc(40 + 1, 0);
		frame[0] = 0xf9;
		frame[3] = 10;
		frame.writeUInt32LE(41, 4);
		frame.writeUInt32LE(1, 8);
		frame.write('5', 40);
		client.socket.write(frame);
		client.send({ kind: 99 as never }, Buffer.from('what is this'));
		client.message(1, 2, 6);
		await until('both', () => got.length === 2);
		expect(got).toEqual([5, 6]);
	});
});
