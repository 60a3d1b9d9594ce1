/** Room on the disk that is kept for bad times: a file that is given up when nothing else is left. */
import { closeSync, openSync, statfsSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Random } from '@orch/base';
import { unlinkIfThere } from './stream-log.ts';

const blockBytes = 256 * 1024;

export class Reserve {
	readonly #path: string;
	readonly #bytes: number;
	readonly #random: Pick<Random, 'bytes'>;
	#isHeld: boolean;

	constructor(path: string, bytes: number, random: Pick<Random, 'bytes'>) {
		this.#path = path;
		this.#bytes = bytes;
		this.#random = random;
		this.#isHeld = (statSync(path, { throwIfNoEntry: false })?.size ?? 0) >= bytes;
	}

	get isHeld(): boolean {
		return this.#isHeld;
	}

	get bytes(): number {
		return this.#bytes;
	}

	/** Room that anybody may take. */
	get freeBytes(): number {
		const { bavail, bsize } = statfsSync(dirname(this.#path));
		return bavail * bsize;
	}

	/** Takes it where there is room for it. */
	hold(): boolean {
		if (this.#isHeld) return true;
		if (this.freeBytes < 2 * this.#bytes) return false;
		const descriptor = openSync(this.#path, 'w', 0o600);
		try {
			// what is all zeros some file systems do not store at all
			for (let at = 0; at < this.#bytes; at += blockBytes)
				writeSync(descriptor, this.#random.bytes(Math.min(blockBytes, this.#bytes - at)));
			this.#isHeld = true;
		} catch {
			// filled up by somebody in this moment
			this.release();
		} finally {
			closeSync(descriptor);
		}
		return this.#isHeld;
	}

	release(): void {
		unlinkIfThere(this.#path);
		this.#isHeld = false;
	}
}
