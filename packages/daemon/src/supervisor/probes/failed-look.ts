/** What a look says that came to nothing by an error: a failure, or nothing at all where it was we who lacked something. */
import { isShortage } from '../shortage.ts';
import type { Answer } from './checker.ts';

const words: Readonly<Record<string, string>> = {
	ECONNREFUSED: 'connection refused',
	ECONNRESET: 'connection reset',
	ENOTFOUND: 'no such host',
	EAI_AGAIN: 'the name could not be looked up',
	EHOSTUNREACH: 'host unreachable',
	ENETUNREACH: 'network unreachable',
	EADDRNOTAVAIL: 'no such address here',
	EMFILE: 'orchd has no file descriptor left',
	ENFILE: 'the system has no file descriptor left',
};

export function failedLook(error: unknown): Answer {
	return { ok: false, text: error instanceof Error ? error.message : String(error), ...(isShortage(error) && { notSeen: true }) };
}

export function notConnected(error: Error): Answer {
	// one error per address that the name stands for: they rarely differ
	const first = error instanceof AggregateError ? (error.errors as Error[])[0] : error;
	const code = (first as NodeJS.ErrnoException | undefined)?.code;
	const text = (code === undefined ? undefined : words[code]) ?? first?.message ?? error.message;
	return { ok: false, text, ...(isShortage(first) && { notSeen: true }) };
}
