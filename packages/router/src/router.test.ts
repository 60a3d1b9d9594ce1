import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '@orch/base/testing';
import { FrameKind } from '@orch/protocol/data';
import { type Rig, startRig } from './testing/rig.ts';

let rig: Rig;
beforeEach(async () => {
	rig = await startRig();
	await rig.add('a', 'b', 'c');
});
afterEach(() => rig.close());

test('a message goes from one runtime to the one that its type is linked to', async () => {
	const link = await rig.link('a', 'Ping', 'b');
	const a = await rig.frames('a');
	const b = await rig.frames('b');
	const ping = await a.declare('Ping');
	a.send(ping, '1', '2', '3');
	await until('three messages', () => b.messages.length === 3);
	expect(b.messages).toEqual(['1', '2', '3']);
	expect(b.of(FrameKind.data).map(({ header }) => [header.src, header.seq])).toEqual([1, 2, 3].map((seq) => [a.port, seq]));
	await until('the report', () => rig.counters(link).delivered === 3);
	expect(rig.counters(link)).toEqual({ received: 3, delivered: 3, deliveredBytes: 99, dropped: {}, queued: 0, queuedBytes: 0, inFlight: 0 });
});

test('from any codec to any other', async () => {
	await rig.add('j', 'v');
	for (const to of ['b', 'j', 'v']) for (const from of ['a', 'j', 'v']) if (from !== to) await rig.link(from, 'Ping', to);
	const [a, b, j, v] = [await rig.frames('a'), await rig.frames('b'), await rig.lines('j'), await rig.veecle('v')];
	const ping = await a.declare('Ping');
	a.send(ping, '{"n":1}');
	await until('two lines', () => j.lines.length === 0 && v.lines.length === 1);
	j.write({ hello: {} }, { type: 'Ping', data: { n: 2 } });
	v.write({ Storable: { type_name: 'Ping', value: '{"n":3}' } });
	await until('all', () => b.messages.length === 3 && j.lines.length === 2 && v.lines.length === 2);
	expect([...b.messages].sort()).toEqual(['{"n":1}', '{"n":2}', '{"n":3}']);
	expect(j.values).toEqual([
		{ type: 'Ping', data: { n: 1 }, from: 'a' },
		{ type: 'Ping', data: { n: 3 }, from: 'v' },
	]);
	expect(v.values).toEqual([{ Storable: { type_name: 'Ping', value: '{"n":1}' } }, { Storable: { type_name: 'Ping', value: '{"n":2}' } }]);
});
