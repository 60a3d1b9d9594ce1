/**
 * A log file that does not grow without bound: behind a limit its content moves to `FILE.1`, what was there to `FILE.2`.
 *
 * The file is copied and emptied, not renamed: whoever has it open to append (standard error, by which Node tells of its own
 * death; a daemon that starts while this one ends) goes on writing into the right one. Lines of this process are never lost
 * by it, since nothing of it runs between the copy and the cut.
 */
import { copyFileSync, fstatSync, ftruncateSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import type { DestinationStream } from 'pino';

export interface LogFileOptions {
	/** Where the lines go: a descriptor that is open to append to `path`. */
	readonly descriptor: number;
	readonly path: string;
	/** The live file is cut behind it. */
	readonly maxBytes?: number;
	/** Files in all, with the live one. */
	readonly files?: number;
}

const defaultMaxBytes = 8 * 1024 * 1024;
const defaultFiles = 3;
/** Others may append, too: how large the file really is, is asked anew behind so much of our own. */
const askEveryBytes = 64 * 1024;
/** Where no copy can be made (a full disk), so many times the limit are kept before the content is given up. */
const mostTimes = 2;
/** And until then it is tried so often. */
const triesAMore = 8;

/**
 * Undefined where the descriptor is not open to append to that file: a terminal, a pipe, a file of somebody else's choice,
 * which is not ours to cut.
 */
export function openLogFile(options: LogFileOptions): DestinationStream | undefined {
	const { descriptor, path, maxBytes = defaultMaxBytes, files = defaultFiles } = options;
	if (!appendsTo(descriptor, path)) return undefined;
	let size = fstatSync(descriptor).size;
	let unasked = 0;
	let lost = 0;
	let rotateAt = maxBytes;
	const rotateIfLarge = (line: string) => {
		size = fstatSync(descriptor).size;
		unasked = 0;
		if (size < rotateAt) return;
		if (rotate(descriptor, path, files)) {
			size = 0;
			rotateAt = maxBytes;
		} else if (size < mostTimes * maxBytes) {
			// a copy takes its time, and is not tried with every line
			rotateAt = size + maxBytes / triesAMore;
		} else {
			ftruncateSync(descriptor, 0);
			writeWhole(descriptor, noticeLike(line, `${size} bytes of the log were given up: no copy of it could be made`));
			size = fstatSync(descriptor).size;
			rotateAt = maxBytes;
		}
	};
	return {
		write(line: string) {
			const bytes = Buffer.from(line);
			try {
				if (size >= rotateAt || unasked > askEveryBytes) rotateIfLarge(line);
				if (lost > 0) {
					writeWhole(descriptor, noticeLike(line, `${lost} lines of the log were lost: they could not be written`));
					lost = 0;
				}
				writeWhole(descriptor, bytes);
				size += bytes.length;
				unasked += bytes.length;
			} catch {
				// a full disk takes the line, and must not take the daemon
				lost += 1;
			}
		},
	};
}

function rotate(descriptor: number, path: string, files: number): boolean {
	try {
		// the oldest goes first: its room may be what the copy needs
		for (let at = files - 2; at >= 1; at--) renameIfThere(`${path}.${at}`, `${path}.${at + 1}`);
	} catch {
		return false;
	}
	try {
		if (files > 1) copyFileSync(path, `${path}.1`);
		ftruncateSync(descriptor, 0);
		return true;
	} catch {
		// half a copy would be taken for a whole one
		rmSync(`${path}.1`, { force: true });
		return false;
	}
}

function renameIfThere(from: string, to: string): void {
	try {
		renameSync(from, to);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
	}
}

function appendsTo(descriptor: number, path: string): boolean {
	try {
		const open = fstatSync(descriptor);
		const named = statSync(path);
		if (!open.isFile() || open.dev !== named.dev || open.ino !== named.ino) return false;
	} catch {
		return false;
	}
	try {
		const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1'))?.[1];
		return flags === undefined || (Number.parseInt(flags, 8) & appendFlag) !== 0;
	} catch {
		// no /proc: those who start us open it to append
		return true;
	}
}

/** O_APPEND, as Linux has it on every machine that Node runs on. */
const appendFlag = 0o2000;

/** With the time and the name of the line that it stands before. */
function noticeLike(line: string, msg: string): Buffer {
	const { time, name, pid } = JSON.parse(line) as Record<string, unknown>;
	return Buffer.from(`${JSON.stringify({ level: 'warn', time, name, pid, msg })}\n`);
}

function writeWhole(descriptor: number, bytes: Uint8Array): void {
	for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
}
