/** Asks by a command: whether it ends with 0. It runs in a group of its own, and nothing that it forks outlives it. */
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Clock, Logger, Random } from '@orch/base';
import { readVariable } from '../proc-scan.ts';
import { cookieName } from '../process-set.ts';
import type { ProcessTable } from '../process-table.ts';
import { isSpawnShortage } from '../shortage.ts';
import type { ProbeCheck } from '../spec.ts';
import type { Answer, Checker, ProbeTarget } from './checker.ts';
import type { Turns } from './turns.ts';

export interface ExecCheckerOptions {
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	readonly table: Pick<ProcessTable, 'members' | 'kill'>;
	readonly turns: Turns;
}

/** By it what a look forks is told from what the program forks, wherever it goes. */
const markName = 'ORCH_PROBE';
/** Of its output, from its end, for the answer. */
const keptBytes = 2_048;
const shownLength = 200;
/** After the end of the command, for what it wrote last. */
const drainMs = 100;
/** What is not gone after so many looks is left to the stop of the runtime, which finds it by its cookie. */
const mostSweeps = 5;

export function createExecChecker(
	{ command }: ProbeCheck & { readonly kind: 'exec' },
	{ set, cwd, env, before }: Pick<ProbeTarget, 'set' | 'cwd' | 'env' | 'before'>,
	{ clock, random, log, table, turns }: ExecCheckerOptions,
): Checker {
	const [name = ''] = command;

	/** What has left the group is looked for only where there may be something. */
	const endRest = async (pid: number, mark: string): Promise<void> => {
		for (let sweep = 0; sweep < mostSweeps; sweep++) {
			const members = await table.members(set);
			const ours = members.filter((member) => member.group === pid || readVariable(member.pid, markName) === mark);
			if (ours.length === 0) return;
			table.kill(ours);
		}
		log.warn('a probe has left processes behind', { command: name, processPid: pid });
	};

	const run = (signal: AbortSignal, mark: string): Promise<Answer> =>
		new Promise((resolve) => {
			const [program = '', ...args] = [...(before?.() ?? []), ...command];
			const child = spawn(program, args, {
				cwd,
				env: { ...env(), [cookieName]: set.processId, [markName]: mark },
				detached: true,
				stdio: ['ignore', 'pipe', 'pipe'],
			});
			const { pid } = child;
			const words = new LastWords();
			// without descriptors Node gives a child without streams
			const streams = [child.stdout, child.stderr] as readonly (Readable | null | undefined)[];
			for (const stream of streams) stream?.on('data', (bytes: Buffer) => words.add(bytes)).on('error', () => {});
			let hasExited = false;
			const drained = () =>
				new Promise<void>((done) => {
					const timer = clock.setTimer(drainMs, done);
					child.on('close', () => {
						timer.cancel();
						done();
					});
				});
			const aborted = () => {
				// nobody has waited for it yet, so the pid is still its own
				if (pid !== undefined && !hasExited) killGroup(pid);
			};
			const settle = (answer: Answer) => {
				signal.removeEventListener('abort', aborted);
				for (const stream of streams) stream?.destroy();
				resolve(answer);
			};
			child.on('error', (error) => {
				if (pid === undefined) settle(whyNotRun(error, program, cwd));
			});
			child.on('exit', (code, cause) => {
				hasExited = true;
				// `close` may follow in this very turn
				const drain = drained();
				void (async () => {
					try {
						if (pid !== undefined && (signal.aborted || hasGroup(pid))) await endRest(pid, mark);
					} catch (error) {
						log.warn('what a probe forked could not be looked for', { command: name, processPid: pid, error });
					}
					await drain;
					if (signal.aborted) settle({ ok: false, text: 'it did not end' });
					else settle({ ok: code === 0, text: describeEnd(code, cause, words.lastLine()) });
				})();
			});
			if (signal.aborted) aborted();
			else signal.addEventListener('abort', aborted, { once: true });
		});

	return {
		turn: (signal) => turns.take(signal),
		look: (signal) => run(signal, random.uuid()),
	};
}

function killGroup(pid: number): void {
	try {
		process.kill(-pid, 'SIGKILL');
	} catch {
		// it is gone already
	}
}

function hasGroup(pid: number): boolean {
	try {
		process.kill(-pid, 0);
		return true;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === 'EPERM';
	}
}

function whyNotRun(error: Error, program: string, cwd: string): Answer {
	const { code } = error as NodeJS.ErrnoException;
	if (code === 'ENOENT') return { ok: false, text: `${program} is not there, or its directory ${cwd} is not` };
	if (code === 'EACCES') return { ok: false, text: `${program} may not be executed` };
	return { ok: false, text: error.message, ...(isSpawnShortage(error) && { notSeen: true }) };
}

function describeEnd(code: number | null, cause: NodeJS.Signals | null, line: string): string {
	const end = code === null ? `ended by ${cause ?? 'a signal'}` : `exit code ${code}`;
	return line === '' ? end : `${end}: ${line}`;
}

class LastWords {
	#kept: Buffer = Buffer.alloc(0);

	add(bytes: Buffer): void {
		this.#kept = Buffer.concat([this.#kept, bytes.subarray(-keptBytes)]).subarray(-keptBytes);
	}

	lastLine(): string {
		const lines = this.#kept.toString('utf8').split('\n');
		const last = lines.map((line) => line.trim()).findLast((line) => line !== '');
		return (last ?? '').slice(0, shownLength);
	}
}
