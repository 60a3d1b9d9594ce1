import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { makeFrame, readU32 } from '@orch/protocol/data';
import { Mailbox, offsetAfter } from './mailbox.ts';

interface Item {
	readonly seq: number;
	readonly bytes: number;
}

/** Frames one behind the other in memory of the given size, numbered from `seq` on. */
function framesOf(payloads: readonly number[], seq: number, spare: number): { buffer: Buffer; end: number; items: Item[] } {
	const frames = payloads.map((bytes, index) =>
		makeFrame({ kind: 0, typeId: 1, src: 1, seq: seq + index }, new Uint8Array(bytes)),
	);
	const end = frames.reduce((sum, frame) => sum + frame.length, 0);
	const buffer = Buffer.alloc(end + spare);
	let at = 0;
	for (const frame of frames) {
		buffer.set(frame, at);
		at += frame.length;
	}
	return { buffer, end, items: frames.map((frame, index) => ({ seq: seq + index, bytes: frame.length })) };
}

/** What a mailbox holds, taken out of it frame by frame. */
function drain(mailbox: Mailbox<string>): Item[] {
	const items: Item[] = [];
	for (let run = mailbox.shift(1); run !== undefined; run = mailbox.shift(1)) {
		items.push({ seq: readU32(run.buffer, run.start + 16), bytes: run.end - run.start });
		expect(run.frames).toBe(1);
	}
	return items;
}

const memory = { keep: () => {} };
const over = (items: readonly Item[], limits: { messages: number; bytes: number }) =>
	items.length > limits.messages || (items.length > 1 && items.reduce((sum, { bytes }) => sum + bytes, 0) > limits.bytes);

const runs = fc.array(fc.array(fc.nat(300), { minLength: 1, maxLength: 8 }), { maxLength: 20 });
const limitsOf = fc.record({ messages: fc.integer({ min: 1, max: 12 }), bytes: fc.integer({ min: 1, max: 2_000 }) });

describe('a mailbox is what a list of messages would be', () => {
	test.each([0, 4_000])('with %i bytes of other memory behind each run', (spare) => {
		fc.assert(
			fc.property(runs, limitsOf, fc.constantFrom('oldest', 'newest', 'fit', 'latest'), (pushed, limits, policy) => {
				const mailbox = new Mailbox<string>(memory);
				let model: Item[] = [];
				const dropped: number[] = [];
				const modelDropped: number[] = [];
				const onDrop = (_owner: string, frames: number, _bytes: number, firstSeq: number, lastSeq: number) => {
					expect(lastSeq - firstSeq + 1).toBe(frames);
					for (let seq = firstSeq; seq <= lastSeq; seq++) dropped.push(seq);
				};
				let seq = 1;
				for (const payloads of pushed) {
					const { buffer, end, items } = framesOf(payloads, seq, spare);
					seq += items.length;
					if (policy === 'fit') {
						const fits = mailbox.fitting(limits, buffer, 0, items.length);
						if (fits > 0) mailbox.push('a', buffer, 0, offsetAfter(buffer, 0, fits), fits, false);
						let taken = 0;
						for (const item of items) {
							if (model.length > 0 && over([...model, item], limits)) break;
							model.push(item);
							taken += 1;
						}
						expect(fits).toBe(taken);
						continue;
					}
					mailbox.push('a', buffer, 0, end, items.length, false);
					model.push(...items);
					if (policy === 'newest') {
						mailbox.dropNewest(limits, onDrop);
						const kept: Item[] = [];
						for (const item of model) {
							if (kept.length > 0 && over([...kept, item], limits)) break;
							kept.push(item);
						}
						modelDropped.push(...model.slice(kept.length).map((item) => item.seq));
						model = kept;
					} else {
						const most = policy === 'latest' ? { messages: 1, bytes: limits.bytes } : limits;
						mailbox.dropOldest(most, onDrop);
						while (over(model, most)) modelDropped.push((model.shift() as Item).seq);
					}
				}
				expect([mailbox.messages, mailbox.bytes]).toEqual([model.length, model.reduce((sum, { bytes }) => sum + bytes, 0)]);
				expect(dropped).toEqual(modelDropped);
				expect(drain(mailbox)).toEqual(model);
				expect([mailbox.messages, mailbox.bytes, mailbox.first]).toEqual([0, 0, undefined]);
			}),
			{ numRuns: 300 },
		);
	});
});

test('an empty mailbox takes one message that is longer than its limit', () => {
	const mailbox = new Mailbox<string>(memory);
	const { buffer } = framesOf([500, 500], 1, 0);
	expect(mailbox.fitting({ messages: 10, bytes: 100 }, buffer, 0, 2)).toBe(1);
});

test('a small view of much memory is copied, and neighbours become one run', () => {
	let kept = 0;
	const mailbox = new Mailbox<string>({ keep: () => kept++ });
	for (let seq = 1; seq <= 3; seq++) {
		const { buffer, end } = framesOf([8], seq, 60_000);
		mailbox.push('a', buffer, 0, end, 1, false);
	}
	expect(kept).toBe(0);
	const run = mailbox.shift();
	expect([run?.frames, run?.buffer.length, mailbox.messages]).toEqual([3, 1024, 0]);
});

test('memory that is kept as it is, is said to be kept', () => {
	let kept = 0;
	const mailbox = new Mailbox<string>({ keep: () => kept++ });
	const { buffer, end } = framesOf([100], 1, 0);
	mailbox.push('a', buffer, 0, end, 1, false);
	expect([kept, mailbox.first?.buffer]).toEqual([1, buffer]);
});

test('requests can be taken out by themselves, and say their number', () => {
	const mailbox = new Mailbox<string>(memory);
	const message = framesOf([4], 1, 0);
	const request = Buffer.from(makeFrame({ kind: 1, typeId: 1, src: 1, corr: 77 }, new Uint8Array(4)));
	mailbox.push('a', message.buffer, 0, message.end, 1, false);
	mailbox.push('a', request, 0, request.length, 1, true);
	mailbox.push('a', message.buffer, 0, message.end, 1, false);
	const dropped: unknown[] = [];
	mailbox.dropRequests((...drop) => dropped.push(drop));
	expect(dropped).toEqual([['a', 1, 36, 0, 0, 77]]);
	expect([mailbox.messages, mailbox.requests]).toEqual([2, 0]);
});
