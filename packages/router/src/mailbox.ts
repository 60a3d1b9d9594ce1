/** The queue of one link: whole frames in runs, in order, of which nothing is allocated per message. */
import { readU32 } from '@orch/protocol/data';
import { firstSlabBytes, slabBytes } from './limits.ts';
import type { Hold } from './read-memory.ts';

/** Frames that lie one behind the other in memory. */
export interface Run<Owner> {
	/** Where they come from. */
	readonly owner: Owner;
	readonly buffer: Buffer;
	start: number;
	end: number;
	frames: number;
	/** A single request: whoever asked is told when it is dropped. */
	readonly request: boolean;
}

export interface Limits {
	readonly messages: number;
	readonly bytes: number;
}

/** A stretch of frames of one owner that is thrown away; of a request also its correlation id. */
export type OnDrop<Owner> = (
	owner: Owner,
	frames: number,
	bytes: number,
	firstSeq: number,
	lastSeq: number,
	corr: number | undefined,
) => void;

const frameLength = (buffer: Buffer, at: number): number => readU32(buffer, at + 4);
export const frameCorr = (buffer: Buffer, at: number): number => readU32(buffer, at + 20);
export const frameSeq = (buffer: Buffer, at: number): number => readU32(buffer, at + 16);

/** Where the frame behind the next `frames` frames begins. */
export function offsetAfter(buffer: Buffer, start: number, frames: number): number {
	let at = start;
	for (let left = frames; left > 0; left--) at += frameLength(buffer, at);
	return at;
}

/** Where the last of `frames` frames begins. */
export const lastFrameAt = (buffer: Buffer, start: number, frames: number): number => offsetAfter(buffer, start, frames - 1);

/** Told when memory that came in is kept beyond the turn, so that nothing else is read into it before the hold is over. */
export interface Memory {
	keep(hold: Hold): void;
}

/** Where runs go. */
export interface Destination {
	/** Over once it is rid of all that it has been given so far. */
	hold(): Hold;
}

/** A view that is at least this part of its memory is kept as it is. */
const keptShare = 4;

export class Mailbox<Owner> {
	readonly #memory: Memory;
	#runs: Run<Owner>[] = [];
	#head = 0;
	#slab: Buffer | undefined;
	#slabUsed = 0;
	#nextSlabBytes = firstSlabBytes;
	/** Of all that was ever pushed, how much has left again, in order. */
	#leftBytes = 0;
	/** Counts what ends the order: views of before are held for longer than can be told. */
	#order = 0;
	#destination: Destination | undefined;
	messages = 0;
	bytes = 0;
	requests = 0;

	constructor(memory: Memory) {
		this.#memory = memory;
	}

	get first(): Run<Owner> | undefined {
		return this.#runs[this.#head];
	}

	/** Whether one more frame of `bytes` is within the limits; an empty mailbox takes a frame of any length. */
	hasRoom(limits: Limits, bytes: number): boolean {
		return this.messages === 0 || (this.messages < limits.messages && this.bytes + bytes <= limits.bytes);
	}

	/** How many of the frames from `start` on are within the limits. */
	fitting(limits: Limits, buffer: Buffer, start: number, frames: number): number {
		let messages = this.messages;
		let bytes = this.bytes;
		let at = start;
		for (let taken = 0; taken < frames; taken++) {
			const length = frameLength(buffer, at);
			if (messages > 0 && (messages >= limits.messages || bytes + length > limits.bytes)) return taken;
			messages += 1;
			bytes += length;
			at += length;
		}
		return frames;
	}

	push(owner: Owner, buffer: Buffer, start: number, end: number, frames: number, request: boolean): void {
		const bytes = end - start;
		this.messages += frames;
		this.bytes += bytes;
		if (request) this.requests += 1;
		// a view keeps all of the memory that it is part of: where that is far more than itself, it is copied
		const copied = bytes * keptShare < buffer.length;
		const at = copied ? this.#copy(buffer, start, end) : start;
		const memory = copied ? (this.#slab as Buffer) : buffer;
		if (!copied) this.#memory.keep(new Queued(this, this.#order, this.#leftBytes + this.bytes));
		const last = this.#runs[this.#runs.length - 1];
		if (last !== undefined && last.buffer === memory && last.end === at && last.owner === owner && !request && !last.request) {
			last.end = at + bytes;
			last.frames += frames;
			return;
		}
		this.#runs.push({ owner, buffer: memory, start: at, end: at + bytes, frames, request });
	}

	/** What is taken from now on goes there; undefined where nobody takes anything. */
	goesTo(destination: Destination | undefined): void {
		if (this.#destination === destination) return;
		// what the one before was given may still be with it
		if (this.#destination !== undefined) this.#order += 1;
		this.#destination = destination;
	}

	/**
	 * Of the first so many bytes that were pushed: undefined while some are in here, or where that cannot be told, since the order in which
	 * they left was another; then who may still hold them.
	 */
	heldBy(order: number, upToBytes: number): Hold | undefined {
		if (order !== this.#order || this.#leftBytes < upToBytes) return undefined;
		return this.#destination?.hold() ?? nobody;
	}

	/** Takes the oldest run, or only so many of its frames. */
	shift(frames = Number.POSITIVE_INFINITY): Run<Owner> | undefined {
		const run = this.#runs[this.#head];
		if (run === undefined) return undefined;
		if (frames < run.frames) return this.#cut(run, frames);
		this.#forget(run.frames, run.end - run.start, run.request);
		this.#next();
		return run;
	}

	/** Drops the oldest frames until the rest is within the limits; one frame of any length may stay. */
	dropOldest(limits: Limits, onDrop: OnDrop<Owner>): void {
		for (let run = this.first; run !== undefined && this.#over(limits); run = this.first) {
			// a run goes as a whole unless what is behind its first frames may stay
			let frames = 0;
			let bytes = 0;
			if (run.frames === 1) {
				frames = 1;
				bytes = run.end - run.start;
			} else {
				const over = (messages: number, left: number) => messages > limits.messages || (left > limits.bytes && messages > 1);
				for (let at = run.start; frames < run.frames && over(this.messages - frames, this.bytes - bytes); frames++) {
					const length = frameLength(run.buffer, at);
					bytes += length;
					at += length;
				}
			}
			this.#drop(run, frames, onDrop);
		}
	}

	/** Drops the newest frames until the rest is within the limits. */
	dropNewest(limits: Limits, onDrop: OnDrop<Owner>): void {
		this.#order += 1;
		const keep: Run<Owner>[] = [];
		const runs = this.#takeAll();
		let full = false;
		for (const run of runs) {
			const frames: number = full ? 0 : this.fitting(limits, run.buffer, run.start, run.frames);
			full ||= frames < run.frames;
			const dropped = run.frames - frames;
			const cutAt = frames === run.frames ? run.end : offsetAfter(run.buffer, run.start, frames);
			if (frames > 0) {
				keep.push({ ...run, end: cutAt, frames });
				this.messages += frames;
				this.bytes += cutAt - run.start;
				if (run.request) this.requests += 1;
			}
			if (dropped === 0) continue;
			const last = lastFrameAt(run.buffer, cutAt, dropped);
			onDrop(
				run.owner,
				dropped,
				run.end - cutAt,
				frameSeq(run.buffer, cutAt),
				frameSeq(run.buffer, last),
				run.request ? frameCorr(run.buffer, cutAt) : undefined,
			);
		}
		this.#runs = keep;
	}

	/** Drops everything. */
	clear(onDrop: OnDrop<Owner>): void {
		for (let run = this.first; run !== undefined; run = this.first) this.#drop(run, run.frames, onDrop);
	}

	/** Drops the requests: their askers are told that nobody answers. */
	dropRequests(onDrop: OnDrop<Owner>): void {
		if (this.requests === 0) return;
		this.#order += 1;
		const keep: Run<Owner>[] = [];
		for (const run of this.#runs.slice(this.#head)) {
			if (!run.request) {
				keep.push(run);
				continue;
			}
			this.#forget(run.frames, run.end - run.start, true);
			const seq = frameSeq(run.buffer, run.start);
			onDrop(run.owner, run.frames, run.end - run.start, seq, seq, frameCorr(run.buffer, run.start));
		}
		this.#runs = keep;
		this.#head = 0;
	}

	#over(limits: Limits): boolean {
		return this.messages > limits.messages || (this.bytes > limits.bytes && this.messages > 1);
	}

	/** Gives where in the slab the copy begins. */
	#copy(buffer: Buffer, start: number, end: number): number {
		const bytes = end - start;
		let slab = this.#slab;
		if (slab === undefined || slab.length - this.#slabUsed < bytes) {
			slab = Buffer.allocUnsafeSlow(Math.max(this.#nextSlabBytes, bytes));
			this.#nextSlabBytes = Math.min(slabBytes, this.#nextSlabBytes * 4);
			this.#slab = slab;
			this.#slabUsed = 0;
		}
		const at = this.#slabUsed;
		buffer.copy(slab, at, start, end);
		this.#slabUsed = at + bytes;
		return at;
	}

	#cut(run: Run<Owner>, frames: number): Run<Owner> {
		const end = offsetAfter(run.buffer, run.start, frames);
		const head: Run<Owner> = { ...run, end, frames };
		run.start = end;
		run.frames -= frames;
		this.#forget(frames, end - head.start, false);
		return head;
	}

	#drop(run: Run<Owner>, frames: number, onDrop: OnDrop<Owner>): void {
		const dropped = frames < run.frames ? this.#cut(run, frames) : (this.shift() as Run<Owner>);
		const last = lastFrameAt(dropped.buffer, dropped.start, dropped.frames);
		onDrop(
			dropped.owner,
			dropped.frames,
			dropped.end - dropped.start,
			frameSeq(dropped.buffer, dropped.start),
			frameSeq(dropped.buffer, last),
			dropped.request ? frameCorr(dropped.buffer, dropped.start) : undefined,
		);
	}

	#takeAll(): Run<Owner>[] {
		const runs = this.#head === 0 ? this.#runs : this.#runs.slice(this.#head);
		this.#runs = [];
		this.#head = 0;
		this.messages = 0;
		this.bytes = 0;
		this.requests = 0;
		return runs;
	}

	#next(): void {
		this.#head += 1;
		if (this.#head === this.#runs.length) {
			this.#runs = [];
			this.#head = 0;
			// what was handed on may still be in a socket's hands: the slab is not used again, and an empty mailbox holds nothing
			if (this.#slab !== undefined && this.#slabUsed * 4 < this.#slab.length)
				this.#nextSlabBytes = Math.max(firstSlabBytes, this.#nextSlabBytes / 4);
			this.#slab = undefined;
		} else if (this.#head >= 64 && this.#head * 2 > this.#runs.length) {
			this.#runs = this.#runs.slice(this.#head);
			this.#head = 0;
		} else {
			// the run may be large and must not be kept until the list is compacted
			(this.#runs as (Run<Owner> | undefined)[])[this.#head - 1] = undefined;
		}
	}

	#forget(frames: number, bytes: number, request: boolean): void {
		this.messages -= frames;
		this.bytes -= bytes;
		this.#leftBytes += bytes;
		if (request) this.requests -= 1;
	}
}

const nobody: Hold = { isOver: true };

/** Views that are in a mailbox, until they have left it and whoever they went to is rid of them. */
class Queued implements Hold {
	readonly #mailbox: Pick<Mailbox<unknown>, 'heldBy'>;
	readonly #order: number;
	readonly #upToBytes: number;
	#next: Hold | undefined;

	constructor(mailbox: Pick<Mailbox<unknown>, 'heldBy'>, order: number, upToBytes: number) {
		this.#mailbox = mailbox;
		this.#order = order;
		this.#upToBytes = upToBytes;
	}

	get isOver(): boolean {
		this.#next ??= this.#mailbox.heldBy(this.#order, this.#upToBytes);
		return this.#next?.isOver ?? false;
	}
}
