/** What a receiver has been handed of one type and has not yet consumed, by whom it came, and who waits to hand over more. */

interface Entry<Owner> {
	readonly owner: Owner;
	frames: number;
	bytes: number;
}

/** A queue whose next frame belongs into the lane. */
export interface Feeder {
	/** Hands over some, and waits again if there is more. */
	feed(): void;
}

export class Lane<Owner> {
	readonly receiver: object;
	readonly limitBytes: number;
	readonly waiting: Feeder[] = [];
	/** The receiver has it on its list of lanes where somebody waits. */
	listed = false;
	frames = 0;
	bytes = 0;
	#entries: Entry<Owner>[] = [];
	#head = 0;

	constructor(receiver: object, limitBytes: number) {
		this.receiver = receiver;
		this.limitBytes = limitBytes;
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
