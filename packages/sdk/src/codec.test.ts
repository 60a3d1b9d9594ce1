/** Payloads survive the way through their codec. */
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { copyOf, decode, encode } from './codec.ts';

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

	test('msgpack has one value: what follows it is refused, without any of it being written down', () => {
		const written = vi.spyOn(JSON, 'stringify');
		try {
			expect(() => decode('msgpack', Buffer.from([1, 2, 3]), 0, 3)).toThrow('2 bytes follow the MessagePack value');
			expect(written).not.toHaveBeenCalled();
		} finally {
			written.mockRestore();
		}
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
