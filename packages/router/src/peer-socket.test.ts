/** Reading, with and without what Node does not document. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { silentLogger, systemClock } from '@orch/base';
import { until } from '@orch/base/testing';
import { makeFrame } from '@orch/protocol/data';
import { FrameInput } from './frame-input.ts';
import { PeerSocket } from './peer-socket.ts';
import { RouterClock } from './router-clock.ts';
import { Turn } from './turn.ts';

/** A client's socket and the router's end of it, paused as it is when a peer takes it over. */
async function connected(): Promise<{ client: Socket; accepted: Socket; close: () => void }> {
	const directory = mkdtempSync(join(tmpdir(), 'orch-ps-'));
	const path = join(directory, 's');
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(path, resolve));
	const coming = new Promise<Socket>((resolve) => server.once('connection', (socket) => resolve(socket.pause())));
	const client = connect(path);
	const accepted = await coming;
	const close = () => {
		client.destroy();
		server.close();
		rmSync(directory, { recursive: true });
	};
	return { client, accepted, close };
}

test.each([
	['into memory of its own', () => {}],
	[
		'the ordinary way, where Node has no other',
		(socket: Socket) => Object.assign((socket as unknown as { _handle: object })._handle, { useUserBuffer: undefined }),
	],
])('frames are read %s', async (_how, prepare) => {
	const { client, accepted, close } = await connected();
	prepare(accepted);
	const turn = new Turn();
	const seqs: number[] = [];
	let ended = false;
	const input = new FrameInput(
		{
			port: 7,
			maxBytes: 1_000_000,
			open: true,
			messages(_typeId, buffer, start, _end, frames) {
				for (let index = 0, at = start; index < frames; index++, at += buffer.readUInt32LE(at + 4))
					seqs.push(buffer.readUInt32LE(at + 16));
			},
			frame: () => {},
			fault: (fault) => expect.unreachable(fault),
		},
		turn,
	);
	const frames = Array.from({ length: 2_000 }, (_, index) =>
		makeFrame({ kind: 0, typeId: 1, src: 7, seq: index + 2 }, Buffer.alloc(index)),
	);
	// some of it has been read before the peer is there
	client.write(frames[0] as Uint8Array);
	await until('the first bytes', () => accepted.readableLength > 0 || accepted.bytesRead > 0);
	const peer = new PeerSocket({
		socket: accepted,
		clock: new RouterClock(systemClock),
		turn,
		log: silentLogger,
		input,
		drained: () => {},
		closed: () => {
			ended = true;
		},
	});
	peer.start(Buffer.from(makeFrame({ kind: 0, typeId: 1, src: 7, seq: 1 }, Buffer.from('ahead'))));
	for (const frame of frames.slice(1)) client.write(frame);
	await until('all frames', () => seqs.length === 2_001);
	expect(seqs).toEqual(Array.from({ length: 2_001 }, (_, index) => index + 1));
	peer.outbox.append(Buffer.from('answer'), 0, 6);
	turn.settle();
	const answer = await new Promise((resolve) => client.once('data', resolve));
	expect(String(answer)).toBe('answer');
	client.end();
	await until('the end', () => ended);
	close();
});
