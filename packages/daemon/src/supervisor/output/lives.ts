/** Which process of a runtime wrote which part of its output: written down at each beginning and each end. */
import { appendFileSync, closeSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Logger } from '@orch/base';
import { looked, nothing } from '../shortage.ts';
import { inBlocks, type StreamName, unfinished } from './layout.ts';

export type Offsets = Readonly<Record<StreamName, number>>;

/** One process, from where to where it wrote. */
export interface Life {
	readonly generation: number;
	readonly at: number;
	readonly from: Offsets;
	readonly until: Offsets | undefined;
}

interface Entry {
	readonly event: 'began' | 'ended' | 'never';
	readonly generation: number;
	readonly at: number;
	readonly stdout: number;
	readonly stderr: number;
}

/** So many processes are remembered. */
const mostLives = 100;
/** The file is written anew when it holds so many entries. */
const mostEntries = 4 * mostLives;
/** An entry has a little less. */
const entryBytes = 128;

export class Lives {
	readonly #path: string;
	readonly #log: Logger;
	#lives: Life[] = [];
	/** Those that came before the file could be read; undefined once it was. */
	#early: Entry[] | undefined = [];
	#entries = 0;

	constructor(path: string, log: Logger) {
		this.#path = path;
		this.#log = log;
		this.#read();
	}

	/** Makes the file where there is none: the first one in a directory takes longest, and no start is to wait for that. */
	make(): void {
		try {
			closeSync(openSync(this.#path, 'a', 0o600));
		} catch {
			// what is written to it later says why it cannot be
		}
	}

	/** In order; the last one may live. */
	get list(): readonly Life[] {
		this.#read();
		return this.#lives;
	}

	/** On the disk, about. */
	get allocated(): number {
		return inBlocks(this.#entries * entryBytes);
	}

	began(generation: number, at: number, offsets: Offsets): void {
		this.#add({ event: 'began', generation, at, ...offsets });
	}

	ended(generation: number, at: number, offsets: Offsets): void {
		if (this.#isOpen(generation)) this.#add({ event: 'ended', generation, at, ...offsets });
	}

	/** It could not be launched: there was no such process. */
	never(generation: number, at: number): void {
		if (this.#isOpen(generation)) this.#add({ event: 'never', generation, at, stdout: 0, stderr: 0 });
	}

	#isOpen(generation: number): boolean {
		return this.list.some((life) => life.generation === generation && !life.until);
	}

	/** Where there was nothing left to read it with, that is no answer: it is asked again. */
	#read(): void {
		if (!this.#early) return;
		let entries: Entry[];
		try {
			entries = [...readEntries(this.#path), ...this.#early];
		} catch {
			return;
		}
		this.#early = undefined;
		this.#entries = entries.length;
		this.#lives = [];
		for (const entry of entries) this.#take(entry);
	}

	#add(entry: Entry): void {
		this.#early?.push(entry);
		this.#take(entry);
		try {
			if (++this.#entries > mostEntries && !this.#early) this.#rewrite();
			else appendFileSync(this.#path, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
		} catch (error) {
			this.#log.warn('whose output it is was not written down', { path: this.#path, error });
		}
	}

	#take({ event, generation, at, stdout, stderr }: Entry): void {
		const offsets = { stdout, stderr };
		if (event === 'began') {
			this.#lives = [
				...this.#lives.filter((life) => life.generation !== generation),
				{ generation, at, from: offsets, until: undefined },
			];
			this.#lives = this.#lives.slice(-mostLives);
		} else if (event === 'never') this.#lives = this.#lives.filter((life) => life.generation !== generation);
		else this.#lives = this.#lives.map((life) => (life.generation === generation ? { ...life, until: offsets } : life));
	}

	#rewrite(): void {
		const entries = this.#lives.flatMap(({ generation, at, from, until }): Entry[] => [
			{ event: 'began', generation, at, ...from },
			...(until ? [{ event: 'ended', generation, at, ...until } as const] : []),
		]);
		writeFileSync(`${this.#path}${unfinished}`, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''), { mode: 0o600 });
		renameSync(`${this.#path}${unfinished}`, this.#path);
		this.#entries = entries.length;
	}
}

function readEntries(path: string): Entry[] {
	let text: string;
	try {
		text = looked(() => readFileSync(path, 'utf8'));
	} catch (error) {
		return nothing(error) ?? [];
	}
	return text.split('\n').flatMap((line) => {
		try {
			const entry = JSON.parse(line) as Entry;
			return Number.isSafeInteger(entry.stdout) && Number.isSafeInteger(entry.stderr) ? [entry] : [];
		} catch {
			// the last line, of a daemon that died writing it
			return [];
		}
	});
}
