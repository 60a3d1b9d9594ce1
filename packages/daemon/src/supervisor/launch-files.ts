/** The files by which shims are told what to launch: handed out, written, and wiped, since there are secrets in them. */
import { closeSync, constants, mkdirSync, openSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Logger } from '@orch/base';
import { recordOf } from './launch-shim.ts';
import { isShortage } from './shortage.ts';

/** A file in which so many bytes were written is kept for the next launch: it has to read all of it. */
const longestKept = 8_192;

export class LaunchFiles {
	readonly #directory: string;
	readonly #log: Logger;
	/** Ours alone: a shim that an earlier daemon gave the word, and that reads only now, must not find what we tell to one of ours. */
	readonly #prefix: string;
	/** Names of files that nobody uses. */
	readonly #free: string[] = [];
	#made = 0;
	/** How much is written in files that are in use. */
	readonly #lengths = new Map<string, number>();

	/** The directory is ours alone. */
	constructor({ directory, clock, log }: { readonly directory: string; readonly clock: Clock; readonly log: Logger }) {
		this.#directory = directory;
		this.#log = log;
		this.#prefix = `${process.pid}-${Math.round(clock.now())}-`;
		// nobody but a daemon that died can have left any, and its shims die with it
		this.remove();
		mkdirSync(directory, { recursive: true, mode: 0o700 });
	}

	/** With the record beside it, which the shim opens when it is spawned: it is made by us, who can say why where it cannot be. */
	take(): string {
		const file = this.#free.pop() ?? join(this.#directory, `${this.#prefix}${this.#made++}`);
		try {
			makeRecord(recordOf(file));
		} catch (error) {
			this.giveBack(file);
			throw error;
		}
		return file;
	}

	/** Nothing was written in them, and nobody has them. */
	giveBack(...files: readonly string[]): void {
		this.#free.push(...files);
	}

	/** What its shim is to read when it gets the word. */
	write(file: string, text: string): void {
		const length = Buffer.byteLength(text);
		this.#lengths.set(file, length);
		const descriptor = openSync(file, constants.O_WRONLY | constants.O_CREAT, 0o600);
		try {
			// half of it would be another launch
			if (writeSync(descriptor, text, 0) !== length)
				throw Object.assign(new Error('Cannot tell a shim what to launch: the disk takes only a part of it'), { code: 'ENOSPC' });
		} finally {
			closeSync(descriptor);
		}
	}

	/**
	 * What it said is nobody's business any more. Overwritten by what means nothing to a shell, for files are made, cut and
	 * removed at the pace of the disk.
	 */
	free(file: string): void {
		const length = this.#lengths.get(file);
		this.#lengths.delete(file);
		if (length === undefined) {
			this.giveBack(file);
			return;
		}
		try {
			if (length > longestKept || !hasOverwritten(file, length)) rmSync(file, { force: true });
			this.giveBack(file);
		} catch (error) {
			this.#log.warn('what a shim was told could not be taken away', { file, error });
		}
	}

	/** All of them. A shim that comes to life in this moment may make its record anew, which is empty: the next daemon takes it away. */
	remove(): void {
		try {
			rmSync(this.#directory, { recursive: true, force: true });
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY')
				this.#log.warn('what shims were told could not be taken away', { directory: this.#directory, error });
		}
	}
}

/** Whether it could be opened: to remove it takes no descriptor. */
function hasOverwritten(file: string, length: number): boolean {
	let descriptor: number;
	try {
		descriptor = openSync(file, constants.O_WRONLY);
	} catch (error) {
		if (isShortage(error)) return false;
		throw error;
	}
	try {
		writeSync(descriptor, '\n'.repeat(length), 0);
	} finally {
		closeSync(descriptor);
	}
	return true;
}

function makeRecord(path: string): void {
	try {
		closeSync(openSync(path, 'ax', 0o600));
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
		// that of a shim which launched nothing, and may say so only now
		unlinkSync(path);
		closeSync(openSync(path, 'ax', 0o600));
	}
}
