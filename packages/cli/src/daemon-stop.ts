/** Waits until an orchd that has said that it stops is gone. */
import type { Places } from '@orch/protocol/wire';
import { within } from './clock.ts';
import { type Connection, helloOf, openConnection } from './connect.ts';
import { isDaemonMissing } from './connect-failure.ts';
import { CliError } from './errors.ts';
import type { World } from './world.ts';

const goneWithinMs = 15_000;
const lookEveryMs = 10;
/** For the first word of whoever listens there. */
const answerMs = 1000;

/**
 * The connection that it was told by first, then its socket, as the daemon removes it, then its process, so that a start right
 * behind finds no lock held.
 */
export async function awaitEnd(
	world: World,
	places: Places,
	connection: Connection,
	pid: number,
	outer?: AbortSignal,
): Promise<void> {
	const { clock } = world;
	const gone = async (signal: AbortSignal) => {
		await connection.closed;
		while (!signal.aborted && ((await answers(world, places, pid, signal)) || isAlive(pid)))
			await clock.sleep(lookEveryMs, signal);
	};
	await within(clock, goneWithinMs, gone, () => new CliError('daemon.not_stopped', { pid, ms: goneWithinMs }), outer);
}

/** Whether the same orchd still answers; another one may have been started on the socket meanwhile. */
async function answers(world: World, places: Places, pid: number, signal: AbortSignal): Promise<boolean> {
	const connection = openConnection(world, places);
	try {
		return (await helloOf(connection, world.clock, answerMs, signal)).pid === pid;
	} catch (error) {
		if (isDaemonMissing(error)) return false;
		const { code } = error as { code?: unknown };
		// one that takes connections and says nothing is still there, and one that drops them is on its way out
		return code === 'timeout' || code === 'disconnected';
	} finally {
		connection.close();
	}
}

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch {
		// gone; or of another user or process space, and then not ours to wait for
		return false;
	}
}
