/**
 * The world of the real process. Nothing is loaded or touched before it is needed: `process.stdout` alone costs two
 * milliseconds, and each module of Node that is not in its snapshot some tenths of one.
 */
import { fstatSync, writeSync } from 'node:fs';
import { pauseThread, systemClock } from './clock.ts';
import { CliError, OutputClosed } from './errors.ts';
import { watchReader } from './reader-watch.ts';
import type { Sink, Source, World } from './world.ts';

export function processWorld(): World {
	return {
		env: process.env,
		cwd: workingDirectory(),
		clock: systemClock,
		uid: process.getuid?.() ?? 0,
		userName: () => attempt(() => builtin('node:os').userInfo().username) ?? `uid ${process.getuid?.() ?? 0}`,
		homeDirectory: () => builtin('node:os').homedir(),
		temporaryDirectory: () => builtin('node:os').tmpdir(),
		endsWithProgram: true,
		out: sink(1, () => process.stdout),
		err: sink(2, () => process.stderr),
		input: standardInput(),
		openTerminal: async () => (await import('./top/process-terminal.ts')).openProcessTerminal(),
		onInterrupt,
		root: '',
		nodeProgram: process.execPath,
		daemonProgram: findDaemonProgram,
		becomeDaemon,
	};
}

const builtin = process.getBuiltinModule;

/** A terminal is a character device; only of one of these is it worth to ask more. */
const isTerminalAt = (descriptor: number): boolean =>
	(attempt(() => fstatSync(descriptor).isCharacterDevice()) ?? false) && builtin('node:tty').isatty(descriptor);

function workingDirectory(): string {
	// the directory may have been removed under us; commands that need none still work
	return attempt(() => process.cwd()) ?? '/';
}

function sink(descriptor: 1 | 2, stream: () => NodeJS.WriteStream): Sink {
	const isTerminal = isTerminalAt(descriptor);
	return {
		isTerminal,
		get columns() {
			if (!isTerminal) return undefined;
			const told = Number(process.env['COLUMNS']);
			return Number.isInteger(told) && told > 0 ? told : stream().columns || 80;
		},
		get rows() {
			return isTerminal ? stream().rows || 24 : undefined;
		},
		write: (data) => writeWhole(descriptor, typeof data === 'string' ? Buffer.from(data) : data),
		flow: (data, signal) => flow(stream(), data, signal),
		flushed: (signal) => flushed(stream(), signal),
		onReaderGone: (listener) => watchReader(descriptor, systemClock, listener),
	};
}

/** What `process.stdout.write` would do, without loading it. */
function writeWhole(descriptor: 1 | 2, bytes: Uint8Array): void {
	for (let at = 0; at < bytes.length; ) {
		try {
			at += writeSync(descriptor, bytes, at);
		} catch (error) {
			const { code, message } = error as NodeJS.ErrnoException;
			// whoever shares the pipe may have made it non-blocking: then a full one refuses
			if (code === 'EAGAIN') pauseThread(2);
			else if (descriptor === 2) return;
			else if (code === 'EPIPE') throw new OutputClosed();
			else throw new CliError('output.failed', { reason: message });
		}
	}
}

interface Flowing {
	error?: Error;
}

const flowing = new WeakMap<NodeJS.WriteStream, Flowing>();

function flowOf(stream: NodeJS.WriteStream): Flowing {
	let state = flowing.get(stream);
	if (!state) {
		const kept: Flowing = {};
		state = kept;
		flowing.set(stream, kept);
		stream.on('error', (error: NodeJS.ErrnoException) => {
			kept.error ??= error.code === 'EPIPE' ? new OutputClosed() : new CliError('output.failed', { reason: error.message });
		});
	}
	return state;
}

function flow(stream: NodeJS.WriteStream, data: string | Uint8Array, signal: AbortSignal): Promise<void> {
	const state = flowOf(stream);
	if (state.error) return Promise.reject(state.error);
	if (signal.aborted || stream.write(data)) return Promise.resolve();
	return new Promise((resolve, reject) => {
		const done = () => {
			for (const event of ['drain', 'close', 'error']) stream.off(event, done);
			signal.removeEventListener('abort', done);
			if (state.error) reject(state.error);
			else resolve();
		};
		for (const event of ['drain', 'close', 'error']) stream.on(event, done);
		signal.addEventListener('abort', done, { once: true });
	});
}

function flushed(stream: NodeJS.WriteStream, signal: AbortSignal): Promise<void> {
	const state = flowOf(stream);
	if (state.error) return Promise.reject(state.error);
	if (signal.aborted) return Promise.resolve();
	return new Promise((resolve, reject) => {
		const done = () => {
			signal.removeEventListener('abort', done);
			if (state.error) reject(state.error);
			else resolve();
		};
		stream.write('', done);
		signal.addEventListener('abort', done, { once: true });
	});
}

function standardInput(): Source {
	return {
		isTerminal: isTerminalAt(0),
		async read(mostBytes = Number.POSITIVE_INFINITY) {
			const chunks: Buffer[] = [];
			let size = 0;
			for await (const chunk of process.stdin) {
				chunks.push(chunk as Buffer);
				size += (chunk as Buffer).length;
				if (size > mostBytes) break;
			}
			return Buffer.concat(chunks);
		},
		async ask(question) {
			const { createInterface } = builtin('node:readline');
			const lines = createInterface({ input: process.stdin, output: process.stderr });
			return new Promise((resolve) => {
				lines.once('close', () => resolve(undefined));
				lines.once('SIGINT', () => {
					process.stderr.write('\n');
					process.exit(130);
				});
				lines.question(question, (answer) => {
					resolve(answer);
					lines.close();
				});
			});
		},
	};
}

const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

function onInterrupt(listener: (exitCode: number) => void): () => void {
	const signals = Object.keys(exitCodes) as (keyof typeof exitCodes)[];
	const listeners = signals.map((signal) => [signal, () => listener(exitCodes[signal])] as const);
	for (const [signal, each] of listeners) process.on(signal, each);
	return () => {
		for (const [signal, each] of listeners) process.off(signal, each);
	};
}

function findDaemonProgram(): string {
	// named by hand: a daemon of another build, a fixture
	const named = process.env['ORCHD_BIN'];
	if (named) return named;
	try {
		return builtin('node:module')
			.createRequire(import.meta.filename)
			.resolve('@orch/daemon/bin');
	} catch (cause) {
		throw new CliError(
			'daemon.start_failed',
			{ reason: 'it is not installed beside orch (package @orch/daemon)', log: '', lines: [] },
			{ cause },
		);
	}
}

/** As exec(2) would: the same process id, terminal and signals, no parent that must pass them on. */
function becomeDaemon(args: readonly string[]): Promise<never> {
	const program = findDaemonProgram();
	process.argv = [process.argv[0] ?? process.execPath, program, ...args];
	// its own defects are its own to tell
	process.removeAllListeners('uncaughtException');
	builtin('node:module').createRequire(import.meta.filename)(program);
	// orchd ends the process
	return new Promise<never>(() => {});
}

function attempt<T>(get: () => T): T | undefined {
	try {
		return get();
	} catch {
		return undefined;
	}
}
