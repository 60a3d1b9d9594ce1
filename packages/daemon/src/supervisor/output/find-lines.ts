/** Finds where lines begin in a stream, from its end backwards, without unpacking what need not be looked into. */
import { segmentBytes } from './cursor.ts';
import { behindNewline, countNewlines } from './newlines.ts';
import type { Kept, StreamLog } from './stream-log.ts';

const blockBytes = 64 * 1024;
/** Files may be moved on while they are looked through: then it is begun again, and after so many times given up. */
const mostTries = 8;

/** Where the last `lines` lines before `end` begin; the last one may lack its end. */
export function startOfLastLines(log: StreamLog, end: number, lines: number): Promise<number> {
	if (lines === 0) return Promise.resolve(end);
	// the newline at the very end closes the last line and begins none
	return back(log, end, end - 1, lines);
}

/** Where the line begins that goes on at `offset`: `offset` itself where one begins there. */
export const startOfLine = (log: StreamLog, offset: number): Promise<number> => back(log, offset, offset, 1);

/** Behind the `wanted`-th newline before `end`, counted backwards from it, not counting any from `countEnd` on. */
async function back(log: StreamLog, end: number, countEnd: number, wanted: number): Promise<number> {
	for (let tries = 0; tries < mostTries; tries++) {
		const found = await tryBack(log, end, countEnd, wanted);
		if (found !== undefined) return found;
	}
	// all of what there is is the best that can be said
	return log.start;
}

async function tryBack(log: StreamLog, end: number, countEnd: number, wanted: number): Promise<number | undefined> {
	let left = wanted;
	const { liveFrom } = log;
	for (let to = end; to > liveFrom; ) {
		const start = Math.max(liveFrom, to - blockBytes);
		const bytes = await log.readLive(start, to - start);
		if (!bytes || bytes.length < to - start) return undefined;
		let at = Math.min(bytes.length, Math.max(0, countEnd - start));
		while (at > 0) {
			at = bytes.lastIndexOf(0x0a, at - 1);
			if (at < 0) break;
			if (--left === 0) return start + at + 1;
		}
		to = start;
	}
	for (const segment of [...log.segments].reverse()) {
		if (segment.start >= end) continue;
		const isWhole = segment.end <= countEnd;
		try {
			const lines = isWhole ? segment.lines : await countUpTo(log, segment, countEnd);
			if (lines >= left) return await behind(log, segment, lines - left + 1);
			left -= lines;
		} catch {
			// compressed or removed in this moment
			return undefined;
		}
	}
	return log.start;
}

async function countUpTo(log: StreamLog, segment: Kept, end: number): Promise<number> {
	let at = segment.start;
	let lines = 0;
	for await (const bytes of segmentBytes(log, segment, segment.start)) {
		lines += countNewlines(bytes.subarray(0, Math.max(0, end - at)));
		at += bytes.length;
		if (at >= end) break;
	}
	return lines;
}

async function behind(log: StreamLog, segment: Kept, wanted: number): Promise<number | undefined> {
	let at = segment.start;
	let left = wanted;
	for await (const bytes of segmentBytes(log, segment, segment.start)) {
		const found = behindNewline(bytes, left);
		if (found !== undefined) return at + found;
		left -= countNewlines(bytes);
		at += bytes.length;
	}
	return undefined;
}
