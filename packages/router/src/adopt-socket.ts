/**
 * Reading a socket into memory of one's own. Node offers that (`onread`) for sockets that it connects; for those that it
 * accepts only by putting another socket round the same handle. That is not documented, so it is felt for, and where it
 * is not there the ordinary way is gone, which costs a copy.
 */
import { Socket, type SocketConstructorOpts } from 'node:net';
import { firstReadBytes, socketHighWaterBytes } from './limits.ts';

export interface ReadTarget {
	/** Where the next bytes go; asked for after what arrived before has been dealt with. */
	space(): Buffer;
	/** So many bytes have come to where `space` said. */
	arrived(bytes: number): void;
	/** Bytes that came elsewhere. */
	receive(chunk: Buffer): void;
}

interface Inner {
	_handle: { readonly useUserBuffer?: unknown; readonly readStop?: unknown; reading?: boolean } | null;
}

/** A socket that reads into `target`, in the place of a paused one, and what that one had read; undefined where this Node cannot. */
export function adoptSocket(
	socket: Socket,
	target: ReadTarget,
): { readonly socket: Socket; readonly ahead: Buffer | null } | undefined {
	const inner = socket as unknown as Inner;
	const handle = inner._handle;
	if (socket.destroyed || typeof handle?.useUserBuffer !== 'function' || typeof handle.readStop !== 'function') return undefined;
	// begun anew, reading comes upon the end of the stream once more, which the paused one may have met already
	handle.readStop();
	handle.reading = false;
	const ahead = socket.read() as Buffer | null;
	// the first read goes here, because by then what is ahead of it may not have been dealt with
	const scratch = Buffer.allocUnsafeSlow(firstReadBytes);
	let current: Buffer = scratch;
	let first = true;
	inner._handle = null;
	socket.destroy();
	const options = {
		handle,
		readable: true,
		writable: true,
		allowHalfOpen: true,
		highWaterMark: socketHighWaterBytes,
		onread: {
			buffer: () => {
				if (!first) current = target.space();
				first = false;
				return current;
			},
			callback: (bytes: number) => {
				if (current === scratch) target.receive(scratch.subarray(0, bytes));
				else target.arrived(bytes);
				return true;
			},
		},
	};
	return { socket: new Socket(options as SocketConstructorOpts), ahead };
}
