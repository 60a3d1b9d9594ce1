/** JSON as the CLI prints and reads it: bytes are `{"b64":"…"}`, as in the JSON Lines of the control socket. */
import { fromBase64, toBase64 } from '@orch/protocol/wire';

/** One document: indented for a terminal, one line for a pipe. */
export const toJson = (value: unknown, pretty: boolean): string =>
	`${JSON.stringify(value, bytesToBase64, pretty ? 2 : undefined)}\n`;

export const fromJson = (text: string): unknown => JSON.parse(text, base64ToBytes) as unknown;

/** It looks at the holder because `toJSON` of a Buffer has run before the replacer sees the value. */
function bytesToBase64(this: unknown, key: string, value: unknown): unknown {
	const original = (this as Record<string, unknown>)[key];
	return original instanceof Uint8Array ? { b64: toBase64(original) } : value;
}

function base64ToBytes(_key: string, value: unknown): unknown {
	if (typeof value !== 'object' || value === null || Object.keys(value).length !== 1) return value;
	const { b64 } = value as { b64?: unknown };
	return typeof b64 === 'string' ? fromBase64(b64) : value;
}
