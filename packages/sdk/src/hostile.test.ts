/** Whatever comes from the socket: the program goes on. */
import { FrameFlag, FrameKind, makeFrame } from '@orch/protocol/data';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { pack } from './codec.ts';
import { endStages, stage, until } from './testing/fake-router.ts';

afterEach(endStages);

const types = [
	{ id: 1, name: 'Ping', codec: 'json' },
	{ id: 2, name: 'State', codec: 'msgpack' },
	{ id: 3, name: 'Image', codec: 'raw' },
] as const;

/** One good frame of every kind that a router sends. */
const good: readonly Uint8Array[] = [
	...[1, 2, 3].map((typeId) => makeFrame({ kind: FrameKind.data, typeId, src: 5, seq: 1 }, pack({ n: [1, 'two', null] }))),
	makeFrame({ kind: FrameKind.request, typeId: 1, src: 5, corr: 9 }, Buffer.from('[1,2]')),
	makeFrame({ kind: FrameKind.reply, typeId: 1, src: 5, corr: 1, dst: 7 }, Buffer.from('{}')),
	makeFrame({ kind: FrameKind.reply, flags: FrameFlag.error, typeId: 1, corr: 1, dst: 7 }, pack({ code: 'no', message: 'no' })),
	makeFrame({ kind: FrameKind.typedef }, pack({ types: [{ id: 70_000, name: 'New', codec: 'raw', prompt: true }] })),
	makeFrame({ kind: FrameKind.peer }, pack({ peers: [{ port: 5, runtime: 'id', name: 'peer' }] })),
	makeFrame({ kind: FrameKind.credit }, Buffer.alloc(32, 1)),
	makeFrame(
		{ kind: FrameKind.dropped },
		pack({ type: 'Ping', from: 'peer', count: 1, reason: 'latest', firstSeq: 1, lastSeq: 1 }),
	),
	makeFrame({ kind: FrameKind.ping }, Buffer.from('ping')),
	makeFrame({ kind: FrameKind.error }, pack({ code: 'schema', message: 'no', fatal: false, corr: 1 })),
	makeFrame({ kind: FrameKind.control }, pack([1, 1, {}])),
	makeFrame({ kind: FrameKind.welcome }, pack({ proto: 1, port: 7, runtime: {}, types: [], lost: [] })),
	makeFrame({ kind: FrameKind.bye }, new Uint8Array(0)),
];

const mutation = fc.record({ frame: fc.nat(good.length - 1), at: fc.nat(200), value: fc.nat(255), cut: fc.nat(40) });

test('frames with any bytes changed or cut harm neither the program nor what it does afterwards', async () => {
	const { router, connection } = await stage({ types });
	const got: unknown[] = [];
	connection.on('Ping', (data) => got.push(data));
	connection.on('State', () => {});
	connection.on('Image', () => {});
	connection.reply('Ping', (data) => data);
	let rounds = 0;
	await fc.assert(
		fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 6 }), async (mutations) => {
			rounds += 1;
			await until('a connection', () => connection.connected);
			const client = router.clients.at(-1);
			if (!client) throw new Error('nobody is connected');
			connection.request('Add', 1, { timeoutMs: 1000 }).catch(() => {});
			for (const { frame, at, value, cut } of mutations) {
				const bytes = Buffer.from(good[frame] as Uint8Array);
				bytes[at % bytes.length] = value;
				client.socket.write(bytes.subarray(0, bytes.length - (cut < 30 ? 0 : cut - 30)));
			}
			// a frame that announces more than comes would swallow what follows
			if (rounds % 5 === 0) client.socket.destroy();
		}),
		{ numRuns: 400 },
	);
	// the last one may be in the middle of a frame that never ends
	const before = router.clients.length;
	for (const { socket } of router.clients) socket.destroy();
	const last = await router.client(before + 1);
	await until('the last words', () => {
		last.message(1, 1, 'still here');
		return got.includes('still here');
	});
	await connection.send('Pong', 1);
	expect(connection.status).toBe('connected');
});
