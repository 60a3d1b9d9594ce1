/** The real `orch`, as a process: once, to its end, or going on until it is interrupted. */
import { type ChildProcess, spawn } from 'node:child_process';
import { until } from '@orch/base/testing';
import { bundles } from './bundles.ts';

export interface CliResult {
	readonly code: number | null;
	readonly signal: NodeJS.Signals | null;
	readonly stdout: string;
	readonly stderr: string;
}

export interface CliOptions {
	readonly env: Readonly<Record<string, string>>;
	readonly cwd: string;
	/** What it reads on standard input; nothing unless said. */
	readonly input?: string | Uint8Array;
	/** A program instead of `orch`, run by this Node. */
	readonly program?: string;
	/** Something else than Node, with the arguments alone. */
	readonly interpreter?: string;
	readonly withinMs?: number;
	/** Somebody else than who runs the tests. */
	readonly uid?: number;
}

/** Far more than any command takes on a machine under load; what hangs must not hang the tests. */
const longestRunMs = 60_000;
/** What is looked for is no longer than this. */
const searchedAgain = 4_096;

export class RunningCli {
	readonly child: ChildProcess;
	readonly ended: Promise<CliResult>;
	readonly #line: string;
	readonly #stdout: Buffer[] = [];
	readonly #stderr: Buffer[] = [];

	constructor(args: readonly string[], { env, cwd, input, program = bundles.cli, interpreter, withinMs, uid }: CliOptions) {
		this.#line = `orch ${args.join(' ')}`;
		this.child = spawn(interpreter ?? process.execPath, interpreter === undefined ? [program, ...args] : [...args], {
			cwd,
			env,
			...(uid === undefined ? {} : { uid, gid: uid }),
			stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
		});
		this.child.stdout?.on('data', (bytes: Buffer) => this.#stdout.push(bytes));
		this.child.stderr?.on('data', (bytes: Buffer) => this.#stderr.push(bytes));
		// one that does not read its input, or has ended, refuses it
		this.child.stdin?.on('error', () => {});
		this.child.stdin?.end(input);
		this.ended = new Promise((resolve, reject) => {
			const timer = withinMs === undefined ? undefined : setTimeout(() => this.child.kill('SIGKILL'), withinMs);
			this.child.once('error', reject);
			this.child.once('close', (code, signal) => {
				clearTimeout(timer);
				if (signal === 'SIGKILL' && withinMs !== undefined)
					reject(new Error(`${this.#line} did not end within ${withinMs} ms\n${this.stdout}${this.stderr}`));
				else resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
			});
		});
		// looked at when it is asked for
		this.ended.catch(() => {});
	}

	get stdout(): string {
		return this.bytes.toString('utf8');
	}

	get bytes(): Buffer {
		return Buffer.concat(this.#stdout);
	}

	get stderr(): string {
		return Buffer.concat(this.#stderr).toString('utf8');
	}

	/** Resolves once standard output holds `text`, or matches it. */
	async shows(text: string | RegExp): Promise<void> {
		let searched = 0;
		let before = '';
		await until(`${this.#line} shows ${text}\n${this.stderr}`, () => {
			// of much output not all of it again each time
			const fresh = Buffer.concat(this.#stdout.slice(searched));
			searched = this.#stdout.length;
			const shown = before + fresh.toString('utf8');
			before = shown.slice(-searchedAgain);
			if (typeof text === 'string' ? shown.includes(text) : text.test(shown)) return true;
			if (this.child.exitCode !== null)
				throw new Error(
					`${this.#line} ended with ${this.child.exitCode} before it showed ${text}:\n${this.stdout}${this.stderr}`,
				);
			return false;
		});
	}

	/** As Ctrl-C does. */
	async interrupt(): Promise<CliResult> {
		this.child.kill('SIGINT');
		return this.ended;
	}
}

export const runCli = (args: readonly string[], options: CliOptions): Promise<CliResult> =>
	new RunningCli(args, { ...options, withinMs: options.withinMs ?? longestRunMs }).ended;
