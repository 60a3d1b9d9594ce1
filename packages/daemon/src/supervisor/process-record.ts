/** What is written down of each process, for a daemon that comes after us: who it is, and how it ended. */
import { mkdirSync, openSync, readdirSync, readFileSync, unlink, unlinkSync, writeSync } from 'node:fs';
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
	readonly program: string;
	readonly stop: StopPolicy;
	/** With a closing slash. */
	readonly outputDirectory: string;
	/** Milliseconds since the Unix epoch. */
	readonly launchedAt: number;
	/** That of its runtime, for a daemon whose state has lost it; a record of an older daemon has none. */
	readonly spec?: unknown;
}

/** All that stands in the file of one process, of one reading. */
export interface ReadRecord {
	readonly processId: string;
	/** Undefined where it is missing or not whole: then the program was never let go. */
	readonly record: ProcessRecord | undefined;
	/** What the shim wrote so far; empty where that is nothing. */
	readonly shim: string;
}

/**
 * `<state>/processes`: one file per process, named by its id. The daemon appends the record as one line of JSON before it lets
 * the program go, the shim appends its own lines before and after. One file, since making and removing files is what a launch
 * spends most of its time on where the disk is busy.
 */
export class ProcessRecords {
	readonly directory: string;

	constructor(stateDirectory: string) {
		this.directory = join(stateDirectory, 'processes');
		mkdirSync(this.directory, { recursive: true, mode: 0o700 });
	}

	/** Makes the file of a process; gives the descriptor to append to. */
	open(processId: string): number {
		return openSync(this.path(processId), 'ax', 0o600);
	}

	/** In one write, so that a reader finds all of it or, had we died before, nothing. Throws where it was not taken as a whole. */
	write(descriptor: number, record: ProcessRecord): void {
		const line = Buffer.from(`${JSON.stringify(record)}\n`);
		if (writeSync(descriptor, line) === line.length) return;
		throw Object.assign(new Error('Cannot write down a process: the disk takes only a part of its record'), { code: 'ENOSPC' });
	}

	readShim(processId: string): string {
		return shimLines(this.#lines(processId));
	}

	read(processId: string): ReadRecord {
		const lines = this.#lines(processId);
		return { processId, record: recordOf(processId, lines), shim: shimLines(lines) };
	}

	list(): string[] {
		return readdirSync(this.directory).filter((name) => uuidPattern.test(name));
	}

	/** At once, for launches that failed. */
	drop(processId: string): void {
		try {
			unlinkSync(this.path(processId));
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
		}
	}

	/** Without making anybody wait for the disk: what is left of a record stands for nothing that lives. */
	forget(processId: string, onError: (error: Error) => void): void {
		unlink(this.path(processId), (error) => {
			if (error && error.code !== 'ENOENT') onError(error);
		});
	}

	#lines(processId: string): string[] {
		try {
			return readFileSync(this.path(processId), 'utf8').split('\n');
		} catch {
			return [];
		}
	}

	path(processId: string): string {
		return `${this.directory}/${processId}`;
	}
}

const shimLines = (lines: readonly string[]): string => lines.filter((line) => !line.startsWith(recordStart)).join('\n');

function recordOf(processId: string, lines: readonly string[]): ProcessRecord | undefined {
	// what follows the last newline is not whole
	const line = lines.slice(0, -1).find((one) => one.startsWith(recordStart));
	if (line === undefined) return undefined;
	try {
		const record: unknown = JSON.parse(line);
		return isRecord(record) && record.processId === processId ? record : undefined;
	} catch {
		return undefined;
	}
}

/** With it every record begins, and no complaint of a shell. */
const recordStart = '{"version":1,';
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
		Number.isSafeInteger(record.generation) &&
		Number.isFinite(record.launchedAt) &&
		typeof record.runtimeName === 'string' &&
		typeof record.outputDirectory === 'string' &&
		record.outputDirectory.endsWith('/') &&
		typeof stop?.signal === 'string' &&
		Number.isSafeInteger(stop.graceMs)
	);
}
