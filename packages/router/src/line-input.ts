/** A stream of bytes into lines: as regions of whole lines where they lie, joined only where a line was cut. */
import { maxLineBytes } from './limits.ts';

const newline = 0x0a;

export interface LineSink {
	/** One or more whole lines; the last byte is the newline of the last one. */
	lines(buffer: Buffer, start: number, end: number): void;
	/** A line longer than is taken was thrown away. */
	tooLong(): void;
	readonly open: boolean;
}

export class LineInput {
	readonly #sink: LineSink;
	readonly #maxBytes: number;
	#parts: Buffer[] = [];
	#gather: Buffer | undefined;
	#gatherUsed = 0;
	#have = 0;
	/** In the middle of a line that is thrown away. */
	#skipping = false;

	constructor(sink: LineSink, maxBytes = maxLineBytes) {
		this.#sink = sink;
		this.#maxBytes = maxBytes;
	}

	get pendingBytes(): number {
		return this.#have;
	}

	receive(chunk: Buffer): void {
		let start = 0;
		if (this.#have > 0 || this.#skipping) {
			const end = chunk.indexOf(newline);
			if (end < 0) {
				this.#keep(chunk, 0, chunk.length);
				return;
			}
			start = end + 1;
			this.#keep(chunk, 0, start);
			// the newline that has just come ends a line that was thrown away, too
			const whole = !this.#skipping;
			this.#skipping = false;
			if (whole) {
				const line = this.#take();
				this.#sink.lines(line, 0, line.length);
			}
		}
		if (!this.#sink.open || start >= chunk.length) return;
		const last = chunk.lastIndexOf(newline);
		if (last >= start) {
			this.#sink.lines(chunk, start, last + 1);
			start = last + 1;
		}
		if (this.#sink.open && start < chunk.length) this.#keep(chunk, start, chunk.length);
	}

	#keep(chunk: Buffer, from: number, to: number): void {
		if (this.#skipping) return;
		const bytes = to - from;
		// the newline itself does not count
		if (this.#have + bytes - Number(chunk[to - 1] === newline) > this.#maxBytes) {
			this.#parts = [];
			this.#gather = undefined;
			this.#gatherUsed = 0;
			this.#have = 0;
			this.#skipping = true;
			this.#sink.tooLong();
			return;
		}
		this.#have += bytes;
		let at = from;
		while (at < to) {
			this.#gather ??= Buffer.allocUnsafeSlow(Math.min(64 * 1024, Math.max(1024, this.#have)));
			const taken = Math.min(to - at, this.#gather.length - this.#gatherUsed);
			chunk.copy(this.#gather, this.#gatherUsed, at, at + taken);
			this.#gatherUsed += taken;
			at += taken;
			if (this.#gatherUsed === this.#gather.length) this.#endGather();
		}
	}

	#endGather(): void {
		if (this.#gather === undefined) return;
		this.#parts.push(this.#gather.subarray(0, this.#gatherUsed));
		this.#gather = undefined;
		this.#gatherUsed = 0;
	}

	#take(): Buffer {
		this.#endGather();
		const line = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
		this.#parts = [];
		this.#have = 0;
		return line;
	}
}
