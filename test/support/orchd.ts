/** The real orchd, as a process: from its first answer to its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { until } from '@orch/base/testing';
import { bundles } from './bundles.ts';
import { type Client, connectClient, type Program, routerPidOf, type Runtime } from './client.ts';
import { isAlive } from './proc.ts';
import type { Api, ParamsOf } from '@orch/protocol';

export interface DaemonOptions {
	readonly socket: string;
	readonly home: string;
	readonly cwd: string;
	readonly env: Readonly<Record<string, string>>;
	/** Where its log goes. */
	readonly log: string;
	readonly args?: readonly string[];
	/** Put before it: `prlimit`, say. */
	readonly wrapper?: readonly string[];
	/** For Node itself. */
	readonly nodeArgs?: readonly string[];
}

/** The grace of a stop, and what a machine under load adds to it. */
const endsWithinMs = 30_000;

export class Orchd {
	readonly child: ChildProcess;
	readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
	readonly #options: DaemonOptions;
	readonly #clients: Client[] = [];
	#client: Client | undefined;
	#asked = false;
	#end: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | undefined;

	constructor(options: DaemonOptions) {
		this.#options = options;
		const log = openSync(options.log, 'a');
		const [program = process.execPath, ...args] = [
			...(options.wrapper ?? []),
			process.execPath,
			...(options.nodeArgs ?? []),
			bundles.orchd,
			...(options.args ?? []),
		];
		this.child = spawn(program, args, { cwd: options.cwd, env: { ...options.env }, stdio: ['ignore', log, log] });
		closeSync(log);
		this.ended = new Promise((resolve) => {
			this.child.once('exit', (code, signal) => {
				this.#end = { code, signal };
				resolve(this.#end);
			});
		});
	}

	get home(): string {
		return this.#options.home;
	}

	get pid(): number {
		return this.child.pid ?? 0;
	}

	get socket(): string {
		return this.#options.socket;
	}

	get log(): string {
		return readFileSync(this.#options.log, 'utf8');
	}

	/** Resolves with its first answer. */
	async answers(): Promise<Client> {
		return until('orchd answers', async () => {
			if (this.#end) throw new Error(`orchd ended with ${this.#end.code ?? this.#end.signal}:\n${this.log}`);
			try {
				this.#client = await this.client();
				return this.#client;
			} catch {
				return undefined;
			}
		});
	}

	/** A connection of its own. */
	async client(): Promise<Client> {
		const client = await connectClient(this.#options.socket);
		this.#clients.push(client);
		return client;
	}

	/** The connection that was made first. */
	get first(): Client {
		if (!this.#client) throw new Error('orchd has not answered yet');
		return this.#client;
	}

	get call(): Client['call'] {
		return this.first.call;
	}

	get stream(): Client['stream'] {
		return this.first.stream;
	}

	routerPid(): Promise<number> {
		return routerPidOf(this.first);
	}

	/** Registers a program; its directory is the sandbox's, its environment the least that a program needs. */
	add(program: Program, more: Partial<ParamsOf<Api['runtime.add']>> = {}): Promise<Runtime> {
		const { PATH = '', HOME = '' } = this.#options.env;
		return this.call('runtime.add', {
			cwd: this.#options.cwd,
			...program,
			args: [...program.args],
			...more,
			env: { PATH, HOME, ...more.env },
		});
	}

	/** Adds and starts. */
	run(program: Program, more: Partial<ParamsOf<Api['runtime.add']>> = {}): Promise<Runtime> {
		return this.add(program, { ...more, start: true });
	}

	show(runtime: string | { readonly id: string }) {
		return this.call('runtime.show', { runtime: typeof runtime === 'string' ? runtime : runtime.id });
	}

	async remove(...runtimes: readonly { readonly id: string }[]): Promise<void> {
		await Promise.all(runtimes.map(({ id }) => this.call('runtime.remove', { runtime: id, force: true })));
	}

	/** Resolves once the runtime is as `is` wants it. */
	async becomes(
		runtime: { readonly id: string; readonly name: string },
		what: string,
		is: (now: Runtime) => boolean,
		withinMs?: number,
	): Promise<Runtime> {
		let last: Runtime | undefined;
		try {
			return await until(
				what,
				async () => {
					last = await this.show(runtime);
					return is(last) && last;
				},
				withinMs,
			);
		} catch (error) {
			throw new Error(`${runtime.name} is not ${what}: ${JSON.stringify(last)}`, { cause: error });
		}
	}

	/** What a runtime has written so far. */
	async output(runtime: { readonly id: string }, stream: 'stdout' | 'stderr' = 'stdout'): Promise<Buffer> {
		const parts: Uint8Array[] = [];
		for await (const { bytes } of this.stream(`runtime.${stream}`, { runtime: runtime.id, follow: false })) parts.push(bytes);
		return Buffer.concat(parts);
	}

	/** Resolves once what a runtime has written holds `text`. */
	async writes(
		runtime: { readonly id: string; readonly name: string },
		text: string | RegExp,
		withinMs?: number,
	): Promise<string> {
		let last = '';
		try {
			return await until(
				`writes ${text}`,
				async () => {
					last = (await this.output(runtime)).toString('utf8');
					return (typeof text === 'string' ? last.includes(text) : text.test(last)) && last;
				},
				withinMs,
			);
		} catch (error) {
			throw new Error(`${runtime.name} does not write ${text}, but:\n${last.slice(-2000)}`, { cause: error });
		}
	}

	/** As a user at the terminal of a daemon does; gives the exit code. Fails where it has ended by itself before. */
	async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
		for (const client of this.#clients.splice(0)) client.close();
		if (this.#end && !this.#asked)
			throw new Error(`orchd has ended by itself (${this.#end.code ?? this.#end.signal}):\n${this.log.slice(-4000)}`);
		this.#asked = true;
		if (!this.#end) this.child.kill(signal);
		await until('orchd ends', () => this.#end !== undefined, endsWithinMs);
		return this.#end?.code ?? null;
	}

	/** To be called where something else than this ends it. */
	expectEnd(): void {
		this.#asked = true;
	}

	/** As a defect of the kernel or an impatient operator does. */
	async kill9(): Promise<void> {
		this.#asked = true;
		this.child.kill('SIGKILL');
		await this.ended;
		for (const client of this.#clients.splice(0)) client.close();
		await until('orchd is gone', () => !isAlive(this.pid));
	}
}
