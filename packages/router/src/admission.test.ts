/** What schemas say of many messages at once. */
import { expect, test } from 'vitest';
import { compileSchema } from '@orch/base/json-schema';
import { ManualClock } from '@orch/base/testing';
import { FrameKind, makeFrame } from '@orch/protocol/data';
import { pack } from '@orch/protocol/wire';
import { Admission } from './admission.ts';
import { RouterClock } from './router-clock.ts';

test('long messages that take longer to read than a check may take are each judged by what they say', () => {
	const compiled = compileSchema({ type: 'object', properties: { name: { type: 'string', pattern: '^(x+)+$' } } });
	expect(compiled.isLinear).toBe(false);
	const admission = Admission.of(
		'msgpack',
		new RouterClock(new ManualClock()),
		{ type: 'Ping', project: 'shop', text: '', compiled },
		[],
		() => undefined,
	);
	const long = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`key ${index}`, index]));
	const frames = Array.from({ length: 32 }, (_, index) =>
		Buffer.from(makeFrame({ kind: FrameKind.data, typeId: 1, src: 1, seq: index }, pack(index % 8 === 7 ? { name: 7 } : long))),
	);
	const verdicts = admission?.judge(Buffer.concat(frames), 0, frames.length);
	expect(verdicts?.map((refusal) => refusal?.misfit.reason)).toEqual(
		frames.map((_, index) => (index % 8 === 7 ? 'must be string, got number 7' : undefined)),
	);
});
