/** What a command may touch of the process it runs in: passed in, so that the whole program also runs inside a test. */
import type { Clock } from './clock.ts';
import type { Terminal } from './top/terminal.ts';

export interface Sink {
	readonly isTerminal: boolean;
	/** Columns of the terminal; undefined where lines may be of any length. */
	readonly columns: number | undefined;
	/** Lines of the terminal; undefined where there may be any number. */
	readonly rows: number | undefined;
	/** Writes all of it before it returns. Throws OutputClosed when nobody reads any more. */
	write(data: string | Uint8Array): void;
	/** Writes, and resolves once more may be written: for output without end. Not to be mixed with `write`. */
	flow(data: string | Uint8Array, signal: AbortSignal): Promise<void>;
	/** Calls back once, where it can be told, when nobody reads a pipe any more; returns how to unsubscribe. */
	onReaderGone(listener: () => void): () => void;
	/** Resolves once all that has flowed is out, or the signal is aborted. */
	flushed(signal: AbortSignal): Promise<void>;
}

export interface Source {
	readonly isTerminal: boolean;
	/** Everything up to its end, or as soon as it is more than so many bytes, what there is by then. */
	read(mostBytes?: number): Promise<Uint8Array>;
	/** One line, asked for on standard error; undefined at the end of input. */
	ask(question: string): Promise<string | undefined>;
}

export interface World {
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly cwd: string;
	readonly clock: Clock;
	readonly uid: number;
	readonly userName: () => string;
	readonly homeDirectory: () => string;
	readonly temporaryDirectory: () => string;
	/** The process ends with the program, and what is open ends with it: closing it first would only take time. */
	readonly endsWithProgram: boolean;
	readonly out: Sink;
	readonly err: Sink;
	readonly input: Source;
	/** The terminal with its keys and its whole screen. */
	readonly openTerminal: () => Promise<Terminal>;
	/** Calls back with the exit code when the process is told to end; returns how to unsubscribe. Until then it just ends. */
	readonly onInterrupt: (listener: (exitCode: number) => void) => () => void;
	/** Where the machine's own directories begin (/etc, /proc, /run, /sys, /var): nothing, or a directory of a test. */
	readonly root: string;
	/** The absolute path of the Node that runs this. */
	readonly nodeProgram: string;
	/** The program of orchd. Throws where it is not installed. */
	readonly daemonProgram: () => string;
	/** Becomes orchd, in this very process: does not return. */
	readonly becomeDaemon: (args: readonly string[]) => Promise<never>;
}
