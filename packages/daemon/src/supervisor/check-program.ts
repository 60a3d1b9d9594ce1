/** What stands against launching a program, found out before it is tried, so that each reason has its own name. */
import { accessSync, closeSync, constants, openSync, readdirSync, readSync, type Stats, statSync } from 'node:fs';
import type { ProgramFault } from './faults.ts';

/** Undefined where nothing stands against it. Says what holds now: the file may be another one when it is launched. */
export function checkProgram(program: string, cwd: string): ProgramFault | undefined {
	return isEnterable(cwd) ? checkFile(program, cwd, statOf(program)) : { kind: 'cwd_missing', cwd };
}

function checkFile(program: string, cwd: string, stats: Stats | undefined): ProgramFault | undefined {
	if (!stats) return { kind: 'not_found', program };
	if (stats.isDirectory()) return { kind: 'is_directory', program };
	if (!stats.isFile() || !isExecutable(program)) {
		return { kind: 'not_executable', program, mode: (stats.mode & 0o7777).toString(8).padStart(4, '0') };
	}
	let file: number;
	try {
		file = openSync(program, 'r');
	} catch {
		// it may be executed and not be read: then only the system can tell
		return undefined;
	}
	try {
		return checkContent(program, cwd, file);
	} finally {
		closeSync(file);
	}
}

/** Programs that are remembered; then all are looked at anew. */
const mostRemembered = 1_024;

/** The same for programs that are launched again and again: a file that is the one that was looked at last is not read again. */
export class ProgramChecks {
	/** By program and directory. */
	readonly #passed = new Map<string, string>();

	check(program: string, cwd: string): ProgramFault | undefined {
		if (!isEnterable(cwd)) return { kind: 'cwd_missing', cwd };
		const key = `${program}\0${cwd}`;
		const stats = statOf(program);
		const version = stats && versionOf(stats);
		if (version !== undefined && this.#passed.get(key) === version) return undefined;
		const fault = checkFile(program, cwd, stats);
		if (this.#passed.size >= mostRemembered) this.#passed.clear();
		if (fault === undefined && version !== undefined) this.#passed.set(key, version);
		else this.#passed.delete(key);
		return fault;
	}
}

/** Another one after any change of the file, its mode or its owner. */
const versionOf = ({ dev, ino, ctimeMs, size }: Stats): string => `${dev} ${ino} ${ctimeMs} ${size}`;

/** The system reads no more of a file to find out how to execute it. */
const headBytes = 256;

function checkContent(program: string, cwd: string, file: number): ProgramFault | undefined {
	const head = Buffer.alloc(headBytes);
	const length = readSync(file, head, 0, headBytes, 0);
	if (head.toString('latin1', 0, 2) === '#!') return checkInterpreter(program, cwd, head.subarray(0, length));
	if (process.platform !== 'linux') return length === 0 ? { kind: 'wrong_format', program } : undefined;
	if (head.toString('latin1', 0, 4) === '\x7fELF') return checkElf(program, head, file);
	return runsForeignBinaries() ? undefined : { kind: 'wrong_format', program };
}

function checkInterpreter(program: string, cwd: string, head: Buffer): ProgramFault | undefined {
	const end = head.indexOf(0x0a);
	const line = head.toString('utf8', 2, end === -1 ? head.length : end);
	const interpreter = /^[ \t]*([^ \t\0]*)/.exec(line)?.[1] ?? '';
	if (interpreter === '') return { kind: 'wrong_format', program };
	// longer than the system reads: it is not ours to say what it is
	if (end === -1 && head.length === headBytes && interpreter.length >= headBytes - 2) return undefined;
	const path = interpreter.startsWith('/') ? interpreter : `${cwd}/${interpreter}`;
	if (!statOf(path)?.isFile() || !isExecutable(path)) return { kind: 'missing_interpreter', program, interpreter };
	// env is there, and what it looks for on PATH is not: its name ends in a carriage return
	const byEnv = /\/env[ \t]+([^ \t\0-][^ \t\0]*\r)$/.exec(line)?.[1];
	return byEnv === undefined ? undefined : { kind: 'missing_interpreter', program, interpreter: byEnv };
}

/** The machines that exist, by their number in an ELF file. */
const machines: Readonly<Record<number, string>> = {
	2: 'sparc',
	3: 'x86',
	8: 'mips',
	20: 'powerpc',
	21: 'powerpc64',
	22: 's390x',
	40: 'arm',
	43: 'sparc64',
	62: 'x86_64',
	183: 'arm64',
	243: 'riscv64',
	258: 'loongarch64',
};

/** The machines whose programs a processor runs, its own first; some run the older ones of their family as well. */
const runs: Readonly<Partial<Record<NodeJS.Architecture, readonly number[]>>> = {
	x64: [62, 3],
	ia32: [3],
	arm64: [183, 40],
	arm: [40],
	riscv64: [243],
	s390x: [22],
	ppc64: [21, 20],
	loong64: [258],
	mips: [8],
	mipsel: [8],
};

function checkElf(program: string, head: Buffer, file: number): ProgramFault | undefined {
	const isLittle = head[5] === 1;
	const read16 = (at: number) => (isLittle ? head.readUInt16LE(at) : head.readUInt16BE(at));
	const here = runs[process.arch];
	const machine = read16(18);
	if (here?.[0] !== undefined && !here.includes(machine) && !runsForeignBinaries()) {
		return {
			kind: 'wrong_machine',
			program,
			machine: machines[machine] ?? `machine ${machine}`,
			here: machines[here[0]] ?? process.arch,
		};
	}
	const loader = machine === here?.[0] && head[4] === 2 && isLittle ? loaderOf(head, file) : undefined;
	return loader !== undefined && !statOf(loader) ? { kind: 'missing_loader', program, loader } : undefined;
}

/** The loader that a 64-bit binary asks for (PT_INTERP): each C library has its own. */
function loaderOf(head: Buffer, file: number): string | undefined {
	const tableAt = Number(head.readBigUInt64LE(32));
	const entryBytes = head.readUInt16LE(54);
	const entries = head.readUInt16LE(56);
	if (entryBytes < 56 || entryBytes > 1024 || entries > 128 || !Number.isSafeInteger(tableAt)) return undefined;
	const table = Buffer.alloc(entryBytes * entries);
	const length = readSync(file, table, 0, table.length, tableAt);
	for (let at = 0; at + 56 <= length; at += entryBytes) {
		if (table.readUInt32LE(at) !== 3) continue;
		const bytes = Number(table.readBigUInt64LE(at + 32));
		if (bytes < 2 || bytes > 4096) return undefined;
		const path = Buffer.alloc(bytes);
		readSync(file, path, 0, bytes, Number(table.readBigUInt64LE(at + 8)));
		return path.toString('utf8').replace(/\0.*$/s, '');
	}
	return undefined;
}

/** Whether someone taught this system to execute what it cannot by itself (binfmt_misc): then its own formats say nothing. */
function runsForeignBinaries(): boolean {
	try {
		return readdirSync('/proc/sys/fs/binfmt_misc').some((name) => name !== 'register' && name !== 'status');
	} catch {
		return false;
	}
}

function isEnterable(directory: string): boolean {
	return statOf(directory)?.isDirectory() === true && isExecutable(directory);
}

/** Whether this process may execute it. */
export function isExecutable(path: string): boolean {
	try {
		accessSync(path, constants.X_OK);
		return true;
	} catch {
		return false;
	}
}

function statOf(path: string): Stats | undefined {
	try {
		return statSync(path);
	} catch {
		return undefined;
	}
}
