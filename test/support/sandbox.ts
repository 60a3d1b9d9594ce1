/** A place of its own for each test file: directory, sockets, daemons; at its end nothing of it may be left. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { until } from '@orch/base/testing';
import { afterAll } from 'vitest';
import { bundles } from './bundles.ts';
import { type CliOptions, type CliResult, RunningCli, runCli } from './cli.ts';
import { type DaemonOptions, Orchd } from './orchd.ts';
import { processAt, processesAbout } from './proc.ts';

/** Long enough for a process that has been told to end; what is there after it has been left behind. */
const goneWithinMs = 5_000;

export class Sandbox {
	readonly directory: string;
	readonly socket: string;
	readonly home: string;
	readonly #daemons: Orchd[] = [];
	readonly #closers: (() => unknown)[] = [];

	constructor() {
		// short: a runtime's socket path has to fit into 107 bytes
		this.directory = mkdtempSync(join(tmpdir(), 'orch-t-'));
		this.socket = `${this.directory}/s`;
		this.home = `${this.directory}/home`;
		mkdirSync(`${this.directory}/user`);
		mkdirSync(`${this.directory}/work`);
	}

	/** Where programs and files of a test go; the CLI runs there. */
	path(name = ''): string {
		return join(this.directory, 'work', name);
	}

	/** All that a process started from here gets: nothing of the environment of the tests. */
	env(more: Readonly<Record<string, string>> = {}): Record<string, string> {
		return {
			PATH: `${dirname(process.execPath)}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
			HOME: `${this.directory}/user`,
			LANG: 'C.UTF-8',
			TMPDIR: tmpdir(),
			ORCH_SOCKET: this.socket,
			ORCH_HOME: this.home,
			...more,
		};
	}

	/** Closed before all else, in reverse. */
	add<T>(thing: T, close: (thing: T) => unknown): T {
		this.#closers.push(() => close(thing));
		return thing;
	}

	async startDaemon(options: Partial<DaemonOptions> = {}): Promise<Orchd> {
		const daemon = new Orchd({
			socket: this.socket,
			home: this.home,
			cwd: this.directory,
			env: this.env(),
			log: `${this.directory}/orchd.log`,
			...options,
		});
		this.#daemons.push(daemon);
		await daemon.answers();
		return daemon;
	}

	cli(...args: readonly string[]): Promise<CliResult> {
		return this.cliWith({}, ...args);
	}

	cliWith(options: Partial<CliOptions>, ...args: readonly string[]): Promise<CliResult> {
		return runCli(args, { cwd: this.path(), ...options, env: this.env(options.env) });
	}

	/** A command that goes on until it is interrupted. */
	running(...args: readonly string[]): RunningCli {
		const cli = new RunningCli(args, { cwd: this.path(), env: this.env() });
		return this.add(cli, () => {
			cli.child.kill('SIGKILL');
			return cli.ended;
		});
	}

	/** A line of a shell in which `orch` is a command, as in a user's terminal. */
	shell(line: string): RunningCli {
		const script = `orch() { '${process.execPath}' '${bundles.cli}' "$@"; }\n${line}`;
		const cli = new RunningCli(['-c', script], { cwd: this.path(), env: this.env(), interpreter: '/bin/sh' });
		return this.add(cli, () => {
			cli.child.kill('SIGKILL');
			return cli.ended;
		});
	}

	/** Stops everything as a user would, and fails when something is left. */
	async close(): Promise<void> {
		for (const close of this.#closers.splice(0).reverse()) await close();
		const problems: string[] = [];
		for (const daemon of this.#daemons.splice(0).reverse()) {
			try {
				await daemon.stop();
			} catch (error) {
				problems.push(String(error));
			}
		}
		const left = await this.#left();
		if (left.length > 0) problems.push(`left behind: ${left.map(({ pid, command }) => `${pid} ${command}`).join('; ')}`);
		for (const { pid, startTicks } of left) if (processAt(pid)?.startTicks === startTicks) process.kill(pid, 'SIGKILL');
		const log = problems.length > 0 ? lastLines(`${this.directory}/orchd.log`) : '';
		rmSync(this.directory, { recursive: true, force: true });
		if (problems.length > 0) throw new Error(`${problems.join('\n')}\n${log}`);
	}

	async #left() {
		try {
			await until('nothing is left', () => processesAbout(this.directory).length === 0, goneWithinMs);
			return [];
		} catch {
			return processesAbout(this.directory);
		}
	}
}

/** A sandbox for the whole file. */
export function useSandbox(): Sandbox {
	const sandbox = new Sandbox();
	afterAll(() => sandbox.close());
	return sandbox;
}

/** A sandbox for one test. */
export async function inSandbox(work: (sandbox: Sandbox) => Promise<void>): Promise<void> {
	const sandbox = new Sandbox();
	try {
		await work(sandbox);
	} catch (error) {
		// what went wrong first is what is told
		await sandbox.close().catch((left) => {
			throw new Error(`${error instanceof Error ? error.message : String(error)}\nand then: ${left.message}`, { cause: error });
		});
		throw error;
	}
	await sandbox.close();
}

function lastLines(file: string): string {
	try {
		return readFileSync(file, 'utf8').split('\n').slice(-30).join('\n');
	} catch {
		return '';
	}
}
