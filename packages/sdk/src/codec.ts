/** How the payload of a message becomes bytes, and bytes a payload. */
import { type Codec, msgpackOptions } from '@orch/protocol/data';
import { Packr } from 'msgpackr/pack';
import { OrchError } from './error.ts';
import { unpack } from './plain-msgpack.ts';

const packr = new Packr({ ...msgpackOptions, int64AsType: 'number' });

export const pack = (value: unknown): Uint8Array => packr.pack(value);

/** A text stands for its UTF-8. Bytes of `raw` are the caller's own. */
export function encode(codec: Codec, type: string, data: unknown): string | Uint8Array {
	switch (codec) {
		case 'json':
			return asJson(type, data);
		case 'msgpack':
			return pack(data);
		case 'raw':
			if (data instanceof Uint8Array) return data;
			throw new OrchError(
				'codec',
				`Cannot send a message of type "${type}": its codec is raw, which takes a Uint8Array, not ${describe(data)}`,
			);
	}
}

function asJson(type: string, data: unknown): string {
	try {
		// what JSON has no word for, such as undefined or a function, is null
		return JSON.stringify(data) ?? 'null';
	} catch (cause) {
		throw new OrchError('codec', `Cannot send a message of type "${type}": it cannot be written as JSON`, { cause });
	}
}

/** Throws on what is not a payload of this codec. Bytes of `raw` are a view: whoever keeps them copies them. */
export function decode(codec: Codec, bytes: Buffer, start: number, end: number): unknown {
	switch (codec) {
		case 'json':
			return JSON.parse(bytes.toString('utf8', start, end));
		case 'msgpack':
			return unpack(bytes, start, end);
		case 'raw':
			return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
	}
}

const describe = (data: unknown): string =>
	data === null ? 'null' : Array.isArray(data) ? 'an array' : `a value of type ${typeof data}`;

const slabBytes = 8 * 1024;
let slab = new Uint8Array(0);
let slabUsed = 0;

/** A copy that is the caller's to keep. Small ones share memory by the slab, so that each costs no allocation of its own. */
export function copyOf(bytes: Uint8Array): Uint8Array {
	const length = bytes.length;
	if (length > slabBytes / 4) {
		const copy = Buffer.allocUnsafeSlow(length);
		copy.set(bytes);
		return new Uint8Array(copy.buffer, 0, length);
	}
	if (slabUsed + length > slab.length) {
		slab = new Uint8Array(slabBytes);
		slabUsed = 0;
	}
	slab.set(bytes, slabUsed);
	const copy = new Uint8Array(slab.buffer, slabUsed, length);
	// the next one begins at a multiple of eight, so that a typed array of any width can be laid over it
	slabUsed = (slabUsed + length + 7) & ~7;
	return copy;
}
