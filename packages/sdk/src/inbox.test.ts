/** What is put in comes out, in order. */
import { FrameKind, makeFrame } from '@orch/protocol/data';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Inbox } from './inbox.ts';

test('an inbox hands on what was put in, in order, with its owner and exact counts', () => {
	const step = fc.oneof(
		fc.record({ owner: fc.nat(2), length: fc.oneof(fc.nat(40), fc.nat(100_000)) }),
		fc.constant('shift' as const),
	);
	fc.assert(
		fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
			const inbox = new Inbox<number>();
			const model: { owner: number; frame: Buffer }[] = [];
			steps.forEach((one, seq) => {
				if (one === 'shift') {
					if (model.length === 0) return;
					const { owner, frame } = model.shift() as (typeof model)[number];
					inbox.shift((actual, bytes, view, at, end) => {
						expect(actual).toBe(owner);
						expect(view.getUint32(at + 16, true)).toBe(frame.readUInt32LE(16));
						expect(frame.equals(bytes.subarray(at, end))).toBe(true);
					});
				} else {
					const frame = Buffer.from(makeFrame({ kind: FrameKind.data, seq }, Buffer.alloc(one.length, seq)));
					inbox.push(one.owner, Buffer.concat([Buffer.from('x'), frame]), 1, frame.length + 1);
					model.push({ owner: one.owner, frame });
				}
				expect(inbox.size).toBe(model.length);
				expect(inbox.frameBytes).toBe(model.reduce((sum, { frame }) => sum + frame.length, 0));
			});
		}),
	);
});
