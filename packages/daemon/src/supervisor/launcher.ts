/** Launches programs through the shim: recorded before they run, in groups of their own, with their output in files. */
import { closeSync, openSync } from 'node:fs';
import { setPriority } from 'node:os';
import type { Duplex } from 'node:stream';
import type { Clock, Logger } from '@orch/base';
import { execa, type Options } from 'execa';
import { checkProgram } from './check-program.ts';
import { readExitRecord, readProgramPid } from './exit-record.ts';
import { faultOfSystem, LaunchError, type LaunchFault } from './faults.ts';
import { GO, shimDescriptors, shimInvocation, shimStdio } from './launch-shim.ts';
import type { Identity, Launched, Launcher, LaunchRequest } from './ports.ts';
import { bootId } from './proc-scan.ts';
import { ProcessRecords } from './process-record.ts';
import { cookieName } from './process-set.ts';
import type { ProcessTable } from './process-table.ts';
import { niceOf } from './spec.ts';

export interface LauncherOptions {
	readonly clock: Clock;
	readonly log: Logger;
	readonly stateDirectory: string;
	readonly table: Pick<ProcessTable, 'identify'>;
	/** The POSIX shell that runs the shim. */
	readonly shell?: string;
}

/** Launches under way at once: the processor has no use for more, and every one of them holds two descriptors. */
const mostLaunches = 16;
/** From the word to the pid. */
const launchMs = 10_000;

export function createLauncher(options: LauncherOptions): Launcher {
	const records = new ProcessRecords(options.stateDirectory);
	const turns = new Turns(mostLaunches);
	return {
		async launch(request, signal) {
			// nobody can be told of this before the launch comes to it
			request.mayGo.catch(() => {});
			const turn = turns.next();
			// without a wait the shim is spawned in this very turn: a restart is as quick as it can be
			if (turn !== undefined) await turn;
			try {
				if (signal.aborted) throw new LaunchError({ kind: 'abandoned' });
				const fault = checkProgram(request.program, request.cwd);
				if (fault) throw new LaunchError(fault);
				return await new Launch(options, records, request).run();
			} finally {
				turns.done();
			}
		},
		forget(processId) {
			records.forget(processId, (error) => options.log.warn('record not removed', { process: processId, error }));
		},
	};
}

/** One spawn per turn of the event loop, for each blocks it for a millisecond or two; and not too many under way. */
class Turns {
	readonly #most: number;
	readonly #waiting: (() => void)[] = [];
	#underWay = 0;
	#isTaken = false;

	constructor(most: number) {
		this.#most = most;
	}

	next(): Promise<void> | undefined {
		if (!this.#isTaken && this.#underWay < this.#most && this.#waiting.length === 0) {
			this.#take();
			return undefined;
		}
		return new Promise((resolve) => this.#waiting.push(resolve));
	}

	done(): void {
		this.#underWay--;
		this.#admit();
	}

	#take(): void {
		this.#underWay++;
		this.#isTaken = true;
		setImmediate(() => {
			this.#isTaken = false;
			this.#admit();
		});
	}

	#admit(): void {
		if (this.#isTaken || this.#underWay >= this.#most) return;
		const next = this.#waiting.shift();
		if (!next) return;
		this.#take();
		next();
	}
}

class Launch {
	readonly #options: LauncherOptions;
	readonly #records: ProcessRecords;
	readonly #request: LaunchRequest;
	#hasExited = false;
	#onExit: (() => void) | undefined;

	constructor(options: LauncherOptions, records: ProcessRecords, request: LaunchRequest) {
		this.#options = options;
		this.#records = records;
		this.#request = request;
	}

	async run(): Promise<Launched> {
		try {
			const { shim, root, warnings } = await this.#begin();
			await this.#mayGo(shim);
			const program = await this.#letGo(shim, root);
			return {
				root,
				program: this.#identify(program),
				warnings,
				release: () => shim.unref(),
				onExit: (killed, listener) => {
					this.#onExit = () => listener(readExitRecord(this.#words(), killed()));
					if (this.#hasExited) queueMicrotask(this.#onExit);
				},
			};
		} catch (error) {
			this.#records.drop(this.#request.processId);
			throw error instanceof LaunchError ? error : new LaunchError(faultOfSystem(error), { cause: error });
		}
	}

	/** Spawns the shim, which waits for the word, and records it. */
	async #begin(): Promise<{ readonly shim: Shim; readonly root: Identity; readonly warnings: readonly string[] }> {
		const { processId, stdoutPath, stderrPath } = this.#request;
		const files: number[] = [];
		const open = (file: number) => {
			files.push(file);
			return file;
		};
		try {
			ensureDescriptors();
			const record = open(this.#records.open(processId));
			const stdout = open(openSync(stdoutPath, 'a', 0o600));
			const stderr = open(openSync(stderrPath, 'a', 0o600));
			const shim = this.#spawn({ stdout, stderr, record });
			if (shim.pid === undefined) throw await this.#whyNotSpawned(shim);
			try {
				const root = this.#identify(shim.pid);
				const warnings = this.#prioritise(root);
				this.#record(root, record);
				return { shim, root, warnings };
			} catch (error) {
				callOff(shim);
				throw error;
			}
		} finally {
			for (const file of files) closeSync(file);
		}
	}

	#spawn(files: { readonly stdout: number; readonly stderr: number; readonly record: number }): Shim {
		const { program, args, env, cwd, processId } = this.#request;
		const invocation = shimInvocation({ program, args, env: { ...env, [cookieName]: processId } });
		const shim = execa(this.#options.shell ?? '/bin/sh', invocation.args, {
			// its types know of descriptors up to 9 only
			stdio: shimStdio(files) as unknown as NonNullable<Options['stdio']>,
			cwd,
			env: invocation.env,
			extendEnv: false,
			detached: true,
			cleanup: false,
			buffer: false,
			reject: false,
		});
		shim.on('exit', () => {
			this.#hasExited = true;
			this.#onExit?.();
		});
		return shim;
	}

	async #whyNotSpawned(shim: Shim): Promise<LaunchError> {
		const { program, cwd } = this.#request;
		const { cause } = await shim;
		// the shell is there, so what is missing is the directory to begin in
		const isDirectory = ['ENOENT', 'ENOTDIR', 'EACCES'].includes((cause as NodeJS.ErrnoException | undefined)?.code ?? '');
		const fault: LaunchFault = isDirectory ? (checkProgram(program, cwd) ?? { kind: 'cwd_missing', cwd }) : faultOfSystem(cause);
		return new LaunchError(fault, { cause });
	}

	/** One that is gone already gets a start at which no process starts, and so is never signalled. */
	#identify(pid: number): Identity {
		return this.#options.table.identify(pid) ?? { pid, startTicks: 0 };
	}

	/** Before the program runs, so that it and all it forks have the priority from their first instruction. */
	#prioritise({ pid }: Identity): string[] {
		const { priority } = this.#request;
		if (priority === 'normal') return [];
		try {
			setPriority(pid, niceOf[priority]);
			return [];
		} catch (error) {
			const code = (error as { readonly info?: { readonly code?: string } }).info?.code ?? String(error);
			return [`priority ${priority} could not be set: ${code === 'EACCES' || code === 'EPERM' ? 'not permitted' : code}`];
		}
	}

	#record(root: Identity, descriptor: number): void {
		const { processId, runtimeId, runtimeName, generation, program, stop, stdoutPath } = this.#request;
		this.#records.write(descriptor, {
			version: 1,
			processId,
			runtimeId,
			runtimeName,
			generation,
			...root,
			bootId: bootId(),
			program,
			stop,
			outputDirectory: stdoutPath.slice(0, stdoutPath.lastIndexOf('/') + 1),
			launchedAt: this.#options.clock.now(),
		});
	}

	async #mayGo(shim: Shim): Promise<void> {
		try {
			await this.#request.mayGo;
		} catch (error) {
			callOff(shim);
			throw error;
		}
	}

	/** Gives the word; gives the program's pid. */
	#letGo(shim: Shim, root: Identity): Promise<number> {
		const go = pipeOf(shim, shimDescriptors.go);
		const told = pipeOf(shim, shimDescriptors.pid);
		// a shim that is gone does not read it, which its record tells
		go.on('error', () => {});
		go.end(GO, () => go.destroy());
		return new Promise((resolve, reject) => {
			let text = '';
			const deadline = this.#options.clock.setTimer(launchMs, () => {
				// nobody has waited for it yet, so the pid is still its own
				if (!this.#hasExited) process.kill(-root.pid, 'SIGKILL');
				told.destroy();
				reject(new LaunchError({ kind: 'silent', afterMs: launchMs }));
			});
			const settle = (pid: number | undefined) => {
				deadline.cancel();
				told.destroy();
				this.#onExit = undefined;
				if (pid !== undefined) resolve(pid);
				else reject(new LaunchError(this.#whyNotLaunched()));
			};
			told.on('data', (bytes: Buffer) => {
				text += bytes.toString('latin1');
				if (text.endsWith('\n')) settle(Number(text));
			});
			told.on('error', () => {});
			// it may have ended before we came to read what it told
			this.#onExit = () => settle(readProgramPid(this.#words()));
		});
	}

	#whyNotLaunched(): LaunchFault {
		const status = readExitRecord(this.#words(), false);
		return { kind: 'not_launched', reason: 'reason' in status ? status.reason : '' };
	}

	#words(): string {
		return this.#records.readShim(this.#request.processId);
	}
}

/** Two ends of three pipes, and the pipe by which a failing exec is told. */
const descriptorsOfLaunch = 11;

/**
 * Throws EMFILE or ENFILE where there is no room for a launch. Without descriptors Node gives a child without `stdio` and
 * tells the error later; execa, which looks at it at once, throws and leaves that error to nobody: it would end the daemon.
 */
function ensureDescriptors(): void {
	const taken: number[] = [];
	try {
		while (taken.length < descriptorsOfLaunch) taken.push(openSync('/dev/null', 'r'));
	} finally {
		for (const descriptor of taken) closeSync(descriptor);
	}
}

/** What is used of execa's subprocess; awaited only where there is none, to learn why. */
interface Shim extends PromiseLike<{ readonly cause?: unknown }> {
	readonly pid?: number | undefined;
	readonly stdio: readonly unknown[];
	on(event: 'exit', listener: () => void): unknown;
	unref(): void;
}

/** The end of file is the word not to launch. */
function callOff(shim: Shim): void {
	for (const pipe of [shimDescriptors.go, shimDescriptors.pid]) pipeOf(shim, pipe).destroy();
}

function pipeOf(shim: Shim, descriptor: number): Duplex {
	return shim.stdio[descriptor] as Duplex;
}
