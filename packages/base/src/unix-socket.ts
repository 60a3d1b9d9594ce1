/** Unix sockets that belong to their owner alone: measured before use, made under a umask, never too long. */
import { createConnection, createServer, type Server, type Socket } from 'node:net';

/** What Linux has room for in sockaddr_un, without the closing NUL. Node 20 truncates longer paths in silence. */
export const longestSocketPathBytes = 107;

export class SocketPathTooLong extends Error {
	readonly path: string;
	readonly bytes: number;
	constructor(path: string, bytes: number) {
		super(`Socket path is ${bytes} bytes, the system allows ${longestSocketPathBytes}: ${path}`);
		this.path = path;
		this.bytes = bytes;
	}
}

export function measureSocketPath(path: string): void {
	const bytes = Buffer.byteLength(path);
	if (bytes > longestSocketPathBytes) throw new SocketPathTooLong(path, bytes);
}

export interface ListenOptions {
	readonly path: string;
	readonly onConnection: (socket: Socket) => void;
	/** Bytes that a socket gathers before it stops reading; Node's own default of 16 KiB halves throughput. */
	readonly highWaterMark?: number;
	/** File mode bits to take away while the socket is made: 0o177 leaves the owner's read and write. */
	readonly umask?: number;
	/** Leave it to the receiver to end its side when the other one has: `socketChannel` tells it by `finished`. */
	readonly allowHalfOpen?: boolean;
}

/** Listens; the socket file is never, not even for a moment, open to others. */
export async function listenUnix({
	path,
	onConnection,
	highWaterMark,
	umask = 0o177,
	allowHalfOpen = false,
}: ListenOptions): Promise<Server> {
	measureSocketPath(path);
	const server = createServer({ ...(highWaterMark === undefined ? {} : { highWaterMark }), allowHalfOpen }, onConnection);
	await new Promise<void>((resolve, reject) => {
		server.once('error', reject);
		// bind(2) happens inside listen() for pipes, so the umask holds for exactly that call
		const before = process.umask(umask);
		try {
			server.listen(path, () => {
				server.removeListener('error', reject);
				resolve();
			});
		} finally {
			process.umask(before);
		}
	});
	return server;
}

/** Stops listening and waits for the last connection to close; callers end their connections first. */
export function closeServer(server: Server): Promise<void> {
	return new Promise((resolve) => {
		server.close(() => resolve());
	});
}

/** What the owner of a byte stream is told; every protocol here is fed this way. */
export interface ByteReceiver {
	receive(bytes: Uint8Array): void;
	writable(): void;
	disconnected(reason: string): void;
	/** The other side sends no more, but may still read. Only told where half-open connections are allowed. */
	finished?(): void;
}

/** What the owner may do with it. */
export interface ByteChannel {
	write(bytes: Uint8Array): boolean;
	pause(): void;
	resume(): void;
	end(): void;
}

/** The byte channel of a socket; `bind` connects it to its receiver, who must be there before the next turn. */
export function socketChannel(socket: Socket): ByteChannel & { bind(receiver: ByteReceiver): void } {
	return {
		write: (bytes) => socket.writable && socket.write(bytes),
		pause: () => socket.pause(),
		resume: () => socket.resume(),
		end: () => socket.destroySoon(),
		bind(receiver) {
			let reason = 'the other side closed the connection';
			socket.on('data', (bytes) => receiver.receive(bytes));
			socket.on('drain', () => receiver.writable());
			socket.on('end', () => receiver.finished?.());
			socket.on('error', (error) => {
				reason = error.message;
			});
			socket.on('close', () => receiver.disconnected(reason));
		},
	};
}

/** Connects, or rejects with the system's error. */
export function connectUnix(path: string, options: { readonly highWaterMark?: number } = {}): Promise<Socket> {
	measureSocketPath(path);
	return new Promise((resolve, reject) => {
		const socket = createConnection({ path, ...options });
		socket.once('error', reject);
		socket.once('connect', () => {
			socket.removeListener('error', reject);
			resolve(socket);
		});
	});
}
