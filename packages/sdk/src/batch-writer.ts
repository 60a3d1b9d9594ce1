/**
 * Joins what is sent in one turn of the event loop into as few writes as possible.
 *
 * Frames are written straight into a 64 KiB batch, which goes to the socket when it is full or when the turn ends. Its
 * memory is used again as soon as the socket holds nothing of it. `open` says whether the socket keeps up.
 */
import type { Socket } from 'node:net';
import {
	directHeaderBytes,
	type FrameFields,
	type FrameKind,
	frameMagic,
	headerBytes,
	makeFrame,
	writeHeader,
} from '@orch/protocol/data';
import type { Clock } from './clock.ts';
import { viewOf } from './frame-reader.ts';

const batchBytes = 64 * 1024;
/** A payload from this length on is not copied into the batch but handed to the socket where it is. */
export const largePayloadBytes = 16 * 1024;
/** What may wait in the socket before no more messages are accepted. */
const maxUnsentBytes = 256 * 1024;
/** What a loop of sends may write before the event loop gets a turn, so that it cannot starve the rest of the program. */
const maxTurnBytes = 1024 * 1024;
/** With less room than this left behind bytes that the socket still holds, a new batch is begun. */
const minRoomBytes = 8 * 1024;

/** As many batches as can wait in the socket, so that a sender that is faster than its receiver allocates no more. */
const maxSpareBatches = maxUnsentBytes / batchBytes + 1;

interface Batch {
	readonly bytes: Buffer;
	readonly view: DataView;
}

const plainHeaderWord = (headerBytes / 4) * 2 ** 24 + frameMagic;

export interface BatchWriterEvents {
	/** The end of a turn in which something was sent: the last chance to add to what is written now. */
	beforeFlush(): void;
	/** `open` has become true. */
	opened(): void;
}

export class BatchWriter {
	/** Whether a message may be added now. Control frames and replies always may. */
	open = false;
	readonly #clock: Clock;
	readonly #events: BatchWriterEvents;
	#socket: Socket | undefined;
	#port = 0;
	#batch = newBatch();
	#bytes = this.#batch.bytes;
	#view = this.#batch.view;
	/** The socket holds something of these. */
	#given: Batch[] = [];
	#spare: Batch[] = [];
	/** The batch before this is in the socket's hands. */
	#start = 0;
	#used = 0;
	#tsLow = 0;
	#tsHigh = 0;
	#scheduled = false;
	#turnBytes = 0;
	/** Too much waits in the socket. */
	#clogged = false;
	/** Too much was written in this turn. */
	#overdrawn = false;

	constructor(clock: Clock, events: BatchWriterEvents) {
		this.#clock = clock;
		this.#events = events;
	}

	/** From now on frames go to this socket, sent as `port`. */
	attach(socket: Socket, port: number): void {
		this.#socket = socket;
		this.#port = port;
		this.#clogged = false;
		socket.on('drain', () => {
			if (this.#socket !== socket) return;
			this.#clogged = false;
			if (socket.writableLength === 0) this.#takeBack();
			this.#reopen();
		});
		this.#reopen();
	}

	/** Forgets the socket and what was not handed to it: where the stream broke is not known. */
	detach(): void {
		this.#socket = undefined;
		this.open = false;
		this.#renew();
		// the socket may still hold them
		this.#given = [];
	}

	/** Sees to it that `beforeFlush` is called at the end of this turn, even if nothing is sent. */
	schedule(): void {
		if (this.#scheduled) return;
		this.#scheduled = true;
		process.nextTick(this.#endTurn);
	}

	/** Adds a message whose payload is shorter than `largePayloadBytes`; returns the length of the frame. */
	bytes(kind: FrameKind, typeId: number, seq: number, corr: number, payload: Uint8Array): number {
		const frameBytes = headerBytes + payload.length;
		const at = this.#room(frameBytes);
		this.#bytes.set(payload, at + headerBytes);
		this.#header(at, kind, frameBytes, typeId, seq, corr);
		this.#used = at + frameBytes;
		return frameBytes;
	}

	/** Adds a message whose payload is the UTF-8 of `text`, which is at most `maxBytes` and a quarter of a batch long. */
	text(kind: FrameKind, typeId: number, seq: number, corr: number, text: string, maxBytes: number): number {
		const at = this.#room(headerBytes + maxBytes);
		const frameBytes = headerBytes + this.#bytes.write(text, at + headerBytes);
		this.#header(at, kind, frameBytes, typeId, seq, corr);
		this.#used = at + frameBytes;
		return frameBytes;
	}

	/** Writes a message without copying its payload. Until the promise (if there is one) resolves, it must not change. */
	large(kind: FrameKind, typeId: number, seq: number, corr: number, payload: Uint8Array): Promise<void> | undefined {
		const socket = this.#socket as Socket;
		const at = this.#room(headerBytes);
		this.#header(at, kind, headerBytes + payload.length, typeId, seq, corr);
		this.#used = at + headerBytes;
		let taken: (() => void) | undefined;
		socket.cork();
		this.#write();
		// called in any case, with an error when the connection breaks: the memory is free either way
		socket.write(payload, () => taken?.());
		socket.uncork();
		this.#wrote(payload.length);
		if (socket.writableLength === 0) return undefined;
		return new Promise((resolve) => {
			taken = resolve;
		});
	}

	/** Adds any other frame. */
	control(fields: FrameFields, payload: Uint8Array): void {
		if (!this.#socket) return;
		const whole = { ...fields, src: this.#port, ts: this.#clock.epochMicros() };
		const frameBytes = directHeaderBytes + payload.length;
		if (frameBytes > batchBytes) {
			this.#write();
			this.#socket.write(makeFrame(whole, payload));
			this.#wrote(frameBytes);
			return;
		}
		const at = this.#room(frameBytes);
		const payloadAt = writeHeader(this.#bytes, at, whole, payload.length);
		this.#bytes.set(payload, payloadAt);
		this.#used = payloadAt + payload.length;
	}

	/** Hands everything to the socket now. */
	flush(): void {
		if (!this.#socket) return;
		this.#events.beforeFlush();
		this.#write();
	}

	readonly #endTurn = (): void => {
		// still scheduled meanwhile: what is added now goes along
		this.flush();
		this.#scheduled = false;
		if (!this.#overdrawn) this.#turnBytes = 0;
	};

	/** Where the next frame begins, with room for `bytes`. */
	#room(bytes: number): number {
		if (this.#used + bytes > batchBytes) {
			this.#write();
			if (this.#used + bytes > batchBytes) this.#renew();
		}
		if (!this.#scheduled) this.schedule();
		// one reading of the clock does for all that is written together
		if (this.#used === this.#start) this.#readClock();
		return this.#used;
	}

	#header(at: number, kind: FrameKind, frameBytes: number, typeId: number, seq: number, corr: number): void {
		const view = this.#view;
		view.setUint32(at, plainHeaderWord + kind * 256, true);
		view.setUint32(at + 4, frameBytes, true);
		view.setUint32(at + 8, typeId, true);
		view.setUint32(at + 12, this.#port, true);
		view.setUint32(at + 16, seq, true);
		view.setUint32(at + 20, corr, true);
		view.setUint32(at + 24, this.#tsLow, true);
		view.setUint32(at + 28, this.#tsHigh, true);
	}

	#readClock(): void {
		const micros = this.#clock.epochMicros();
		this.#tsHigh = Math.floor(micros / 2 ** 32);
		this.#tsLow = micros - this.#tsHigh * 2 ** 32;
	}

	#write(): void {
		const socket = this.#socket;
		const bytes = this.#used - this.#start;
		if (!socket || bytes === 0) return;
		socket.write(this.#bytes.subarray(this.#start, this.#used));
		this.#start = this.#used;
		this.#wrote(bytes);
	}

	/** The system usually takes a write at once; then its memory is free again. */
	#wrote(bytes: number): void {
		const unsent = (this.#socket as Socket).writableLength;
		if (unsent === 0) {
			this.#start = 0;
			this.#used = 0;
			if (this.#given.length > 0) this.#takeBack();
		} else if (batchBytes - this.#used < minRoomBytes) {
			this.#renew();
		}
		if (unsent > maxUnsentBytes) {
			this.#clogged = true;
			this.open = false;
		}
		this.#turnBytes += bytes;
		if (this.#turnBytes > maxTurnBytes && !this.#overdrawn) {
			this.#overdrawn = true;
			this.open = false;
			this.#clock.nextTurn(() => {
				this.#overdrawn = false;
				this.#turnBytes = 0;
				this.#reopen();
			});
		}
	}

	/** Begins a batch in fresh memory, since the socket still holds the old one. */
	#renew(): void {
		this.#given.push(this.#batch);
		this.#batch = this.#spare.pop() ?? newBatch();
		this.#bytes = this.#batch.bytes;
		this.#view = this.#batch.view;
		this.#start = 0;
		this.#used = 0;
	}

	/** The socket holds nothing any more. */
	#takeBack(): void {
		for (const batch of this.#given) if (this.#spare.length < maxSpareBatches) this.#spare.push(batch);
		this.#given = [];
	}

	#reopen(): void {
		if (this.open || this.#clogged || this.#overdrawn || !this.#socket) return;
		this.open = true;
		this.#events.opened();
	}
}

function newBatch(): Batch {
	const bytes = Buffer.allocUnsafeSlow(batchBytes);
	return { bytes, view: viewOf(bytes) };
}
