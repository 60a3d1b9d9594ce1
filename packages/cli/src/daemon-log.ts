/** The log of orchd as a file: its last lines, read from the end, and what is written from then on. */
import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import type { Clock } from './clock.ts';
import { clockTime } from './render/time.ts';
import { plain, type Style } from './render/style.ts';
import { printable } from './render/width.ts';

const portionBytes = 64 * 1024;
const followEveryMs = 150;

/** Whole lines of the file, the last `count` of them, as a person reads them; none where there is no file. */
export function lastLogLines(file: string, count: number, fromByte = 0): string[] {
	return lastRawLines(file, count, fromByte).lines.map((line) => renderLogLine(line, plain, false));
}

/** The last lines as they are, and where the file ended then. */
export function lastRawLines(file: string, count: number, fromByte = 0): { readonly lines: string[]; readonly end: number } {
	if (!existsSync(file)) return { lines: [], end: 0 };
	const descriptor = openSync(file, 'r');
	try {
		const { size } = fstatSync(descriptor);
		let start = size;
		const portions: Buffer[] = [];
		let newlines = 0;
		while (start > fromByte && newlines <= count) {
			const length = Math.min(portionBytes, start - fromByte);
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

/** Lines written after `from`, as they come, until the signal; a file that was replaced or cut is read from its start. */
export async function* followLog(
	file: string,
	from: number,
	clock: Clock,
	signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
	let at = from;
	let inode: number | undefined;
	let rest: Buffer = Buffer.alloc(0);
	while (!signal.aborted) {
		const found = statSync(file, { throwIfNoEntry: false });
		if (found && ((inode !== undefined && found.ino !== inode) || found.size < at)) {
			at = 0;
			rest = Buffer.alloc(0);
		}
		inode = found?.ino ?? inode;
		if (found && found.size > at) {
			const descriptor = openSync(file, 'r');
			try {
				const portion = readAt(descriptor, at, Math.min(portionBytes, found.size - at));
				at += portion.length;
				rest = Buffer.concat([rest, portion]);
			} finally {
				closeSync(descriptor);
			}
			for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
				yield rest.subarray(0, end).toString('utf8');
				rest = rest.subarray(end + 1);
			}
			continue;
		}
		await clock.sleep(followEveryMs, signal).catch(() => {});
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
	const said = Object.entries(rest).map(([key, value]) => `${style.dim(`${key}=`)}${shown(value)}`);
	return [
		onTerminal ? style.dim(clockTime(time)) : time,
		paint(level.padEnd(5)),
		`${String(name ?? '')}${pid === undefined ? '' : style.dim(`[${String(pid)}]`)}`,
		printable(String(msg ?? '')),
		...said,
	]
		.filter((part) => part !== '')
		.join(' ');
}

function shown(value: unknown): string {
	if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? printable(value) : JSON.stringify(value);
	if (typeof value === 'object' && value !== null && typeof (value as { message?: unknown }).message === 'string')
		return JSON.stringify((value as { message: string }).message);
	return printable(JSON.stringify(value) ?? String(value));
}
