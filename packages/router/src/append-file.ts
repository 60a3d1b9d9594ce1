/** A file of lines that only grows: what was written before a crash is read again, a torn last line is cut off. */
import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { Logger } from '@orch/base';

export class AppendFile {
	readonly #path: string;
	readonly #log: Logger;
	#fd: number;
	/** Lines that could not be written: a full disk must not stop messages. They go out before the next one. */
	#unwritten = '';

	private constructor(path: string, log: Logger, fd: number) {
		this.#path = path;
		this.#log = log;
		this.#fd = fd;
	}

	static open(path: string, log: Logger): { readonly file: AppendFile; readonly lines: readonly string[] } {
		const fd = openSync(path, 'a+', 0o600);
		const bytes = readFileSync(fd);
		const whole = bytes.lastIndexOf(0x0a) + 1;
		if (whole < bytes.length) {
			log.warn('torn line cut off', { path, bytes: bytes.length - whole });
			ftruncateSync(fd, whole);
		}
		const lines = bytes.toString('utf8', 0, whole).split('\n');
		lines.pop();
		return { file: new AppendFile(path, log, fd), lines };
	}

	append(line: string): void {
		const text = `${this.#unwritten}${line}\n`;
		let written = 0;
		try {
			const bytes = Buffer.from(text);
			while (written < bytes.length) written += writeSync(this.#fd, bytes, written);
			this.#unwritten = '';
		} catch (error) {
			if (this.#unwritten === '')
				this.#log.error('state not written: it is kept in memory and tried again', { path: this.#path, error });
			// a part of a line that is out is completed by what is kept
			this.#unwritten = Buffer.from(text).subarray(written).toString('utf8');
		}
	}

	/** Puts these lines in the place of all that is there, at once; where that cannot be, the file stays as it is. */
	rewrite(lines: readonly string[]): void {
		const beside = `${this.#path}.new`;
		let fd: number | undefined;
		try {
			fd = openSync(beside, 'w', 0o600);
			const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
			for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
			fsyncSync(fd);
			renameSync(beside, this.#path);
		} catch (error) {
			// it is only longer than it need be
			this.#log.warn('state not written anew: it grows on as it is', { path: this.#path, error });
			if (fd === undefined) return;
			closeSync(fd);
			rmSync(beside, { force: true });
			return;
		}
		closeSync(this.#fd);
		this.#fd = fd;
	}

	close(): void {
		closeSync(this.#fd);
	}
}
