/** What schemas say of many messages at once. */
import { expect, test } from 'vitest';
import { compileSchema } from '@orch/base/json-schema';
import { canTakeDescriptors, ManualClock, takeDescriptors } from '@orch/base/testing';
import { FrameKind, makeFrame } from '@orch/protocol/data';
import { pack } from '@orch/protocol/wire';
import { Admission } from './admission.ts';
import { RouterClock } from './router-clock.ts';

const slow = compileSchema({ type: 'object', properties: { name: { type: 'string', pattern: '^(x+)+$' } } });
const admissionBy = (codec: 'msgpack' | 'json', compiled = slow) =>
	Admission.of(
		codec,
		new RouterClock(new ManualClock()),
		{ type: 'Ping', project: 'shop', text: '', compiled },
		[],
		() => undefined,
	);
const frame = (payload: Uint8Array) => Buffer.from(makeFrame({ kind: FrameKind.data, typeId: 1, src: 1, seq: 1 }, payload));

test.skipIf(!canTakeDescriptors)(
	'without descriptors to watch over the time messages are refused with that reason, and the router lives',
	() => {
		const admission = admissionBy('json');
		const good = frame(Buffer.from('{"name":"x"}'));
		for (const left of [0, 2, 3]) {
			const giveBack = takeDescriptors(left);
			try {
				expect(admission?.judge(good, 0, 1)[0]?.misfit.reason).toBe(
					'cannot be checked: the router has no file descriptor left to watch over the time',
				);
			} finally {
				giveBack();
			}
		}
		expect(admission?.judge(good, 0, 1)).toEqual([undefined]);
	},
);

test('long messages that take longer to read than a check may take are each judged by what they say', () => {
	expect(slow.isLinear).toBe(false);
	const admission = admissionBy('msgpack');
	const long = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`key ${index}`, index]));
	const frames = Array.from({ length: 32 }, (_, index) =>
		Buffer.from(makeFrame({ kind: FrameKind.data, typeId: 1, src: 1, seq: index }, pack(index % 8 === 7 ? { name: 7 } : long))),
	);
	const verdicts = admission?.judge(Buffer.concat(frames), 0, frames.length);
	expect(verdicts?.map((refusal) => refusal?.misfit.reason)).toEqual(
		frames.map((_, index) => (index % 8 === 7 ? 'must be string, got number 7' : undefined)),
	);
});
