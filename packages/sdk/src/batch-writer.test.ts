/** Few writes, in memory that is used again only when it is free. */
import type { Socket } from 'node:net';
import { FrameKind, readHeader } from '@orch/protocol/data';
import { describe, expect, test } from 'vitest';
import { BatchWriter } from './batch-writer.ts';
import { type Clock, systemClock } from './clock.ts';

/** A socket that takes what it is told to take at once, and keeps the rest where it is. */
class Sink {
	writableLength = 0;
	takes = true;
	readonly writes: Buffer[] = [];
	/** As the bytes are when they are taken. */
	readonly taken: Buffer[] = [];
	#drain: () => void = () => {};
	#held: Uint8Array[] = [];

	write(bytes: Uint8Array): boolean {
		this.writes.push(Buffer.from(bytes));
		if (this.takes) this.taken.push(Buffer.from(bytes));
		else {
			this.#held.push(bytes);
			this.writableLength += bytes.length;
		}
		return this.takes;
	}

	drain(): void {
		for (const bytes of this.#held) this.taken.push(Buffer.from(bytes));
		this.#held = [];
		this.writableLength = 0;
		this.#drain();
	}

	on(_event: string, listener: () => void): void {
		this.#drain = listener;
	}

	cork(): void {}

	uncork(): void {}
}

function writer() {
	const sink = new Sink();
	const opened: string[] = [];
	const turns: (() => void)[] = [];
	const clock: Clock = { ...systemClock, nextTurn: (run) => void turns.push(run) };
	const subject = new BatchWriter(clock, { beforeFlush: () => {}, opened: () => void opened.push('opened') });
	subject.attach(sink as unknown as Socket, 7);
	return { sink, subject, opened, turns };
}

const payload = (length: number, fill: number) => Buffer.alloc(length, fill);

/** The payloads of the frames in these bytes. */
function payloads(bytes: Buffer): Buffer[] {
	const list: Buffer[] = [];
	for (let at = 0; at < bytes.length; ) {
		const { frameBytes, headerBytes } = readHeader(bytes, at);
		list.push(bytes.subarray(at + headerBytes, at + frameBytes));
		at += frameBytes;
	}
	return list;
}

const turnEnd = () => new Promise((resolve) => setImmediate(resolve));

describe('a batch writer', () => {
	test('joins what is added in one turn into one write', async () => {
		const { sink, subject } = writer();
		for (let n = 1; n <= 5; n++) subject.bytes(FrameKind.data, 1, n, 0, payload(n, n));
		expect(sink.writes).toHaveLength(0);
		await turnEnd();
		expect(sink.writes).toHaveLength(1);
		expect(payloads(sink.writes[0] as Buffer)).toEqual([1, 2, 3, 4, 5].map((n) => payload(n, n)));
	});

	test('never writes into memory that the socket still holds', async () => {
		const { sink, subject } = writer();
		sink.takes = false;
		const sent: Buffer[] = [];
		for (let n = 1; n <= 300; n++) {
			const bytes = payload((n * 37) % 15_000, n);
			sent.push(bytes);
			subject.bytes(FrameKind.data, 1, n, 0, bytes);
			if (n % 3 === 0) subject.flush();
			if (n % 100 === 0) sink.drain();
		}
		await turnEnd();
		sink.drain();
		expect(payloads(Buffer.concat(sink.taken)).every((bytes, index) => bytes.equals(sent[index] as Buffer))).toBe(true);
		expect(payloads(Buffer.concat(sink.taken))).toHaveLength(300);
	});

	test('is closed while too much waits in the socket, and opens when that has gone', () => {
		const { sink, subject, opened } = writer();
		sink.takes = false;
		for (let n = 1; n <= 5; n++) {
			expect(subject.open).toBe(true);
			subject.bytes(FrameKind.data, 1, n, 0, payload(60_000, n));
			subject.flush();
		}
		expect(subject.open).toBe(false);
		sink.drain();
		expect([subject.open, opened.length]).toEqual([true, 2]);
	});

	test('is closed for the rest of a turn in which a mebibyte was written, however much the socket takes', () => {
		const { subject, turns } = writer();
		for (let n = 1; subject.open && n < 100; n++) {
			subject.bytes(FrameKind.data, 1, n, 0, payload(60_000, n));
			subject.flush();
		}
		expect([subject.open, turns.length]).toEqual([false, 1]);
		turns.shift()?.();
		expect(subject.open).toBe(true);
	});

	test('what is added before the flush goes along with it', async () => {
		const sink = new Sink();
		const subject: BatchWriter = new BatchWriter(systemClock, {
			beforeFlush: () => subject.control({ kind: FrameKind.credit }, payload(16, 1)),
			opened: () => {},
		});
		subject.attach(sink as unknown as Socket, 7);
		subject.bytes(FrameKind.data, 1, 1, 0, payload(4, 2));
		await turnEnd();
		expect(sink.writes.map(payloads)).toEqual([[payload(4, 2), payload(16, 1)]]);
	});

	test('forgets what it had when its socket is gone', async () => {
		const { sink, subject } = writer();
		subject.bytes(FrameKind.data, 1, 1, 0, payload(4, 1));
		subject.detach();
		expect(subject.open).toBe(false);
		const next = new Sink();
		subject.attach(next as unknown as Socket, 8);
		subject.bytes(FrameKind.data, 1, 2, 0, payload(4, 2));
		sink.drain();
		await turnEnd();
		expect([sink.writes.length, next.writes.length, readHeader(next.writes[0] as Buffer, 0)]).toMatchObject([
			0,
			1,
			{ src: 8, seq: 2 },
		]);
	});
});
