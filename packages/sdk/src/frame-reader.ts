/** Bytes in any portions to whole frames, without copying what arrives whole. */
import { checkHeader, type FrameFault, frameMagic, headerBytes } from '@orch/protocol/data';

/** What one read may bring. More is no faster; less costs more reads. */
const readBytes = 256 * 1024;
/** A longer frame is read straight into memory of its own, instead of being moved to the start of the buffer again and again. */
const ownMemoryBytes = 128 * 1024;

export type TakeFrame = (bytes: Buffer, view: DataView, at: number, end: number) => void;

/**
 * The bytes go into `space()`, `received(n)` tells how many there were. Each whole frame is handed on by its range, which
 * is valid until the function returns, unless the frame fills its buffer: then it has that memory to itself for good.
 */
export class FrameReader {
	// one byte more than is ever read, so that no frame in it can fill it
	readonly #buffer = Buffer.allocUnsafeSlow(readBytes + 1);
	readonly #empty = this.#buffer.subarray(0, readBytes);
	readonly #view = viewOf(this.#buffer);
	readonly #take: TakeFrame;
	/** Bytes of an unfinished frame at the start of the buffer. */
	#held = 0;
	/** The unfinished frame that has memory of its own. */
	#long: Buffer | undefined;
	#longFilled = 0;
	#maxFrameBytes: number;

	constructor(maxFrameBytes: number, take: TakeFrame) {
		this.#maxFrameBytes = maxFrameBytes;
		this.#take = take;
	}

	/** Where the next bytes belong. */
	space(): Buffer {
		if (this.#long) return this.#long.subarray(this.#longFilled);
		return this.#held === 0 ? this.#empty : this.#buffer.subarray(this.#held, readBytes);
	}

	/** What is wrong with the stream, if something is: nothing that follows can be read then. */
	received(count: number): FrameFault | undefined {
		if (this.#long) {
			this.#longFilled += count;
			if (this.#longFilled < this.#long.length) return undefined;
			const frame = this.#long;
			this.#long = undefined;
			this.#take(frame, viewOf(frame), 0, frame.length);
			return undefined;
		}
		return this.#walk(this.#held + count);
	}

	#walk(end: number): FrameFault | undefined {
		const buffer = this.#buffer;
		const view = this.#view;
		let at = 0;
		while (end - at >= headerBytes) {
			const frameBytes = view.getUint32(at + 4, true);
			// the header of nearly every frame: plain, eight words, of a reasonable length
			const usual = buffer[at] === frameMagic && buffer[at + 3] === 8 && buffer[at + 2] === 0 && frameBytes >= headerBytes;
			if (!usual || frameBytes > this.#maxFrameBytes) {
				const fault = checkHeader(buffer, at, this.#maxFrameBytes);
				if (fault) return fault;
			}
			if (at + frameBytes > end) {
				if (frameBytes > ownMemoryBytes) {
					this.#startLong(frameBytes, at, end);
					return undefined;
				}
				break;
			}
			this.#take(buffer, view, at, at + frameBytes);
			at += frameBytes;
		}
		// eight bytes tell garbage from the start of a frame: it must not wait for the rest of a header that never comes
		if (end - at >= 8) {
			const fault = checkHeader(buffer, at, this.#maxFrameBytes);
			if (fault) return fault;
		}
		if (at > 0 && at < end) buffer.copyWithin(0, at, end);
		this.#held = end - at;
		return undefined;
	}

	#startLong(frameBytes: number, at: number, end: number): void {
		this.#long = Buffer.allocUnsafeSlow(frameBytes);
		this.#long.set(this.#buffer.subarray(at, end));
		this.#longFilled = end - at;
		this.#held = 0;
	}
}

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
