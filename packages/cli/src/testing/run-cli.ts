/** Runs the whole program inside a test: what it wrote to each stream, and its exit code. */
import { ManualClock } from '@orch/base/testing';
import type { Clock } from '../clock.ts';
import { run } from '../program.ts';
import type { Sink, World } from '../world.ts';

export interface RunOptions {
	readonly socket?: string;
	/** A terminal of so many columns on all three streams; else pipes. */
	readonly columns?: number;
	readonly rows?: number;
	readonly env?: Readonly<Record<string, string>>;
	readonly cwd?: string;
	/** What standard input holds; on a terminal, the lines that are typed. */
	readonly input?: string | Uint8Array;
	readonly clock?: Clock;
	/** Called once the program listens for an interruption. */
	readonly interrupt?: (fire: (exitCode?: number) => void) => void;
	/** Called with all that is on standard output so far, after each write. */
	readonly onOutput?: (text: string) => void;
	readonly daemonProgram?: () => string;
	/** The machine that the program sees; else none that has anything. */
	readonly root?: string;
	readonly nodeProgram?: string;
	readonly homeDirectory?: string;
	readonly openTerminal?: World['openTerminal'];
	readonly writeError?: Error;
	/** Nobody reads: the program waits before it may write on, or only at its end for all to be out. */
	readonly blocked?: 'flow' | 'flushed';
	readonly temporaryDirectory?: string;
	readonly uid?: number;
}

export interface Ran {
	readonly code: number;
	readonly out: string;
	readonly err: string;
}

const aborted = (signal: AbortSignal): Promise<void> =>
	new Promise((resolve) => {
		if (signal.aborted) resolve();
		else signal.addEventListener('abort', () => resolve(), { once: true });
	});

export async function runCli(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
	const written = { out: '', err: '' };
	const isTerminal = options.columns !== undefined;
	const sink = (name: 'out' | 'err'): Sink => {
		const write = (data: string | Uint8Array) => {
			if (name === 'out' && options.writeError) throw options.writeError;
			written[name] += typeof data === 'string' ? data : Buffer.from(data).toString('utf8');
			if (name === 'out') options.onOutput?.(written.out);
		};
		return {
			isTerminal,
			columns: options.columns,
			rows: options.columns === undefined ? undefined : (options.rows ?? 24),
			write,
			async flow(data, signal) {
				write(data);
				if (options.blocked === 'flow') await aborted(signal);
			},
			async flushed(signal) {
				if (options.blocked) await aborted(signal);
			},
			onReaderGone: () => () => {},
		};
	};
	const listeners = new Set<(exitCode: number) => void>();
	const answers = typeof options.input === 'string' ? options.input.split('\n') : [];
	const world: World = {
		env: {
			...(options.socket ? { ORCH_SOCKET: options.socket } : {}),
			ORCH_AUTOSTART: '0',
			PATH: '/usr/bin:/bin',
			...options.env,
		},
		cwd: options.cwd ?? '/srv/work',
		clock: options.clock ?? new ManualClock(Date.UTC(2026, 0, 1, 2, 14, 0)),
		uid: options.uid ?? 1000,
		userName: () => 'ben',
		homeDirectory: () => options.homeDirectory ?? '/home/ben',
		root: options.root ?? '/nonexistent/root',
		nodeProgram: options.nodeProgram ?? process.execPath,
		temporaryDirectory: () => options.temporaryDirectory ?? '/nowhere/tmp',
		endsWithProgram: false,
		out: sink('out'),
		err: sink('err'),
		openTerminal: options.openTerminal ?? (() => Promise.reject(new Error('this test has no terminal'))),
		input: {
			isTerminal,
			read: async () => Buffer.from(options.input ?? ''),
			ask: async (question) => {
				written.err += question;
				return answers.shift();
			},
		},
		onInterrupt(listener) {
			listeners.add(listener);
			options.interrupt?.((exitCode = 130) => {
				for (const each of listeners) each(exitCode);
			});
			return () => listeners.delete(listener);
		},
		daemonProgram: options.daemonProgram ?? (() => '/nonexistent/orchd'),
		becomeDaemon: () => Promise.reject(new Error('not inside a test')),
	};
	const code = await run(argv, world);
	return { code, ...written };
}
