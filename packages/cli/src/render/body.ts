/** The body of a message as it is shown: by its codec, as far as there is of it. */
import { printable } from '@orch/base/text';
import { unpackExact } from '@orch/protocol/wire';
import { toJson } from './json.ts';

export interface Body {
	readonly codec: string;
	/** Its beginning. */
	readonly body: Uint8Array;
	/** How long the whole of it is. */
	readonly bytes: number;
}

/** One line. */
export function bodyPreview(message: Body): string {
	const { body } = message;
	const cutOff = body.length < message.bytes ? '…' : '';
	if (message.codec === 'json') return printable(new TextDecoder().decode(body)) + cutOff;
	const whole = bodyValue(message);
	if (whole !== undefined) return printable(toJson(whole, false).trimEnd());
	return Buffer.from(body.subarray(0, 64)).toString('hex') + (body.length > 64 ? '…' : cutOff);
}

/** As a member of an object: the value, or where there is none that can be written the bytes. */
export function bodyMember(message: Body): { readonly data: unknown } | { readonly b64: string } {
	const data = bodyValue(message);
	return data === undefined ? { b64: Buffer.from(message.body).toString('base64') } : { data };
}

/** The value of a body that is whole, of a codec that has values, and can be written as JSON. */
export function bodyValue({ codec, body, bytes: whole }: Body): unknown {
	if (body.length < whole) return undefined;
	try {
		const value = read(codec, body);
		// what is nested too deeply can be read, and not be written
		toJson(value, false);
		return value;
	} catch {
		// a sender may call JSON what is not: then it is shown as bytes
		return undefined;
	}
}

function read(codec: string, body: Uint8Array): unknown {
	if (codec === 'json') return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown;
	return codec === 'msgpack' ? unpackExact(body) : undefined;
}
