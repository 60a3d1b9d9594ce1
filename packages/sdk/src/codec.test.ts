/** Payloads survive the way through their codec. */
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { copyOf, decode, encode } from './codec.ts';
import { readInteger, reading } from './integers.ts';

function roundTrip(codec: 'json' | 'msgpack' | 'raw', data: unknown): unknown {
	const encoded = encode(codec, 'T', data);
	const bytes = Buffer.concat([
		Buffer.from('before'),
		typeof encoded === 'string' ? Buffer.from(encoded) : encoded,
		Buffer.from('after'),
	]);
	return decode(codec, bytes, 6, bytes.length - 5);
}

describe('a codec', () => {
	test.each(['json', 'msgpack'] as const)('%s gives back every JSON value', (codec) => {
		fc.assert(
			fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
				// the one key that msgpackr does not give back, so that nobody's prototype can be replaced from outside
				fc.pre(!JSON.stringify(value).includes('__proto__'));
				expect(roundTrip(codec, value)).toEqual(JSON.parse(JSON.stringify(value)));
			}),
		);
	});

	test('raw gives back the bytes', () => {
		fc.assert(
			fc.property(fc.uint8Array(), (bytes) => {
				expect(roundTrip('raw', bytes)).toEqual(bytes);
			}),
		);
	});

	test('msgpack keeps bytes and the integers that a number can hold', () => {
		expect(roundTrip('msgpack', { at: 2 ** 53 - 1, bytes: Uint8Array.of(1, 2) })).toEqual({
			at: 2 ** 53 - 1,
			bytes: Buffer.from([1, 2]),
		});
	});

	test('msgpack refuses values that refer to each other, and what has something behind it, without writing any of it down', () => {
		const id = (number: number) => [0xd6, 0x69, 0, 0, 0, number];
		const pointer = (number: number) => [0xd6, 0x70, 0, 0, 0, number];
		const steps = Array.from({ length: 40 }, (_, index) => [...id(index + 1), 0x92, ...pointer(index), ...pointer(index)]);
		const shared = Buffer.from([0xdc, 0, 41, ...id(0), 0x91, 1, ...steps.flat()]);
		expect(() => decode('msgpack', shared, 0, shared.length)).toThrow('Structured clone extension is disabled');
		const written = vi.spyOn(JSON, 'stringify');
		try {
			expect(() => decode('msgpack', Buffer.from([1, 2, 3]), 0, 3)).toThrow('2 bytes follow the MessagePack value');
			expect(written).not.toHaveBeenCalled();
		} finally {
			written.mockRestore();
		}
	});

	test('msgpack refuses integers of more than 64 bits', () => {
		const integer = (bytes: number[]) => Buffer.from([0xc7, bytes.length, 0x42, ...bytes]);
		const long = integer(Array.from({ length: 20 }, (_, index) => 0x81 + index));
		const read = (bytes: Buffer) => decode('msgpack', bytes, 0, bytes.length);
		expect(() => read(long)).toThrow('an integer of 20 bytes, at most 8 are taken');
		expect(() => read(Buffer.concat([Buffer.of(0x91), long]))).toThrow('an integer of 20 bytes, at most 8 are taken');
		expect(read(integer(Array(8).fill(0x77)))).toBe(0x7777777777777777n);
	});

	test('what the program reads by msgpackr itself may have integers of any length', () => {
		const long = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0);
		expect(readInteger(long)).toBe(2n ** 64n);
		expect(readInteger(new Uint8Array(100).fill(0xff))).toBe(-1n);
		expect(readInteger(Uint8Array.of(0x80, ...Array(124).fill(0), 7))).toBe(7n - 2n ** 1007n);
		expect(readInteger(Uint8Array.of(0xfe))).toBe(-2n);
		expect(() => reading(() => readInteger(long))).toThrow('an integer of 9 bytes, at most 8 are taken');
		expect(readInteger(long)).toBe(2n ** 64n);
	});

	test('json writes what it has no word for as null', () => {
		expect(roundTrip('json', undefined)).toBeNull();
	});

	test('json says what cannot be written', () => {
		const circle: { self?: unknown } = {};
		circle.self = circle;
		expect(() => encode('json', 'Ring', circle)).toThrow('Cannot send a message of type "Ring": it cannot be written as JSON');
	});

	test.each([
		['text', 'a value of type string'],
		[null, 'null'],
		[[1], 'an array'],
	])('raw refuses %s', (data, what) => {
		expect(() => encode('raw', 'Frame', data)).toThrow(`its codec is raw, which takes a Uint8Array, not ${what}`);
	});

	test('a copy shares nothing with its source and begins at a multiple of eight', () => {
		for (const length of [0, 1, 7, 16, 2047, 2048, 2049, 100_000]) {
			const source = new Uint8Array(length).fill(7);
			const copy = copyOf(source);
			source.fill(0);
			expect(copy.every((byte) => byte === 7)).toBe(true);
			expect([copy.length, copy.byteOffset % 8]).toEqual([length, 0]);
		}
	});
});
