/** Why a connection came to nothing, in words. */

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

export function networkFault(error: Error): string {
	// one error per address that the name stands for: they rarely differ
	const first = error instanceof AggregateError ? (error.errors as Error[])[0] : error;
	const code = (first as NodeJS.ErrnoException | undefined)?.code;
	return (code === undefined ? undefined : words[code]) ?? first?.message ?? error.message;
}
