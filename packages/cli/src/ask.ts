/** One question to orchd and its answer, with as little code as that takes. */
import { createConnection } from 'node:net';
import { OrchError, ourHello, type Places, RemoteError, version, type WireError } from '@orch/protocol/wire';
import { refuseLongPath } from './places.ts';
import type { World } from './world.ts';

/**
 * Asks one question on a connection of its own, in JSON Lines: a long list is read by the engine's own parser, in a tenth of the
 * time that MessagePack takes in a program that has just started. Not for answers with bytes in them. Resolves with `notJson` where
 * whoever listens says something else, such as an orchd of another version.
 */
export function askInJson(world: World, places: Places, operation: string, params: unknown): Promise<unknown> {
	refuseLongPath(places);
	return new Promise((resolve, reject) => {
		const parts: Buffer[] = [];
		const socket = createConnection({ path: places.socket });
		socket.on('error', (error: NodeJS.ErrnoException) => void explain(error, world, places).then(reject, reject));
		socket.on('close', () => reject(new OrchError('disconnected', { reason: 'orchd closed the connection' })));
		socket.on('data', (bytes) => {
			if (parts.length === 0 && bytes[0] !== brace) {
				resolve(notJson);
				socket.destroy();
				return;
			}
			parts.push(bytes);
			if (bytes.at(-1) !== newline) return;
			socket.destroy();
			const answer = JSON.parse(Buffer.concat(parts).toString('utf8')) as { ok?: unknown; error?: WireError };
			if (answer.error) reject(new RemoteError(answer.error));
			else resolve(answer.ok);
		});
		// the hello has no answer here, but what does not fit together is told
		const hello = JSON.stringify({ hello: ourHello(`orch ${version}`, process.pid) });
		socket.write(`${hello}\n${JSON.stringify({ id: 1, op: operation, params })}\n`);
	});
}

export const notJson = Symbol('not JSON');
const newline = 0x0a;
const brace = 0x7b;

/** Only where something went wrong is it worth to look closer, and to load what that takes. */
export async function explain(error: NodeJS.ErrnoException, world: World, places: Places): Promise<Error> {
	const { explainConnectFailure } = await import('./connect-failure.ts');
	return explainConnectFailure(error, world, places);
}
