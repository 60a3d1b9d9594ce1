/** What is written down of each process, for a daemon that comes after us: who it is, and how it ended. */
import {
	closeSync,
	constants,
	existsSync,
	fstatSync,
	mkdirSync,
	openSync,
	promises,
	readdirSync,
	readFileSync,
	readlinkSync,
	readSync,
	renameSync,
	unlink,
	unlinkSync,
	writeFileSync,
	writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Cgroup } from './cgroup.ts';
import { closeLook, nothing, openLook } from './shortage.ts';
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
	/** That of the shim, where it has one; in a line of its own where it was not there yet. */
	readonly cgroup?: Cgroup | undefined;
	/** In a line of its own: its runtime was removed, and nothing could end it. */
	readonly isDisowned?: boolean | undefined;
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
 * the program go, the shim appends its own lines before and after, and a control group that came late is one more line, as is that
 * the process is nobody's any more. One file, since
 * making and removing files is what a launch spends most of its time on where the disk is busy; the shim's own, made when that was spawned.
 */
export class ProcessRecords {
	readonly directory: string;
	/** Files that somebody has removed, and that their shims write on in: that is where an end is told. */
	readonly #removed = new Map<string, number>();

	constructor(stateDirectory: string) {
		this.directory = join(stateDirectory, 'processes');
		mkdirSync(this.directory, { recursive: true, mode: 0o700 });
	}

	/** Writes the record into the file that a shim has for its own words, and moves that to where it is found by its process. */
	begin(file: string, record: ProcessRecord): void {
		const descriptor = openSync(file, constants.O_WRONLY | constants.O_APPEND);
		try {
			this.write(descriptor, record);
		} finally {
			closeSync(descriptor);
		}
		renameSync(file, this.path(record.processId));
	}

	/** In one write, so that a reader finds all of it or, had we died before, nothing. Throws where it was not taken as a whole. */
	write(descriptor: number, record: ProcessRecord): void {
		this.#append(descriptor, JSON.stringify(record));
	}

	#append(descriptor: number, text: string): void {
		const line = Buffer.from(`${text}\n`);
		if (writeSync(descriptor, line) === line.length) return;
		throw Object.assign(new Error('Cannot write down a process: the disk takes only a part of its record'), { code: 'ENOSPC' });
	}

	/** A control group that was not there yet when the record was written. Of a process that is forgotten nothing is written any more. */
	async addCgroup(processId: string, cgroup: Cgroup): Promise<void> {
		const file = await promises.open(this.path(processId), constants.O_WRONLY | constants.O_APPEND);
		try {
			// no newline before it: what the disk has cut off must not become a whole line
			await file.write(`${JSON.stringify({ cgroup })}\n`);
		} finally {
			await file.close();
		}
	}

	/** What lives is nobody's from now on, and is to be ended by whoever finds it. Throws where that was not taken as a whole. */
	disown(processId: string): void {
		let descriptor: number;
		try {
			descriptor = openSync(this.path(processId), constants.O_WRONLY | constants.O_APPEND);
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
			throw error;
		}
		try {
			this.#append(descriptor, disowned);
		} finally {
			closeSync(descriptor);
		}
	}

	/**
	 * Writes down again what somebody has removed while its shim lives, for that has it open; gives the ids of the processes. Nothing else tells the
	 * next daemon of them, which would launch each a second time. `pids` are all that there are.
	 */
	recover(pids: readonly number[]): string[] {
		const recovered: string[] = [];
		for (const pid of pids) {
			const processId = this.#removedRecordOf(pid);
			if (processId === undefined) continue;
			try {
				if (this.#recover(processId, `/proc/${pid}/fd/2`)) recovered.push(processId);
			} catch (error) {
				// gone by now: then there is nothing left to be told of it
				nothing(error);
			}
		}
		return recovered;
	}

	/** Of which process this is the shim whose record was removed. */
	#removedRecordOf(pid: number): string | undefined {
		let target: string;
		try {
			target = readlinkSync(`/proc/${pid}/fd/2`);
		} catch {
			// gone, or another user's
			return undefined;
		}
		if (!target.startsWith(`${this.directory}/`) || !target.endsWith(removedMark)) return undefined;
		const processId = target.slice(this.directory.length + 1, -removedMark.length);
		return uuidPattern.test(processId) ? processId : undefined;
	}

	/** Whether it had to be written. */
	#recover(processId: string, file: string): boolean {
		if (!this.#removed.has(processId)) this.#removed.set(processId, openSync(file, 'r'));
		if (existsSync(this.path(processId))) return false;
		const text = readWhole(this.#removed.get(processId) as number);
		const unfinished = join(this.directory, `${processId}.new`);
		mkdirSync(this.directory, { recursive: true, mode: 0o700 });
		writeFileSync(unfinished, text, { mode: 0o600 });
		renameSync(unfinished, this.path(processId));
		return true;
	}

	#letGo(processId: string): void {
		const descriptor = this.#removed.get(processId);
		if (descriptor === undefined) return;
		this.#removed.delete(processId);
		closeSync(descriptor);
	}

	/** Of the files that were removed none is held any more. */
	close(): void {
		for (const processId of [...this.#removed.keys()]) this.#letGo(processId);
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
		this.#letGo(processId);
		try {
			unlinkSync(this.path(processId));
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
		}
	}

	/** Without making anybody wait for the disk: what is left of a record stands for nothing that lives. */
	forget(processId: string, onError: (error: Error) => void): void {
		this.#letGo(processId);
		unlink(this.path(processId), (error) => {
			if (error && error.code !== 'ENOENT') onError(error);
		});
	}

	/** Throws where we have nothing left to read it with: what cannot be read now is not what was never written. */
	#lines(processId: string): string[] {
		const removed = this.#removed.get(processId);
		if (removed !== undefined) return readWhole(removed).split('\n');
		let descriptor: number;
		try {
			descriptor = openLook(this.path(processId));
		} catch (error) {
			return nothing(error) ?? [];
		}
		try {
			return readFileSync(descriptor, 'utf8').split('\n');
		} catch (error) {
			return nothing(error) ?? [];
		} finally {
			closeLook(descriptor);
		}
	}

	path(processId: string): string {
		return `${this.directory}/${processId}`;
	}
}

/** What /proc puts behind the name of a file that has none any more. */
const removedMark = ' (deleted)';

/** From its beginning, wherever an earlier reading has come to. */
function readWhole(descriptor: number): string {
	const bytes = Buffer.alloc(fstatSync(descriptor).size);
	return bytes.toString('utf8', 0, readSync(descriptor, bytes, 0, bytes.length, 0));
}

const shimLines = (lines: readonly string[]): string =>
	lines.filter((line) => !line.startsWith(recordStart) && !line.includes(cgroupStart) && line !== disowned).join('\n');

function recordOf(processId: string, lines: readonly string[]): ProcessRecord | undefined {
	// what follows the last newline is not whole
	const line = lines.slice(0, -1).find((one) => one.startsWith(recordStart));
	if (line === undefined) return undefined;
	try {
		const record: unknown = JSON.parse(line);
		if (!isRecord(record) || record.processId !== processId) return undefined;
		return { ...record, cgroup: cgroupOf(record) ?? lateCgroup(lines), isDisowned: lines.slice(0, -1).includes(disowned) };
	} catch {
		return undefined;
	}
}

function lateCgroup(lines: readonly string[]): Cgroup | undefined {
	const line = lines.slice(0, -1).find((one) => one.startsWith(cgroupStart));
	try {
		return line === undefined ? undefined : cgroupOf(JSON.parse(line));
	} catch {
		return undefined;
	}
}

function cgroupOf({ cgroup }: { readonly cgroup?: unknown }): Cgroup | undefined {
	const { path, inode } = (cgroup ?? {}) as Partial<Record<keyof Cgroup, unknown>>;
	const isOne = typeof path === 'string' && path.startsWith('/') && Number.isSafeInteger(inode) && (inode as number) > 0;
	return isOne ? { path, inode: inode as number } : undefined;
}

/** With it every record begins, and no complaint of a shell. */
const recordStart = '{"version":1,';
const cgroupStart = '{"cgroup":';
const disowned = '{"disowned":true}';
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
