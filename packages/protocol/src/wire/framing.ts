/** Bytes in any portions to frames of `u32 little-endian length | body`. */
import { MalformedMessage } from './messages.ts';

export const lengthBytes = 4;

export class FrameReader {
	readonly #maxBytes: number;
	/** Parts of an unfinished frame, joined once, when it is whole: never again for every portion. */
	#parts: Uint8Array[] = [];
	#gathered = 0;
	/** Of the frame under way, its prefix included; 0 while the prefix itself is not whole. */
	#needed = 0;
	#lost = false;

	constructor(maxBytes: number) {
		this.#maxBytes = maxBytes;
	}

	get pendingBytes(): number {
		return this.#gathered;
	}

	/** Calls `take` with each whole body. A body is memory of its own or a view of `bytes`: to be read before it is reused. */
	feed(bytes: Uint8Array, take: (body: Uint8Array) => void): void {
		if (this.#lost) return;
		let at = 0;
		if (this.#gathered > 0) {
			at = this.#complete(bytes, take);
			if (at < 0) return;
		}
		while (bytes.length - at >= lengthBytes) {
			const whole = lengthBytes + this.#checked(lengthAt(bytes, at));
			if (bytes.length - at < whole) {
				this.#needed = whole;
				break;
			}
			take(bytes.subarray(at + lengthBytes, at + whole));
			at += whole;
		}
		if (at < bytes.length) this.#keep(bytes.subarray(at));
	}

	/** Adds to the frame under way; returns where the next one starts, or -1 where it is still not whole. */
	#complete(bytes: Uint8Array, take: (body: Uint8Array) => void): number {
		let at = 0;
		if (this.#needed === 0) {
			const missing = Math.min(lengthBytes - this.#gathered, bytes.length);
			this.#keep(bytes.subarray(0, missing));
			at = missing;
			if (this.#gathered < lengthBytes) return -1;
			this.#needed = lengthBytes + this.#checked(lengthAt(this.#joined(), 0));
		}
		const missing = this.#needed - this.#gathered;
		if (bytes.length - at < missing) {
			this.#keep(bytes.subarray(at));
			return -1;
		}
		this.#keep(bytes.subarray(at, at + missing));
		const body = this.#joined().subarray(lengthBytes);
		this.#parts = [];
		this.#gathered = 0;
		this.#needed = 0;
		take(body);
		return at + missing;
	}

	#checked(length: number): number {
		if (length <= this.#maxBytes) return length;
		this.#lost = true;
		this.#parts = [];
		this.#gathered = 0;
		throw new MalformedMessage(`a frame of ${length} bytes is longer than the ${this.#maxBytes} bytes that are taken`, true);
	}

	#keep(part: Uint8Array): void {
		if (part.length === 0) return;
		// a copy: the portion may be a buffer that its owner fills anew
		this.#parts.push(part.slice());
		this.#gathered += part.length;
	}

	#joined(): Uint8Array {
		const only = this.#parts[0];
		if (only && this.#parts.length === 1) return only;
		const joined = new Uint8Array(this.#gathered);
		let at = 0;
		for (const part of this.#parts) {
			joined.set(part, at);
			at += part.length;
		}
		this.#parts = [joined];
		return joined;
	}
}

export function framed(body: Uint8Array): Uint8Array {
	const frame = new Uint8Array(lengthBytes + body.length);
	frame[0] = body.length;
	frame[1] = body.length >>> 8;
	frame[2] = body.length >>> 16;
	frame[3] = body.length >>> 24;
	frame.set(body, lengthBytes);
	return frame;
}

const lengthAt = (bytes: Uint8Array, at: number): number =>
	((bytes[at] as number) |
		((bytes[at + 1] as number) << 8) |
		((bytes[at + 2] as number) << 16) |
		((bytes[at + 3] as number) << 24)) >>>
	0;
