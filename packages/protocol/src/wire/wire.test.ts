import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import type { WireError } from '../errors.ts';
import { createJsonCodec } from './json-codec.ts';
import { MalformedMessage, type Message, type MessageCodec } from './messages.ts';
import { createMsgpackCodec, pack, unpack, unpackExact } from './msgpack-codec.ts';
import { FrameReader, framed } from './framing.ts';

const id = fc.integer({ min: 0, max: 0xffffffff });
const plain = fc.letrec<{ value: unknown }>((tie) => ({
	value: fc.oneof(
		{ depthSize: 'small' },
		fc.string(),
		fc.integer(),
		fc.boolean(),
		fc.constant(null),
		fc.uint8Array({ maxLength: 40 }),
		fc.array(tie('value'), { maxLength: 4 }),
		fc.dictionary(
			fc.string().filter((key) => key !== '__proto__' && key !== 'b64'),
			tie('value'),
			{ maxKeys: 4 },
		),
	),
})).value;
const error: fc.Arbitrary<WireError> = fc.record({
	code: fc.string(),
	number: fc.constant('E101'),
	message: fc.string(),
	exit: fc.nat(255),
	retryable: fc.boolean(),
});
const message: fc.Arbitrary<Message> = fc.oneof(
	fc.record({
		kind: fc.constant('request' as const),
		id,
		operation: fc.string(),
		params: plain,
		options: fc.oneof(fc.constant({}), fc.record({ window: id })),
	}),
	fc.record({ kind: fc.constant('ok' as const), id, result: plain }),
	fc.record({ kind: fc.constant('error' as const), id, error }),
	fc.record({ kind: fc.constant('items' as const), id, items: fc.array(plain, { maxLength: 4 }) }),
	fc.record({ kind: fc.constant('window' as const), id, more: id }),
	fc.record({ kind: fc.constant('cancel' as const), id }),
	fc.record({ kind: fc.constant('end' as const), id, summary: plain }),
	fc.record({ kind: fc.constant('notify' as const), topic: fc.string(), payload: plain }),
	fc.record({ kind: fc.constant('ping' as const), value: plain }),
	fc.record({ kind: fc.constant('pong' as const), value: plain }),
	fc.record({
		kind: fc.constant('hello' as const),
		hello: fc.record({ proto: fc.tuple(id, id), agent: fc.string(), pid: id, maxFrame: id }),
	}),
);

function decodeAll(codec: MessageCodec, bytes: Uint8Array, cuts: readonly number[]): (Message | MalformedMessage)[] {
	const taken: (Message | MalformedMessage)[] = [];
	let at = 0;
	for (const cut of [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
		codec.decode(bytes.slice(at, cut), (message) => taken.push(message));
		at = cut;
	}
	return taken;
}

const joined = (parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
/** What survives the wire: Buffers are bytes, whatever their class. */
const normal = (value: unknown): unknown =>
	value instanceof Uint8Array
		? { bytes: [...value] }
		: Array.isArray(value)
			? value.map(normal)
			: typeof value === 'object' && value !== null
				? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, normal(inner)]))
				: Object.is(value, -0)
					? 0
					: value;

describe('the MessagePack codec', () => {
	it('reads what it wrote, however the bytes are cut', () => {
		fc.assert(
			fc.property(fc.array(message, { minLength: 1, maxLength: 5 }), fc.array(fc.nat(), { maxLength: 8 }), (messages, cuts) => {
				const codec = createMsgpackCodec();
				const bytes = joined(messages.map((one) => codec.encode(one)));
				expect(normal(decodeAll(createMsgpackCodec(), bytes, cuts))).toEqual(normal(messages));
			}),
			{ seed: 1, numRuns: 300 },
		);
	});

	it('refuses a frame over the limit before it buffers any of it', () => {
		const codec = createMsgpackCodec(1000);
		const [fault] = decodeAll(codec, Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1, 2, 3), []);
		expect(fault).toBeInstanceOf(MalformedMessage);
		expect((fault as MalformedMessage).framingLost).toBe(true);
		expect(codec.pendingBytes).toBe(0);
	});

	it('answers a malformed body as a fault of that body alone', () => {
		const bodies = [
			Uint8Array.of(0xc1),
			pack({ not: 'an array' }),
			pack([]),
			pack([200, 1]),
			pack([0, -1, 'x']),
			pack([0, 7, 5]),
			pack('text'),
			Uint8Array.of(0x91),
			Uint8Array.from({ length: 100_000 }, () => 0x91),
		];
		const good = createMsgpackCodec().encode({ kind: 'cancel', id: 9 });
		for (const body of bodies) {
			const taken = decodeAll(createMsgpackCodec(), joined([framed(body), good]), []);
			expect(taken).toHaveLength(2);
			expect(taken[0]).toBeInstanceOf(MalformedMessage);
			expect((taken[0] as MalformedMessage).framingLost).toBe(false);
			expect(taken[1]).toEqual({ kind: 'cancel', id: 9 });
		}
	});
});

/** An array of two pointers to the one before it, so many times over: `doublings` kilobytes hold 2^doublings values. */
function shared(doublings: number): Uint8Array {
	const id = (number: number) => [0xd6, 0x69, 0, 0, 0, number];
	const pointer = (number: number) => [0xd6, 0x70, 0, 0, 0, number];
	const steps = Array.from({ length: doublings }, (_, index) => [...id(index + 1), 0x92, ...pointer(index), ...pointer(index)]);
	return Uint8Array.from([0xdc, 0, doublings + 1, ...id(0), 0x91, 1, ...steps.flat()]);
}

/** Of every form that values of MessagePack take. */
const lengths = [0, 1, 15, 16, 31, 32, 255, 256, 65_535, 65_536];
const everything = [
	[
		0,
		127,
		128,
		255,
		256,
		65_535,
		65_536,
		2 ** 32 - 1,
		2 ** 40,
		-1,
		-32,
		-33,
		-128,
		-129,
		-32_769,
		-(2 ** 40),
		1.5,
		true,
		false,
		null,
	],
	[new Date(1_000), new Date(1_001), new Date(-1_000)],
	lengths.map((length) => 'x'.repeat(length)),
	lengths.map((length) => new Uint8Array(length).fill(0xd4)),
	lengths.map((length) => new Array<number>(length).fill(7)),
	// its writer knows no longer maps
	lengths.slice(0, -1).map((length) => Object.fromEntries(Array.from({ length }, (_, index) => [`key ${index}`, index]))),
	new Date(2_000),
	1,
];

/** An integer of so many bytes, as msgpackr writes it. */
function integer(bytes: number): Uint8Array {
	const length = [bytes >>> 24, (bytes >>> 16) & 255, (bytes >>> 8) & 255, bytes & 255];
	return joined([Uint8Array.of(0xc9, ...length, 0x42), new Uint8Array(bytes).fill(0x77)]);
}

describe('reading MessagePack', () => {
	it.each([
		['values that refer to each other', shared(40)],
		['values that refer to each other, with something behind them', joined([shared(40), Uint8Array.of(0)])],
		['an integer of many bytes', integer(4_000_000)],
		['an integer of many bytes, with something behind it', joined([integer(4_000_000), Uint8Array.of(0)])],
		['an integer of nine bytes', integer(9)],
		['a record of msgpackr', new Packr().pack({ a: 1 })],
		['a record behind everything else', joined([pack(everything).slice(0, -1), new Packr().pack({ a: 1 })])],
		['a record of two bytes', Uint8Array.of(0xd5, 0x72, 0, 0, 0x91, 0xa1, 0x61, 1)],
		['bundled strings', new Packr({ useRecords: false, bundleStrings: true }).pack({ a: 'first', b: 'second' })],
		['a set', new Packr({ moreTypes: true }).pack(new Set([1]))],
		['an extension in long form', Uint8Array.of(0xc9, 0, 0, 0, 1, 0x74, 0)],
		['a value with something behind it', Uint8Array.of(1, 2)],
		['nothing', new Uint8Array(0)],
	])('refuses %s, and does nothing with it', (_what, bytes) => {
		expect(() => unpack(bytes)).toThrow(MalformedMessage);
		expect(() => unpackExact(bytes)).toThrow(MalformedMessage);
	});

	it('takes timestamps, and everything else that MessagePack has', () => {
		const bytes = Buffer.from(pack(everything));
		for (const read of [unpack, unpackExact]) expect(bytes.equals(pack(read(bytes)))).toBe(true);
		expect(unpack(Uint8Array.of(0xdf, 0, 0, 0, 1, 0xa1, 0x61, 0xd4, 0x42, 1))).toEqual({ a: 1n });
		expect(() => unpack(Uint8Array.of(0xdf, 0, 0, 0, 1, 0xa1, 0x61, 0xd4, 0x43, 1))).toThrow('extension type 67 is not read');
	});

	it('keeps large integers where they are to be exact', () => {
		const bytes = pack([2n ** 63n - 1n, -(2n ** 63n), 2n ** 64n - 1n, 2 ** 53, 7]);
		expect(unpackExact(bytes)).toEqual([2n ** 63n - 1n, -(2n ** 63n), 2n ** 64n - 1n, 2 ** 53, 7]);
		expect(unpack(bytes)).toEqual([2 ** 63, -(2 ** 63), 2 ** 64, 2 ** 53, 7]);
		expect(unpack(integer(8))).toBe(0x7777777777777777n);
		expect(unpack(Uint8Array.of(0xd4, 0x42, 0xff))).toBe(-1n);
	});
});

describe('the JSON Lines codec', () => {
	it('reads a request as a person types it', () => {
		const lines = new TextEncoder().encode(
			'{"id":1,"op":"runtime.list","params":{}}\n\n  \r\n{"cancel":1}\r\n{"window":[1,5]}\n{"ping":3}\n',
		);
		expect(decodeAll(createJsonCodec(), lines, [])).toEqual([
			{ kind: 'request', id: 1, operation: 'runtime.list', params: {}, options: {} },
			{ kind: 'cancel', id: 1 },
			{ kind: 'window', id: 1, more: 5 },
			{ kind: 'ping', value: 3 },
		]);
	});

	it('writes answers as documented, bytes as base64', () => {
		const text = (one: Message) => new TextDecoder().decode(createJsonCodec().encode(one));
		expect(text({ kind: 'ok', id: 1, result: { a: 1 } })).toBe('{"id":1,"ok":{"a":1}}\n');
		expect(text({ kind: 'items', id: 2, items: [{ bytes: Buffer.from('hé') }] })).toBe(
			'{"id":2,"items":[{"bytes":{"b64":"aMOp"}}]}\n',
		);
		expect(text({ kind: 'end', id: 2, summary: undefined })).toBe('{"id":2,"end":null}\n');
	});

	it('requests survive any cut, bytes included', () => {
		const request = fc.record({
			kind: fc.constant('request' as const),
			id,
			operation: fc.string(),
			params: fc.dictionary(fc.constantFrom('a', 'b', 'c'), plain),
			options: fc.constant({}),
		});
		fc.assert(
			fc.property(fc.array(request, { minLength: 1, maxLength: 4 }), fc.array(fc.nat(), { maxLength: 8 }), (messages, cuts) => {
				const bytes = joined(messages.map((one) => createJsonCodec().encode(one)));
				expect(normal(decodeAll(createJsonCodec(), bytes, cuts))).toEqual(normal(messages));
			}),
			{ seed: 2, numRuns: 300 },
		);
	});

	it('loses an overlong line, not the line behind it', () => {
		const bytes = new TextEncoder().encode(`{"id":1,"op":"${'x'.repeat(300)}"}\n{"cancel":2}\n`);
		for (const cuts of [[], [50, 100, 150, 250], [310]]) {
			const taken = decodeAll(createJsonCodec(200), bytes, cuts);
			expect(taken[0]).toBeInstanceOf(MalformedMessage);
			expect(taken.slice(1)).toEqual([{ kind: 'cancel', id: 2 }]);
		}
	});

	it('names what is wrong with a line', () => {
		const faults = ['nonsense', '[1]', '{"op":"x"}', '{"id":1,"op":5}', '{"id":-1,"op":"x"}', '{}'];
		for (const line of faults)
			expect(decodeAll(createJsonCodec(), new TextEncoder().encode(`${line}\n`), [])[0]).toBeInstanceOf(MalformedMessage);
		const invalid = Uint8Array.of(0x7b, 0xff, 0x7d, 0x0a);
		expect(decodeAll(createJsonCodec(), invalid, [])[0]).toBeInstanceOf(MalformedMessage);
	});
});

describe('framing', () => {
	it('gives the same bodies for every cut of the bytes', () => {
		fc.assert(
			fc.property(
				fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 }),
				fc.array(fc.nat(), { maxLength: 20 }),
				(bodies, cuts) => {
					const bytes = joined(bodies.map(framed));
					const reader = new FrameReader(1000);
					const read: number[][] = [];
					let at = 0;
					for (const cut of [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
						reader.feed(bytes.slice(at, cut), (body) => read.push([...body]));
						at = cut;
					}
					expect(read).toEqual(bodies.map((body) => [...body]));
					expect(reader.pendingBytes).toBe(0);
				},
			),
			{ seed: 3, numRuns: 500 },
		);
	});
});
