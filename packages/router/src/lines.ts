/** Messages as lines of JSON: from the payloads of frames to what a line carries, and back. */
import { isUtf8 } from 'node:buffer';
import type { Codec, DataErrorCode, DropReason } from '@orch/protocol/data';
import { hasMoreValues, jsonReplacer, pack, unpackExact } from '@orch/protocol/wire';
import { hasMoreJsonValues, isJson } from './json-scan.ts';
import { maxTranscodedValues } from './limits.ts';

/** The value in a line: JSON text, or base64 for bytes that are no value. */
export type LineValue = { readonly kind: 'json'; readonly text: Buffer } | { readonly kind: 'base64'; readonly text: string };

/** Why a payload cannot be said in another codec: it is not what its own says, or has too many values to be written anew. */
export type Unsaid = Extract<DropReason, 'codec' | 'too_large'>;

/** The same in words, of a reply. */
export const replyUnsaid: Readonly<Record<Unsaid, { readonly code: DataErrorCode; readonly message: string }>> = {
	codec: { code: 'protocol', message: 'the reply is not what its codec says' },
	too_large: {
		code: 'too_large',
		message: `the reply has more than the ${maxTranscodedValues} values that are written anew between JSON and MessagePack`,
	},
};

/** What a payload is in a line, or why no line can carry it. */
export function toLineValue(codec: Codec, payload: Buffer, checked: boolean): LineValue | Unsaid {
	switch (codec) {
		case 'raw':
			return { kind: 'base64', text: payload.toString('base64') };
		case 'json': {
			if (!checked && !(isUtf8(payload) && isJson(payload, 0, payload.length))) return 'codec';
			return { kind: 'json', text: oneLine(payload) };
		}
		case 'msgpack': {
			if (hasMoreValues(payload, maxTranscodedValues)) return 'too_large';
			const text = msgpackToJson(payload);
			return text === undefined ? 'codec' : { kind: 'json', text: Buffer.from(text) };
		}
	}
}

/** A JSON value into the codec of a type. */
export function fromJson(codec: Codec, text: Buffer): Buffer | Unsaid {
	if (codec !== 'msgpack') return text;
	if (hasMoreJsonValues(text, 0, text.length, maxTranscodedValues)) return 'too_large';
	try {
		return Buffer.from(pack(JSON.parse(text.toString('utf8'))));
	} catch {
		return 'codec';
	}
}

/** Bytes into the codec of a type. */
export function fromBytes(codec: Codec, bytes: Buffer): Buffer {
	if (codec === 'raw') return bytes;
	return codec === 'msgpack' ? Buffer.from(pack(bytes)) : Buffer.from(JSON.stringify(bytes.toString('base64')));
}

/** Line breaks in JSON only stand between values, where blanks mean the same. */
export function oneLine(json: Buffer): Buffer {
	if (!json.includes(0x0a) && !json.includes(0x0d)) return json;
	const copy = Buffer.from(json);
	for (let at = 0; at < copy.length; at++) if (copy[at] === 0x0a || copy[at] === 0x0d) copy[at] = 0x20;
	return copy;
}

/** `read` says what becomes of integers that no number holds: digits in a text, unless it makes numbers of them. */
export function msgpackToJson(payload: Buffer, read = unpackExact): string | undefined {
	try {
		return JSON.stringify(read(payload), jsonValue);
	} catch {
		// not MessagePack, or nothing that JSON could say
		return undefined;
	}
}

/** For JSON.stringify: bytes are base64 in a line. */
export const jsonValue = jsonReplacer((bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64'));
