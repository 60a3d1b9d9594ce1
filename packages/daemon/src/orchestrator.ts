/** orchd within the calling program: a project file made so, its runners at hand, and nothing left behind at its end. */
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { createLogger, type LogLevel, systemClock, systemRandom } from '@orch/base';
import { type Api, OrchError, type Outcome, type ParamsOf, RemoteError, type ResultOf, type RunnerInfo } from '@orch/protocol';
import { findPlaces, inheritedOf } from '@orch/protocol/wire';
import { type Daemon, startDaemon } from './daemon.ts';
import { check } from './project-check.ts';

export interface OrchestratorOptions {
	/** The project file; of several the later ones are laid over the earlier ones. */
	readonly file: string | readonly string[];
	/** Instead of the project's own name. */
	readonly name?: string;
	readonly profiles?: readonly string[];
	/** Variables that the files may ask for; those of this process where nothing is said. */
	readonly environment?: Readonly<Record<string, string | undefined>>;
	/** Where the state is kept; by the daemon's rule where nothing is said. */
	readonly home?: string;
	/** What `listen` waits for the project to be ready, at most: 2 minutes. */
	readonly waitMs?: number;
	/** Whether what runs goes on after `close`, for the next daemon on the same state. */
	readonly keepRuntimes?: boolean;
	/** Whether SIGTERM and SIGINT close it. What signals do is the program's own affair otherwise. */
	readonly handleSignals?: boolean;
	/** Of its log, which goes to standard error: `warn`. */
	readonly logLevel?: LogLevel;
	/** For developers: another program as the router. */
	readonly routerProgram?: string;
}

/** A runner, under the name that it goes by in the registry. */
export type RegisteredRunner = RunnerInfo & { readonly id: string };

export interface RunnerWish {
	/** The project file that it is. */
	readonly config: string;
	/** Its name, instead of the file's own. */
	readonly id?: string;
	/** `/` where nothing is said. */
	readonly basePath?: string;
	readonly profiles?: readonly string[];
	readonly environment?: Readonly<Record<string, string | undefined>>;
}

export interface Registry {
	/** Those that the project mounts, and those that were added; none before `listen` and after `close`. */
	list(): readonly RegisteredRunner[];
	get(id: string): RegisteredRunner | undefined;
	/** Checked before anything is done; resolves when it is ready, or will not be. It is there again after a restart. */
	add(wish: RunnerWish): Promise<RegisteredRunner>;
	/** For one that was added: what the project mounts goes with its file. */
	remove(id: string): Promise<void>;
	/** Calls after a runner has come, moved, been reloaded or gone; returns what ends that. */
	on(event: 'change', listener: () => void): () => void;
}

/** How everything that the project declares came out. */
export type Listening = Pick<ResultOf<Api['project.up']>, 'name' | 'outcomes' | 'faults'> & { readonly socket: string };

export interface Orchestrator {
	readonly registry: Registry;
	/** Opens the control socket, by the daemon's rule where none is given, and makes the project so. */
	listen(socket?: string): Promise<Listening>;
	/** Stops what runs, or keeps it, and ends everything that was begun; calling it again waits for the same end. */
	close(options?: { readonly keepRuntimes?: boolean }): Promise<void>;
	/** Settles when it has ended, by `close` or by a command of a client. */
	readonly closed: Promise<void>;
}

/** Checks the files, and begins nothing. */
export async function createOrchestrator(given: string | OrchestratorOptions): Promise<Orchestrator> {
	const options: OrchestratorOptions = typeof given === 'string' ? { file: given } : given;
	const reading = readingOf(options);
	const { problems } = check(reading);
	if (problems.length > 0) throw new OrchError('project.invalid', { problems });
	return new Embedded(options, reading);
}

type Reading = ReturnType<typeof readingOf>;

function readingOf({ file, name, profiles = [], environment = process.env }: OrchestratorOptions) {
	return {
		files: [file].flat().map((each) => ({ path: resolve(each), name: each })),
		...(name === undefined ? {} : { name }),
		profiles: [...profiles],
		environment: defined(environment),
		inherited: inheritedOf(environment),
	};
}

class Embedded implements Orchestrator {
	readonly registry: Registry;
	readonly closed: Promise<void>;
	readonly #options: OrchestratorOptions;
	readonly #reading: Reading;
	readonly #closing = new AbortController();
	readonly #listeners = new Set<() => void>();
	#daemon: Daemon | undefined;
	#listening: Promise<Listening> | undefined;
	#close: Promise<void> | undefined;
	/** As whoever closed it has said, also where it ends because it could not listen. */
	#keepRuntimes: boolean;
	#settleClosed: () => void = () => {};

	constructor(options: OrchestratorOptions, reading: Reading) {
		this.#options = options;
		this.#reading = reading;
		this.#keepRuntimes = options.keepRuntimes ?? false;
		this.closed = new Promise((settle) => {
			this.#settleClosed = settle;
		});
		this.registry = {
			list: () => this.#runners(),
			get: (id) => this.#runners().find((runner) => runner.id === id),
			add: (wish) => this.#add(wish),
			remove: (id) => this.#remove(id),
			on: (_event, listener) => {
				this.#listeners.add(listener);
				return () => this.#listeners.delete(listener);
			},
		};
	}

	// these are taken apart by who uses them, so each knows whose it is
	readonly listen = (socket?: string): Promise<Listening> => {
		if (this.#close !== undefined) return Promise.reject(new Error('cannot listen: it was closed; create another one'));
		if (this.#listening !== undefined) return Promise.reject(new Error('cannot listen: it does already'));
		if (typeof (socket as unknown) === 'number') {
			const port = `cannot listen on port ${socket}: HTTP comes with the gateway, which is not there yet`;
			return Promise.reject(new TypeError(`${port}; give the path of a socket, or nothing`));
		}
		this.#listening = this.#listen(socket);
		return this.#listening;
	};

	readonly close = (options: { readonly keepRuntimes?: boolean } = {}): Promise<void> => {
		if (this.#close === undefined) {
			this.#keepRuntimes = options.keepRuntimes ?? this.#keepRuntimes;
			this.#close = this.#end();
		}
		return this.#close;
	};

	async #listen(socket: string | undefined): Promise<Listening> {
		const places = findPlaces({
			env: process.env,
			uid: process.getuid?.() ?? 0,
			homeDirectory: homedir(),
			temporaryDirectory: tmpdir(),
			sha256Hex: (text) => createHash('sha256').update(text).digest('hex'),
			socket: socket === undefined ? undefined : resolve(socket),
			home: this.#options.home === undefined ? undefined : resolve(this.#options.home),
		});
		const logLevel = this.#options.logLevel ?? 'warn';
		try {
			const daemon = await startDaemon({
				places,
				log: createLogger({ level: logLevel, name: 'orchd' }),
				logLevel,
				clock: systemClock,
				random: systemRandom,
				uid: process.getuid?.() ?? 0,
				inherited: this.#reading.inherited,
				routerProgram: this.#options.routerProgram ?? createRequire(import.meta.url).resolve('@orch/router/bin'),
			});
			this.#daemon = daemon;
			void daemon.closed.then(() => this.close());
			if (this.#options.handleSignals) for (const signal of signals) process.on(signal, this.#onSignal);
			daemon.runners.subscribe(() => {
				for (const listener of [...this.#listeners]) listener();
			});
			// it may have been closed meanwhile, and then nothing of the project is made
			this.#closing.signal.throwIfAborted();
			const { waitMs } = this.#options;
			const params = { ...this.#reading, ...(waitMs === undefined ? {} : { waitMs }) };
			const { name, outcomes, faults } = await ask(daemon, 'project.up', params, this.#closing.signal);
			return { name, outcomes, faults, socket: places.socket };
		} catch (error) {
			// what could not be made so as a whole is nobody's
			await this.#finish();
			throw error;
		}
	}

	readonly #onSignal = (): void => void this.close();

	async #end(): Promise<void> {
		this.#closing.abort(new Error('the orchestrator is closed'));
		await this.#listening?.catch(() => {});
		await this.#finish();
	}

	async #finish(): Promise<void> {
		const daemon = this.#daemon;
		await daemon?.stop(this.#keepRuntimes ? 'keep' : 'stop');
		for (const signal of signals) process.off(signal, this.#onSignal);
		this.#daemon = undefined;
		this.#settleClosed();
	}

	#runners(): RegisteredRunner[] {
		return (this.#daemon?.runners.list() ?? []).map((runner) => ({ id: runner.name, ...runner }));
	}

	async #add({ config, id, basePath = '/', profiles = [], environment = process.env }: RunnerWish): Promise<RegisteredRunner> {
		const params: ParamsOf<Api['runner.add']> = {
			config: resolve(config),
			configName: config,
			profiles: [...profiles],
			environment: defined(environment),
			inherited: inheritedOf(environment),
			basePath,
			...(id === undefined ? {} : { name: id }),
		};
		const { runner } = await ask(this.#running(), 'runner.add', params, this.#closing.signal);
		return { id: runner.name, ...runner };
	}

	async #remove(id: string): Promise<void> {
		const { left } = await ask(this.#running(), 'runner.remove', { runner: id }, this.#closing.signal);
		const [first] = left;
		if (first) throw new Error(`cannot remove the runner '${id}': ${first.name}: ${first.reason}`);
	}

	#running(): Daemon {
		if (!this.#daemon)
			throw new Error(this.#close !== undefined ? 'the orchestrator is closed' : 'the orchestrator does not listen yet');
		return this.#daemon;
	}
}

const signals = ['SIGTERM', 'SIGINT'] as const;

const defined = (environment: Readonly<Record<string, string | undefined>>): Record<string, string> =>
	Object.fromEntries(Object.entries(environment).filter((each): each is [string, string] => each[1] !== undefined));

/** As every client asks, without a socket between. */
async function ask<Name extends 'project.up' | 'runner.add' | 'runner.remove'>(
	{ dispatch }: Daemon,
	name: Name,
	params: ParamsOf<Api[Name]>,
	signal: AbortSignal,
): Promise<ResultOf<Api[Name]>> {
	const outcome: Outcome = await dispatch(name, params, signal);
	if (outcome.kind === 'error') throw new RemoteError(outcome.error);
	if (outcome.kind === 'ok') return outcome.result as ResultOf<Api[Name]>;
	for (;;) {
		const next = await outcome.items.next();
		if (next.kind === 'error') throw new RemoteError(next.error);
		if (next.kind === 'end') return next.summary as ResultOf<Api[Name]>;
	}
}
