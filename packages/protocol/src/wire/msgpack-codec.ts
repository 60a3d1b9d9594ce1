/** The control protocol in MessagePack: plain arrays that any language can read, each in a length-prefixed frame. */
import { Packr } from 'msgpackr';
import { msgpackOptions, unpackOne } from '../data/index.ts';
import type { WireError } from '../errors.ts';
import { foreignExtension } from './dialect.ts';
import { FrameReader, framed, lengthBytes } from './framing.ts';
import {
	type HelloMessage,
	MalformedMessage,
	type Message,
	type MessageCodec,
	MessageKind,
	maxMessageBytes,
	type RequestOptions,
} from './messages.ts';

/** What a client sends first: `F9 O R C`, the version of the framing, flags, two zeros. */
export const preface = Uint8Array.of(0xf9, 0x4f, 0x52, 0x43, 1, 0, 0, 0);

const packr = new Packr({ ...msgpackOptions, int64AsType: 'number' });
// msgpackr's types leave this choice out: a bigint only where a number would not do
const exact = new Packr({ ...msgpackOptions, int64AsType: 'auto' as 'bigint' });

/** For maps of more than 65,535 members, and for objects that have `toJSON` among their data: both are rare, and it takes longer. */
const patient = new Packr({ ...msgpackOptions, int64AsType: 'number', variableMapSize: true, useToJSON: false });

export function pack(value: unknown): Uint8Array {
	try {
		return packr.pack(value);
	} catch {
		return patient.pack(value);
	}
}

/** Throws MalformedMessage on anything that is not one whole MessagePack value. Of an integer beyond 2^53 it gives the nearest number. */
export const unpack = (bytes: Uint8Array): unknown => unpackBy(packr, bytes);

/** The same; an integer beyond 2^53 is a bigint. */
export const unpackExact = (bytes: Uint8Array): unknown => unpackBy(exact, bytes);

const hints: Readonly<Record<number, string>> = {
	66: ' with more than 8 bytes (an integer of more than 64 bits)',
	114: ' (a record of msgpackr: its option useRecords: false writes maps)',
};

function unpackBy(reader: Packr, bytes: Uint8Array): unknown {
	const foreign = foreignExtension(bytes);
	if (foreign !== undefined)
		throw new MalformedMessage(`not a MessagePack value: extension type ${foreign} is not read${hints[foreign] ?? ''}`, false);
	try {
		return unpackOne(reader, bytes, trailing);
	} catch (error) {
		if (error instanceof MalformedMessage) throw error;
		throw new MalformedMessage(`not a MessagePack value: ${error instanceof Error ? error.message : String(error)}`, false);
	}
}

const trailing = (bytes: number): Error => new MalformedMessage(`not one MessagePack value: ${bytes} bytes follow it`, false);

export function createMsgpackCodec(maxBytes = maxMessageBytes): MessageCodec {
	const reader = new FrameReader(maxBytes);
	return {
		name: 'msgpack',
		framingBytes: lengthBytes,
		encode: (message) => framed(pack(toArray(message))),
		decode(bytes, take) {
			try {
				reader.feed(bytes, (body) => take(read(body)));
			} catch (error) {
				if (!(error instanceof MalformedMessage)) throw error;
				take(error);
			}
		},
		get pendingBytes() {
			return reader.pendingBytes;
		},
	};
}

function read(body: Uint8Array): Message | MalformedMessage {
	try {
		return fromArray(unpack(body));
	} catch (error) {
		if (error instanceof MalformedMessage) return error;
		throw error;
	}
}

function toArray(message: Message): unknown[] {
	switch (message.kind) {
		case 'request':
			return [MessageKind.request, message.id, message.operation, message.params, message.options];
		case 'ok':
			return [MessageKind.ok, message.id, message.result];
		case 'error':
			return [MessageKind.error, message.id ?? null, message.error];
		case 'items':
			return [MessageKind.items, message.id, message.items];
		case 'window':
			return [MessageKind.window, message.id, message.more];
		case 'cancel':
			return [MessageKind.cancel, message.id];
		case 'end':
			return [MessageKind.end, message.id, message.summary];
		case 'notify':
			return [MessageKind.notify, message.topic, message.payload];
		case 'ping':
			return [MessageKind.ping, message.value];
		case 'pong':
			return [MessageKind.pong, message.value];
		case 'hello':
			return [MessageKind.hello, message.hello];
	}
}

function fromArray(value: unknown): Message | MalformedMessage {
	if (!Array.isArray(value) || !Number.isInteger(value[0]))
		return new MalformedMessage('a message is an array that starts with its kind', false);
	const [kind, first, second, third, fourth] = value as [number, unknown, unknown, unknown, unknown];
	switch (kind) {
		case MessageKind.notify:
			return typeof first === 'string'
				? { kind: 'notify', topic: first, payload: second }
				: new MalformedMessage('a notification needs a topic', false);
		case MessageKind.ping:
			return { kind: 'ping', value: first };
		case MessageKind.pong:
			return { kind: 'pong', value: first };
		case MessageKind.hello:
			return isHello(first)
				? { kind: 'hello', hello: first }
				: new MalformedMessage('a hello needs proto: [lowest, highest]', false);
		case MessageKind.error:
			if (first === null && isWireError(second)) return { kind: 'error', id: undefined, error: second };
	}
	if (!isId(first)) return new MalformedMessage('an id is an integer from 0 to 4294967295', false);
	switch (kind) {
		case MessageKind.request:
			if (typeof second !== 'string') return new MalformedMessage('a request names its operation', false, first);
			return { kind: 'request', id: first, operation: second, params: third, options: readOptions(fourth) };
		case MessageKind.ok:
			return { kind: 'ok', id: first, result: second };
		case MessageKind.error:
			return isWireError(second)
				? { kind: 'error', id: first, error: second }
				: new MalformedMessage('an error needs code and message', false, first);
		case MessageKind.items:
			return Array.isArray(second)
				? { kind: 'items', id: first, items: second }
				: new MalformedMessage('items are an array', false, first);
		case MessageKind.window:
			return isId(second)
				? { kind: 'window', id: first, more: second }
				: new MalformedMessage('a window is a count', false, first);
		case MessageKind.cancel:
			return { kind: 'cancel', id: first };
		case MessageKind.end:
			return { kind: 'end', id: first, summary: second };
		default:
			return new MalformedMessage(`unknown kind of message ${kind}`, false, first);
	}
}

export const isId = (value: unknown): value is number =>
	Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffffffff;

export function readOptions(value: unknown): RequestOptions {
	const window = isRecord(value) ? value['window'] : undefined;
	return isId(window) ? { window } : {};
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
	typeof value === 'object' && value !== null && !Array.isArray(value);

export function isHello(value: unknown): value is HelloMessage {
	if (!isRecord(value)) return false;
	const proto = value['proto'];
	return Array.isArray(proto) && Number.isInteger(proto[0]) && Number.isInteger(proto[1]);
}

function isWireError(value: unknown): value is WireError {
	return isRecord(value) && typeof value['code'] === 'string' && typeof value['message'] === 'string';
}
