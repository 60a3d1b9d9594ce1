/** Between MessagePack and lines of JSON: whatever a message is made of, it is passed on or told, and nobody's connection ends. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '@orch/base/testing';
import { FrameFlag, FrameKind } from '@orch/protocol/data';
import { pack, unpack } from '@orch/protocol/wire';
import { maxTranscodedValues } from './limits.ts';
import type { FrameClient } from './testing/frame-client.ts';
import type { LineClient } from './testing/line-client.ts';
import { type Rig, startRig } from './testing/rig.ts';

let rig: Rig;
beforeEach(async () => {
	rig = await startRig();
	await rig.add('a', 'b', 'c');
});
afterEach(() => rig.close());

/** A list of one value, again and again. */
function list(count: number, value = Buffer.of(0)): Buffer {
	const head = Buffer.of(0xdd, 0, 0, 0, 0);
	head.writeUInt32BE(count, 1);
	return Buffer.concat([head, Buffer.alloc(count * value.length, value)]);
}

/** One member, again and again: short, once it is read. */
function map(key: string, value: unknown, count: number): Buffer {
	const member = Buffer.concat([pack(key), pack(value)]);
	const head = Buffer.of(0xdf, 0, 0, 0, 0);
	head.writeUInt32BE(count, 1);
	return Buffer.concat([head, Buffer.alloc(count * member.length, member)]);
}

describe('a reply in lines to a request in MessagePack', () => {
	async function asked(): Promise<{ a: FrameClient; b: LineClient; re: string; corr: number }> {
		await rig.link('a', 'Ask', 'b');
		const [a, b] = [await rig.frames('a'), await rig.lines('b')];
		b.write('');
		a.frame({ kind: FrameKind.request, typeId: await a.declare('Ask', 'msgpack'), src: a.port, corr: 5 }, pack(1));
		await until('the request', () => b.lines.length === 1);
		return { a, b, re: String(b.values[0]?.['id']), corr: 5 };
	}

	test.each([
		[
			'as many members as are written anew',
			Object.fromEntries(Array.from({ length: maxTranscodedValues / 2 - 1 }, (_, index) => [index, 0])),
		],
		['members that JavaScript has words for', { constructor: 1, toJSON: 1, hasOwnProperty: 2 }],
	])('may be an object with %s', async (_what, data) => {
		const { a, b, re } = await asked();
		b.write({ re, data });
		await until('the reply', () => a.of(FrameKind.reply).length === 1);
		expect(unpack(a.of(FrameKind.reply)[0]?.payload as Buffer)).toEqual(data);
	});

	test.each([
		['values', `[${'{},'.repeat(maxTranscodedValues)}0]`],
		['members', JSON.stringify(Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [index, 0])))],
	])('is an error to its asker where it has more %s than are written anew', async (_what, data) => {
		const { a, b, re, corr } = await asked();
		b.write(`{"re":"${re}","data":${data}}`);
		await until('the answer', () => a.errors.length === 1);
		expect(a.errors).toEqual([
			{
				code: 'too_large',
				message: `the reply has more than the ${maxTranscodedValues} values that are written anew between JSON and MessagePack`,
				fatal: false,
				corr,
				type: 'Ask',
			},
		]);
		expect([a.closed, b.closed]).toEqual([false, false]);
	});

	test('may be a long text, whatever is in it', async () => {
		const { a, b, re } = await asked();
		const text = '[{,:"\\'.repeat(maxTranscodedValues);
		b.write({ re, data: text });
		await until('the reply', () => a.of(FrameKind.reply).length === 1);
		expect(unpack(a.of(FrameKind.reply)[0]?.payload as Buffer)).toBe(text);
	});
});

describe('a message in MessagePack for a client of lines', () => {
	test('may be long: what counts is how many values it has', async () => {
		const link = await rig.link('a', 'Pack', 'b', { bytes: 64 * 1024 * 1024 });
		const [a, b] = [await rig.frames('a'), await rig.lines('b')];
		b.write('');
		const type = await a.declare('Pack', 'msgpack');
		const picture = Buffer.alloc(6 * 1024 * 1024, 7);
		const at = Buffer.of(0xd6, 0xff, 0, 0, 0, 0);
		a.send(
			type,
			pack({ picture }),
			list(maxTranscodedValues - 1),
			list(maxTranscodedValues),
			list(maxTranscodedValues / 8 + 1, at),
		);
		a.send(type, list(15_000_000), pack('the last'));
		await until('all', () => b.values.some(({ data }) => data === 'the last'));
		const { dropped } = rig.counters(link);
		expect(dropped).toEqual({ too_large: 3 });
		const told = b.values.flatMap((value) => (value['dropped'] as { count: number; reason: string } | undefined) ?? []);
		expect(told.reduce((sum, { count }) => sum + count, 0)).toBe(3);
		expect(b.values.filter((value) => !('dropped' in value))).toEqual([
			{ type: 'Pack', data: { picture: picture.toString('base64') }, from: 'a' },
			{ type: 'Pack', data: Array(maxTranscodedValues - 1).fill(0), from: 'a' },
			{ type: 'Pack', data: 'the last', from: 'a' },
		]);
	});

	test('that is a request fails where it has too many values, and so does the reply to one', async () => {
		await rig.link('a', 'Ask', 'b');
		await rig.link('b', 'Ask', 'a');
		const [a, b] = [await rig.frames('a'), await rig.lines('b')];
		b.write('');
		const type = await a.declare('Ask', 'msgpack');
		a.frame({ kind: FrameKind.request, typeId: type, src: a.port, corr: 5 }, list(maxTranscodedValues));
		await until('its end', () => a.errors.length === 1);
		expect(a.errors).toMatchObject([{ code: 'too_large', corr: 5 }]);
	});

	test('has what msgpackr adds for undefined and for large integers, and nothing else of it', async () => {
		await rig.link('a', 'Pack', 'b');
		const [a, b] = [await rig.frames('a'), await rig.lines('b')];
		b.write('');
		const nothing = [0xd4, 0, 0];
		const integer = [0xc7, 8, 0x42, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
		a.send(
			await a.declare('Pack', 'msgpack'),
			Buffer.from([0x93, ...nothing, ...integer, 0x82, 0xa1, 0x61, ...nothing, 0xa1, 0x62, 1]),
			Buffer.from([0xd6, 0xff, 0, 0, 0, 1]),
			Buffer.from([0xd4, 0x73, 0, 0x90]),
			pack(1),
		);
		await until('the last', () => b.values.some(({ data }) => data === 1));
		expect(b.values).toEqual([
			{ type: 'Pack', data: [null, '9223372036854775807', { b: 1 }], from: 'a' },
			{ type: 'Pack', data: '1970-01-01T00:00:01.000Z', from: 'a' },
			{ dropped: { type: 'Pack', count: 1, reason: 'codec', from: 'a' } },
			{ type: 'Pack', data: 1, from: 'a' },
		]);
	});

	test('is not read for one of Veecle where no line could hold it', async () => {
		const link = await rig.link('a', 'Pack', 'c', { bytes: 64 * 1024 * 1024 });
		const [a, c] = [await rig.frames('a'), await rig.veecle('c')];
		const short = map('key', 1, 4_000);
		await until('the listener', () => rig.router.connections === 2);
		const type = await a.declare('Pack', 'msgpack');
		a.send(type, short, list(15_000_000), list(200, Buffer.of(0xcb, 0, 0, 0, 0, 0, 0, 0, 0)), list(1_100), pack(7));
		await until('the last', () => c.lines.length === 2);
		expect(rig.counters(link).dropped).toEqual({ too_large: 3 });
		expect(c.values.map(({ Storable }) => (Storable as { value: string }).value)).toEqual([
			`[${Array(200).fill(0).join()}]`,
			'7',
		]);
	});
});

test('an error reply tells what of it are texts', async () => {
	await rig.link('b', 'Ask', 'a');
	const [a, b] = [await rig.frames('a'), await rig.lines('b')];
	const payloads = [
		pack({ code: { toString: 1 }, message: ['x'] }),
		Buffer.of(0xc1),
		map('code', 'no', maxTranscodedValues),
		pack({ code: 'no' }),
	];
	for (const [id] of payloads.entries()) b.write({ type: 'Ask', data: 0, id });
	await until('the requests', () => a.of(FrameKind.request).length === payloads.length);
	for (const [index, { header }] of a.of(FrameKind.request).entries()) {
		const { typeId, corr, src } = header;
		a.frame(
			{ kind: FrameKind.reply, flags: FrameFlag.error, typeId, src: a.port, corr, dst: src },
			payloads[index] as Uint8Array,
		);
	}
	await until('the replies', () => b.lines.length === payloads.length);
	expect(b.values.map(({ error }) => error)).toEqual([
		{ code: 'error', message: '' },
		{ code: 'error', message: '' },
		{ code: 'error', message: '' },
		{ code: 'no', message: '' },
	]);
});

describe('of what is not a message', () => {
	test('no more values are read than it can have', async () => {
		await rig.privileged('a');
		const [a, b] = [await rig.frames('a'), await rig.lines('b')];
		const many = list(15_000_000);
		const start = Buffer.concat([Buffer.of(0x94, 0, 9), pack('runtime.list'), many]);
		a.frame({ kind: FrameKind.declare }, many);
		a.frame({ kind: FrameKind.control, corr: 9 }, start);
		await until('the answers', () => a.errors.length === 1 && a.of(FrameKind.control).length === 1);
		expect(a.errors).toMatchObject([{ code: 'protocol', message: 'a declaration lists types', fatal: false }]);
		const message = `the request has more than the ${maxTranscodedValues} values that are taken`;
		expect(a.bodies(FrameKind.control)).toEqual([[2, 9, { code: 'too_large', message }]]);
		b.write(`{"ctl":{"id":"c","op":"runtime.list","params":[${'{},'.repeat(maxTranscodedValues)}0]}}`);
		await until('the answer', () => b.lines.length === 1);
		expect(b.values).toEqual([{ ctl: { id: 'c', error: { code: 'too_large', message } } }]);
		const hello = Buffer.concat([Buffer.of(0x81, 0xa1, 0x78), list(4_000_000)]);
		const c = await rig.frames('c', { silent: true });
		c.frame({ kind: FrameKind.hello }, hello);
		await until('the end', () => c.closed);
		expect(c.errors).toMatchObject([{ code: 'protocol', fatal: true }]);
	});

	test.each(['lines', 'Veecle'])('no more members than 64 are read of a line of %s', async (kind) => {
		await rig.link('a', 'Ping', 'b');
		await rig.privileged('a');
		const [a, b] = [kind === 'lines' ? await rig.lines('a') : await rig.veecle('a'), await rig.frames('b')];
		const members = (count: number) => '"":0,'.repeat(count);
		const [start, end, last] =
			kind === 'lines' ? ['{', '"type":"Ping","data":', '}'] : ['{"Storable":{', '"type_name":"Ping","value":', '}}'];
		a.write(`${start}${members(62)}${end}"1"${last}`, `${start}${members(63)}${end}"2"${last}`);
		a.write(`${start}${members(3_000_000)}${end}"3"${last}`, `${start}${end}"4"${last}`);
		await until('what fits', () => b.messages.length === 2);
		expect(b.messages).toEqual(kind === 'lines' ? ['"1"', '"4"'] : ['1', '4']);
		expect(rig.faults('a')).toEqual({ protocol: 2 });
		const message = 'a line has more than 64 members';
		if (kind === 'lines') expect(a.values).toEqual([1, 2].map(() => ({ error: { code: 'protocol', message } })));
		else
			a.write(
				`{"ControlRequest":{"StartRuntime":{${members(3_000_000)}"id":0}}}`,
				`{"ControlRequest":{${members(3_000_000)}"x":0}}`,
			);
		await until('answers', () => a.lines.length === 2);
	});
});

test("an asker's priority that is no text is refused in Veecle's dialect, and the connection goes on", async () => {
	await rig.privileged('a');
	const a = await rig.veecle('a');
	const id = '01900000-0000-7000-8000-000000000001';
	for (const priority of [{ toString: 1, valueOf: 1 }, ['high'], 5, {}])
		a.write({ ControlRequest: { StartRuntime: { id, priority } } });
	a.write({ ControlRequest: { StartRuntime: { id, priority: null } } });
	await until('the answers', () => a.lines.length === 5);
	const refused = { ControlResponse: { Error: 'a priority is high, normal or low' } };
	expect(a.values.slice(0, 4)).toEqual([refused, refused, refused, refused]);
	expect(a.closed).toBe(false);
});

test('what orchd answers reaches lines as the JSON of messages: bytes in base64, large integers by their digits', async () => {
	await rig.privileged('a');
	const a = await rig.lines('a');
	const abort = new AbortController();
	const reading = (async () => {
		for await (const event of rig.router.events(abort.signal))
			if (event.kind === 'control')
				rig.router.answer(event.request, { ok: { bytes: Buffer.from('hi'), large: 2n ** 63n, list: [new Uint8Array([1, 2])] } });
	})();
	a.write({ ctl: { id: { any: 1 }, op: 'link.types' } });
	await until('the answer', () => a.lines.length === 1);
	expect(a.values).toEqual([{ ctl: { id: { any: 1 }, ok: { bytes: 'aGk=', large: '9223372036854775808', list: ['AQI='] } } }]);
	abort.abort();
	await reading;
});

test.each(['lines', 'frames'] as const)('what orchd answers and cannot be written in %s is told as such', async (kind) => {
	await rig.privileged('a');
	const abort = new AbortController();
	const circle: { self?: unknown } = {};
	circle.self = circle;
	const reading = (async () => {
		for await (const event of rig.router.events(abort.signal))
			if (event.kind === 'control') rig.router.answer(event.request, { ok: circle });
	})();
	let answers: () => unknown[];
	if (kind === 'lines') {
		const a = await rig.lines('a');
		a.write({ ctl: { id: 9, op: 'link.types' } });
		answers = () => a.values;
	} else {
		const a = await rig.frames('a');
		a.frame({ kind: FrameKind.control }, pack([0, 9, 'link.types', {}]));
		answers = () => a.bodies(FrameKind.control);
	}
	await until('the answer', () => answers().length === 1);
	const error = { code: 'internal', message: expect.stringContaining('the answer cannot be passed on') };
	expect(answers()).toEqual([kind === 'lines' ? { ctl: { id: 9, error } } : [2, 9, error]]);
	abort.abort();
	await reading;
});
