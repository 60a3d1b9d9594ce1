/** Messages of types that have a schema: which are let through, whom it costs what, and what their senders hear of it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock, until } from '@orch/base/testing';
import { compileSchema } from '@orch/base/json-schema';
import { FrameKind } from '@orch/protocol/data';
import { pack } from '@orch/protocol/wire';
import { MessageRefused } from './injection.ts';
import { checkMs, maxCheckedBytes, maxRefusals, maxSchemas, maxTranscodedValues, refusalsMs } from './limits.ts';
import { type Rig, startRig } from './testing/rig.ts';

const ping = { type: 'object', properties: { seq: { type: 'integer' } }, required: ['seq'] };
const good = '{"seq":1}';
const bad = '{"seq":"one"}';
const reason = 'Ping.seq must be integer, got string "one" (type declared by project shop)';

let rig: Rig;
beforeEach(async () => {
	rig = await startRig();
	await rig.add('a', 'b', 'c', 'd');
	await rig.project('shop', 'a', 'b');
});
afterEach(() => rig.close());

const typesOf = (type: string) => {
	const { producers, samples, misfits } = rig.router.types();
	const of = <T extends { readonly type: string }>(rows: readonly T[]) => rows.filter((row) => row.type === type);
	return { producers: of(producers), samples: of(samples), misfits: of(misfits) };
};

describe('a message that does not fit', () => {
	test('is not delivered, counted at its link, and refused to its sender with the reason', async () => {
		const link = await rig.link('a', 'Ping', 'b');
		await rig.declare('shop', 'Ping', ping);
		const [a, b] = [await rig.frames('a'), await rig.frames('b')];
		const id = await a.declare('Ping');
		a.send(id, good, bad, '{"seq":2}');
		await until('the good ones', () => b.messages.length === 2);
		expect(b.messages).toEqual([good, '{"seq":2}']);
		expect(a.errors).toEqual([{ code: 'schema', fatal: false, type: 'Ping', path: '.seq', message: reason, count: 1 }]);
		expect(b.drops).toEqual([{ type: 'Ping', from: 'a', reason: 'schema', count: 1, firstSeq: 2, lastSeq: 2 }]);
		await until('the report', () => rig.counters(link).delivered === 2);
		expect(rig.counters(link)).toMatchObject({ received: 3, delivered: 2, dropped: { schema: 1 }, queued: 0, inFlight: 0 });
		expect(typesOf('Ping')).toEqual({
			producers: [{ runtime: rig.id('a'), type: 'Ping', messages: 3, refused: 1 }],
			samples: [expect.objectContaining({ from: 'a', codec: 'json', bytes: 9 })],
			misfits: [expect.objectContaining({ from: 'a', reason, project: 'shop' })],
		});
	});

	test('counts once for its sender, however many links take it, and at each of them', async () => {
		const links = [await rig.link('a', 'Ping', 'b'), await rig.link('a', 'Ping', 'c'), await rig.link('*', 'Ping', 'd')];
		await rig.declare('shop', 'Ping', ping);
		const a = await rig.frames('a');
		a.send(await a.declare('Ping'), bad, bad);
		await until('the refusals', () => a.errors.length === 2);
		expect(links.map((link) => rig.counters(link))).toEqual(
			links.map(() => expect.objectContaining({ received: 2, dropped: { schema: 2 }, queued: 0 })),
		);
		expect(typesOf('Ping').producers).toEqual([expect.objectContaining({ messages: 2, refused: 2 })]);
	});

	test.each([
		['no JSON', 'json', '{"seq":', 'Ping is not JSON'],
		['no UTF-8', 'json', Buffer.from([0x22, 0xff, 0x22]), 'Ping is not JSON'],
		['no MessagePack', 'msgpack', Buffer.from([0x93]), 'Ping is not MessagePack'],
		[
			'MessagePack of too many values',
			'msgpack',
			pack(Array(maxTranscodedValues).fill(0)),
			`Ping has more than the ${maxTranscodedValues} values that MessagePack of a type with a schema may have`,
		],
		['MessagePack that does not fit', 'msgpack', pack({ seq: 'one' }), 'Ping.seq must be integer, got string "one"'],
		['raw, which cannot be looked into', 'raw', good, 'Ping cannot be checked: its codec is raw'],
		[
			'too long to be checked',
			'json',
			`"${'x'.repeat(maxCheckedBytes)}"`,
			`Ping has ${maxCheckedBytes + 2} bytes, a type with a schema may have ${maxCheckedBytes}`,
		],
	] as const)('is one that is %s', async (_what, codec, body, expected) => {
		const link = await rig.link('a', 'Ping', 'b');
		await rig.declare('shop', 'Ping', ping);
		const a = await rig.frames('a');
		a.send(await a.declare('Ping', codec), body as string | Uint8Array);
		await until('the refusal', () => a.errors.length === 1);
		expect(a.errors[0]?.['message']).toBe(`${expected} (type declared by project shop)`);
		expect(rig.counters(link)).toMatchObject({ received: 1, dropped: { schema: 1 }, queued: 0 });
	});

	test('of codec msgpack that fits is delivered as it came', async () => {
		await rig.link('a', 'Ping', 'b');
		await rig.declare('shop', 'Ping', { type: 'object', properties: { bytes: { type: 'string' }, ns: { type: 'integer' } } });
		const [a, b] = [await rig.frames('a'), await rig.frames('b')];
		const body = pack({ bytes: Buffer.from([1, 2, 3]), ns: 2n ** 63n - 1n });
		a.send(await a.declare('Ping', 'msgpack'), body);
		await until('it', () => b.of(FrameKind.data).length === 1);
		expect(b.of(FrameKind.data)[0]?.payload).toEqual(Buffer.from(body));
	});

	test('is refused to JSON Lines in a line, and so are bytes', async () => {
		const link = await rig.link('a', 'Ping', 'b');
		await rig.declare('shop', 'Ping', ping);
		const [a, b] = [await rig.lines('a'), await rig.lines('b')];
		b.write({ hello: {} });
		await until('the receiver', () => rig.router.connections === 1);
		a.write({ type: 'Ping', data: { seq: 1 } }, { type: 'Ping', data: { seq: 'one' } }, { type: 'Ping', b64: 'aGk=' });
		a.write({ type: 'Ping', data: { seq: 2 } });
		await until('the good ones', () => b.lines.length >= 3);
		expect(a.values).toEqual([
			{ error: { code: 'schema', message: reason, type: 'Ping', path: '.seq', count: 1 } },
			{ error: { code: 'schema', message: expect.stringContaining('codec is raw'), type: 'Ping', path: '', count: 1 } },
		]);
		expect(b.values).toEqual([
			{ type: 'Ping', data: { seq: 1 }, from: 'a' },
			{ dropped: { type: 'Ping', count: 2, reason: 'schema', from: 'a' } },
			{ type: 'Ping', data: { seq: 2 }, from: 'a' },
		]);
		expect(rig.counters(link)).toMatchObject({ received: 4, dropped: { schema: 2 } });
		expect(rig.faults('a')).toEqual({ schema: 2 });
	});

	test('of Veecle is counted, because its dialect has no word for it', async () => {
		const link = await rig.link('a', 'Ping', 'b');
		await rig.declare('shop', 'Ping', ping);
		const [a, b] = [await rig.veecle('a'), await rig.frames('b')];
		a.write({ Storable: { type_name: 'Ping', value: bad } }, { Storable: { type_name: 'Ping', value: good } });
		await until('the good one', () => b.messages.length === 1);
		expect([a.lines, rig.faults('a'), rig.counters(link).dropped]).toEqual([[], { schema: 1 }, { schema: 1 }]);
	});

	test('without a link is refused all the same, and is not one that no link took', async () => {
		await rig.declare('shop', 'Ping', ping);
		const a = await rig.frames('a');
		a.send(await a.declare('Ping'), bad, good);
		await until('the refusal', () => a.errors.length === 1);
		expect(rig.router.stats().unrouted).toEqual([expect.objectContaining({ type: 'Ping', count: 1 })]);
	});

	test('takes no credit from those that fit', async () => {
		const link = await rig.link('a', 'Ping', 'b', { messages: 4, bytes: 1_000_000 });
		await rig.declare('shop', 'Ping', ping);
		const [a, b] = [await rig.frames('a'), await rig.frames('b')];
		const id = await a.declare('Ping');
		let sent = 0;
		for (let round = 0; round < 200; round++) {
			await until('credit', () => ((a.credits.get(id)?.frames ?? 0) > sent ? true : undefined));
			a.send(id, round % 2 === 0 ? bad : good);
			sent += 1;
		}
		await until('the good ones', () => b.messages.length === 100);
		await until('the report', () => rig.counters(link).delivered === 100);
		expect(rig.counters(link)).toMatchObject({ received: 200, dropped: { schema: 100 } });
	});
});

describe('a request', () => {
	test('that does not fit fails at once, with the reason', async () => {
		const link = await rig.link('a', 'Ping', 'b');
		await rig.declare('shop', 'Ping', ping);
		const [a, b] = [await rig.frames('a'), await rig.frames('b')];
		const id = await a.declare('Ping');
		a.request(id, 5, bad);
		await until('the refusal', () => a.errors.length === 1);
		expect(a.errors).toEqual([{ code: 'schema', message: reason, fatal: false, corr: 5, type: 'Ping' }]);
		a.request(id, 6, good);
		await until('the request', () => b.of(FrameKind.request).length === 1);
		b.reply(b.of(FrameKind.request)[0] as never, '"anything"');
		await until('the reply', () => a.of(FrameKind.reply).length === 1);
		expect(rig.counters(link)).toMatchObject({ received: 2, dropped: { schema: 1 } });
		expect(typesOf('Ping').producers).toContainEqual({ runtime: rig.id('a'), type: 'Ping', messages: 2, refused: 1 });
	});

	test('of JSON Lines fails by its own id', async () => {
		await rig.link('a', 'Ping', 'b');
		await rig.declare('shop', 'Ping', ping);
		const [a] = [await rig.lines('a'), await rig.frames('b')];
		a.write({ type: 'Ping', data: { seq: 'one' }, id: 'x' });
		await until('the refusal', () => a.lines.length === 1);
		expect(a.values).toEqual([{ error: { code: 'schema', message: reason }, re: 'x' }]);
	});
});

describe('a schema holds', () => {
	test('for what runtimes of its project send and get, and for nobody else', async () => {
		const inside = await rig.link('c', 'Ping', 'b');
		const outside = await rig.link('c', 'Ping', 'd');
		await rig.declare('shop', 'Ping', ping);
		const [c, d] = [await rig.frames('c'), await rig.frames('d')];
		c.send(await c.declare('Ping'), bad);
		await until('it, where nothing is said of it', () => d.messages.length === 1);
		expect(c.errors).toEqual([expect.objectContaining({ code: 'schema', type: 'Ping', message: reason })]);
		expect([rig.counters(inside), rig.counters(outside)]).toEqual([
			expect.objectContaining({ received: 1, dropped: { schema: 1 } }),
			expect.objectContaining({ received: 1, dropped: {} }),
		]);
	});

	test('beside that of another project: who sends from one to the other keeps to both', async () => {
		await rig.project('store', 'c');
		const link = await rig.link('a', 'Ping', 'c');
		await rig.link('a', 'Ping', 'b');
		await rig.declare('shop', 'Ping', ping);
		await rig.declare('store', 'Ping', { properties: { seq: { minimum: 10 } } });
		const [a, b, c] = [await rig.frames('a'), await rig.frames('b'), await rig.frames('c')];
		a.send(await a.declare('Ping'), '{"seq":"x"}', '{"seq":3}', '{"seq":30}');
		await until('both', () => b.messages.length === 2 && c.messages.length === 1);
		expect([b.messages, c.messages]).toEqual([['{"seq":3}', '{"seq":30}'], ['{"seq":30}']]);
		expect(a.errors.map(({ message }) => message)).toEqual([
			'Ping.seq must be integer, got string "x" (type declared by project shop)',
			'Ping.seq must be >= 10, got number 3 (type declared by project store)',
		]);
		expect(rig.counters(link)).toMatchObject({ received: 3, dropped: { schema: 2 } });
	});

	test('from the moment of its table on, also for who is connected, and until it is taken away', async () => {
		await rig.link('a', 'Ping', 'b');
		const [a, b] = [await rig.frames('a'), await rig.frames('b')];
		const id = await a.declare('Ping');
		a.send(id, bad);
		await until('it', () => b.messages.length === 1);
		await rig.declare('shop', 'Ping', ping);
		a.send(id, bad);
		await until('the refusal', () => a.errors.length === 1);
		await rig.declare('shop', 'Ping', { type: 'object', properties: { seq: { type: 'string' } } });
		a.send(id, bad, good);
		await until('it, and the other one refused', () => b.messages.length === 2 && a.errors.length === 2);
		await rig.declare('shop', 'Ping');
		a.send(id, good);
		await until('it', () => b.messages.length === 3);
		expect(b.messages).toEqual([bad, bad, good]);
	});

	test('by a router that knows nothing but its state from the first message on', async () => {
		const link = await rig.link('a', 'Ping', 'b');
		await rig.declare('shop', 'Ping', ping);
		await rig.reopen();
		const a = await rig.frames('a');
		a.send(await a.declare('Ping'), bad);
		await until('the refusal', () => a.errors.length === 1);
		expect(rig.counters(link).dropped).toEqual({ schema: 1 });
	});
});

describe('a message by hand', () => {
	const send = (message: { from?: string; to?: string; body: string; codec?: 'json' | 'raw' }) =>
		rig.router.send({
			from: message.from === undefined ? null : rig.id(message.from),
			to: message.to === undefined ? null : rig.id(message.to),
			type: 'Ping',
			codec: message.codec ?? 'json',
			body: Buffer.from(message.body),
		});

	test('into a runtime keeps to what its project says', async () => {
		await rig.declare('shop', 'Ping', ping);
		expect(() => send({ to: 'b', body: bad })).toThrow(MessageRefused);
		expect(() => send({ to: 'b', body: bad })).toThrow(reason);
		expect(() => send({ to: 'b', body: good, codec: 'raw' })).toThrow('codec is raw');
		expect(send({ to: 'b', body: good })).toEqual({ accepted: 1, dropped: {} });
		expect(send({ to: 'c', body: bad })).toEqual({ accepted: 1, dropped: {} });
		expect(typesOf('Ping').producers).toEqual([{ runtime: '@cli', type: 'Ping', messages: 5, refused: 3 }]);
	});

	test('as if from a runtime keeps to what its project says, and to that of each receiver', async () => {
		await rig.link('a', 'Ping', 'b');
		await rig.link('c', 'Ping', 'b');
		await rig.link('c', 'Ping', 'd');
		await rig.declare('shop', 'Ping', ping);
		expect(() => send({ from: 'a', body: bad })).toThrow(reason);
		expect(send({ from: 'a', body: good })).toEqual({ accepted: 1, dropped: {} });
		expect(send({ from: 'c', body: bad })).toEqual({ accepted: 1, dropped: { schema: 1 } });
	});
});

describe('bounds', () => {
	test('a schema that cannot be compiled is told, and harms neither the table nor the others', async () => {
		await rig.link('a', 'Ping', 'b');
		expect(await rig.declare('shop', 'Pong', { type: 'strng' })).toEqual([
			{ project: 'shop', type: 'Pong', message: expect.stringContaining('type') },
		]);
		await rig.declare('shop', 'Ping', ping);
		const a = await rig.frames('a');
		a.send(await a.declare('Ping'), bad);
		await until('the refusal', () => a.errors.length === 1);
	});

	test('more schemas than a router takes are told', async () => {
		const schemas = Array.from({ length: maxSchemas + 1 }, (_, index) => ({ project: 'shop', type: `T${index}`, schema: '{}' }));
		const { schemas: problems } = await rig.router.table({ version: 1_000, ports: [], links: [], schemas });
		expect(problems).toEqual([{ project: 'shop', type: `T${maxSchemas}`, message: `there are ${maxSchemas} schemas already` }]);
	});

	test('what is known already is not compiled again', async () => {
		await rig.close();
		let compiled = 0;
		rig = await startRig({
			loadCompiler: () => (schema) => {
				compiled += 1;
				return compileSchema(schema);
			},
		});
		await rig.add('a', 'b');
		expect(compiled).toBe(0);
		await rig.declare('shop', 'Ping', ping);
		await rig.declare('store', 'Ping', ping);
		await rig.add('c');
		await rig.declare('shop', 'Ping');
		await rig.declare('shop', 'Ping', ping);
		expect(compiled).toBe(1);
		await rig.declare('shop', 'Pong', { type: 'string' });
		expect(compiled).toBe(2);
	});

	test('a router without schemas does not load what compiles them', async () => {
		await rig.close();
		rig = await startRig({
			loadCompiler: () => {
				throw new Error('not to be had');
			},
		});
		await rig.add('a', 'b');
		await rig.link('a', 'Ping', 'b');
		const [a, b] = [await rig.frames('a'), await rig.frames('b')];
		a.send(await a.declare('Ping'), bad);
		await until('it', () => b.messages.length === 1);
		expect(await rig.declare('shop', 'Ping', ping)).toEqual([{ project: 'shop', type: 'Ping', message: 'not to be had' }]);
	});

	test('a check that would take for ever is broken off; what follows is refused unseen for a while; others go on', async () => {
		await rig.close();
		const clock = new ManualClock();
		rig = await startRig({ clock });
		await rig.add('a', 'b', 'c');
		await rig.project('shop', 'a', 'b', 'c');
		await rig.link('a', 'Ping', 'b');
		await rig.link('c', 'Ping', 'b');
		await rig.declare('shop', 'Ping', { type: 'string', pattern: '^(x+)+$' });
		const [a, b, c] = [await rig.frames('a'), await rig.frames('b'), await rig.frames('c')];
		const id = await a.declare('Ping');
		await c.declare('Ping');
		a.send(id, '"xx"', `"${'x'.repeat(60)}y"`, '"xxx"');
		await until('two refusals', () => a.errors.length === 2);
		expect(a.errors.map(({ message }) => message)).toEqual([
			`Ping takes longer than ${checkMs} ms to check (type declared by project shop)`,
			'Ping is not looked at: the one before took too long to check (type declared by project shop)',
		]);
		c.send(id, '"x"');
		await until('that of the other one', () => b.messages.length === 2);
		await clock.advance(1_000);
		a.send(id, '"xxxx"');
		await until('the next one', () => b.messages.length === 3);
		expect(b.messages).toEqual(['"xx"', '"x"', '"xxxx"']);
	});

	test('refusals are told one by one up to a limit, then together by type, and none is left out', async () => {
		await rig.close();
		const clock = new ManualClock();
		rig = await startRig({ clock });
		await rig.add('a');
		await rig.project('shop', 'a');
		await rig.declare('shop', 'Ping', ping);
		await rig.declare('shop', 'Pong', false);
		const a = await rig.frames('a');
		const [first, second] = [await a.declare('Ping'), await a.declare('Pong')];
		a.send(first, ...Array.from({ length: 5_000 }, () => bad));
		a.send(second, '1');
		await until('all of them', () => rig.faults('a')['schema'] === 5_001);
		await until('the first ones', () => a.errors.length === maxRefusals);
		await clock.advance(refusalsMs);
		await until('the rest', () => a.errors.length === maxRefusals + 2);
		expect(a.errors.slice(-2)).toEqual([
			expect.objectContaining({ type: 'Ping', path: '.seq', count: 5_000 - maxRefusals }),
			expect.objectContaining({ type: 'Pong', path: '', count: 1 }),
		]);
		a.send(first, bad);
		await until('one by one again', () => a.errors.length === maxRefusals + 3);
	});

	test('who is gone is told nothing any more', async () => {
		await rig.close();
		const clock = new ManualClock();
		rig = await startRig({ clock });
		await rig.add('a');
		await rig.project('shop', 'a');
		await rig.declare('shop', 'Ping', ping);
		const a = await rig.frames('a');
		a.send(await a.declare('Ping'), ...Array.from({ length: 100 }, () => bad));
		await until('all of them', () => rig.faults('a')['schema'] === 100);
		a.destroy();
		await until('the end', () => rig.router.connections === 0);
		await clock.advance(refusalsMs);
		expect(typesOf('Ping').producers).toEqual([{ runtime: rig.id('a'), type: 'Ping', messages: 100, refused: 100 }]);
	});
});

describe('what is seen of types', () => {
	test('a recent message is kept, at most one a second for each sender', async () => {
		await rig.close();
		const clock = new ManualClock();
		rig = await startRig({ clock });
		await rig.add('a', 'b');
		await rig.link('a', 'Ping', 'b');
		const [a, b] = [await rig.frames('a'), await rig.frames('b')];
		const id = await a.declare('Ping');
		const bodyOf = () => Buffer.from(typesOf('Ping').samples[0]?.body ?? []).toString();
		a.send(id, '1', '2');
		await until('them', () => b.messages.length === 2);
		expect(bodyOf()).toBe('2');
		a.send(id, '3');
		await until('it', () => b.messages.length === 3);
		expect(bodyOf()).toBe('2');
		await clock.advance(1_000);
		a.send(id, 'x'.repeat(100_000));
		await until('it', () => b.messages.length === 4);
		expect([bodyOf().length, typesOf('Ping').samples[0]?.bytes]).toEqual([512, 100_000]);
	});

	test('counts stay when a connection ends, and go with the runtime', async () => {
		await rig.link('a', 'Ping', 'b');
		for (let life = 1; life <= 2; life++) {
			const a = await rig.frames('a');
			a.send(await a.declare('Ping'), '1', '2');
			await until('them', () => typesOf('Ping').producers[0]?.messages === life * 2);
			a.destroy();
			await until('the end', () => rig.router.connections === 0);
		}
		expect(typesOf('Ping').producers).toEqual([{ runtime: rig.id('a'), type: 'Ping', messages: 4, refused: 0 }]);
		const again = await rig.frames('a');
		await again.declare('Ping');
		await rig.remove('a');
		await until('the end', () => again.closed);
		expect(typesOf('Ping').producers).toEqual([]);
	});
});
