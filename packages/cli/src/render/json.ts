/** JSON as the CLI prints and reads it: bytes are `{"b64":"…"}`, as in the JSON Lines of the control socket. */
import { drivingLetters } from '@orch/base/text';
import { fromBase64, jsonReplacer, toBase64 } from '@orch/protocol/wire';

/** One document: indented for a terminal, one line for a pipe. */
export const toJson = (value: unknown, pretty: boolean): string =>
	`${inert(JSON.stringify(value, toShown, pretty ? 2 : undefined) ?? 'null')}\n`;

/** JSON that says the same and cannot drive a terminal: it need not escape all that does, and these only stand in texts. */
export const inert = (json: string): string =>
	json.replace(driving, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);

const driving = new RegExp(`[${drivingLetters}]`, 'g');

export const fromJson = (text: string): unknown => JSON.parse(text, base64ToBytes) as unknown;

const toShown = jsonReplacer((bytes) => ({ b64: toBase64(bytes) }));

function base64ToBytes(_key: string, value: unknown): unknown {
	if (typeof value !== 'object' || value === null || Object.keys(value).length !== 1) return value;
	const { b64 } = value as { b64?: unknown };
	return typeof b64 === 'string' ? fromBase64(b64) : value;
}
