/**
 * The control protocol in JSON Lines, for `socat` and `jq`: one object a line.
 *
 * In: `{"id":1,"op":"runtime.list","params":{}}`, `{"cancel":1}`, `{"window":[1,10]}`, `{"ping":1}`, `{"hello":{…}}`.
 * Out: `{"id":1,"ok":…}`, `{"id":1,"error":{…}}`, `{"id":1,"items":[…]}`, `{"id":1,"end":…}`, `{"event":topic,"data":…}`,
 * `{"pong":1}`. Bytes are `{"b64":"…"}` both ways.
 */
import { platform, strictUtf8Decoder, utf8Encoder } from '../platform.ts';
import { MalformedMessage, type Message, type MessageCodec, maxMessageBytes } from './messages.ts';
import { isHello, isId, isRecord } from './msgpack-codec.ts';

const newline = 0x0a;

export function createJsonCodec(maxBytes = maxMessageBytes): MessageCodec {
	let parts: Uint8Array[] = [];
	let gathered = 0;
	let skipping = false;

	const keep = (part: Uint8Array, take: (fault: MalformedMessage) => void) => {
		if (skipping) return;
		if (gathered + part.length > maxBytes) {
			// the line is lost, not the framing: its end will be seen
			parts = [];
			gathered = 0;
			skipping = true;
			take(new MalformedMessage(`a line is longer than the ${maxBytes} bytes that are taken`, false));
			return;
		}
		parts.push(part.slice());
		gathered += part.length;
	};

	return {
		name: 'json',
		framingBytes: 1,
		encode(message) {
			const object = toObject(message);
			// the engine calls a replacer for every value: a long list without bytes is written in a third of the time without one
			return utf8Encoder.encode(`${holdsBytes(object) ? JSON.stringify(object, bytesToBase64) : JSON.stringify(object)}\n`);
		},
		decode(bytes, take) {
			let start = 0;
			for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
				keep(bytes.subarray(start, end), take);
				start = end + 1;
				if (!skipping) {
					const message = readLine(join(parts, gathered));
					parts = [];
					gathered = 0;
					if (message) take(message);
				}
				skipping = false;
			}
			if (start < bytes.length) keep(bytes.subarray(start), take);
		},
		get pendingBytes() {
			return gathered;
		},
	};
}

function join(parts: readonly Uint8Array[], length: number): Uint8Array {
	const only = parts[0];
	if (only && parts.length === 1) return only;
	const joined = new Uint8Array(length);
	let at = 0;
	for (const part of parts) {
		joined.set(part, at);
		at += part.length;
	}
	return joined;
}

function readLine(line: Uint8Array): Message | MalformedMessage | undefined {
	let value: unknown;
	try {
		const text = strictUtf8Decoder.decode(line).trim();
		if (text === '') return undefined;
		value = JSON.parse(text, base64ToBytes);
	} catch (error) {
		return new MalformedMessage(`not a line of JSON: ${error instanceof Error ? error.message : String(error)}`, false);
	}
	if (!isRecord(value)) return new MalformedMessage('a line is one JSON object', false);
	return fromObject(value);
}

function fromObject(value: Readonly<Record<string, unknown>>): Message | MalformedMessage {
	const { id, op, window, hello } = value;
	if (op !== undefined) {
		if (!isId(id)) return new MalformedMessage('a request needs an "id", an integer from 0 to 4294967295', false);
		if (typeof op !== 'string') return new MalformedMessage('a request names its operation in "op"', false, id);
		return { kind: 'request', id, operation: op, params: value['params'], options: isId(window) ? { window } : {} };
	}
	if (isId(value['cancel'])) return { kind: 'cancel', id: value['cancel'] };
	if (Array.isArray(window) && isId(window[0]) && isId(window[1])) return { kind: 'window', id: window[0], more: window[1] };
	if ('ping' in value) return { kind: 'ping', value: value['ping'] };
	if (hello !== undefined)
		return { kind: 'hello', hello: isHello(hello) ? hello : { proto: [1, 1], agent: 'json', pid: 0, maxFrame: maxMessageBytes } };
	return new MalformedMessage('a line has "op" (with "id"), "cancel", "window" or "ping"', false, isId(id) ? id : undefined);
}

function toObject(message: Message): object {
	switch (message.kind) {
		case 'request':
			return { id: message.id, op: message.operation, params: message.params, ...message.options };
		case 'ok':
			return { id: message.id, ok: message.result ?? null };
		case 'error':
			return { ...(message.id === undefined ? {} : { id: message.id }), error: message.error };
		case 'items':
			return { id: message.id, items: message.items };
		case 'window':
			return { window: [message.id, message.more] };
		case 'cancel':
			return { cancel: message.id };
		case 'end':
			return { id: message.id, end: message.summary ?? null };
		case 'notify':
			return { event: message.topic, data: message.payload };
		case 'ping':
			return { ping: message.value };
		case 'pong':
			return { pong: message.value };
		case 'hello':
			return { hello: message.hello };
	}
}

function holdsBytes(value: unknown): boolean {
	if (typeof value !== 'object' || value === null) return false;
	if (value instanceof Uint8Array) return true;
	if (Array.isArray(value)) return value.some(holdsBytes);
	for (const key in value) if (holdsBytes((value as Record<string, unknown>)[key])) return true;
	return false;
}

/**
 * For JSON.stringify, what JSON has no word for: bytes as they are said, integers that no number holds as texts of their digits. It
 * looks at the holder because `toJSON` of a Buffer has run before the replacer sees the value.
 */
export const jsonReplacer = (sayBytes: (bytes: Uint8Array) => unknown) =>
	function (this: unknown, key: string, value: unknown): unknown {
		const original = (this as Record<string, unknown>)[key];
		if (original instanceof Uint8Array) return sayBytes(original);
		return typeof value === 'bigint' ? value.toString() : value;
	};

const bytesToBase64 = jsonReplacer((bytes) => ({ b64: toBase64(bytes) }));

function base64ToBytes(_key: string, value: unknown): unknown {
	if (!isRecord(value) || typeof value['b64'] !== 'string' || Object.keys(value).length !== 1) return value;
	return fromBase64(value['b64']);
}

export function toBase64(bytes: Uint8Array): string {
	let binary = '';
	// in portions: a call takes only so many arguments
	for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
	return platform.btoa(binary);
}

export function fromBase64(text: string): Uint8Array {
	const binary = platform.atob(text);
	const bytes = new Uint8Array(binary.length);
	for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
	return bytes;
}
