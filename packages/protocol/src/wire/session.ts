/** One connection of the control protocol, either side of it: how it opens, what each message means, how it ends. */
import { OrchError, RemoteError, toWireError, type WireError } from '../errors.ts';
import type { Dispatch } from '../dispatch.ts';
import { utf8Encoder } from '../platform.ts';
import { IncomingCalls } from './incoming-calls.ts';
import { createJsonCodec } from './json-codec.ts';
import { type HelloMessage, MalformedMessage, type Message, type MessageCodec, maxMessageBytes } from './messages.ts';
import { createMsgpackCodec, preface } from './msgpack-codec.ts';
import { OutgoingStream } from './outgoing-stream.ts';

/** What a session needs of a socket. */
export interface Channel {
	/** False asks the session to hold streams back until `writable` is called. */
	write(bytes: Uint8Array): boolean;
	/** Stops and resumes calls to `receive`. */
	pause(): void;
	resume(): void;
	/** Closes once what was written is out. */
	end(): void;
}

export interface SessionOptions {
	readonly channel: Channel;
	/** The client speaks first: preface and hello. */
	readonly role: 'client' | 'server';
	readonly hello: HelloMessage;
	/** Answers what the other side asks; without it every request is refused. */
	readonly dispatch?: Dispatch;
	readonly onNotify?: (topic: string, payload: unknown) => void;
	/** How many requests of the other side may be under way. */
	readonly maxRequests?: number;
	readonly maxBytes?: number;
}

type OutgoingCall =
	| { readonly kind: 'once'; readonly resolve: (result: unknown) => void; readonly reject: (error: Error) => void }
	| { readonly kind: 'stream'; readonly stream: OutgoingStream };

export const maxRequestsPerConnection = 64;
/** Items of a stream that are asked for in advance. */
export const defaultWindow = 32;

export class Session {
	readonly #options: SessionOptions;
	readonly #channel: Channel;
	readonly #incoming: IncomingCalls;
	readonly #outgoing = new Map<number, OutgoingCall>();
	#codec: MessageCodec | undefined;
	#opening: Uint8Array = new Uint8Array(0);
	#nextId: number;
	#writable = true;
	#ended = false;
	#peer: HelloMessage | undefined;
	#helloWaiters: { resolve: (hello: HelloMessage) => void; reject: (error: Error) => void }[] = [];
	#fatal: Error | undefined;

	constructor(options: SessionOptions) {
		this.#options = options;
		this.#channel = options.channel;
		this.#incoming = new IncomingCalls({
			dispatch: options.dispatch,
			limit: options.maxRequests ?? maxRequestsPerConnection,
			send: (message) => this.#send(message),
			isWritable: () => this.#writable,
		});
		// both may call: odd ids are the client's, even ones the server's
		this.#nextId = options.role === 'client' ? 1 : 2;
		if (options.role === 'client') {
			this.#codec = createMsgpackCodec(options.maxBytes ?? maxMessageBytes);
			this.#write(preface);
			this.#send({ kind: 'hello', hello: options.hello });
		}
	}

	/** What the other side has said of itself, once it has. */
	get peer(): HelloMessage | undefined {
		return this.#peer;
	}

	get encoding(): 'msgpack' | 'json' | undefined {
		return this.#codec?.name;
	}

	/** Calls under way, in both directions. */
	get calls(): number {
		return this.#incoming.size + this.#outgoing.size;
	}

	/** Resolves with the other side's hello; rejects when its protocol does not overlap with ours, or when it goes. */
	hello(): Promise<HelloMessage> {
		if (this.#fatal) return Promise.reject(this.#fatal);
		const peer = this.#peer;
		if (peer) return Promise.resolve(peer);
		return new Promise((resolve, reject) => this.#helloWaiters.push({ resolve, reject }));
	}

	/** Asks the other side. Rejects with RemoteError, or with OrchError `disconnected` or `cancelled`. */
	request(operation: string, params: unknown, options: { readonly signal?: AbortSignal } = {}): Promise<unknown> {
		if (this.#fatal) return Promise.reject(this.#fatal);
		const { signal } = options;
		if (signal?.aborted) return Promise.reject(new OrchError('cancelled', {}));
		const id = this.#takeId();
		return new Promise((resolve, reject) => {
			const cancel = () => this.#send({ kind: 'cancel', id });
			const done = () => signal?.removeEventListener('abort', cancel);
			const failure = this.#send({ kind: 'request', id, operation, params, options: {} });
			if (failure !== undefined) return reject(failure);
			signal?.addEventListener('abort', cancel, { once: true });
			this.#outgoing.set(id, {
				kind: 'once',
				resolve: (result) => {
					done();
					resolve(result);
				},
				reject: (error) => {
					done();
					reject(error);
				},
			});
		});
	}

	/** Asks for a stream: an async generator of its items whose return value is the summary. Leaving it early cancels. */
	stream(
		operation: string,
		params: unknown,
		options: { readonly signal?: AbortSignal; readonly window?: number } = {},
	): AsyncGenerator<unknown, unknown, undefined> {
		const window = options.window ?? defaultWindow;
		const id = this.#takeId();
		const stream = new OutgoingStream({
			window,
			grant: (more) => this.#send({ kind: 'window', id, more }),
			cancel: () => {
				if (this.#outgoing.has(id)) this.#send({ kind: 'cancel', id });
			},
		});
		if (this.#fatal) {
			stream.fail(this.#fatal);
		} else {
			const failure = this.#send({ kind: 'request', id, operation, params, options: { window } });
			if (failure === undefined) this.#outgoing.set(id, { kind: 'stream', stream });
			else stream.fail(failure);
		}
		return stream.items(options.signal);
	}

	/** Throws what cannot be told: something that cannot be encoded, or is longer than the other side takes. */
	notify(topic: string, payload: unknown): void {
		const failure = this.#send({ kind: 'notify', topic, payload });
		if (failure !== undefined) throw failure;
	}

	/** Bytes from the other side, in any portions. */
	receive(bytes: Uint8Array): void {
		if (this.#ended) return;
		if (this.#codec) {
			this.#codec.decode(bytes, (message) => this.#take(message));
			return;
		}
		const opening = new Uint8Array(this.#opening.length + bytes.length);
		opening.set(this.#opening);
		opening.set(bytes, this.#opening.length);
		this.#open(opening);
	}

	/** The channel takes bytes again. */
	writable(): void {
		if (this.#writable) return;
		this.#writable = true;
		if (this.#options.dispatch) this.#channel.resume();
		this.#incoming.writable();
	}

	/** The channel is gone: every call out fails, every call in is aborted. */
	disconnected(reason: string): void {
		this.#fail(this.#fatal ?? new OrchError('disconnected', { reason }));
	}

	/** The other side will ask no more: calls `run` once everything that it has asked is answered, at once where it is. */
	whenAnswered(run: () => void): void {
		this.#incoming.whenAnswered(run);
	}

	/** Closes from this side. Calls under way end as by a disconnection. */
	close(reason = 'closed by this side'): void {
		if (this.#ended) return;
		this.#fail(new OrchError('disconnected', { reason }));
		this.#channel.end();
	}

	#takeId(): number {
		do {
			this.#nextId = (this.#nextId + 2) >>> 0;
		} while (this.#outgoing.has(this.#nextId));
		return this.#nextId;
	}

	#fail(error: Error): void {
		if (this.#ended) return;
		this.#ended = true;
		this.#fatal = error;
		for (const waiter of this.#helloWaiters.splice(0)) waiter.reject(error);
		for (const call of this.#outgoing.values()) {
			if (call.kind === 'once') call.reject(error);
			else call.stream.fail(error);
		}
		this.#outgoing.clear();
		this.#incoming.abort(error);
	}

	/** The server's first bytes tell the encoding. */
	#open(bytes: Uint8Array): void {
		const first = bytes.find((byte) => !isBlank(byte));
		const maxBytes = this.#options.maxBytes ?? maxMessageBytes;
		if (first === undefined) {
			// white space so far: the start of JSON Lines, of which nothing needs to be kept
			this.#opening = new Uint8Array(0);
			return;
		}
		if (first === 0x7b) {
			this.#codec = createJsonCodec(maxBytes);
			this.#opening = new Uint8Array(0);
			this.#codec.decode(bytes, (message) => this.#take(message));
			return;
		}
		if (bytes[0] === preface[0] && bytes.length < preface.length) {
			this.#opening = bytes;
			return;
		}
		if (preface.subarray(0, 5).some((byte, at) => bytes[at] !== byte)) {
			this.#write(
				utf8Encoder.encode(
					`${JSON.stringify({ error: toWireError(new OrchError('protocol.malformed', { reason: 'this socket speaks MessagePack frames after the preface F9 "ORC" 1, or JSON Lines that start with {' })) })}\n`,
				),
			);
			this.#endAfterFault('the first bytes were of neither encoding');
			return;
		}
		this.#codec = createMsgpackCodec(maxBytes);
		this.#opening = new Uint8Array(0);
		this.#send({ kind: 'hello', hello: this.#options.hello });
		if (bytes.length > preface.length) this.receive(bytes.subarray(preface.length));
	}

	#take(message: Message | MalformedMessage): void {
		if (this.#ended) return;
		if (message instanceof MalformedMessage) {
			this.#send({
				kind: 'error',
				id: message.id,
				error: toWireError(new OrchError('protocol.malformed', { reason: message.message })),
			});
			if (message.framingLost) this.#endAfterFault(message.message);
			return;
		}
		switch (message.kind) {
			case 'hello':
				return this.#takeHello(message.hello);
			case 'request':
				return this.#incoming.take(
					message.id,
					message.operation,
					message.params,
					message.options.window ?? Number.POSITIVE_INFINITY,
				);
			case 'cancel':
				return this.#incoming.cancel(message.id);
			case 'window':
				return this.#incoming.widen(message.id, message.more);
			case 'ok':
				return this.#finish(
					message.id,
					(call) => call.resolve(message.result),
					(stream) => stream.end(message.result),
				);
			case 'end':
				return this.#finish(
					message.id,
					(call) => call.resolve(message.summary),
					(stream) => stream.end(message.summary),
				);
			case 'error':
				return this.#takeError(message.id, message.error);
			case 'items': {
				const call = this.#outgoing.get(message.id);
				if (call?.kind === 'stream') call.stream.push(message.items);
				return;
			}
			case 'notify':
				this.#options.onNotify?.(message.topic, message.payload);
				return;
			case 'ping':
				if (this.#send({ kind: 'pong', value: message.value }) !== undefined)
					this.#endAfterFault('a ping that cannot be answered');
				return;
			case 'pong':
				return;
		}
	}

	#takeHello(hello: HelloMessage): void {
		const ours = this.#options.hello;
		if (Math.max(ours.proto[0], hello.proto[0]) > Math.min(ours.proto[1], hello.proto[1])) {
			const [client, daemon] = this.#options.role === 'client' ? [ours, hello] : [hello, ours];
			const error = new OrchError('protocol.version', {
				client: client.agent,
				daemon: daemon.agent,
				clientProtocol: rangeText(client.proto),
				daemonProtocol: rangeText(daemon.proto),
				pid: daemon.pid,
				older: client.proto[1] < daemon.proto[0] ? 'client' : 'daemon',
			});
			if (this.#options.role === 'server') this.#send({ kind: 'error', id: undefined, error: toWireError(error) });
			this.#fail(error);
			this.#channel.end();
			return;
		}
		this.#peer = hello;
		for (const waiter of this.#helloWaiters.splice(0)) waiter.resolve(hello);
	}

	#takeError(id: number | undefined, error: WireError): void {
		if (id !== undefined) {
			const failure = new RemoteError(error);
			return this.#finish(
				id,
				(call) => call.reject(failure),
				(stream) => stream.fail(failure),
			);
		}
		// about the connection itself: the other side closes it next
		this.#fail(new RemoteError(error));
		this.#channel.end();
	}

	#finish(id: number, once: (call: OutgoingCall & { kind: 'once' }) => void, stream: (stream: OutgoingStream) => void): void {
		const call = this.#outgoing.get(id);
		if (!call) return;
		this.#outgoing.delete(id);
		if (call.kind === 'once') once(call);
		else stream(call.stream);
	}

	/** Gives why it was not sent. The end of a call is never left out: the other side is told why not in its place. */
	#send(message: Message): OrchError | undefined {
		if (this.#ended || !this.#codec) return undefined;
		const encoded = this.#encode(message, this.#codec);
		if (encoded instanceof Uint8Array) {
			this.#write(encoded);
			return undefined;
		}
		if (message.kind === 'ok' || message.kind === 'end' || message.kind === 'error')
			this.#write(this.#codec.encode({ kind: 'error', id: message.id, error: toWireError(encoded) }));
		return encoded;
	}

	#encode(message: Message, codec: MessageCodec): Uint8Array | OrchError {
		let encoded: Uint8Array;
		try {
			encoded = codec.encode(message);
		} catch (error) {
			return new OrchError('internal', {}, { cause: error });
		}
		const bytes = encoded.length - codec.framingBytes;
		return bytes <= this.#peerTakesBytes
			? encoded
			: new OrchError('protocol.too_long', { what: sentAs(message), bytes, maxBytes: this.#peerTakesBytes });
	}

	/** Whoever reads lines and does not say how long a line may be takes any. */
	get #peerTakesBytes(): number {
		const told: unknown = this.#peer?.maxFrame;
		// zero would be the word of somebody who has none to say
		if (typeof told === 'number' && told > 0) return told;
		return this.#codec?.name === 'json' ? Number.POSITIVE_INFINITY : maxMessageBytes;
	}

	#write(bytes: Uint8Array): void {
		if (this.#channel.write(bytes) || !this.#writable) return;
		this.#writable = false;
		// Nothing more is read from one who asks without reading its answers: so they cannot pile up. Only the side that
		// answers may do this; if both stopped reading while both write much, they would wait for each other for ever.
		if (this.#options.dispatch) this.#channel.pause();
	}

	#endAfterFault(reason: string): void {
		this.#fail(new OrchError('disconnected', { reason }));
		this.#channel.end();
	}
}

const sentAs = ({ kind }: Message): 'request' | 'answer' | 'notification' =>
	kind === 'request' ? kind : kind === 'notify' ? 'notification' : 'answer';
const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
const rangeText = ([low, high]: readonly [number, number]): string => (low === high ? `${low}` : `${low}–${high}`);
