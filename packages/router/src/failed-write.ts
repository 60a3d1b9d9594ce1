/**
 * Whoever has gone may have left something to read. Node closes a socket at the first write that fails, and throws that away;
 * here only writing is over then, and the socket is read to its end.
 */
import type { Socket } from 'node:net';

type Written = (error?: Error | null) => void;

/** Calls back, once, when the other side is found to read no more. */
export function readOnAfterFailedWrite(socket: Socket, failed: () => void): void {
	const write = socket._write;
	const writeAll = socket._writev as NonNullable<Socket['_writev']>;
	let gone = false;
	const unlessGone =
		(written: Written): Written =>
		(error) => {
			if (!error || !codesOfGone.has((error as NodeJS.ErrnoException).code)) {
				written(error);
				return;
			}
			gone = true;
			failed();
			written();
		};
	socket._write = (bytes, encoding, written) => {
		if (gone) written();
		else write.call(socket, bytes, encoding, unlessGone(written));
	};
	socket._writev = (pieces, written) => {
		if (gone) written();
		else writeAll.call(socket, pieces, unlessGone(written));
	};
}

const codesOfGone: ReadonlySet<string | undefined> = new Set(['EPIPE', 'ECONNRESET']);
