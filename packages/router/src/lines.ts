/** Messages as lines of JSON: from the payloads of frames to what a line carries, and back. */
import { isUtf8 } from 'node:buffer';
import type { Codec } from '@orch/protocol/data';
import { pack, unpackExact } from '@orch/protocol/wire';
import { isJson } from './json-scan.ts';

/** The value in a line: JSON text, or base64 for bytes that are no value. */
export type LineValue = { readonly kind: 'json'; readonly text: Buffer } | { readonly kind: 'base64'; readonly text: string };

/** What a payload is in a line; undefined when it is not what its codec says, so that no line could carry it. */
export function toLineValue(codec: Codec, payload: Buffer, checked: boolean): LineValue | undefined {
	switch (codec) {
		case 'raw':
			return { kind: 'base64', text: payload.toString('base64') };
		case 'json': {
			if (!checked && !(isUtf8(payload) && isJson(payload, 0, payload.length))) return undefined;
			return { kind: 'json', text: oneLine(payload) };
		}
		case 'msgpack': {
			const text = msgpackToJson(payload);
			return text === undefined ? undefined : { kind: 'json', text: Buffer.from(text) };
		}
	}
}

/** A JSON value into the codec of a type. */
export function fromJson(codec: Codec, text: Buffer): Buffer {
	return codec === 'msgpack' ? Buffer.from(pack(JSON.parse(text.toString('utf8')))) : text;
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

/** What JSON has no word for: bytes as base64, large integers as the digits they are. */
function jsonValue(this: unknown, key: string, value: unknown): unknown {
	const original = (this as Record<string, unknown>)[key];
	if (original instanceof Uint8Array)
		return Buffer.from(original.buffer, original.byteOffset, original.length).toString('base64');
	return typeof value === 'bigint' ? value.toString() : value;
}
