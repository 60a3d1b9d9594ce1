/** The two ends of one connection, in this process. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A client's socket and the router's end of it, paused as it is when a peer takes it over. */
export async function connected(): Promise<{ client: Socket; accepted: Socket; close: () => void }> {
	const directory = mkdtempSync(join(tmpdir(), 'orch-ps-'));
	const path = join(directory, 's');
	const server = createServer({ allowHalfOpen: true });
	await new Promise<void>((resolve) => server.listen(path, resolve));
	const coming = new Promise<Socket>((resolve) => server.once('connection', (socket) => resolve(socket.pause())));
	const client = connect(path);
	const accepted = await coming;
	if (client.connecting) await once(client, 'connect');
	const close = () => {
		for (const socket of [client, accepted]) socket.destroy();
		server.close();
		rmSync(directory, { recursive: true });
	};
	return { client, accepted, close };
}
