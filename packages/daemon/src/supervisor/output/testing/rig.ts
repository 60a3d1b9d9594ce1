/** Output in a directory of its own, written to by the test as programs do. */
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, silentLogger, systemRandom } from '@orch/base';
import { allocatedIn, ManualClock } from '@orch/base/testing';
import type { StreamName } from '../layout.ts';
import { OutputStore, type OutputStoreOptions } from '../output-store.ts';
import { createPunch, type Punch } from '../punch.ts';
import { readOutput } from '../read-output.ts';
import type { Limits, RuntimeOutput } from '../runtime-output.ts';
import type { Freeze } from '../segments.ts';

export interface RigOptions extends Partial<OutputStoreOptions> {
	readonly limits?: Limits;
	readonly freeze?: Freeze;
}

/** Only what is asked for is moved on: by the store's own means, when the test looks. */
export class OutputRig {
	readonly directory: string;
	readonly clock: Clock;
	readonly #options: RigOptions;
	readonly #names = new Map<string, string>();
	store: OutputStore;

	constructor(options: RigOptions = {}) {
		this.#options = options;
		this.directory = options.stateDirectory ?? mkdtempSync(join(tmpdir(), 'orch-output-'));
		mkdirSync(this.directory, { recursive: true });
		this.clock = options.clock ?? new ManualClock();
		this.store = this.#open();
	}

	get manual(): ManualClock {
		return this.clock as ManualClock;
	}

	#open(): OutputStore {
		return new OutputStore({
			random: systemRandom,
			log: silentLogger,
			punch: createPunch(systemRandom),
			...this.#options,
			stateDirectory: this.directory,
			clock: this.clock,
		});
	}

	/** A runtime's output, opened or begun. */
	open(id = 'one', name = id): RuntimeOutput {
		this.#names.set(id, name);
		return this.store.open({
			id,
			name: () => name,
			limits: () => this.#options.limits,
			freeze: this.#options.freeze ?? (async () => () => {}),
		});
	}

	path(id: string, file = ''): string {
		return join(this.directory, 'logs', id, file);
	}

	/** As a program does. */
	write(text: string | Uint8Array, stream: StreamName = 'stdout', id = 'one'): void {
		appendFileSync(this.path(id, `${stream}.log`), text);
	}

	/** As a program that writes much: what is due is done before it goes on. */
	async writeAndSettle(text: string | Uint8Array, stream: StreamName = 'stdout', id = 'one'): Promise<void> {
		this.write(text, stream, id);
		this.store.find(id)?.look();
		await this.store.settled();
	}

	/** Names of a runtime's files. */
	files(id = 'one'): string[] {
		return readdirSync(this.path(id)).sort();
	}

	/** On the disk, all files of a runtime. */
	allocated(id = 'one'): number {
		return allocatedIn(this.path(id));
	}

	async text(stream: StreamName = 'stdout', lines?: number, id = 'one'): Promise<string> {
		const output = this.store.find(id);
		if (!output) throw new Error(`No output ${id}`);
		const parts: Uint8Array[] = [];
		for await (const bytes of readOutput(output, { stream, follow: false, tailLines: lines })) parts.push(bytes);
		return Buffer.concat(parts).toString('latin1');
	}

	/** The store of a daemon that comes after: with or without a goodbye of the one before. */
	async restart({ killed = false } = {}): Promise<void> {
		const logs = join(this.directory, 'logs');
		// the files as they are at this moment, whatever the other does at its end
		if (killed) cpSync(logs, `${logs}-kept`, { recursive: true, preserveTimestamps: true });
		await this.store.close();
		if (killed) {
			rmSync(logs, { recursive: true });
			renameSync(`${logs}-kept`, logs);
		}
		this.store = this.#open();
		for (const [id, name] of this.#names) this.open(id, name);
	}

	async close(): Promise<void> {
		await this.store.close();
		if (this.#options.stateDirectory === undefined) rmSync(this.directory, { recursive: true, force: true });
	}
}

/** A file system that makes no holes. */
export const noPunch: Punch = {
	isSupported: async () => false,
	punch: () => Promise.reject(new Error('Operation not supported')),
};

/** `from` up to, not including, `to`, one to a line; each line can be told from its place. */
export const numbered = (from: number, to: number, width = 40): string => {
	let text = '';
	for (let number = from; number < to; number++) text += `${String(number).padEnd(width - 1, '.')}\n`;
	return text;
};

/** Where two texts begin to differ, in words; empty where they do not. For texts that are too long to be shown. */
export function difference(actual: string, expected: string): string {
	if (actual === expected) return '';
	let at = 0;
	while (at < actual.length && actual[at] === expected[at]) at++;
	return `${actual.length} instead of ${expected.length} bytes; at ${at} ${JSON.stringify(actual.slice(at, at + 60))} instead of ${JSON.stringify(expected.slice(at, at + 60))}`;
}
