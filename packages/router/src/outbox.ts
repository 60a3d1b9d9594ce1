/** What goes to one socket: gathered during a turn, written at its end in as few calls as possible. */
import type { Socket } from 'node:net';
import { gatherBelowBytes, maxUnreadNoticeBytes, socketHighWaterBytes } from './limits.ts';
import type { Hold } from './read-memory.ts';
import type { Pending, Turn } from './turn.ts';

export class Outbox implements Pending {
	readonly #socket: Socket;
	readonly #turn: Turn;
	#buffers: Buffer[] = [];
	#starts: number[] = [];
	#ends: number[] = [];
	#waiting = false;
	#written: (() => void) | undefined;
	#shut = false;
	#failed = false;
	/** All that the socket was ever given. */
	#givenBytes = 0;
	/** Gathered, not yet given to the socket. */
	bytes = 0;
	/** The socket wants no more until it has drained, or ever. */
	full = false;
	/** How often what was gathered has been written: what is appended now goes out with the next time. */
	flushes = 0;

	constructor(socket: Socket, turn: Turn) {
		this.#socket = socket;
		this.#turn = turn;
	}

	/** Everything that the client has not been sent yet. */
	get unsentBytes(): number {
		return this.bytes + this.#socket.writableLength;
	}

	/** How much of all that it was given the socket is rid of. */
	get writtenBytes(): number {
		return this.#givenBytes - this.#socket.writableLength;
	}

	/** Over once the socket is rid of all that it has been given so far, with what is gathered. */
	hold(): Hold {
		return new Unwritten(this, this.#givenBytes + this.bytes);
	}

	/** What the socket takes for certain before it is full. */
	get roomBytes(): number {
		return this.full ? 0 : Math.max(0, socketHighWaterBytes - this.unsentBytes);
	}

	append(buffer: Buffer, start: number, end: number): void {
		const last = this.#buffers.length - 1;
		this.bytes += end - start;
		// what lies behind the last piece in the same memory makes it longer
		if (last >= 0 && this.#buffers[last] === buffer && this.#ends[last] === start) {
			this.#ends[last] = end;
			return;
		}
		this.#buffers.push(buffer);
		this.#starts.push(start);
		this.#ends.push(end);
		if (!this.#waiting) {
			this.#waiting = true;
			this.#turn.addOutbox(this);
		}
	}

	/** What must not be lost, and of which there is never more than what it belongs to. */
	put(bytes: Uint8Array): void {
		this.append(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.byteLength);
	}

	/** Something else: false when the client leaves so much unread that it is not told any more. */
	say(bytes: Uint8Array, mostUnreadBytes = maxUnreadNoticeBytes): boolean {
		if (this.unsentBytes > mostUnreadBytes) return false;
		this.put(bytes);
		return true;
	}

	/** Calls back, once, when all that goes out with the next flush is out of our hands. */
	whenWritten(written: () => void): void {
		this.#written = () => {
			if (!this.#failed) written();
		};
	}

	drained(): void {
		this.full = this.#shut;
	}

	/** The client takes no more messages: those that have not been handed over stay in their mailboxes. */
	shut(): void {
		this.#shut = true;
		this.full = true;
	}

	/** Nothing that is written gets there. */
	fail(): void {
		this.#failed = true;
		this.shut();
	}

	settle(): void {
		this.#waiting = false;
		const count = this.#buffers.length;
		if (count === 0) return;
		const socket = this.#socket;
		const buffers = this.#buffers;
		const starts = this.#starts;
		const ends = this.#ends;
		const total = this.bytes;
		const written = this.#written;
		this.#written = undefined;
		this.bytes = 0;
		this.flushes += 1;
		if (!socket.writable || this.#failed) {
			this.#buffers = [];
			this.#starts = [];
			this.#ends = [];
			return;
		}
		let open = true;
		this.#givenBytes += total;
		if (count === 1) {
			open = write(socket, view(buffers[0] as Buffer, starts[0] as number, ends[0] as number), written);
			buffers.length = starts.length = ends.length = 0;
			this.#wrote(open);
			return;
		}
		this.#buffers = [];
		this.#starts = [];
		this.#ends = [];
		if (total < count * gatherBelowBytes) {
			const gathered = Buffer.allocUnsafeSlow(total);
			let at = 0;
			for (let index = 0; index < count; index++) at += (buffers[index] as Buffer).copy(gathered, at, starts[index], ends[index]);
			open = write(socket, gathered, written);
		} else {
			socket.cork();
			for (let index = 0; index < count; index++) {
				const piece = view(buffers[index] as Buffer, starts[index] as number, ends[index] as number);
				open = write(socket, piece, index === count - 1 ? written : undefined);
			}
			socket.uncork();
			// a write into a corked socket answers before anything is out
			open = !socket.writableNeedDrain;
		}
		this.#wrote(open);
	}

	#wrote(open: boolean): void {
		this.full = !open || this.#shut;
		// the socket holds views until it is rid of them
		if (this.#socket.writableLength > 0) this.#turn.keep(this.hold());
	}
}

/** Views that a socket was given, until it is rid of so many bytes: it writes in order. */
class Unwritten implements Hold {
	readonly #outbox: Outbox;
	readonly #upToBytes: number;

	constructor(outbox: Outbox, upToBytes: number) {
		this.#outbox = outbox;
		this.#upToBytes = upToBytes;
	}

	get isOver(): boolean {
		return this.#outbox.writtenBytes >= this.#upToBytes;
	}
}

const view = (buffer: Buffer, start: number, end: number): Buffer =>
	start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end);

const write = (socket: Socket, bytes: Buffer, written: (() => void) | undefined): boolean =>
	written === undefined
		? socket.write(bytes)
		: socket.write(bytes, (error) => {
				if (!error) written();
			});
