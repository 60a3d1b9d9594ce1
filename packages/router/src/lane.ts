/** What a receiver has been handed of one type and has not yet consumed, by whom it came, and who waits to hand over more. */

interface Entry<Owner> {
	readonly owner: Owner;
	frames: number;
	bytes: number;
}

import { quickWindowMs, slowWindowMs } from './limits.ts';

/** A queue whose next frame belongs into the lane. */
export interface Feeder {
	/** Hands over some, and waits again if there is more. */
	feed(): void;
}

export class Lane<Owner> {
	readonly receiver: object;
	/** Bytes that may be unconsumed: moves between the bounds by the pace of the receiver. */
	limitBytes: number;
	readonly waiting: Feeder[] = [];
	/** The receiver has it on its list of lanes where somebody waits. */
	listed = false;
	frames = 0;
	bytes = 0;
	readonly #mostBytes: number;
	readonly #leastBytes: number;
	#entries: Entry<Owner>[] = [];
	#head = 0;
	/** Since when it has been consuming what it reports next. */
	#sinceMs: number | undefined;
	#unaskedBytes = 0;

	constructor(receiver: object, leastBytes: number, mostBytes = leastBytes) {
		this.receiver = receiver;
		this.limitBytes = leastBytes;
		this.#leastBytes = leastBytes;
		this.#mostBytes = mostBytes;
	}

	/** More may be handed over. A run may go over the limit by itself, so that it need not be cut. */
	get open(): boolean {
		return this.bytes < this.limitBytes;
	}

	add(owner: Owner, frames: number, bytes: number): void {
		this.frames += frames;
		this.bytes += bytes;
		const last = this.#entries[this.#entries.length - 1];
		if (last !== undefined && last.owner === owner) {
			last.frames += frames;
			last.bytes += bytes;
		} else {
			this.#entries.push({ owner, frames, bytes });
		}
	}

	/** So much has been consumed by now: the window is to last for some milliseconds. */
	pace(bytes: number, nowMs: number): void {
		if (this.#sinceMs !== undefined && bytes > 0) {
			const windowMs = ((nowMs - this.#sinceMs) * this.limitBytes) / bytes;
			if (windowMs < quickWindowMs) this.limitBytes = Math.min(this.#mostBytes, this.limitBytes * 2);
			else if (windowMs > slowWindowMs) this.limitBytes = Math.max(this.#leastBytes, this.limitBytes / 2);
		}
		// while it has nothing it consumes nothing, which says nothing of its pace
		this.#sinceMs = this.bytes > 0 ? nowMs : undefined;
	}

	/** So much goes out now. True when the receiver should be asked behind it what it has consumed, because it would not report by itself in time. */
	asks(bytes: number, nowMs: number): boolean {
		this.#sinceMs ??= nowMs;
		this.#unaskedBytes += bytes;
		const half = this.limitBytes / 2;
		if (this.#unaskedBytes < half) return false;
		this.#unaskedBytes = 0;
		return half < this.#mostBytes / 4;
	}

	/** The oldest `frames` frames, of `bytes` in all, are consumed: tells whose they were. Gives what nobody had been handed. */
	consume(frames: number, bytes: number, onConsumed: (owner: Owner, frames: number, bytes: number) => void): number {
		let frameCount = Math.min(frames, this.frames);
		let byteCount = Math.min(bytes, this.bytes);
		const excess = frames - frameCount;
		this.frames -= frameCount;
		this.bytes = this.frames === 0 ? 0 : this.bytes - byteCount;
		while (frameCount > 0) {
			const entry = this.#entries[this.#head] as Entry<Owner>;
			if (entry.frames > frameCount) {
				const part = Math.min(byteCount, entry.bytes);
				entry.frames -= frameCount;
				entry.bytes -= part;
				onConsumed(entry.owner, frameCount, part);
				return excess;
			}
			frameCount -= entry.frames;
			byteCount = Math.max(0, byteCount - entry.bytes);
			this.#next();
			onConsumed(entry.owner, entry.frames, entry.bytes);
		}
		return excess;
	}

	/** The receiver is gone: tells whose frames are unaccounted for. */
	abandon(onAbandoned: (owner: Owner, frames: number, bytes: number) => void): void {
		const entries = this.#entries.slice(this.#head);
		this.#entries = [];
		this.#head = 0;
		this.frames = 0;
		this.bytes = 0;
		for (const { owner, frames, bytes } of entries) onAbandoned(owner, frames, bytes);
	}

	#next(): void {
		this.#head += 1;
		if (this.#head === this.#entries.length) {
			this.#entries = [];
			this.#head = 0;
		} else if (this.#head >= 256 && this.#head * 2 > this.#entries.length) {
			this.#entries = this.#entries.slice(this.#head);
			this.#head = 0;
		}
	}
}
