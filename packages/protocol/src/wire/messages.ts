/**
 * The messages of the control protocol: a closed union, the same in both directions, for both encodings.
 *
 * Both sides may call: ids of requests are the caller's own. Every request gets exactly one final message (ok, error or
 * end), also when it is cancelled; its id is free only then.
 */
import type { WireError } from '../errors.ts';

export const MessageKind = {
	request: 0,
	ok: 1,
	error: 2,
	items: 3,
	window: 4,
	cancel: 5,
	end: 6,
	notify: 7,
	ping: 8,
	pong: 9,
	hello: 10,
} as const;

export interface HelloMessage {
	/** Lowest and highest version of the protocol that the side speaks; the highest common one holds. */
	readonly proto: readonly [number, number];
	/** Name and version of the program. */
	readonly agent: string;
	readonly pid: number;
	/** The longest frame that it takes. */
	readonly maxFrame: number;
}

export interface RequestOptions {
	/** How many items of a stream may be sent before more are asked for by `window`; without it, as many as the socket takes. */
	readonly window?: number;
}

export type Message =
	| {
			readonly kind: 'request';
			readonly id: number;
			readonly operation: string;
			readonly params: unknown;
			readonly options: RequestOptions;
	  }
	| { readonly kind: 'ok'; readonly id: number; readonly result: unknown }
	/** `id` is undefined for an error about the connection itself. */
	| { readonly kind: 'error'; readonly id: number | undefined; readonly error: WireError }
	| { readonly kind: 'items'; readonly id: number; readonly items: readonly unknown[] }
	| { readonly kind: 'window'; readonly id: number; readonly more: number }
	| { readonly kind: 'cancel'; readonly id: number }
	| { readonly kind: 'end'; readonly id: number; readonly summary: unknown }
	| { readonly kind: 'notify'; readonly topic: string; readonly payload: unknown }
	| { readonly kind: 'ping'; readonly value: unknown }
	| { readonly kind: 'pong'; readonly value: unknown }
	| { readonly kind: 'hello'; readonly hello: HelloMessage };

/** Versions of the control protocol that this build speaks. */
export const controlProtocol = { min: 1, max: 1 } as const;

/** A frame or a line longer than this is refused before it is buffered. */
export const maxMessageBytes = 16 * 1024 * 1024;

/** What was sent cannot be read. `framingLost`: nothing that follows can be read either. */
export class MalformedMessage extends Error {
	override readonly name = 'MalformedMessage';
	readonly framingLost: boolean;
	/** The request that it was meant to be, when that much could be read. */
	readonly id: number | undefined;

	constructor(reason: string, framingLost: boolean, id?: number) {
		super(reason);
		this.framingLost = framingLost;
		this.id = id;
	}
}

/** One encoding of the messages: bytes in any portions to messages, and back. */
export interface MessageCodec {
	readonly name: 'msgpack' | 'json';
	/** Of what it encodes, what is not counted as its length. */
	readonly framingBytes: number;
	encode(message: Message): Uint8Array;
	/** Hands on each whole message, or each fault, in order; keeps the rest. */
	decode(bytes: Uint8Array, take: (message: Message | MalformedMessage) => void): void;
	/** Bytes of an unfinished message that are kept. */
	readonly pendingBytes: number;
}
