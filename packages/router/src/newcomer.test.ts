/** What a connection may say first, and what it costs to find out. */
import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, expect, test, vi } from 'vitest';
import { ManualClock, until } from '@orch/base/testing';
import { FrameKind, makeFrame } from '@orch/protocol/data';
import { pack } from '@orch/protocol/wire';
import { type Identity, Newcomer } from './newcomer.ts';

afterEach(() => vi.restoreAllMocks());

test('a hello that comes drop by drop is put together once', async () => {
	const hello = { protoMin: 1, protoMax: 1, token: 'x'.repeat(64 * 1024), agent: 'test', pid: 1, maxFrame: 65_536 };
	const bytes = Buffer.from(makeFrame({ kind: FrameKind.hello }, pack(hello)));
	const socket = new PassThrough();
	let known: Identity | undefined;
	const concat = vi.spyOn(Buffer, 'concat');
	new Newcomer({
		socket: socket as unknown as Socket,
		clock: new ManualClock(),
		known: (identity) => {
			known = identity;
		},
		gone: () => {},
	});
	for (let at = 0; at < bytes.length; at += 64) socket.emit('data', bytes.subarray(at, at + 64));
	await until('the hello', () => known);
	expect(known).toEqual({ kind: 'binary', hello, rest: Buffer.alloc(0) });
	const copied = concat.mock.results.reduce((sum, { value }) => sum + (value as Buffer).length, 0);
	expect(copied).toBe(bytes.length);
});
