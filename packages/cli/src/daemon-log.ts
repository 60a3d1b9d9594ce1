/** The log of orchd as a file: its last lines, read from the end, and what is written from then on. */
import { plain, printable, type Style } from '@orch/base/text';
import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import type { Clock } from './clock.ts';
import { clockTime } from './render/time.ts';

const portionBytes = 64 * 1024;
const followEveryMs = 150;

/** Whole lines of the file, the last `count` of them, as a person reads them; none where there is no file. */
export function lastLogLines(file: string, count: number, fromByte = 0): string[] {
	return lastRawLines(file, count, fromByte).lines.map((line) => renderLogLine(line, plain, false));
}

/** How far back a line of orchd itself is looked for: what broke it may have written some of its own. */
const linesOfAnEnd = 50;

/** The pid of the orchd that wrote last; undefined where no line tells it. */
export function lastLoggedPid(file: string): number | undefined {
	for (const line of lastRawLines(file, linesOfAnEnd).lines.reverse()) {
		try {
			const { pid } = JSON.parse(line) as { pid?: unknown };
			if (typeof pid === 'number') return pid;
		} catch {
			// not a line of the logger
		}
	}
	return undefined;
}

/** What orchd has moved out of the file when that grew too large, the newest first. */
const olderFiles = (file: string): string[] => [`${file}.1`, `${file}.2`].filter((each) => existsSync(each));

/** The last lines as they are, and where the file ended then. */
export function lastRawLines(file: string, count: number, fromByte = 0): { readonly lines: string[]; readonly end: number } {
	const last = lastLinesOf(file, count, fromByte);
	let { lines } = last;
	for (const older of fromByte === 0 ? olderFiles(file) : []) {
		if (lines.length >= count) break;
		lines = [...lastLinesOf(older, count - lines.length, 0).lines, ...lines];
	}
	return { lines, end: last.end };
}

function lastLinesOf(file: string, count: number, fromByte: number): { readonly lines: string[]; readonly end: number } {
	if (!existsSync(file)) return { lines: [], end: 0 };
	const descriptor = openSync(file, 'r');
	try {
		const { size } = fstatSync(descriptor);
		// one that is shorter by now was emptied since
		const first = fromByte > size ? 0 : fromByte;
		let start = size;
		const portions: Buffer[] = [];
		let newlines = 0;
		while (start > first && newlines <= count) {
			const length = Math.min(portionBytes, start - first);
			start -= length;
			const portion = readAt(descriptor, start, length);
			portions.unshift(portion);
			for (const byte of portion) if (byte === 0x0a) newlines++;
		}
		const text = Buffer.concat(portions).toString('utf8');
		const lines = text.split('\n').filter((line) => line !== '');
		return { lines: count === 0 ? [] : lines.slice(-count), end: size };
	} finally {
		closeSync(descriptor);
	}
}

/**
 * Lines written after `from`, as they come, until the signal. When orchd moves them to an older file, what was not read yet
 * is read there, at the same place; a file that was replaced otherwise is read from its start.
 */
export async function* followLog(
	file: string,
	from: number,
	clock: Clock,
	signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
	let at = from;
	let inode = statSync(file, { throwIfNoEntry: false })?.ino;
	let rest: Buffer = Buffer.alloc(0);
	const take = (path: string): boolean => {
		const portion = portionOf(path, at);
		at += portion.length;
		rest = Buffer.concat([rest, portion]);
		return portion.length > 0;
	};
	function* wholeLines(): Generator<string, void, undefined> {
		for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
			yield rest.subarray(0, end).toString('utf8');
			rest = rest.subarray(end + 1);
		}
	}
	while (!signal.aborted) {
		const found = statSync(file, { throwIfNoEntry: false });
		const replaced = found !== undefined && inode !== undefined && found.ino !== inode;
		if (found && (replaced || found.size < at)) {
			// emptied behind a copy, which holds what was not read yet
			if (!replaced) while (take(`${file}.1`)) yield* wholeLines();
			at = 0;
			rest = Buffer.alloc(0);
		}
		inode = found?.ino ?? inode;
		if (found && take(file)) {
			yield* wholeLines();
			continue;
		}
		await clock.sleep(followEveryMs, signal).catch(() => {});
	}
}

function portionOf(path: string, at: number): Buffer {
	let descriptor: number;
	try {
		descriptor = openSync(path, 'r');
	} catch {
		// it was moved on just now
		return Buffer.alloc(0);
	}
	try {
		return readAt(descriptor, at, Math.max(0, Math.min(portionBytes, fstatSync(descriptor).size - at)));
	} finally {
		closeSync(descriptor);
	}
}

function readAt(descriptor: number, position: number, length: number): Buffer {
	const buffer = Buffer.alloc(length);
	return buffer.subarray(0, readSync(descriptor, buffer, 0, length, position));
}

/** `13:58:02 error orchd  cannot listen  path="…"`; what is not a line of the logger stays as it is. */
export function renderLogLine(line: string, style: Style, onTerminal: boolean): string {
	let fields: Record<string, unknown>;
	try {
		const parsed: unknown = JSON.parse(line);
		if (typeof parsed !== 'object' || parsed === null) return printable(line);
		fields = parsed as Record<string, unknown>;
	} catch {
		return printable(line);
	}
	const { level, time, name, pid, msg, ...rest } = fields;
	if (typeof level !== 'string' || typeof time !== 'string') return printable(line);
	const paint = level === 'error' ? style.red : level === 'warn' ? style.yellow : style.dim;
	const said = Object.entries(rest).map(([key, value]) => `${style.dim(`${printable(key)}=`)}${shown(value)}`);
	return [
		onTerminal ? style.dim(clockTime(time)) : printable(time),
		paint(printable(level).padEnd(5)),
		`${printable(String(name ?? ''))}${pid === undefined ? '' : style.dim(`[${printable(String(pid))}]`)}`,
		printable(String(msg ?? '')),
		...said,
	]
		.filter((part) => part !== '')
		.join(' ');
}

function shown(value: unknown): string {
	if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? printable(value) : printable(JSON.stringify(value));
	if (typeof value === 'object' && value !== null && typeof (value as { message?: unknown }).message === 'string')
		return printable(JSON.stringify((value as { message: string }).message));
	return printable(JSON.stringify(value) ?? String(value));
}
