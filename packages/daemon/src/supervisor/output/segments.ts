/** Takes whole lines out of a live file into segments of their own, and makes segments small. */
import { createReadStream, createWriteStream, renameSync, statSync, utimesSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { unfinished } from './layout.ts';
import { countNewlines } from './newlines.ts';
import type { Punch } from './punch.ts';
import { readPart } from './read-part.ts';
import { type Kept, type StreamLog, unlinkIfThere } from './stream-log.ts';

const blockBytes = 256 * 1024;
/** A line that is longer than so many segments is cut. */
const longestInSegments = 4;
/** More than this of an unfinished line is not kept through a cutting of the live file: the line is cut instead. */
const longestTailBytes = 1024 * 1024;

/** Stops everything that may write to the output; undefined where that cannot be. What it gives lets it go on. */
export type Freeze = () => Promise<(() => void) | undefined>;

/**
 * Where a segment of about `segmentBytes` is to end: behind a newline, or, in a line longer than is bearable, anywhere.
 * Undefined where the line is still being written.
 */
export async function segmentEnd(log: StreamLog, segmentBytes: number): Promise<number | undefined> {
	const from = log.liveFrom;
	const upTo = Math.min(log.end, from + segmentBytes);
	for (let end = upTo; end > from; ) {
		const start = Math.max(from, end - blockBytes);
		const bytes = await log.readLive(start, end - start);
		if (!bytes || bytes.length < end - start) return undefined;
		const at = bytes.lastIndexOf(0x0a);
		if (at >= 0) return start + at + 1;
		end = start;
	}
	const most = from + longestInSegments * segmentBytes;
	for (let start = upTo; start < Math.min(log.end, most); ) {
		const bytes = await log.readLive(start, Math.min(blockBytes, most - start, log.end - start));
		if (!bytes || bytes.length === 0) return undefined;
		const at = bytes.indexOf(0x0a);
		if (at >= 0) return start + at + 1;
		start += bytes.length;
	}
	return log.end >= most ? most : undefined;
}

/**
 * Copies the front of the live file up to `end` into a segment: the program writes on meanwhile, and readers read on. Where it
 * does not, since it has been stopped for this, what a sudden end of the machine would lose is not waited for.
 */
export async function takeSegment(log: StreamLog, end: number, { isHurried = false } = {}): Promise<Kept> {
	const start = log.liveFrom;
	const draft = `${log.pathOf({ start, end, lines: 0, isCompressed: false })}${unfinished}`;
	try {
		const lines = await copy(log, draft, start, end, isHurried);
		if (log.isClosed) throw new Error('The output was closed while it was copied');
		const segment = { start, end, lines, isCompressed: false };
		renameSync(draft, log.pathOf(segment));
		const stat = statSync(log.pathOf(segment));
		const kept = { ...segment, bytes: stat.blocks * 512, at: stat.mtimeMs };
		log.taken(kept);
		return kept;
	} catch (error) {
		unlinkIfThere(draft);
		throw error;
	}
}

async function copy(log: StreamLog, draft: string, start: number, end: number, isHurried: boolean): Promise<number> {
	let lines = 0;
	const target = await open(draft, 'w', 0o600);
	let source: FileHandle | undefined;
	try {
		source = await open(log.livePath, 'r');
		for (let at = start; at < end; ) {
			const bytes = await log.readLive(at, Math.min(blockBytes, end - at), source);
			if (!bytes || bytes.length === 0) throw new Error('The file was made shorter while it was copied');
			for (let written = 0; written < bytes.length; ) written += (await target.write(bytes, written)).bytesWritten;
			lines += countNewlines(bytes);
			at += bytes.length;
		}
		// what the live file gives back must not be gone when the machine goes down
		if (!isHurried) await target.datasync();
	} finally {
		await source?.close();
		await target.close();
	}
	return lines;
}

/** Gives back what of the live file is in segments, or gone. */
export async function freeTaken(log: StreamLog, punch: Punch): Promise<void> {
	const length = log.liveFrom - log.base;
	if (length <= 0 || log.isClosed) return;
	await punch.punch(log.livePath, 0, length);
	log.freed();
}

/**
 * The same where no holes can be made: everything that writes is stopped, what is left is copied, the file is emptied but
 * for a line that is not whole yet, and all go on. False where not everything could be stopped, and nothing was changed.
 */
export async function cutTaken(log: StreamLog, freeze: Freeze): Promise<boolean> {
	const goOn = await freeze();
	if (!goOn) return false;
	try {
		if (log.isClosed) return false;
		log.look();
		const { end } = log;
		const size = end - log.base;
		let kept = end;
		if (end > log.liveFrom) {
			const lineStart = await lastLineStart(log);
			kept = end - lineStart <= longestTailBytes ? lineStart : end;
			if (kept > log.liveFrom) await takeSegment(log, kept, { isHurried: true });
		}
		// somebody who could not be stopped wrote on
		if (log.isClosed || log.look()) return false;
		const tail = readPart(log.livePath, kept - log.base, end - kept);
		log.cut(size, tail);
		return true;
	} finally {
		goOn();
	}
}

async function lastLineStart(log: StreamLog): Promise<number> {
	for (let end = log.end; end > log.liveFrom; ) {
		const start = Math.max(log.liveFrom, end - blockBytes);
		const bytes = await log.readLive(start, end - start);
		const at = bytes?.lastIndexOf(0x0a) ?? -1;
		if (at >= 0) return start + at + 1;
		end = start;
	}
	return log.liveFrom;
}

/** Newlines of the live file between two offsets. */
export async function countLive(log: StreamLog, from: number, end: number): Promise<number> {
	let lines = 0;
	for (let at = from; at < end; ) {
		const bytes = await log.readLive(at, Math.min(blockBytes, end - at));
		if (!bytes || bytes.length === 0) return lines;
		lines += countNewlines(bytes);
		at += bytes.length;
	}
	return lines;
}

/** What does not become smaller by half is not worth the processor that reading it would take. */
const worthWhile = 0.5;

/** Makes a segment small, beside everything else. Gives false where it is not worth it, or it has gone meanwhile. */
export async function compressSegment(log: StreamLog, segment: Kept, signal: AbortSignal): Promise<boolean> {
	const small = { ...segment, isCompressed: true };
	const draft = `${log.pathOf(small)}${unfinished}`;
	const from = createReadStream(log.pathOf(segment), { highWaterMark: blockBytes });
	const to = createWriteStream(draft, { mode: 0o600, flush: true });
	try {
		let packed = 0;
		const most = (segment.end - segment.start) * worthWhile;
		await pipeline(
			from,
			createGzip({ level: 1 }),
			async function* (chunks: AsyncIterable<Buffer>) {
				for await (const chunk of chunks) {
					packed += chunk.length;
					if (packed > most) throw notWorthIt;
					yield chunk;
				}
			},
			to,
			{ signal },
		);
		if (!log.segments.includes(segment)) return false;
		utimesSync(draft, segment.at / 1000, segment.at / 1000);
		renameSync(draft, log.pathOf(small));
		const bytes = statSync(log.pathOf(small)).blocks * 512;
		if (!log.replaced(segment, { ...small, bytes })) return false;
		unlinkIfThere(log.pathOf(segment));
		return true;
	} catch (error) {
		if (error === notWorthIt || signal.aborted || !log.segments.includes(segment)) return false;
		throw error;
	} finally {
		// one that was broken off is still being opened or closed, and may make its file yet
		await Promise.all([closed(from), closed(to)]);
		unlinkIfThere(draft);
	}
}

interface Closing {
	readonly closed: boolean;
	once(event: 'close', listener: () => void): unknown;
}

const closed = (stream: Closing): Promise<void> =>
	new Promise((resolve) => (stream.closed ? resolve() : stream.once('close', resolve)));

const notWorthIt = new Error('It does not become much smaller');
