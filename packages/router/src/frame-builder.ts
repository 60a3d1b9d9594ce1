/** Messages of clients that do not speak frames, made into frames: one behind the other, so that they travel as runs. */
import { type FrameFields, FrameKind, headerBytes, writeHeader } from '@orch/protocol/data';
import { slabBytes } from './limits.ts';
import type { RouterClock } from './router-clock.ts';
import type { Source } from './source.ts';

export class FrameBuilder {
	readonly #clock: RouterClock;
	#slab = Buffer.alloc(0);
	#used = 0;
	#runStart = 0;
	#runFrames = 0;
	#source: Source | undefined;
	#micros = 0;

	constructor(clock: RouterClock) {
		this.#clock = clock;
	}

	/** Begins a turn: all that is built in it carries this time. */
	begin(): void {
		this.#micros = this.#clock.epochMicros();
	}

	/** Adds a message; it goes on its way with the next one of another source, or by `flush`. */
	add(source: Source, bytes: Uint8Array, start: number, end: number): void {
		if (source !== this.#source) this.flush();
		const frameBytes = headerBytes + end - start;
		this.#reserve(frameBytes);
		const seq = source.takeSeq();
		const at = this.#used;
		this.#put(at, { kind: FrameKind.data, typeId: source.typeId, src: source.port, seq, ts: this.#micros }, bytes, start, end);
		this.#source = source;
		this.#runFrames += 1;
		this.#used = at + frameBytes;
	}

	/** A frame by itself, in memory that is shared with its neighbours. */
	single(fields: FrameFields, bytes: Uint8Array): { readonly buffer: Buffer; readonly start: number; readonly end: number } {
		this.flush();
		const frameBytes = headerBytes + (fields.dst === undefined ? 0 : 4) + bytes.length;
		this.#reserve(frameBytes);
		const start = this.#used;
		this.#put(start, { ...fields, ts: this.#micros }, bytes, 0, bytes.length);
		this.#used = start + frameBytes;
		this.#runStart = this.#used;
		return { buffer: this.#slab, start, end: this.#used };
	}

	flush(): void {
		if (this.#source === undefined || this.#runFrames === 0) return;
		const source = this.#source;
		const start = this.#runStart;
		const end = this.#used;
		const frames = this.#runFrames;
		this.#source = undefined;
		this.#runFrames = 0;
		this.#runStart = end;
		source.accept(this.#slab, start, end, frames);
	}

	#put(at: number, fields: FrameFields, bytes: Uint8Array, start: number, end: number): void {
		const payloadAt = writeHeader(this.#slab, at, fields, end - start);
		this.#slab.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), payloadAt);
	}

	#reserve(frameBytes: number): void {
		if (this.#slab.length - this.#used >= frameBytes) return;
		// what was built lies in the old slab, which its readers keep for as long as they need it
		this.flush();
		this.#slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, frameBytes));
		this.#used = 0;
		this.#runStart = 0;
	}
}
