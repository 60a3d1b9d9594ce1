/** One router for each state: two would give the same ids to different types. Held by a socket, so that it ends with its holder. */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { createServer, type Server } from 'node:net';

/** Resolves to what lets go of the lock; rejects when another process holds it. */
export async function lockState(directory: string, uid: number): Promise<() => void> {
	// other systems have no sockets without a file: there the router's own socket must do
	if (process.platform !== 'linux') return () => {};
	const name = createHash('sha256')
		.update(`orch-router ${uid} ${realpathSync(directory)}`)
		.digest('hex')
		.slice(0, 32);
	const server: Server = createServer((socket) => socket.destroy());
	await new Promise<void>((resolve, reject) => {
		server.once('error', (error: NodeJS.ErrnoException) => {
			reject(error.code === 'EADDRINUSE' ? new Error(`Cannot use the state in ${directory}: another router does`) : error);
		});
		server.listen(`\0orch-router-${name}`, resolve);
	});
	server.unref();
	return () => server.close();
}
