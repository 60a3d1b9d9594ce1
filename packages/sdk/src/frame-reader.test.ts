/** Frames come out whole, however the bytes came in. */
import { FrameKind, headerBytes, makeFrame } from '@orch/protocol/data';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameReader } from './frame-reader.ts';

const maxFrameBytes = 1024 * 1024;

function reader(maxBytes = maxFrameBytes) {
	const frames: Buffer[] = [];
	const filled: boolean[] = [];
	const subject = new FrameReader(maxBytes, (bytes, view, at, end) => {
		expect(view.getUint32(at + 4, true)).toBe(end - at);
		frames.push(Buffer.from(bytes.subarray(at, end)));
		filled.push(at === 0 && end === bytes.length);
	});
	const feed = (bytes: Uint8Array, portion = bytes.length) => {
		for (let at = 0; at < bytes.length; ) {
			const space = subject.space();
			const count = Math.min(portion, space.length, bytes.length - at);
			space.set(bytes.subarray(at, at + count));
			const fault = subject.received(count);
			if (fault) return fault;
			at += count;
		}
		return undefined;
	};
	return { frames, filled, feed };
}

const frameOf = (length: number, seq: number) => makeFrame({ kind: FrameKind.data, typeId: 1, seq }, Buffer.alloc(length, seq));

describe('a frame reader', () => {
	test('hands on the same frames for every portion that the bytes come in', () => {
		const lengths = fc.array(fc.nat(600), { minLength: 1, maxLength: 12 });
		fc.assert(
			fc.property(lengths, fc.integer({ min: 1, max: 97 }), (sizes, portion) => {
				const frames = sizes.map(frameOf);
				const subject = reader();
				expect(subject.feed(Buffer.concat(frames), portion)).toBeUndefined();
				expect(subject.frames).toEqual(frames.map((frame) => Buffer.from(frame)));
			}),
		);
	});

	test('hands on the same frames when the stream is split in two at any byte', () => {
		const frames = [0, 16, 3, 250].map(frameOf);
		const stream = Buffer.concat(frames);
		for (let split = 0; split <= stream.length; split++) {
			const subject = reader();
			subject.feed(stream.subarray(0, split));
			subject.feed(stream.subarray(split));
			expect(subject.frames).toEqual(frames.map((frame) => Buffer.from(frame)));
		}
	});

	test('puts the end of one read and the start of the next together around the end of its buffer', () => {
		const frames = Array.from({ length: 40 }, (_, seq) => frameOf(30_000 + seq, seq));
		const subject = reader();
		expect(subject.feed(Buffer.concat(frames))).toBeUndefined();
		expect(subject.frames.map((frame) => frame.length)).toEqual(frames.map((frame) => frame.length));
		expect(subject.frames.at(-1)).toEqual(Buffer.from(frames.at(-1) as Uint8Array));
	});

	test('gives a long frame memory of its own, and says so only then', () => {
		const subject = reader();
		const frames = [
			frameOf(200_000, 1),
			frameOf(16, 2),
			frameOf(900_000, 3),
			frameOf(256 * 1024 - headerBytes, 4),
			frameOf(1, 5),
		];
		subject.feed(Buffer.concat(frames), 100_000);
		expect(subject.frames.map((frame) => frame.equals(frames.shift() as Uint8Array))).toEqual([true, true, true, true, true]);
		expect(subject.filled.filter(Boolean).length).toBeGreaterThan(0);
		expect(subject.filled[1]).toBe(false);
		const whole = reader();
		whole.feed(frameOf(256 * 1024 - headerBytes, 1));
		expect(whole.filled).toEqual([false]);
	});

	test.each([
		['a first byte that is none', (frame: Buffer) => frame.writeUInt8(0x7b, 0), 'bad_magic'],
		['a length below that of the header', (frame: Buffer) => frame.writeUInt32LE(31, 4), 'bad_header'],
		['a header of no words', (frame: Buffer) => frame.writeUInt8(0, 3), 'bad_header'],
		['a header of 255 words', (frame: Buffer) => frame.writeUInt8(255, 3), 'bad_header'],
		['a direct frame without room for its address', (frame: Buffer) => frame.writeUInt8(2, 2), 'bad_header'],
		['a length of 4 GiB', (frame: Buffer) => frame.writeUInt32LE(0xffffffff, 4), 'too_large'],
	])('refuses %s as soon as eight bytes are there', (_what, spoil, fault) => {
		const frame = Buffer.from(frameOf(16, 1));
		spoil(frame);
		expect(reader().feed(frame.subarray(0, 8))).toBe(fault);
		expect(reader().feed(frame)).toBe(fault);
	});
});
