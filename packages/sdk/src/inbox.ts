/** Frames of one type that wait for their handler: copied once, in blocks, in the order of their arrival. */
import { viewOf } from './frame-reader.ts';

const firstBlockBytes = 1024;
const maxBlockBytes = 64 * 1024;

interface Block<Owner> {
	readonly owner: Owner;
	readonly bytes: Buffer;
	readonly view: DataView;
	filled: number;
}

/** How many frames and bytes may be in it is for its user to say. `Owner` is what a frame belongs to and is handed out with. */
export class Inbox<Owner> {
	#blocks: Block<Owner>[] = [];
	#readAt = 0;
	#size = 0;
	#frameBytes = 0;

	/** Frames in it. */
	get size(): number {
		return this.#size;
	}

	/** Their lengths. */
	get frameBytes(): number {
		return this.#frameBytes;
	}

	push(owner: Owner, bytes: Buffer, at: number, end: number): void {
		const block = this.#blockFor(owner, end - at);
		bytes.copy(block.bytes, block.filled, at, end);
		block.filled += end - at;
		this.#size += 1;
		this.#frameBytes += end - at;
	}

	/** Hands on the oldest frame; there must be one. Its memory is not written to again. */
	shift<Result>(take: (owner: Owner, bytes: Buffer, view: DataView, at: number, end: number) => Result): Result {
		const block = this.#blocks[0] as Block<Owner>;
		const at = this.#readAt;
		const length = block.view.getUint32(at + 4, true);
		const end = at + length;
		if (end === block.filled) {
			this.#blocks.shift();
			this.#readAt = 0;
		} else {
			this.#readAt = end;
		}
		this.#size -= 1;
		this.#frameBytes -= length;
		return take(block.owner, block.bytes, block.view, at, end);
	}

	#blockFor(owner: Owner, needed: number): Block<Owner> {
		const last = this.#blocks.at(-1);
		if (last?.owner === owner && last.filled + needed <= last.bytes.length) return last;
		// starts small, since there may be thousands of types, and doubles while frames keep coming
		const usual = last ? Math.min(maxBlockBytes, last.bytes.length * 2) : firstBlockBytes;
		const bytes = Buffer.allocUnsafeSlow(needed > usual / 2 ? needed : usual);
		const block = { owner, bytes, view: viewOf(bytes), filled: 0 };
		this.#blocks.push(block);
		return block;
	}
}
