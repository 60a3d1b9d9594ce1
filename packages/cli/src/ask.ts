/** One question to orchd and its answer, with as little code as that takes. */
import { createConnection } from 'node:net';
import { OrchError, ourHello, type Places, RemoteError, version, type WireError } from '@orch/protocol/wire';
import { refuseLongPath } from './places.ts';
import type { World } from './world.ts';

/**
 * Asks one question on a connection of its own, in JSON Lines: a long list is read by the engine's own parser, in a tenth of the
 * time that MessagePack takes in a program that has just started. Not for answers with bytes in them. Resolves with `notJson` where
 * whoever listens says something else, such as an orchd of another version, or more than it was told to.
 */
export function askInJson(
	world: World,
	places: Places,
	operation: string,
	params: unknown,
	mostBytes = longestAnswerBytes,
): Promise<unknown> {
	refuseLongPath(places);
	return new Promise((resolve, reject) => {
		const parts: Buffer[] = [];
		let gathered = 0;
		// not by the stream, which takes longer to get ready than orchd to answer
		const take = (length: number, buffer: Uint8Array): boolean => {
			gathered += length;
			if ((parts.length === 0 && buffer[0] !== brace) || gathered > mostBytes + 1) {
				resolve(notJson);
				socket.destroy();
				return false;
			}
			// the buffer is used again
			parts.push(Buffer.from(buffer.subarray(0, length)));
			if (buffer[length - 1] !== newline) return true;
			try {
				const answer = JSON.parse(Buffer.concat(parts).toString('utf8')) as { ok?: unknown; error?: WireError };
				if (answer.error) reject(new RemoteError(answer.error));
				else resolve(answer.ok);
			} catch {
				resolve(notJson);
			}
			if (!world.endsWithProgram) socket.destroy();
			return false;
		};
		const onread = { buffer: Buffer.allocUnsafeSlow(readBytes), callback: take };
		const socket = createConnection({ path: places.socket, onread });
		socket.on('error', (error: NodeJS.ErrnoException) => void explain(error, world, places).then(reject, reject));
		let isConnected = false;
		socket.on('close', () => {
			// where nobody listens the explanation comes, which takes a moment
			if (isConnected) reject(new OrchError('disconnected', { reason: 'orchd closed the connection' }));
		});
		socket.once('connect', () => {
			isConnected = true;
			// the hello has no answer here, but what does not fit together is told
			const hello = JSON.stringify({ hello: { ...ourHello(`orch ${version}`, process.pid), maxFrame: mostBytes } });
			socket.write(`${hello}\n${JSON.stringify({ id: 1, op: operation, params })}\n`);
		});
	});
}

export const notJson = Symbol('not JSON');
/** A line may be longer than a frame: this is tens of thousands of runtimes, and well within the longest string that there can be. */
const longestAnswerBytes = 256 * 1024 * 1024;
/** Long answers come in so much at a time. */
const readBytes = 256 * 1024;
const newline = 0x0a;
const brace = 0x7b;

/** Only where something went wrong is it worth to look closer, and to load what that takes. */
export async function explain(error: NodeJS.ErrnoException, world: World, places: Places): Promise<Error> {
	const { explainAbsence } = await import('./connect-failure.ts');
	return explainAbsence(error, world, places);
}
