/** One stream cut into lines, each with its time: what a merge of many streams goes by. */
import { type Missed, OutputCursor } from './cursor.ts';
import type { StreamName } from './layout.ts';
import type { RuntimeOutput } from './runtime-output.ts';
import { type Stamp, TimeReader } from './time-index.ts';

/** A longer line comes in pieces. */
export const maxLineBytes = 64 * 1024;

export interface Line {
	readonly kind: 'line';
	/** Without its end. */
	readonly bytes: Buffer;
	/** With its end; the same bytes where it has none. */
	readonly whole: Buffer;
	/** It goes on, or ended without a newline. */
	readonly isPartial: boolean;
	/** Partial, and the rest comes in the next one of this stream: the line is too long for one. */
	readonly goesOn: boolean;
	readonly stamp: Stamp;
	/** The offset behind it. */
	readonly end: number;
}

export interface Gap {
	readonly kind: 'gap';
	readonly missed: Missed;
	readonly stamp: Stamp;
	readonly end: number;
}

export interface LineSourceOptions {
	readonly output: RuntimeOutput;
	readonly stream: StreamName;
	readonly from: number;
	/** Files are kept open, and large portions read: for few streams at once. */
	readonly isEager: boolean;
	/** Of lines that were found by one look those of the lower order come first. */
	readonly order: number;
}

const eagerBytes = 64 * 1024;
const frugalBytes = 8 * 1024;
const newline = 0x0a;
const carriageReturn = 0x0d;

export class LineSource {
	readonly output: RuntimeOutput;
	readonly stream: StreamName;
	readonly order: number;
	/** Behind the last line that was taken by who reads: where another reader would go on. */
	position: number;
	readonly #cursor: OutputCursor;
	readonly #times: TimeReader;
	readonly #portion: number;
	/** Bytes that have been read and are in no line yet, and the offset of the first of them. */
	#rest: Buffer = Buffer.alloc(0);
	#restAt: number;
	/** Read behind a gap, before which there is something to be told. */
	#behindGap: { readonly missed: Missed; readonly bytes: Buffer; readonly at: number } | undefined;
	/** No line goes on over the beginning of a process. */
	#border = Number.POSITIVE_INFINITY;
	/** Up to here there is no newline in the rest. */
	#searched = 0;

	constructor({ output, stream, from, isEager, order }: LineSourceOptions) {
		this.output = output;
		this.stream = stream;
		this.order = order;
		this.position = from;
		this.#cursor = new OutputCursor(output.streams[stream], from, { keepsOpen: isEager });
		this.#times = new TimeReader(output.streams[stream].times);
		this.#portion = isEager ? eagerBytes : frugalBytes;
		this.#restAt = from;
	}

	/** The next line, or what has been missed; undefined where nothing more is whole before `end`. */
	async next(end: number): Promise<Line | Gap | undefined> {
		for (;;) {
			const found = this.nextNow();
			if (found) return found;
			if (this.#cursor.offset >= end) return void (await this.#cursor.hold());
			const bytes = await this.#cursor.next(end, this.#portion);
			const missed = this.#cursor.takeMissed();
			if (missed) this.#behindGap = { missed, bytes: Buffer.from(bytes ?? []), at: this.#cursor.offset - (bytes?.length ?? 0) };
			else if (bytes) this.#add(bytes);
			else return undefined;
		}
	}

	/** The same, of what has been read already. */
	nextNow(): Line | Gap | undefined {
		const line = this.#line();
		if (line || !this.#behindGap) return line;
		if (this.#rest.length > 0) return this.#take(this.#rest.length, 0);
		const { missed, bytes, at } = this.#behindGap;
		this.#behindGap = undefined;
		this.#restAt = at;
		this.#add(bytes);
		return { kind: 'gap', missed, stamp: this.#times.stampOf(at), end: at };
	}

	/** What was begun and is not whole, where there is something. */
	flush(): Line | undefined {
		return this.#rest.length > 0 ? this.#take(this.#rest.length, 0) : undefined;
	}

	/** Whether what is not whole will not become so: its process has ended. */
	get isStale(): boolean {
		const last = this.output.lives.list.at(-1);
		return this.#rest.length > 0 && last?.until?.[this.stream] === this.#restAt + this.#rest.length;
	}

	close(): void {
		this.#cursor.close();
	}

	#add(bytes: Uint8Array): void {
		const added = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		this.#rest = this.#rest.length === 0 ? added : Buffer.concat([this.#rest, added]);
		this.#findBorder();
	}

	#findBorder(): void {
		const { list } = this.output.lives;
		this.#border = list.find(({ from }) => from[this.stream] > this.#restAt)?.from[this.stream] ?? Number.POSITIVE_INFINITY;
	}

	#line(): Line | undefined {
		if (this.#rest.length === 0) return undefined;
		// a line that ended just there has left it behind
		if (this.#border <= this.#restAt) this.#findBorder();
		const border = this.#border - this.#restAt;
		const found = this.#rest.indexOf(newline, this.#searched);
		if (found >= 0 && found < Math.min(border, maxLineBytes)) return this.#take(found + 1, 1);
		if (border <= Math.min(this.#rest.length, maxLineBytes)) {
			const line = this.#take(border, 0);
			this.#findBorder();
			return line;
		}
		// with the byte behind it, which tells whether a letter ends there
		if (this.#rest.length > maxLineBytes) return { ...this.#take(wholeLetters(this.#rest, maxLineBytes), 0), goesOn: true };
		this.#searched = found >= 0 ? 0 : this.#rest.length;
		return undefined;
	}

	#take(length: number, ends: 0 | 1): Line {
		const whole = this.#rest.subarray(0, length);
		this.#rest = this.#rest.subarray(length);
		this.#restAt += length;
		this.#searched = 0;
		const isReturned = ends === 1 && whole[length - 2] === carriageReturn;
		return {
			kind: 'line',
			bytes: whole.subarray(0, length - ends - (isReturned ? 1 : 0)),
			whole,
			isPartial: ends === 0,
			goesOn: false,
			stamp: this.#times.stampOf(this.#restAt),
			end: this.#restAt,
		};
	}
}

/** No letter of UTF-8 is cut in two, where it is UTF-8. */
function wholeLetters(bytes: Buffer, length: number): number {
	for (let at = length; at > length - 4; at--) if (((bytes[at] ?? 0) & 0xc0) !== 0x80) return at;
	return length;
}
