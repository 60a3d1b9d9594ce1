/** One router for each state: two would give the same ids to different types. Held by a socket, so that it ends with its holder. */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { createServer, type Server } from 'node:net';

/** After the zero byte that says that it is no file. */
const longestNameBytes = 106;

/** Resolves to what lets go of the lock; rejects when another process holds it. */
export async function lockState(directory: string, uid: number): Promise<() => void> {
	// other systems have no sockets without a file: there the router's own socket must do
	if (process.platform !== 'linux') return () => {};
	const server: Server = createServer((socket) => socket.destroy());
	await new Promise<void>((resolve, reject) => {
		server.once('error', (error: NodeJS.ErrnoException) => {
			reject(error.code === 'EADDRINUSE' ? new Error(`Cannot use the state in ${directory}: another router does`) : error);
		});
		server.listen(`\0${nameOf(`orch-router ${uid} ${realpathSync(directory)}`)}`, resolve);
	});
	server.unref();
	return () => server.close();
}

/** All of it where a socket may be called so, for the hash comes with half a MiB of code. */
const nameOf = (whole: string): string =>
	Buffer.byteLength(whole) <= longestNameBytes ? whole : `orch-router ${createHash('sha256').update(whole).digest('hex')}`;
