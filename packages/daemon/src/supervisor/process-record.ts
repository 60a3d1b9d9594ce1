/** What is written down of each process, for a daemon that comes after us: who it is, and how it ended. */
import { mkdirSync, openSync, readdirSync, readFileSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StopPolicy } from './spec.ts';

export interface ProcessRecord {
	readonly version: 1;
	readonly processId: string;
	readonly runtimeId: string;
	readonly runtimeName: string;
	readonly generation: number;
	/** The shim: leader of group and session. */
	readonly pid: number;
	readonly startTicks: number;
	readonly bootId: string;
	readonly command: readonly string[];
	readonly stop: StopPolicy;
	/** With a closing slash. */
	readonly outputDirectory: string;
	/** Milliseconds since the Unix epoch. */
	readonly launchedAt: number;
}

/** `<state>/processes`: one directory per process, named by its id, with its record and the file that the shim writes. */
export class ProcessRecords {
	readonly #directory: string;

	constructor(stateDirectory: string) {
		this.#directory = join(stateDirectory, 'processes');
		mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
	}

	/** Makes the directory of a process; gives the descriptor to which its shim appends. */
	open(processId: string): number {
		mkdirSync(this.#path(processId), 0o700);
		return openSync(this.#path(processId, 'exit'), 'ax', 0o600);
	}

	/** In one write, so that a reader finds all of it or, had we died before, nothing. */
	write(record: ProcessRecord): void {
		writeFileSync(this.#path(record.processId, 'record.json'), JSON.stringify(record), { flag: 'wx', mode: 0o600 });
	}

	/** The shim's words so far; empty where there are none. */
	readExit(processId: string): string {
		try {
			return readFileSync(this.#path(processId, 'exit'), 'utf8');
		} catch {
			return '';
		}
	}

	/** Undefined where the record is missing or not whole: then the process was never let go. */
	read(processId: string): ProcessRecord | undefined {
		try {
			const record: unknown = JSON.parse(readFileSync(this.#path(processId, 'record.json'), 'utf8'));
			return isRecord(record) && record.processId === processId ? record : undefined;
		} catch {
			return undefined;
		}
	}

	list(): string[] {
		return readdirSync(this.#directory).filter((name) => uuidPattern.test(name));
	}

	forget(processId: string): void {
		for (const name of ['exit', 'record.json']) ignoringMissing(() => unlinkSync(this.#path(processId, name)));
		ignoringMissing(() => rmdirSync(this.#path(processId)));
	}

	#path(processId: string, file = ''): string {
		return file === '' ? `${this.#directory}/${processId}` : `${this.#directory}/${processId}/${file}`;
	}
}

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function isRecord(value: unknown): value is ProcessRecord {
	if (typeof value !== 'object' || value === null) return false;
	const record = value as Partial<Record<keyof ProcessRecord, unknown>>;
	const stop = record.stop as Partial<StopPolicy> | null | undefined;
	return (
		record.version === 1 &&
		Number.isSafeInteger(record.pid) &&
		(record.pid as number) > 1 &&
		Number.isSafeInteger(record.startTicks) &&
		typeof record.bootId === 'string' &&
		typeof record.runtimeId === 'string' &&
		typeof record.runtimeName === 'string' &&
		typeof record.outputDirectory === 'string' &&
		record.outputDirectory.endsWith('/') &&
		typeof stop?.signal === 'string' &&
		Number.isSafeInteger(stop.graceMs)
	);
}

function ignoringMissing(remove: () => void): void {
	try {
		remove();
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
	}
}
