/**
 * Memory that sockets are read into, given out again once nobody holds a view of it. New memory costs a fault for each of its pages,
 * which on some machines takes longer than everything else that is done with a read; and what was just used is in the
 * processor's cache.
 */
import { leftMemoryBytes } from './limits.ts';

/** Somebody who holds views of memory, until it is over. */
export interface Hold {
	readonly isOver: boolean;
}

/** Who holds what of it. Undefined where somebody does for longer than can be told: such memory is not used again. */
export type Holds = readonly Hold[] | undefined;

interface Left {
	readonly buffer: Buffer;
	readonly holds: readonly Hold[];
}

export class ReadMemory {
	#left: Left[] = [];
	#leftBytes = 0;

	/** Bytes that wait to be given out again. */
	get leftBytes(): number {
		return this.#leftBytes;
	}

	/** So many bytes: what was left last, as it is, or new ones. */
	take(bytes: number): Buffer {
		for (let index = this.#left.length - 1; index >= 0; index--) {
			const { buffer, holds } = this.#left[index] as Left;
			if (buffer.length !== bytes || !areOver(holds)) continue;
			this.#left.splice(index, 1);
			this.#leftBytes -= bytes;
			return buffer;
		}
		return Buffer.allocUnsafeSlow(bytes);
	}

	/** Nobody reads into it any more; the oldest of what was left is forgotten for it. */
	leave(buffer: Buffer, holds: Holds): void {
		const bytes = buffer.length;
		if (holds === undefined || bytes > leftMemoryBytes / 4) return;
		this.#left.push({ buffer, holds });
		this.#leftBytes += bytes;
		while (this.#leftBytes > leftMemoryBytes) this.#leftBytes -= (this.#left.shift() as Left).buffer.length;
	}
}

export const areOver = (holds: readonly Hold[]): boolean => holds.every(({ isOver }) => isOver);
