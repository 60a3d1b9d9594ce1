/**
 * What goes out: types, credits, and the messages that wait for them.
 *
 * A message is accepted when its type has credit and the socket keeps up; accepted messages of a type go out in the order
 * in which they were given. What cannot be accepted waits, within bounds, also while there is no connection.
 */
import {
	type Codec,
	type CreditEntry,
	FrameKind,
	headerBytes,
	maxFrameBytes,
	maxTypesPerRuntime,
	type TypeEntry,
	typeNameFault,
} from '@orch/protocol/data';
import { type BatchWriter, largePayloadBytes } from './batch-writer.ts';
import { copyOf, encode } from './codec.ts';
import { OrchError } from './error.ts';

/** A message that is not accepted yet. */
interface Waiter {
	readonly kind: FrameKind;
	readonly corr: number;
	readonly payload: string | Uint8Array;
	/** The payload is memory of the caller's, which it may change once it knows that the message was accepted. */
	readonly borrowed: boolean;
	/** `free` resolves when borrowed memory is no longer needed. */
	readonly accepted: (free: Promise<void> | undefined) => void;
	readonly failed: (error: Error) => void;
}

interface Outgoing {
	readonly name: string;
	readonly codec: Codec;
	/** 0 until the type has been defined once; good for sending only when this connection gives credit for it. */
	id: number;
	/** Of the last data frame: goes on over reconnections. */
	seq: number;
	/** All of them, and their lengths, since the welcome of this connection. */
	sentFrames: number;
	sentBytes: number;
	limitFrames: number;
	limitBytes: number;
	unlimited: boolean;
	readonly waiters: Set<Waiter>;
	refusal: OrchError | undefined;
}

export interface SenderOptions {
	readonly writer: BatchWriter;
	readonly codecOf: (type: string) => Codec;
	readonly maxWaitingMessages: number;
	readonly maxWaitingBytes: number;
	/** A message has begun to wait, or is tried in vain. */
	readonly waits: () => void;
	/** Asks the router for ids and credits of these types. */
	readonly declare: (types: { name: string; codec: Codec }[]) => void;
}

const accepted: Promise<void> = Promise.resolve();

export class Sender {
	readonly #options: SenderOptions;
	readonly #writer: BatchWriter;
	readonly #types = new Map<string, Outgoing>();
	readonly #byId = new Map<number, Outgoing>();
	readonly #waiting = new Set<Outgoing>();
	readonly #undeclared = new Set<Outgoing>();
	/** Types that `trySend` has refused for want of credit: whoever called it may try until there is some. */
	readonly #tried = new Set<Outgoing>();
	#last: Outgoing | undefined;
	#connected = false;
	#ended: OrchError | undefined;
	#maxFrame = maxFrameBytes;
	#waitingMessages = 0;
	#waitingBytes = 0;
	#sent = 0;
	#whenDrained: (() => void) | undefined;

	constructor(options: SenderOptions) {
		this.#options = options;
		this.#writer = options.writer;
	}

	get sent(): number {
		return this.#sent;
	}

	get waitingMessages(): number {
		return this.#waitingMessages;
	}

	/** Somebody waits for credit, or tries until there is some. */
	get isAwaiting(): boolean {
		return this.#waitingMessages > 0 || this.#tried.size > 0;
	}

	send(type: string, data: unknown): Promise<void> {
		try {
			const outgoing = this.#outgoing(type);
			const payload = encode(outgoing.codec, type, data);
			const borrowed = outgoing.codec === 'raw';
			if (this.#mayGo(outgoing)) return this.#put(outgoing, FrameKind.data, 0, payload, borrowed) ?? accepted;
			return new Promise((resolve, reject) => {
				this.#wait(outgoing, FrameKind.data, 0, payload, borrowed, resolve, reject);
			});
		} catch (error) {
			return Promise.reject(error);
		}
	}

	trySend(type: string, data: unknown): boolean {
		const outgoing = this.#outgoing(type);
		const refusal = this.#ended ?? outgoing.refusal;
		if (refusal) throw refusal;
		if (!this.#mayGo(outgoing)) {
			// that the socket keeps up again needs no reading
			if (this.#writer.open && !this.#tried.has(outgoing)) {
				this.#tried.add(outgoing);
				this.#options.waits();
			}
			return false;
		}
		const payload = encode(outgoing.codec, type, data);
		// nobody would tell the caller when it may change the payload again
		const copied = outgoing.codec === 'raw' && payload.length >= largePayloadBytes;
		void this.#put(outgoing, FrameKind.data, 0, copied ? copyOf(payload as Uint8Array) : payload, false);
		return true;
	}

	/** Calls `written` when the request is accepted, which may be at once, or `failed`; until then, what is returned takes it back. */
	request(
		type: string,
		data: unknown,
		corr: number,
		written: () => void,
		failed: (error: Error) => void,
	): (() => void) | undefined {
		const outgoing = this.#outgoing(type);
		const encoded = encode(outgoing.codec, type, data);
		const payload = outgoing.codec === 'raw' ? copyOf(encoded as Uint8Array) : encoded;
		if (this.#mayGo(outgoing)) {
			void this.#put(outgoing, FrameKind.request, corr, payload, false);
			written();
			return undefined;
		}
		return this.#wait(outgoing, FrameKind.request, corr, payload, false, written, failed);
	}

	/** The connection may be used, once the types are known again. */
	welcomed(maxFrame: number, samePort: boolean): void {
		this.#connected = true;
		this.#maxFrame = maxFrame;
		for (const outgoing of this.#types.values()) {
			if (!samePort) outgoing.seq = 0;
			this.#undeclared.add(outgoing);
		}
		this.#declare();
	}

	disconnected(): void {
		this.#connected = false;
		this.#byId.clear();
		this.#tried.clear();
		for (const outgoing of this.#types.values()) {
			outgoing.sentFrames = 0;
			outgoing.sentBytes = 0;
			outgoing.limitFrames = 0;
			outgoing.limitBytes = 0;
			outgoing.unlimited = false;
			// the next router may think otherwise
			outgoing.refusal = undefined;
		}
	}

	defined({ id, name, codec }: TypeEntry): void {
		const outgoing = this.#types.get(name);
		if (!outgoing || outgoing.codec !== codec) return;
		outgoing.id = id;
		this.#byId.set(id, outgoing);
	}

	credited(entries: readonly CreditEntry[]): void {
		for (const { typeId, frames, bytes, unlimited } of entries) {
			const outgoing = this.#byId.get(typeId);
			if (!outgoing) continue;
			outgoing.limitFrames = frames;
			outgoing.limitBytes = bytes;
			outgoing.unlimited = unlimited;
			this.#tried.delete(outgoing);
			if (outgoing.waiters.size > 0) this.#pump(outgoing);
		}
	}

	/** The router does not take this type from us: neither what waits nor what comes. */
	refused(type: string, error: OrchError): void {
		const outgoing = this.#types.get(type);
		if (!outgoing) return;
		outgoing.refusal = error;
		this.#tried.delete(outgoing);
		this.#fail(outgoing, error);
	}

	/** The socket keeps up again. */
	resume(): void {
		for (const outgoing of [...this.#waiting]) {
			if (!this.#writer.open) return;
			// to the end of the line, so that each type gets its turn when the socket can only take some
			this.#waiting.delete(outgoing);
			this.#waiting.add(outgoing);
			this.#pump(outgoing);
		}
	}

	/** What a resumed connection tells: the last sequence number of each type. */
	lastSent(): [number, number][] {
		return [...this.#types.values()].filter(({ seq }) => seq !== 0).map(({ id, seq }) => [id, seq]);
	}

	/** No more messages are taken; `done` is called when none waits any more. */
	close(error: OrchError, done: () => void): void {
		this.#ended = error;
		if (this.#waitingMessages === 0) done();
		else this.#whenDrained = done;
	}

	/** Gives up what waits, and what comes. */
	end(error: OrchError): void {
		this.#ended = error;
		this.#tried.clear();
		for (const outgoing of [...this.#waiting]) this.#fail(outgoing, error);
	}

	#outgoing(type: string): Outgoing {
		const last = this.#last;
		if (last !== undefined && last.name === type) return last;
		const outgoing = this.#types.get(type) ?? this.#add(type);
		this.#last = outgoing;
		return outgoing;
	}

	#add(name: string): Outgoing {
		checkTypeName(name);
		if (this.#types.size >= maxTypesPerRuntime) {
			throw new OrchError(
				'too_many_types',
				`Cannot send a message of type "${name}": a runtime may use at most ${maxTypesPerRuntime} types`,
			);
		}
		const outgoing: Outgoing = {
			name,
			codec: this.#options.codecOf(name),
			id: 0,
			seq: 0,
			sentFrames: 0,
			sentBytes: 0,
			limitFrames: 0,
			limitBytes: 0,
			unlimited: false,
			waiters: new Set(),
			refusal: undefined,
		};
		this.#types.set(name, outgoing);
		if (this.#connected) {
			// all that are first used in this turn go into one frame
			if (this.#undeclared.size === 0) process.nextTick(() => this.#declare());
			this.#undeclared.add(outgoing);
		}
		return outgoing;
	}

	#declare(): void {
		if (!this.#connected || this.#undeclared.size === 0) return;
		this.#options.declare([...this.#undeclared].map(({ name, codec }) => ({ name, codec })));
		this.#undeclared.clear();
	}

	#mayGo(outgoing: Outgoing): boolean {
		return (
			this.#writer.open &&
			(outgoing.unlimited ||
				(((outgoing.limitFrames - outgoing.sentFrames) | 0) > 0 && outgoing.sentBytes < outgoing.limitBytes)) &&
			outgoing.waiters.size === 0 &&
			this.#ended === undefined
		);
	}

	#put(
		outgoing: Outgoing,
		kind: FrameKind,
		corr: number,
		payload: string | Uint8Array,
		borrowed: boolean,
	): Promise<void> | undefined {
		const writer = this.#writer;
		// what a request takes of the numbers would look like a loss to all but the one who gets it
		const seq = kind === FrameKind.data ? (outgoing.seq + 1) >>> 0 : 0;
		let frameBytes: number;
		let free: Promise<void> | undefined;
		if (typeof payload === 'string') {
			// three bytes are the most that a UTF-16 unit takes
			const most = payload.length * 3;
			if (most < largePayloadBytes && most <= this.#maxFrame - headerBytes) {
				frameBytes = writer.text(kind, outgoing.id, seq, corr, payload, most);
			} else {
				return this.#put(outgoing, kind, corr, Buffer.from(payload), false);
			}
		} else if (payload.length > this.#maxFrame - headerBytes) {
			throw new OrchError(
				'too_large',
				`Cannot send a message of type "${outgoing.name}": its ${payload.length} bytes are more than the ${this.#maxFrame - headerBytes} that a message may have`,
			);
		} else if (payload.length < largePayloadBytes) {
			frameBytes = writer.bytes(kind, outgoing.id, seq, corr, payload);
		} else {
			free = writer.large(kind, outgoing.id, seq, corr, payload);
			frameBytes = headerBytes + payload.length;
		}
		if (kind === FrameKind.data) outgoing.seq = seq;
		outgoing.sentFrames = (outgoing.sentFrames + 1) >>> 0;
		outgoing.sentBytes += frameBytes;
		this.#sent += 1;
		return borrowed ? free : undefined;
	}

	#wait(
		outgoing: Outgoing,
		kind: FrameKind,
		corr: number,
		payload: string | Uint8Array,
		borrowed: boolean,
		whenAccepted: (free: Promise<void> | undefined) => void,
		failed: (error: Error) => void,
	): () => void {
		const refusal = this.#ended ?? outgoing.refusal ?? this.#noRoom(outgoing, payload.length);
		if (refusal) throw refusal;
		const copied = borrowed && payload.length < largePayloadBytes;
		const waiter: Waiter = {
			kind,
			corr,
			payload: copied ? copyOf(payload as Uint8Array) : payload,
			borrowed: borrowed && !copied,
			accepted: whenAccepted,
			failed,
		};
		outgoing.waiters.add(waiter);
		this.#waiting.add(outgoing);
		this.#waitingMessages += 1;
		this.#waitingBytes += payload.length;
		this.#options.waits();
		return () => void this.#take(outgoing, waiter);
	}

	#noRoom(outgoing: Outgoing, length: number): OrchError | undefined {
		const { maxWaitingMessages, maxWaitingBytes } = this.#options;
		const fits =
			this.#waitingMessages < maxWaitingMessages && (this.#waitingBytes === 0 || this.#waitingBytes + length <= maxWaitingBytes);
		if (fits) return undefined;
		return new OrchError(
			'busy',
			`Cannot send a message of type "${outgoing.name}": ${this.#waitingMessages} messages of ${this.#waitingBytes} bytes wait already; await each send() so that the receiver's pace is kept`,
		);
	}

	/** Takes a waiter out; false if it was out already. */
	#take(outgoing: Outgoing, waiter: Waiter): boolean {
		if (!outgoing.waiters.delete(waiter)) return false;
		if (outgoing.waiters.size === 0) this.#waiting.delete(outgoing);
		this.#waitingMessages -= 1;
		this.#waitingBytes -= waiter.payload.length;
		if (this.#waitingMessages === 0 && this.#whenDrained) {
			const done = this.#whenDrained;
			this.#whenDrained = undefined;
			process.nextTick(done);
		}
		return true;
	}

	#pump(outgoing: Outgoing): void {
		const { waiters } = outgoing;
		for (const waiter of waiters) {
			const credit =
				outgoing.unlimited ||
				(((outgoing.limitFrames - outgoing.sentFrames) | 0) > 0 && outgoing.sentBytes < outgoing.limitBytes);
			if (!credit || !this.#writer.open) return;
			this.#take(outgoing, waiter);
			try {
				waiter.accepted(this.#put(outgoing, waiter.kind, waiter.corr, waiter.payload, waiter.borrowed));
			} catch (error) {
				waiter.failed(error as Error);
			}
		}
	}

	#fail(outgoing: Outgoing, error: OrchError): void {
		for (const waiter of [...outgoing.waiters]) {
			this.#take(outgoing, waiter);
			waiter.failed(error);
		}
	}
}

export function checkTypeName(name: string): void {
	const fault = typeof name === 'string' ? typeNameFault(name) : 'is no text';
	if (fault) throw new OrchError('invalid_type', `${JSON.stringify(name)} cannot be the name of a type: it ${fault}`);
}
