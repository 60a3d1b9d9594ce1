/** Readiness and the end. */
import { FrameKind } from '@orch/protocol/data';
import { afterEach, describe, expect, test } from 'vitest';
import { endStages, stage, until } from './testing/fake-router.ts';

afterEach(endStages);

const types = [{ id: 1, name: 'Ping', codec: 'json' }] as const;

describe('close', () => {
	test('sends everything that was accepted, then bye, then leaves', async () => {
		const { router, connection } = await stage({}, { codecs: { Image: 'raw' } });
		await connection.opened;
		const sends = Array.from({ length: 300 }, (_, n) => connection.send('Image', Buffer.alloc(n * 100)));
		await connection.close();
		await Promise.all(sends);
		const client = await router.client();
		await until('the end', () => client.ended);
		const kinds = client.frames.map(({ kind }) => kind);
		expect(kinds.filter((kind) => kind === FrameKind.data)).toHaveLength(300);
		expect(kinds.at(-1)).toBe(FrameKind.bye);
		expect(connection.status).toBe('closed');
		await connection.closed;
	});

	test('ends its side only when all of it is written, whatever the router still asks', async () => {
		const { router, connection } = await stage({}, { codecs: { Image: 'raw' } });
		await connection.opened;
		const client = await router.client();
		await connection.send('Image', Buffer.alloc(10));
		client.socket.pause();
		// more than the system takes, so that some of it waits in the socket when close() ends that
		const sends = Array.from({ length: 28 }, () => connection.send('Image', Buffer.alloc(15_000)));
		await Promise.all(sends);
		const closing = connection.close();
		for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
		client.send({ kind: FrameKind.ping }, Buffer.from('are you there'));
		for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
		client.socket.resume();
		await closing;
		await until('the end', () => client.ended);
		const kinds = client.frames.map(({ kind }) => kind);
		expect(kinds.filter((kind) => kind === FrameKind.data)).toHaveLength(29);
		expect(kinds.at(-1)).toBe(FrameKind.bye);
	});

	test('sends what was given before the connection stood', async () => {
		const { router, connection } = await stage();
		void connection.send('Ping', 1);
		await connection.close();
		const client = await router.client();
		await client.messages(1);
	});

	test('reports what was consumed before it says bye', async () => {
		const { router, connection } = await stage({ types });
		let closing: Promise<void> | undefined;
		connection.on('Ping', () => {
			closing ??= connection.close();
		});
		const client = await router.client();
		await connection.opened;
		client.message(1, 1, 1);
		client.message(1, 2, 2);
		await until('closing', () => closing !== undefined);
		await closing;
		await until('the end', () => client.ended);
		expect(client.frames.map(({ kind }) => kind)).toEqual([FrameKind.credit, FrameKind.bye]);
		expect(connection.counters.received).toBe(1);
	});

	test('is no defect of a handler that was about to send', async () => {
		const { router, connection } = await stage({ types });
		const outcomes: string[] = [];
		connection.on('Ping', async () => {
			void connection.close();
			await connection.send('Pong', 1).catch((error: { code: string }) => {
				outcomes.push(error.code);
				throw error;
			});
		});
		const client = await router.client();
		await connection.opened;
		client.message(1, 1, 1);
		await until('the refusal', () => outcomes.length > 0);
		await connection.closed;
		// an uncaught error would fail the whole run
		expect(outcomes).toEqual(['closed']);
	});

	test('gives up what cannot be sent in time, with a sentence', async () => {
		const { connection } = await stage({ credit: { frames: 0 } });
		const stuck = connection.send('Ping', 1);
		const asked = connection.request('Add', 1);
		const results = Promise.allSettled([stuck, asked]);
		await connection.close({ timeoutMs: 20 });
		expect(await results).toMatchObject([
			{ status: 'rejected', reason: { code: 'closed', message: 'The connection is closed: close() was called' } },
			{ status: 'rejected', reason: { code: 'closed' } },
		]);
	});

	test('works without a router, at once when nothing waits', async () => {
		const { router, connection } = await stage();
		await router.kill();
		await until('the break', () => !connection.connected);
		const ready = connection.ready().catch((error: { code: string }) => error.code);
		await connection.close();
		expect([connection.status, await ready]).toEqual(['closed', 'closed']);
	});

	test('ends a connection that was never welcomed', async () => {
		const { router, connection } = await stage({ answers: false });
		await router.client();
		await connection.close();
		await expect(connection.opened).rejects.toMatchObject({ code: 'closed' });
	});

	test('is one close, however often it is called; what comes after it is refused', async () => {
		const { connection } = await stage();
		const first = connection.close();
		expect(connection.close()).toBe(first);
		await first;
		await expect(connection.send('Ping', 1)).rejects.toMatchObject({ code: 'closed' });
		await expect(connection.request('Ping', 1)).rejects.toMatchObject({ code: 'closed' });
		await expect(connection.control('daemon.status')).rejects.toMatchObject({ code: 'closed' });
		await expect(connection.ready()).rejects.toMatchObject({ code: 'closed' });
		expect(() => connection.trySend('Ping', 1)).toThrow('close() was called');
	});

	test('does not wait for ever for a router that does not close its side', async () => {
		const { router, connection } = await stage();
		await connection.opened;
		(await router.client()).socket.pause();
		await connection.close();
		expect(connection.status).toBe('closed');
	});
});

describe('ready', () => {
	test('waits for the connection and tells it once', async () => {
		const { router, connection } = await stage();
		await connection.ready();
		const client = await router.client();
		const frame = await client.next(FrameKind.ready);
		expect(frame.payload).toHaveLength(0);
	});
});

describe('shutdown', () => {
	test('is aborted by the first SIGTERM or SIGINT, and only listens when somebody looks', async () => {
		const { connection } = await stage();
		const before = [process.listenerCount('SIGTERM'), process.listenerCount('SIGINT')];
		const { shutdown } = connection;
		expect(connection.shutdown).toBe(shutdown);
		expect([process.listenerCount('SIGTERM'), process.listenerCount('SIGINT')]).toEqual(before.map((count) => count + 1));
		process.listeners('SIGTERM').at(-1)?.('SIGTERM');
		expect(shutdown.aborted).toBe(true);
		expect(shutdown.reason).toMatchObject({ code: 'shutdown', message: 'The process was asked to end by SIGTERM' });
		expect([process.listenerCount('SIGTERM'), process.listenerCount('SIGINT')]).toEqual(before);
	});

	test('is forgotten by close', async () => {
		const { connection } = await stage();
		const before = process.listenerCount('SIGINT');
		void connection.shutdown;
		await connection.close();
		expect(process.listenerCount('SIGINT')).toBe(before);
	});
});
