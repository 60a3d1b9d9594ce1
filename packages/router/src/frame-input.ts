/**
 * A stream of bytes into frames: runs of messages of one type as they lie in memory, all other frames one by one.
 *
 * A length is looked at before anything is kept for it. Frames that end within their chunk are never copied; short ones
 * that do not are put together, long ones are kept in the pieces in which they came. No part of a frame is handed on
 * before the whole is here, so that a sender that dies in the middle leaves no trace at any receiver.
 */
import { checkHeader, FrameFlag, type FrameFault, FrameKind, frameMagic, headerBytes, readU32 } from '@orch/protocol/data';
import { piecewiseFrameBytes } from './limits.ts';

export interface FrameSink {
	/** Port id that messages must carry; anything else ends the stream. */
	readonly port: number;
	/** `frames` messages of one type, the last one at `lastAt`; `rest` where a single one came in pieces. */
	messages(typeId: number, buffer: Buffer, start: number, end: number, rest: readonly Buffer[] | undefined, frames: number, bytes: number, lastAt: number): void;
	/** Any other frame. `rest` as above. */
	frame(kind: number, buffer: Buffer, start: number, end: number, rest: readonly Buffer[] | undefined): void;
	/** What follows cannot be read any more. */
	fault(fault: FrameFault | 'spoof', detail: number): void;
	/** The longest frame that may come now. */
	readonly maxBytes: number;
	/** False once the sink wants no more. */
	readonly open: boolean;
}

/** The first word of a plain message: magic, kind 0, no flags, eight words of header. */
const plainMessage = ((headerBytes / 4) << 24) | (FrameKind.data << 8) | frameMagic;
/** So much of a frame lies in its first piece, so that every field of the header can be read there. */
const fieldsBytes = 64;
/** Shorter chunks are joined, or one who sends byte by byte would cost a hundred times what he sends. */
const pieceBytes = 16 * 1024;

export class FrameInput {
	readonly #sink: FrameSink;
	/** A frame that is not complete: its first bytes, in memory of their own until its length is known. */
	#head: Buffer | undefined;
	#headUsed = 0;
	/** Its length, 0 while not known. */
	#length = 0;
	/** A long one: the pieces so far, and the piece that short chunks are gathered in. */
	#pieces: Buffer[] | undefined;
	#gather: Buffer | undefined;
	#gatherUsed = 0;
	#have = 0;

	constructor(sink: FrameSink) {
		this.#sink = sink;
	}

	/** Bytes of an unfinished frame. */
	get pendingBytes(): number {
		return this.#pieces !== undefined ? this.#have : this.#headUsed;
	}

	receive(chunk: Buffer): void {
		let at = 0;
		while (at < chunk.length && this.#sink.open) {
			if (this.#pieces !== undefined) at = this.#takePiece(chunk, at);
			else if (this.#head !== undefined) at = this.#takeHead(chunk, at);
			else {
				const from = at;
				at = this.#walk(chunk, at, chunk.length);
				if (at < chunk.length && this.#sink.open) this.#begin(chunk, at);
				if (at === from || at < chunk.length) return;
			}
		}
	}

	/** Hands on every frame that is whole; gives where the first unfinished one begins. */
	#walk(buffer: Buffer, start: number, end: number): number {
		const sink = this.#sink;
		const { port, maxBytes } = sink;
		let at = start;
		let runStart = start;
		let runFrames = 0;
		let runType = 0;
		let lastAt = start;
		while (at + 8 <= end) {
			const word = (buffer[at] as number) | ((buffer[at + 1] as number) << 8) | ((buffer[at + 2] as number) << 16) | ((buffer[at + 3] as number) << 24);
			const length = readU32(buffer, at + 4);
			const plain = word === plainMessage;
			if (!plain || length < headerBytes || length > maxBytes) {
				const fault = checkHeader(buffer, at, maxBytes);
				if (fault !== undefined) {
					if (runFrames > 0) sink.messages(runType, buffer, runStart, at, undefined, runFrames, at - runStart, lastAt);
					sink.fault(fault, length);
					return end;
				}
			}
			if (at + length > end) break;
			const kind = plain ? FrameKind.data : (buffer[at + 1] as number);
			if (kind === FrameKind.data) {
				if (readU32(buffer, at + 12) !== port) {
					if (runFrames > 0) sink.messages(runType, buffer, runStart, at, undefined, runFrames, at - runStart, lastAt);
					sink.fault('spoof', readU32(buffer, at + 12));
					return end;
				}
				const typeId = readU32(buffer, at + 8);
				if (typeId !== runType || runFrames === 0) {
					if (runFrames > 0) sink.messages(runType, buffer, runStart, at, undefined, runFrames, at - runStart, lastAt);
					if (!sink.open) return end;
					runStart = at;
					runFrames = 0;
					runType = typeId;
				}
				runFrames += 1;
				lastAt = at;
				at += length;
				continue;
			}
			if (runFrames > 0) sink.messages(runType, buffer, runStart, at, undefined, runFrames, at - runStart, lastAt);
			runFrames = 0;
			if (!this.#other(kind, buffer, at, at + length, undefined)) return end;
			at += length;
			if (!sink.open) return end;
			// a hello has been taken: what follows is by other rules
			if (sink.port !== port || sink.maxBytes !== maxBytes) return this.#walk(buffer, at, end);
		}
		if (runFrames > 0) sink.messages(runType, buffer, runStart, at, undefined, runFrames, at - runStart, lastAt);
		return at;
	}

	/** False when the stream is at its end. */
	#other(kind: number, buffer: Buffer, start: number, end: number, rest: readonly Buffer[] | undefined): boolean {
		const claimed = readU32(buffer, start + 12);
		if ((kind === FrameKind.request || kind === FrameKind.reply) && claimed !== this.#sink.port) {
			this.#sink.fault('spoof', claimed);
			return false;
		}
		this.#sink.frame(kind, buffer, start, end, rest);
		return true;
	}

	/** Keeps the start of an unfinished frame. */
	#begin(chunk: Buffer, at: number): void {
		const have = chunk.length - at;
		if (have < 8) {
			this.#head = Buffer.allocUnsafeSlow(fieldsBytes);
			this.#headUsed = chunk.copy(this.#head, 0, at);
			this.#length = 0;
			return;
		}
		this.#length = readU32(chunk, at + 4);
		if (this.#length < piecewiseFrameBytes || have < fieldsBytes) {
			// memory grows with what has come, not with what was announced, where that is much
			this.#head = Buffer.allocUnsafeSlow(this.#length < piecewiseFrameBytes ? this.#length : fieldsBytes);
			this.#headUsed = chunk.copy(this.#head, 0, at);
			return;
		}
		this.#pieces = [];
		this.#have = 0;
		this.#addPiece(chunk, at, chunk.length);
	}

	#takeHead(chunk: Buffer, from: number): number {
		let at = from;
		if (this.#length === 0) {
			at += this.#fill(chunk, at, 8);
			const head = this.#head as Buffer;
			if (this.#headUsed < 8) return at;
			const fault = checkHeader(head, 0, this.#sink.maxBytes);
			this.#length = readU32(head, 4);
			if (fault !== undefined) {
				this.#sink.fault(fault, this.#length);
				return chunk.length;
			}
			if (this.#length < piecewiseFrameBytes && this.#length > head.length) {
				const larger = Buffer.allocUnsafeSlow(this.#length);
				head.copy(larger, 0, 0, this.#headUsed);
				this.#head = larger;
			}
		}
		const long = this.#length >= piecewiseFrameBytes;
		at += this.#fill(chunk, at, long ? fieldsBytes : this.#length);
		const head = this.#head as Buffer;
		if (this.#headUsed < (long ? fieldsBytes : this.#length)) return at;
		this.#head = undefined;
		if (long) {
			this.#pieces = [head];
			this.#have = fieldsBytes;
			return at;
		}
		const whole = this.#length;
		this.#headUsed = 0;
		this.#length = 0;
		this.#walk(head, 0, whole);
		return at;
	}

	#fill(chunk: Buffer, at: number, upTo: number): number {
		const missing = Math.max(0, Math.min(upTo - this.#headUsed, chunk.length - at));
		chunk.copy(this.#head as Buffer, this.#headUsed, at, at + missing);
		this.#headUsed += missing;
		return missing;
	}

	#takePiece(chunk: Buffer, from: number): number {
		const missing = this.#length - this.#have;
		const to = Math.min(chunk.length, from + missing);
		this.#addPiece(chunk, from, to);
		if (this.#have < this.#length) return to;
		this.#endGather();
		const [first, ...rest] = this.#pieces as [Buffer, ...Buffer[]];
		this.#pieces = undefined;
		const length = this.#length;
		this.#length = 0;
		this.#headUsed = 0;
		this.#long(first, rest, length);
		return to;
	}

	#addPiece(chunk: Buffer, from: number, to: number): void {
		const bytes = to - from;
		const pieces = this.#pieces as Buffer[];
		this.#have += bytes;
		// the end of a frame may be short and still be worth no copy: it is the last piece
		if (chunk.length >= pieceBytes) {
			this.#endGather();
			pieces.push(chunk.subarray(from, to));
			return;
		}
		let at = from;
		while (at < to) {
			if (this.#gather === undefined) {
				const missing = this.#length - this.#have + (to - at);
				this.#gather = Buffer.allocUnsafeSlow(Math.min(pieceBytes * 4, missing));
				this.#gatherUsed = 0;
			}
			const taken = Math.min(to - at, this.#gather.length - this.#gatherUsed);
			chunk.copy(this.#gather, this.#gatherUsed, at, at + taken);
			this.#gatherUsed += taken;
			at += taken;
			if (this.#gatherUsed === this.#gather.length) this.#endGather();
		}
	}

	#endGather(): void {
		if (this.#gather === undefined) return;
		(this.#pieces as Buffer[]).push(this.#gather.subarray(0, this.#gatherUsed));
		this.#gather = undefined;
	}

	#long(first: Buffer, rest: readonly Buffer[], length: number): void {
		const sink = this.#sink;
		const kind = first[1] as number;
		if (kind !== FrameKind.data) {
			this.#other(kind, first, 0, first.length, rest);
			return;
		}
		const claimed = readU32(first, 12);
		if (claimed !== sink.port) {
			sink.fault('spoof', claimed);
			return;
		}
		sink.messages(readU32(first, 8), first, 0, first.length, rest, 1, length, 0);
	}
}

/** The bytes of a frame that came in pieces, as one. */
export function joined(buffer: Buffer, start: number, end: number, rest: readonly Buffer[] | undefined): Buffer {
	const first = buffer.subarray(start, end);
	return rest === undefined ? first : Buffer.concat([first, ...rest]);
}

/** Where the payload of the frame at `at` begins. */
export const payloadAt = (buffer: Buffer, at: number): number => at + (buffer[at + 3] as number) * 4;
export const isDirect = (buffer: Buffer, at: number): boolean => ((buffer[at + 2] as number) & FrameFlag.direct) !== 0;
