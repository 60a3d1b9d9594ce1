/** What went wrong, with a code that a program can compare and a sentence that a person can read. */
import type { DataErrorCode } from '@orch/protocol/data';

export type OrchErrorCode =
	| DataErrorCode
	/** The program does not run under orch. */
	| 'detached'
	/** `close()` was called. */
	| 'closed'
	/** The connection broke after the request had been sent: whether it was carried out is not known. */
	| 'disconnected'
	/** No answer came in time. */
	| 'timeout'
	/** The signal of the caller was aborted. */
	| 'aborted'
	/** The payload cannot be written in, or read from, the codec of its type. */
	| 'codec'
	/** Nobody answers requests of this type. */
	| 'unhandled'
	/** The handler that should have answered threw. */
	| 'handler_failed'
	/** A signal asked the process to end. */
	| 'shutdown';

export class OrchError extends Error {
	override readonly name = 'OrchError';
	/** One of `OrchErrorCode`, or what the answering side chose for its own error. */
	readonly code: OrchErrorCode | (string & {});

	constructor(code: OrchErrorCode | (string & {}), message: string, options?: ErrorOptions) {
		super(message, options);
		this.code = code;
	}
}

/** Messages of ours did not fit the schema of their type, and were not delivered. */
export class MessageRefused extends OrchError {
	/** Undefined where messages of too many types were refused to name them. */
	readonly type: string | undefined;
	/** Where in the message, as in `.items[0].name`; empty for the whole of it. */
	readonly path: string;
	/** How many messages this is about; all other words are about the last one. */
	readonly count: number;

	constructor(message: string, { type, path, count }: { type?: string | undefined; path: string; count: number }) {
		super('schema', message);
		this.type = type;
		this.path = path;
		this.count = count;
	}
}

/** For errors of the program's own functions that nobody waits for: they end the process, as an uncaught error does. */
export function throwLater(error: unknown): void {
	process.nextTick(() => {
		throw error;
	});
}
