/** Frames written as lines: delivered means written. */
import { FrameKind, readU32 } from '@orch/protocol/data';
import type { Dialect, Form } from './dialect.ts';
import { payloadAt } from './frame-input.ts';
import { Lane } from './lane.ts';
import { lineWindowBytes, slabBytes } from './limits.ts';
import { consumed, type Path, type Receiver, unconfirmed } from './link.ts';
import { frameSeq } from './mailbox.ts';
import type { Outbox } from './outbox.ts';
import type { PeerSocket } from './peer-socket.ts';

interface Batch {
	readonly flush: number;
	frames: number;
	bytes: number;
}

/** Longer payloads go to the socket from where they are. */
const copyBelowBytes = 16 * 1024;

export class LineDelivery {
	readonly #receiver: Receiver;
	readonly #socket: PeerSocket;
	readonly #outbox: Outbox;
	readonly #dialect: Dialect;
	readonly #lane: Lane<Path>;
	#slab = Buffer.alloc(0);
	#slabUsed = 0;
	#batch: Batch | undefined;

	constructor(receiver: Receiver, socket: PeerSocket, dialect: Dialect) {
		this.#receiver = receiver;
		this.#socket = socket;
		this.#outbox = socket.outbox;
		this.#dialect = dialect;
		this.#lane = new Lane(receiver, lineWindowBytes);
	}

	bind(path: Path): Lane<Path> {
		path.lane = this.#lane;
		path.form = this.#dialect.form(path.sender);
		return this.#lane;
	}

	hand(path: Path, lane: Lane<Path>, buffer: Buffer, start: number, frames: number): void {
		let at = start;
		for (let index = 0; index < frames; index++) {
			const next = at + readU32(buffer, at + 4);
			this.#handOne(path, lane, buffer, at, next);
			at = next;
		}
	}

	/** The receiver is gone: what is not written yet is not delivered. */
	abandon(): void {
		this.#lane.abandon(unconfirmed);
	}

	/** One frame as a line, or as a drop when it has no line. */
	#handOne(path: Path, lane: Lane<Path>, buffer: Buffer, at: number, end: number): void {
		const { sender } = path;
		const payload = buffer.subarray(payloadAt(buffer, at), end);
		const request =
			buffer[at + 1] === FrameKind.request ? { src: readU32(buffer, at + 12), corr: readU32(buffer, at + 20) } : undefined;
		const line = this.#dialect.line(path.form as Form, sender, payload, request);
		if (typeof line === 'string') {
			path.link.drop(sender, 1, frameSeq(buffer, at), frameSeq(buffer, at), line);
			if (request !== undefined) sender.requestDropped(request.corr, line);
			return;
		}
		path.link.notify(this.#receiver);
		this.#batchOf(1, end - at);
		path.handed(lane, 1, end - at);
		this.#write(line.before, line.payload, line.after);
	}

	/** What goes out with the next flush is delivered when that has been written. */
	#batchOf(frames: number, bytes: number): void {
		let batch = this.#batch;
		if (batch === undefined || batch.flush !== this.#outbox.flushes) {
			const made = { flush: this.#outbox.flushes, frames: 0, bytes: 0 };
			batch = made;
			this.#batch = made;
			this.#outbox.whenWritten(() => this.#socket.turn(() => this.#written(made)));
		}
		batch.frames += frames;
		batch.bytes += bytes;
	}

	#written({ frames, bytes }: Batch): void {
		this.#lane.consume(frames, bytes, consumed);
		this.#receiver.feed.pump();
	}

	#write(before: Buffer, payload: Buffer, after: Buffer): void {
		const total = before.length + payload.length + after.length;
		if (payload.length >= copyBelowBytes) {
			this.#outbox.append(before, 0, before.length);
			this.#outbox.append(payload, 0, payload.length);
			this.#outbox.append(after, 0, after.length);
			return;
		}
		if (this.#slab.length - this.#slabUsed < total) {
			this.#slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, total));
			this.#slabUsed = 0;
		}
		const start = this.#slabUsed;
		this.#slab.set(before, start);
		this.#slab.set(payload, start + before.length);
		this.#slab.set(after, start + before.length + payload.length);
		this.#slabUsed = start + total;
		this.#outbox.append(this.#slab, start, this.#slabUsed);
	}
}
