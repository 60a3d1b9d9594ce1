import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { FrameKind, makeFrame, maxFrameBytes } from '@orch/protocol/data';
import { FrameInput, type FrameSink } from './frame-input.ts';
import { ReadMemory } from './read-memory.ts';
import { Turn } from './turn.ts';

/** Everything that a sink was given, as copies of the frames; memory of earlier turns may be written over. */
function sink(maxBytes = maxFrameBytes) {
	const frames: { kind: number; typeId: number; bytes: string }[] = [];
	const faults: [string, number][] = [];
	const discarded: number[] = [];
	let open = true;
	const keep = (kind: number, typeId: number, buffer: Buffer, start: number, end: number) =>
		frames.push({ kind, typeId, bytes: buffer.toString('hex', start, end) });
	const it: FrameSink = {
		port: 7,
		maxBytes,
		get open() {
			return open;
		},
		messages(typeId, buffer, start, end, count, lastAt) {
			let at = start;
			let last = start;
			for (let index = 0; index < count; index++) {
				last = at;
				const next = at + buffer.readUInt32LE(at + 4);
				keep(0, typeId, buffer, at, next);
				at = next;
			}
			expect([at, last]).toEqual([end, lastAt]);
		},
		frame: (kind, buffer, start, end) => keep(kind, buffer.readUInt32LE(start + 8), buffer, start, end),
		fault(fault, detail) {
			faults.push([fault, detail]);
			open = false;
		},
		discard: (bytes) => discarded.push(bytes),
	};
	return { sink: it, frames, faults, discarded };
}

const expected = (frames: readonly Uint8Array[]) =>
	frames.map((frame) => ({
		kind: frame[1] as number,
		typeId: Buffer.from(frame).readUInt32LE(8),
		bytes: Buffer.from(frame).toString('hex'),
	}));

/** Reads as a socket does: into the space that it is given, as much as there is of both. */
function feed(input: FrameInput, bytes: Buffer, portions: readonly number[]): void {
	let at = 0;
	for (let turn = 0; at < bytes.length; turn++) {
		const taken = bytes.copy(input.space(), 0, at, at + Math.max(1, portions[turn % portions.length] ?? 1));
		input.arrived(taken);
		at += taken;
	}
}

/** Nobody keeps anything. */
const nobody = { kept: 0, holdsSince: () => [] };

const someFrames = fc.array(
	fc.record({
		kind: fc.constantFrom(FrameKind.data, FrameKind.data, FrameKind.data, FrameKind.request, FrameKind.credit, FrameKind.ping),
		typeId: fc.integer({ min: 1, max: 3 }),
		payload: fc.oneof(
			{ weight: 8, arbitrary: fc.uint8Array({ maxLength: 200 }) },
			{ weight: 1, arbitrary: fc.uint8Array({ minLength: 9_000, maxLength: 40_000 }) },
		),
	}),
	{ minLength: 1, maxLength: 30 },
);

describe('frames come out as they went in', () => {
	test('however the bytes are portioned, and whether or not memory is held', () => {
		fc.assert(
			fc.property(
				someFrames,
				fc.array(fc.integer({ min: 1, max: 50_000 }), { minLength: 1, maxLength: 10 }),
				fc.boolean(),
				(specs, portions, held) => {
					const frames = specs.map(({ kind, typeId, payload }, index) =>
						makeFrame({ kind, typeId, src: 7, seq: index }, payload),
					);
					const { sink: into, frames: out, faults } = sink();
					let kept = 0;
					const keeping = {
						get kept() {
							return held ? ++kept : 0;
						},
						holdsSince: () => undefined,
					};
					const input = new FrameInput(into, keeping, new ReadMemory());
					feed(input, Buffer.concat(frames), portions);
					expect(faults).toEqual([]);
					expect(out).toEqual(expected(frames));
					expect(input.pendingBytes).toBe(0);
				},
			),
			{ numRuns: 200 },
		);
	});

	test('and what is held stays as it is until the hold is over, whoever else reads into the same memory', () => {
		fc.assert(
			fc.property(
				someFrames,
				fc.array(fc.integer({ min: 1, max: 50_000 }), { minLength: 1, maxLength: 10 }),
				fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 10 }),
				(specs, portions, turns) => {
					const memory = new ReadMemory();
					const turn = new Turn();
					const views: {
						readonly view: Buffer;
						readonly copy: Buffer;
						readonly until: number;
						readonly hold: { isOver: boolean };
					}[] = [];
					let now = 0;
					const check = () => {
						now += 1;
						for (const { view, copy, until, hold } of views) {
							if (hold.isOver) continue;
							expect(view.equals(copy)).toBe(true);
							hold.isOver = until <= now;
						}
					};
					const inputs = [1, 2].map((peer) => {
						const hold = (buffer: Buffer, start: number, end: number) => {
							const turnsHeld = turns[views.length % turns.length] ?? 0;
							if (turnsHeld === 0) return;
							const made = { isOver: false };
							turn.keep(made);
							const view = buffer.subarray(start, end);
							views.push({ view, copy: Buffer.from(view), until: now + turnsHeld, hold: made });
						};
						const { sink: into } = sink();
						const messages: FrameSink['messages'] = (_typeId, buffer, start, end) => hold(buffer, start, end);
						const frame: FrameSink['frame'] = (_kind, buffer, start, end) => hold(buffer, start, end);
						const frames = specs.map(({ kind, typeId, payload }, seq) =>
							makeFrame({ kind, typeId, src: 7, seq }, Buffer.from(payload).fill(peer)),
						);
						return {
							input: new FrameInput({ ...into, open: true, messages, frame }, turn, memory),
							bytes: Buffer.concat([...frames, ...frames, ...frames]),
						};
					});
					for (let at = 0, round = 0; inputs.some(({ bytes }) => at < bytes.length); round++) {
						const most = Math.max(1, portions[round % portions.length] ?? 1);
						let taken = most;
						for (const { input, bytes } of inputs) {
							// both are as long, and are given as much space
							taken = Math.min(taken, bytes.copy(input.space(), 0, at, at + most));
							input.arrived(taken);
							check();
						}
						at += taken;
					}
				},
			),
			{ numRuns: 200 },
		);
	});

	test('cut at every byte of a header', () => {
		const frames = [1, 2, 3].map((seq) => makeFrame({ kind: 0, typeId: seq, src: 7, seq }, Buffer.from(`payload ${seq}`)));
		const bytes = Buffer.concat(frames);
		for (let cut = 1; cut < bytes.length; cut++) {
			const { sink: into, frames: out } = sink();
			const input = new FrameInput(into, nobody, new ReadMemory());
			feed(input, bytes.subarray(0, cut), [bytes.length]);
			feed(input, bytes.subarray(cut), [bytes.length]);
			expect(out).toEqual(expected(frames));
		}
	});

	test('through memory that was read elsewhere', () => {
		const frames = Array.from({ length: 3_000 }, (_, seq) =>
			makeFrame({ kind: 0, typeId: 1, src: 7, seq }, Buffer.alloc(100, seq)),
		);
		const { sink: into, frames: out } = sink();
		const input = new FrameInput(into, nobody, new ReadMemory());
		input.receive(Buffer.concat(frames));
		expect(out).toEqual(expected(frames));
	});
});

test('a frame longer than the memory that is read into gets memory of its own, and no more', () => {
	const frame = makeFrame({ kind: 0, typeId: 1, src: 7, seq: 1 }, Buffer.alloc(3_000_000, 1));
	const { sink: into, frames: out } = sink();
	const input = new FrameInput(into, nobody, new ReadMemory());
	let most = 0;
	let at = 0;
	for (const bytes = Buffer.from(frame); at < bytes.length; ) {
		const space = input.space();
		most = Math.max(most, space.buffer.byteLength);
		at += bytes.copy(space, 0, at, at + 100_000);
		input.arrived(Math.min(100_000, space.length, bytes.length - (at - Math.min(100_000, space.length))));
	}
	expect(most).toBe(frame.length);
	expect(out.length).toBe(1);
	expect(input.space().buffer.byteLength).toBeLessThanOrEqual(256 * 1024);
});

test.each([
	['short messages of one type so much as stays in the cache', 200, 1, 128],
	['long messages of many types in turn more', 30_000, 8, 256],
	['messages of many types in turn more', 200, 8, 256],
])('of %s is read at once', (_, payloadBytes, types, readKiB) => {
	const frames = Array.from({ length: types }, (_type, index) =>
		makeFrame({ kind: 0, typeId: index + 1, src: 7, seq: 1 }, Buffer.alloc(payloadBytes)),
	);
	const bytes = Buffer.concat(Array.from({ length: Math.ceil(4_000_000 / payloadBytes / types) }, () => frames).flat());
	const { sink: into } = sink();
	const input = new FrameInput(into, nobody, new ReadMemory());
	feed(input, bytes, [bytes.length]);
	expect(input.space().buffer.byteLength).toBe(readKiB * 1024);
});

describe('what cannot be a frame ends the stream, and what was before it counts', () => {
	const good = makeFrame({ kind: 0, typeId: 1, src: 7, seq: 1 }, Buffer.from('good'));
	const broken = (change: (frame: Buffer) => void) => {
		const frame = Buffer.from(good);
		change(frame);
		return frame;
	};
	test.each([
		['another magic', broken((frame) => frame.writeUInt8(0x47, 0)), ['bad_magic', 36]],
		['a length of 4 GiB', broken((frame) => frame.writeUInt32LE(0xffffffff, 4)), ['too_large', 0xffffffff]],
		['a length shorter than the header', broken((frame) => frame.writeUInt32LE(31, 4)), ['bad_header', 31]],
		['no header words', broken((frame) => frame.writeUInt8(0, 3)), ['bad_header', 36]],
		['255 header words', broken((frame) => frame.writeUInt8(255, 3)), ['bad_header', 36]],
		['another port', broken((frame) => frame.writeUInt32LE(8, 12)), ['spoof', 8]],
	])('%s', (_what, frame, fault) => {
		const { sink: into, frames: out, faults, discarded } = sink();
		const input = new FrameInput(into, nobody, new ReadMemory());
		feed(input, Buffer.concat([good, frame, good]), [1_000]);
		expect(out).toEqual(expected([good]));
		expect([faults, discarded]).toEqual([[fault], [frame.length + good.length]]);
	});
});

test.each([9_000, 30_000, 65_536, 120_000])(
	'of messages of %i bytes of one type only whole ones are read, so that none is moved',
	(payloadBytes) => {
		const frame = makeFrame({ kind: 0, typeId: 1, src: 7, seq: 1 }, Buffer.alloc(payloadBytes));
		const bytes = Buffer.concat(Array.from({ length: Math.ceil(4_000_000 / payloadBytes) }, () => frame));
		const { sink: into } = sink();
		const input = new FrameInput(into, nobody, new ReadMemory());
		let at = 0;
		const pending: number[] = [];
		while (at < bytes.length) {
			const space = input.space();
			const taken = bytes.copy(space, 0, at);
			input.arrived(taken);
			at += taken;
			if (space.buffer.byteLength % frame.length === 0) pending.push(input.pendingBytes);
		}
		expect(pending.length).toBeGreaterThan(10);
		// the first time what the last read has left is there still
		expect(pending.slice(1).filter((count) => count !== 0)).toEqual([]);
		expect(input.space().buffer.byteLength).toBeGreaterThan(96 * 1024);
		expect(input.space().buffer.byteLength).toBeLessThanOrEqual(256 * 1024);
	},
);
