/** Reading, with and without what Node does not document. */
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { silentLogger, systemClock } from '@orch/base';
import { until } from '@orch/base/testing';
import { makeFrame } from '@orch/protocol/data';
import { FrameInput } from './frame-input.ts';
import { PeerSocket } from './peer-socket.ts';
import { ReadMemory } from './read-memory.ts';
import { RouterClock } from './router-clock.ts';
import { connected } from './testing/socket-pair.ts';
import { Turn } from './turn.ts';

const ways: [string, (socket: Socket) => unknown][] = [
	['into memory of its own', () => {}],
	[
		'the ordinary way, where Node has no other',
		(socket: Socket) => Object.assign((socket as unknown as { _handle: object })._handle, { useUserBuffer: undefined }),
	],
];

/** A peer of the socket that keeps the numbers of the frames which come, and does with each what is said. */
function listening(accepted: Socket, heard: (peer: PeerSocket) => void = () => {}) {
	const turn = new Turn();
	const seqs: number[] = [];
	const seen = { ended: false };
	const input = new FrameInput(
		{
			port: 7,
			maxBytes: 1_000_000,
			open: true,
			messages(_typeId, buffer, start, _end, frames) {
				for (let index = 0, at = start; index < frames; index++, at += buffer.readUInt32LE(at + 4))
					seqs.push(buffer.readUInt32LE(at + 16));
				heard(peer);
			},
			frame: () => {},
			fault: (fault) => expect.unreachable(fault),
			discard: () => expect.unreachable('bytes thrown away'),
		},
		turn,
		new ReadMemory(),
	);
	const peer: PeerSocket = new PeerSocket({
		socket: accepted,
		clock: new RouterClock(systemClock),
		turn,
		log: silentLogger,
		input,
		drained: () => {},
		finished: () => {},
		discarded: () => expect.unreachable('bytes thrown away'),
		closed: () => {
			seen.ended = true;
		},
	});
	return { peer, turn, seqs, seen };
}

const frame = (seq: number, bytes: number) => makeFrame({ kind: 0, typeId: 1, src: 7, seq }, Buffer.alloc(bytes));
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

test.each(ways)('frames are read %s', async (_how, prepare) => {
	const { client, accepted, close } = await connected();
	prepare(accepted);
	const frames = Array.from({ length: 2_000 }, (_, index) => frame(index + 2, index));
	// some of it has been read before the peer is there
	client.write(frames[0] as Uint8Array);
	await until('the first bytes', () => accepted.readableLength > 0 || accepted.bytesRead > 0);
	const { peer, turn, seqs, seen } = listening(accepted);
	peer.start(Buffer.from(frame(1, 5)));
	for (const one of frames.slice(1)) client.write(one);
	await until('all frames', () => seqs.length === 2_001);
	expect(seqs).toEqual(upTo(2_001));
	peer.outbox.append(Buffer.from('answer'), 0, 6);
	turn.settle();
	const answer = await new Promise((resolve) => client.once('data', resolve));
	expect(String(answer)).toBe('answer');
	client.end();
	await until('the end', () => seen.ended);
	close();
});

test.each(ways)(
	'frames of one who has gone are read %s to the end, though nothing can be written to him',
	async (_how, prepare) => {
		const { client, accepted, close } = await connected();
		prepare(accepted);
		const { peer, seqs, seen } = listening(accepted, ({ outbox }) => outbox.append(Buffer.from('answer'), 0, 6));
		const written: string[] = [];
		peer.outbox.append(Buffer.from('before'), 0, 6);
		peer.outbox.whenWritten(() => written.push('before'));
		client.write(Buffer.concat(upTo(1_000).map((seq) => frame(seq, 60))));
		expect(client.writableLength).toBe(0);
		client.destroy();
		peer.start(Buffer.alloc(0));
		await until('the end', () => seen.ended);
		expect([seqs, written, peer.outbox.full]).toEqual([upTo(1_000), [], true]);
		close();
	},
);

test.each(ways)('an end that the paused socket has met is met again by one that reads %s', async (_how, prepare) => {
	const { client, accepted, close } = await connected();
	prepare(accepted);
	client.end();
	await until('the end of the paused socket', () => accepted.readableEnded);
	const { peer, seqs, seen } = listening(accepted);
	peer.start(Buffer.from(frame(1, 5)));
	await until('the end', () => seen.ended);
	expect(seqs).toEqual([1]);
	close();
});
