/** Launches programs through the shim: recorded before they run, in groups of their own, with their output in files. */
import { closeSync, mkdirSync, openSync, realpathSync, rmSync, statSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import type { Clock, Logger, Timer } from '@orch/base';
import type { Cgroups } from './cgroups.ts';
import { checkProgram, ProgramChecks } from './check-program.ts';
import { readExitRecord, readProgramPid } from './exit-record.ts';
import { faultOfSystem, LaunchError, type LaunchFault } from './faults.ts';
import { launchText, recordOf, type ShimLaunch } from './launch-shim.ts';
import type { Identity, Launched, Launcher, LaunchRequest } from './ports.ts';
import { bootId } from './proc-scan.ts';
import { ProcessRecords } from './process-record.ts';
import { cookieName, createProcessSet, type ProcessSet } from './process-set.ts';
import type { ProcessTable } from './process-table.ts';
import type { Shim } from './shim.ts';
import { SpareShims } from './spare-shims.ts';
import { niceOf } from './spec.ts';

export interface LauncherOptions {
	readonly clock: Clock;
	readonly log: Logger;
	readonly stateDirectory: string;
	/** Of the same directory, shared with whoever takes them up. */
	readonly records?: ProcessRecords;
	readonly table: Pick<ProcessTable, 'identify' | 'ignore' | 'register' | 'unregister'>;
	/** Where shims get control groups of their own. */
	readonly cgroups?: Cgroups | undefined;
	/** The POSIX shell that runs the shim. */
	readonly shell?: string;
}

/** Launches under way at once: the processor has no use for more, and every one of them holds descriptors. */
const mostLaunches = 28;
/** From one word of a shim to the next. */
const launchMs = 10_000;
/** After a record that could not be read for want of descriptors or memory. */
const againMs = 200;
/** What is longer than so many characters may be more than the system takes, which a spawn says in so many words. */
const longestText = 65_536;
/** That of this process, which programs inherit. */
const umask = process.umask();

export function createLauncher(options: LauncherOptions): Required<Launcher> {
	const { records = new ProcessRecords(options.stateDirectory) } = options;
	const shims = new SpareShims({
		...options,
		directory: join(options.stateDirectory, 'launches'),
		shell: options.shell ?? '/bin/sh',
	});
	const turns = new Turns(mostLaunches);
	const checks = new ProgramChecks();
	return {
		async launch(request, signal) {
			// nobody can be told of this before the launch comes to it
			request.mayGo?.catch(() => {});
			const turn = turns.next();
			// without a wait all is done in this very turn: a restart is as quick as it can be
			if (turn !== undefined) await turn;
			try {
				if (signal.aborted) throw new LaunchError({ kind: 'abandoned' });
				const fault = checks.check(request.program, request.cwd);
				if (fault) throw new LaunchError(fault);
				const launch = (by: 'spare' | 'new') => new Launch(options, records, shims, request).run(by, signal);
				let launched: Launched | undefined;
				try {
					// who has killed a spare may have killed all of them
					launched = (await launch('spare')) ?? (await launch('new'));
				} catch (error) {
					// what nothing could be launched without may be all that was wrong, and another launch may have made it already
					const made = !signal.aborted && makeAgain(records.directory, shims.directory, directoryOf(request));
					if (!made && (signal.aborted || !isMissing(error))) throw error;
					options.log.warn('directories that a launch needs were gone, and were made again', { runtime: request.runtimeName });
					launched = await launch('new');
				}
				if (!launched) throw new LaunchError({ kind: 'not_launched', reason: '' });
				return launched;
			} finally {
				turns.done();
			}
		},
		forget(processId) {
			records.forget(processId, (error) => options.log.warn('record not removed', { process: processId, error }));
		},
		disown: (processId) => records.disown(processId),
		endSpares: () => shims.close(),
	};
}

/** So many at once and no more. */
class Turns {
	readonly #most: number;
	readonly #waiting: (() => void)[] = [];
	#underWay = 0;

	constructor(most: number) {
		this.#most = most;
	}

	next(): Promise<void> | undefined {
		if (this.#underWay === this.#most) return new Promise((resolve) => this.#waiting.push(resolve));
		this.#underWay++;
		return undefined;
	}

	done(): void {
		const next = this.#waiting.shift();
		if (next) next();
		else this.#underWay--;
	}
}

class Launch {
	readonly #options: LauncherOptions;
	readonly #records: ProcessRecords;
	readonly #shims: SpareShims;
	readonly #request: LaunchRequest;

	constructor(options: LauncherOptions, records: ProcessRecords, shims: SpareShims, request: LaunchRequest) {
		this.#options = options;
		this.#records = records;
		this.#shims = shims;
		this.#request = request;
	}

	/** Undefined where somebody has killed the shim before it got the word: nothing was launched, and another shim may be asked. */
	async run(by: 'spare' | 'new', signal: AbortSignal): Promise<Launched | undefined> {
		let shim: Shim | undefined;
		let set: ProcessSet | undefined;
		const { table } = this.#options;
		try {
			const { text, tailoredTo } = this.#texts();
			const taken = tailoredTo || by === 'new' ? this.#shims.takeNew(tailoredTo) : this.#shims.take();
			// not awaited where it is there already: that would cost a turn
			shim = taken instanceof Promise ? await taken : taken;
			// it writes to the output of its runtime, and must not be taken for a leftover of the process before it, which is being ended
			set = createProcessSet({ processId: this.#request.processId, root: shim.root, outputDirectory: undefined });
			table.register(set);
			// in the turn in which it is recorded
			const wasInCgroup = shim.cgroup?.hasEntered === true;
			const preparing = this.#prepare(shim, text, signal);
			const warnings = preparing instanceof Promise ? await preparing : preparing;
			let pid: number | undefined;
			try {
				pid = await this.#letGo(shim);
			} finally {
				this.#shims.done(shim);
			}
			if (pid !== undefined && !wasInCgroup) void this.#followIntoCgroup(shim);
			if (pid !== undefined) return this.#launched(shim, this.#identify(pid), warnings);
			const fault = this.#whyNotLaunched();
			if (fault) throw new LaunchError(fault);
			this.#records.drop(this.#request.processId);
			return undefined;
		} catch (error) {
			this.#records.drop(this.#request.processId);
			throw error instanceof LaunchError ? error : new LaunchError(faultOfSystem(error), { cause: error });
		} finally {
			// whoever gets it registers it in this very turn
			if (set) table.unregister(set);
		}
	}

	/** All that comes before the word, in this very turn where nothing has to be waited for. Where it fails the shim never gets the word. */
	#prepare(shim: Shim, text: string, signal: AbortSignal): readonly string[] | Promise<readonly string[]> {
		const callOff = (error: unknown): never => {
			shim.hangUp();
			this.#shims.done(shim);
			throw error;
		};
		const { priority, mayGo } = this.#request;
		if (shim.heard < 1 || priority !== 'normal' || mayGo !== undefined)
			return this.#prepareInTurns(shim, text, signal).catch(callOff);
		try {
			this.#tell(shim, text, signal);
		} catch (error) {
			callOff(error);
		}
		return [];
	}

	async #prepareInTurns(shim: Shim, text: string, signal: AbortSignal): Promise<readonly string[]> {
		// until it has its record open that must not be moved away; one that waits has
		await this.#hears(shim, 1, signal);
		const warnings = this.#request.priority === 'normal' ? [] : await this.#prioritise(shim, signal);
		this.#tell(shim, text, signal);
		await this.#request.mayGo;
		return warnings;
	}

	#tell(shim: Shim, text: string, signal: AbortSignal): void {
		if (signal.aborted) throw new LaunchError({ kind: 'abandoned' });
		this.#record(shim);
		this.#shims.write(shim, text);
	}

	/** Its program was not to wait for that: it is moved when it runs already, with what it has forked by then. */
	async #followIntoCgroup({ cgroup: held, root }: Shim): Promise<void> {
		try {
			await held?.gather(root);
			if (held?.cgroup) await this.#records.addCgroup(this.#request.processId, held.cgroup);
		} catch (error) {
			// for this daemon it counts nevertheless
			this.#options.log.debug('a control group was not recorded', { process: this.#request.processId, error });
		}
	}

	#launched(shim: Shim, program: Identity, warnings: readonly string[]): Launched {
		// nothing more of the launch is held for as long as its program runs
		const records = this.#records;
		const { clock } = this.#options;
		const { processId } = this.#request;
		return {
			root: shim.root,
			program,
			cgroup: shim.cgroup,
			warnings,
			// it never keeps the daemon from ending
			release: () => {},
			onExit(killed, listener) {
				const tell = () => readWords(records, processId, clock, (words) => listener(readExitRecord(words, killed())));
				if (shim.hasEnded) queueMicrotask(tell);
				else shim.onEnd = tell;
			},
		};
	}

	/** What the shim is to read. What may be too much for the system a shim is spawned with: the spawn says so then. */
	#texts(): { readonly text: string; readonly tailoredTo: ShimLaunch | undefined } {
		const { env, cwd, processId, stdoutPath, stderrPath, notes, before = [] } = this.#request;
		const [program = '', ...args] = [...before, this.#request.program, ...this.#request.args];
		const launch = { program, args, env: this.#whereItIs({ ...env, [cookieName]: processId }) };
		const places = {
			cwd,
			stdout: stdoutPath,
			stderr: stderrPath,
			umask: this.#request.umask ?? umask,
			notes,
		};
		const text = launchText(places, launch);
		if (text.length <= longestText && !text.includes('\0')) return { text, tailoredTo: undefined };
		return { text: launchText(places, undefined), tailoredTo: launch };
	}

	/** As shells have it: PWD is kept if it leads to where the program is, by whichever way. */
	#whereItIs(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
		const { PWD: given } = env;
		const { cwd } = this.#request;
		return given === undefined || leadsTo(given, cwd) ? env : { ...env, PWD: realpathSync(cwd) };
	}

	/** One that is gone already, or cannot be looked at, gets a start at which no process starts, and so is never signalled. */
	#identify(pid: number): Identity {
		try {
			return this.#options.table.identify(pid) ?? { pid, startTicks: 0 };
		} catch {
			// it runs nevertheless, and its shim is known
			return { pid, startTicks: 0 };
		}
	}

	/** Before the program runs, so that it and all it forks have the priority from their first instruction. */
	async #prioritise(shim: Shim, signal: AbortSignal): Promise<string[]> {
		const { priority } = this.#request;
		// that of the shim is its own: it has forked already
		await this.#hears(shim, 2, signal);
		const { childPid } = shim;
		// it has ended, which is told elsewhere
		if (childPid === undefined) return [];
		try {
			for (const pid of [shim.root.pid, childPid]) setPriority(pid, niceOf[priority]);
			return [];
		} catch (error) {
			const code = (error as { readonly info?: { readonly code?: string } }).info?.code ?? String(error);
			return [`priority ${priority} could not be set: ${code === 'EACCES' || code === 'EPERM' ? 'not permitted' : code}`];
		}
	}

	#record({ root, cgroup, file }: Shim): void {
		const { processId, runtimeId, runtimeName, generation, program, stop, notes, spec } = this.#request;
		if (notes) {
			// what an earlier process may still write goes to a file without a name
			rmSync(notes.path, { force: true });
			closeSync(openSync(notes.path, 'ax', 0o600));
		}
		this.#records.begin(recordOf(file), {
			version: 1,
			processId,
			runtimeId,
			runtimeName,
			generation,
			...root,
			bootId: bootId(),
			program,
			stop,
			outputDirectory: directoryOf(this.#request),
			launchedAt: this.#options.clock.now(),
			spec,
			cgroup: cgroup?.hasEntered ? cgroup.cgroup : undefined,
		});
	}

	/** Resolves when it has said so many lines, or has ended. */
	#hears(shim: Shim, lines: number, signal: AbortSignal): Promise<void> {
		if (shim.heard >= lines || shim.hasEnded || signal.aborted) return Promise.resolve();
		return new Promise((resolve, reject) => {
			const over = () => {
				deadline.cancel();
				signal.removeEventListener('abort', aborted);
				shim.onHeard = undefined;
			};
			const aborted = () => {
				over();
				reject(new LaunchError({ kind: 'abandoned' }));
			};
			const deadline = this.#deadline(shim, over, reject);
			signal.addEventListener('abort', aborted, { once: true });
			shim.onHeard = () => {
				if (shim.heard < lines && !shim.hasEnded) return;
				over();
				resolve();
			};
		});
	}

	/** Gives the word; gives the program's pid, or undefined where the shim ended without one. */
	#letGo(shim: Shim): Promise<number | undefined> {
		return new Promise((resolve, reject) => {
			const settle = () => {
				deadline.cancel();
				shim.onTold = shim.onEnd = undefined;
				shim.hangUp();
			};
			const deadline = this.#deadline(shim, settle, reject);
			shim.onTold = (pid) => {
				settle();
				resolve(pid);
			};
			// it may have ended before we came to read what it told
			shim.onEnd = () => {
				settle();
				readWords(this.#records, this.#request.processId, this.#options.clock, (words) => resolve(readProgramPid(words)));
			};
			if (shim.hasEnded) shim.onEnd();
			else shim.go();
		});
	}

	/** Until the next word of a shim; where that does not come it is ended. */
	#deadline(shim: Shim, over: () => void, reject: (error: LaunchError) => void): Timer {
		return this.#options.clock.setTimer(launchMs, () => {
			over();
			killGroup(shim.root, this.#identify(shim.root.pid));
			reject(new LaunchError({ kind: 'silent', afterMs: launchMs }));
		});
	}

	/** Undefined where it never got the word, or was ended before it came to the program. */
	#whyNotLaunched(): LaunchFault | undefined {
		const { program, cwd } = this.#request;
		const status = readExitRecord(this.#records.readShim(this.#request.processId), false);
		const reason = 'reason' in status ? status.reason : '';
		// a shell that could not go on says why
		if (status.kind === 'unknown' || (status.kind === 'not_launched' && reason === '')) return undefined;
		return checkProgram(program, cwd) ?? { kind: 'not_launched', reason };
	}
}

/** Of its output, with a closing slash. */
const directoryOf = ({ stdoutPath }: LaunchRequest): string => stdoutPath.slice(0, stdoutPath.lastIndexOf('/') + 1);

const isMissing = (error: unknown): boolean =>
	error instanceof Error && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';

/** Whether one of them was not there. Looked at only where a launch has failed: the others are not to pay for it. */
function makeAgain(...directories: readonly string[]): boolean {
	try {
		return directories.map((path) => mkdirSync(path, { recursive: true, mode: 0o700 })).some((made) => made !== undefined);
	} catch {
		// why a launch fails is told by the launch
		return false;
	}
}

/** What a shim has written is not lost because the system has nothing left for us to read it with: then it is read later. */
function readWords(records: ProcessRecords, processId: string, clock: Clock, listener: (words: string) => void): void {
	let words: string;
	try {
		words = records.readShim(processId);
	} catch {
		clock.setTimer(againMs, () => readWords(records, processId, clock, listener), { background: true });
		return;
	}
	listener(words);
}

/** Where its leader is still who it was. */
function killGroup(root: Identity, present: Identity): void {
	if (present.startTicks !== root.startTicks) return;
	try {
		process.kill(-root.pid, 'SIGKILL');
	} catch {
		// it has ended just now, which is what was wanted
	}
}

function leadsTo(path: string, directory: string): boolean {
	try {
		const [one, other] = [statSync(path), statSync(directory)];
		return path.startsWith('/') && one.ino === other.ino && one.dev === other.dev;
	} catch {
		return false;
	}
}
