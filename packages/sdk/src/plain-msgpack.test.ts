/** MessagePack is read as it is defined, without what msgpackr's dialect adds to it. */
import { addExtension, Packr, Unpackr, unpack } from 'msgpackr/pack';
import { describe, expect, test, vi } from 'vitest';
import { decode, pack } from './codec.ts';

const read = (...bytes: number[]) => decode('msgpack', Buffer.from(bytes), 0, bytes.length);
const readAll = (bytes: Uint8Array) => decode('msgpack', Buffer.from(bytes), 0, bytes.length);

/** An extension with this body, by each header that MessagePack has for its length. */
function headers(type: number, body: number[]): number[][] {
	const { length } = body;
	const fixed = [1, 2, 4, 8, 16].indexOf(length);
	return [
		...(fixed < 0 ? [] : [[0xd4 + fixed, type, ...body]]),
		[0xc7, length, type, ...body],
		[0xc8, 0, length, type, ...body],
		[0xc9, 0, 0, 0, length, type, ...body],
	];
}

const bodies = [0, 1, 2, 3, 4, 8, 9, 16, 98, 114].map((length) => Array.from({ length }, () => 1));
const dialect = [0x62, 0x65, 0x69, 0x70, 0x73, 0x74, 0x78];

describe('the MessagePack of a message', () => {
	test.each(dialect)('is refused with an extension of type %d, wherever it stands and by whichever header', (type) => {
		for (const body of bodies) {
			for (const bytes of headers(type, body)) {
				// what some of them would refer to or hold
				const rest = [0x91, 0xa1, 0x61];
				for (const message of [
					[...bytes, ...rest],
					[0x92, 1, ...bytes, ...rest],
					[0x81, ...bytes, ...rest],
					[0x81, 0xa1, 0x61, ...bytes],
				])
					expect(() => read(...message)).toThrow(`extension type ${type} is not read`);
			}
		}
	});

	test.each([
		['one byte', [0xd4, 0x72, 0x40]],
		['two bytes', [0xd5, 0x72, 0x40, 0x01]],
		['two bytes, a high one', [0xd5, 0x72, 0x00, 0x7f]],
	])('is refused with a record that is called by %s', (_what, definition) => {
		expect(() => read(...definition, 0x91, 0xa1, 0x61, 1)).toThrow('useRecords: false');
		expect(() => read(0x92, ...definition, 0x90, 1)).toThrow('useRecords: false');
	});

	test('is refused when it has integers of more than 64 bits', () => {
		const integer = (length: number, first = 1) => [0xc7, length, 0x42, first, ...Array(length - 1).fill(0x77)];
		expect(() => read(...integer(9))).toThrow('an integer of 9 bytes, at most 8 are read');
		expect(() => read(0x91, ...integer(200))).toThrow('an integer of 200 bytes, at most 8 are read');
		expect(read(...integer(8, 0x77))).toBe(0x7777777777777777n);
		expect(read(0xd4, 0x42, 0xfe)).toBe(-2n);
	});

	test('may have texts and bytes that look like extensions', () => {
		for (const type of [...dialect, 0x42, 0x72]) {
			for (const length of [type, 0xd600 + type, 0xc700 + type, 0x1c700 + type]) {
				const text = 'ü'.repeat(Math.floor(length / 2)) + 'b'.repeat(length % 2);
				expect(readAll(pack(['b', text, new Uint8Array([0xd6, type, 0, 0, 0, 0])]))).toEqual([
					'b',
					text,
					Buffer.from([0xd6, type, 0, 0, 0, 0]),
				]);
				expect(readAll(pack([0xc7, 0xc8, text, 0xd6, text]))).toEqual([0xc7, 0xc8, text, 0xd6, text]);
			}
		}
	});

	test('may have timestamps, an undefined, and small integers that records would take for themselves', () => {
		const at = new Date(1_700_000_000_123);
		expect(readAll(pack([at, 0x40, 0x7f]))).toEqual([at, 0x40, 0x7f]);
		expect(read(0x92, 0xd4, 0, 0, 0x41)).toEqual([undefined, 0x41]);
	});

	test('takes no time for bundles of texts within each other', () => {
		// each would read the text of a megabyte again
		const count = 400;
		const text = Buffer.alloc(1_000_000, 'é');
		const message = Buffer.concat([Buffer.alloc(count * 6 + 1, 1), Buffer.from([0xdb, 0, 0, 0, 0]), text, Buffer.from([0xa0])]);
		message.writeUInt32BE(text.length, count * 6 + 2);
		for (let at = 0; at < count * 6; at += 6) {
			message.writeUInt16BE(0xd662, at);
			message.writeUInt32BE(count * 6 + 1 - (at + 6) + 4, at + 2);
		}
		const decoded = vi.spyOn(TextDecoder.prototype, 'decode');
		try {
			expect(() => readAll(message)).toThrow('extension type 98 is not read');
			expect(decoded).not.toHaveBeenCalled();
		} finally {
			decoded.mockRestore();
		}
	});

	test('has the extensions that the program has given to msgpackr', () => {
		class Point {
			readonly x: number;
			constructor(x: number) {
				this.x = x;
			}
		}
		addExtension({
			Class: Point,
			type: 11,
			pack: (point: Point) => Buffer.from([point.x]),
			unpack: (bytes: Buffer) => new Point(bytes.readUInt8(0)),
		});
		expect(readAll(pack([new Point(7)]))).toEqual([new Point(7)]);
	});
});

test('what the program reads by msgpackr itself is read as ever', () => {
	expect(() => read(0xd6, 0x62, 0, 0, 0, 0)).toThrow();
	expect(unpack(Uint8Array.of(0xc7, 9, 0x42, 1, 0, 0, 0, 0, 0, 0, 0, 0))).toBe(2n ** 64n);
	const set = new Set(['a'.repeat(100), 'b'.repeat(100)]);
	const packr = new Packr({ moreTypes: true, bundleStrings: true });
	expect(packr.unpack(packr.pack({ set }))).toEqual({ set });
	expect(new Unpackr().unpack(new Packr().pack([{ a: 1 }, { a: 2 }]))).toEqual([{ a: 1 }, { a: 2 }]);
});
