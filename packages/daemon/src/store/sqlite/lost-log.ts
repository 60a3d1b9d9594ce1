/** Tells whether something of the write-ahead log was lost: SQLite plays what is whole at its beginning, and says nothing of the rest. */
import { endianness } from 'node:os';
import { readFileSync, statSync } from 'node:fs';

const headerBytes = 32;
const frameHeaderBytes = 24;
/** With numbers of little and of big end in its checksums. */
const magics = [0x377f0682, 0x377f0683];

/**
 * Why commits are missing, or undefined where nothing tells of any. A process that is killed leaves one broken commit at most, the
 * last; behind it is nothing, or what an earlier round of the log has left, under another salt. So a whole commit of this round
 * behind a broken frame means damage. What was cut off at the end, between two commits, is told by nothing.
 */
export function whatLogLost(path: string): string | undefined {
	const log = readLog(path);
	if (log === undefined || log.length === 0) return undefined;
	if (log.length < headerBytes) return 'it is cut off in its header';
	const numbers = new Numbers(log);
	const isBroken = !magics.includes(log.readUInt32BE(0)) || !numbers.sumIs(0, 24, 24);
	if (isBroken) return 'its header is broken';
	const frameBytes = frameHeaderBytes + log.readUInt32BE(8);
	let broken = false;
	for (let at = headerBytes; at + frameBytes <= log.length; at += frameBytes) {
		// its own salt is that of the header while it is of this round
		if (log.compare(log, 16, 24, at + 8, at + 16) !== 0) {
			broken = true;
			continue;
		}
		if (!broken) {
			numbers.sum(at, 8);
			broken = !numbers.sumIs(at + frameHeaderBytes, frameBytes - frameHeaderBytes, at + 16);
		} else if (log.readUInt32BE(at + 4) !== 0) {
			return `it is broken at byte ${numbers.wholeBytes}`;
		}
		if (!broken) numbers.wholeBytes = at + frameBytes;
	}
	return undefined;
}

/** Whether there is a log with anything in it. */
export const hasLog = (path: string): boolean => (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;

function readLog(path: string): Buffer | undefined {
	try {
		return readFileSync(`${path}-wal`);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
		throw error;
	}
}

/** The log as numbers of four bytes, with SQLite's sum of those seen so far. */
class Numbers {
	readonly #log: Buffer;
	readonly #words: Uint32Array;
	#one = 0;
	#other = 0;
	wholeBytes = headerBytes;

	constructor(log: Buffer) {
		this.#log = log;
		// a copy begins where four bytes begin
		const bytes = Uint8Array.from(log.subarray(0, log.length - (log.length % 4)));
		const isBig = (log.readUInt32BE(0) & 1) === 1;
		if (isBig !== (endianness() === 'BE')) Buffer.from(bytes.buffer).swap32();
		this.#words = new Uint32Array(bytes.buffer);
	}

	sum(at: number, length: number): void {
		const words = this.#words;
		for (let word = at / 4; word < (at + length) / 4; word += 2) {
			this.#one = (this.#one + (words[word] ?? 0) + this.#other) >>> 0;
			this.#other = (this.#other + (words[word + 1] ?? 0) + this.#one) >>> 0;
		}
	}

	/** Goes on with these bytes: is the sum what is written at `told`? */
	sumIs(at: number, length: number, told: number): boolean {
		this.sum(at, length);
		return this.#one === this.#log.readUInt32BE(told) && this.#other === this.#log.readUInt32BE(told + 4);
	}
}
