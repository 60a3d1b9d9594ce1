/** Comes back to orchd after it went away: for what follows something over its restarts. */
import { RemoteError, OrchError } from '@orch/protocol/wire';
import { type Connection, helloOf, openConnection } from './connect.ts';
import { answerMs, type Context } from './context.ts';

/** An orchd that is not back within this time has been stopped for good. */
const waitMs = 60_000;
const tryEveryMs = 200;

/** Whether the connection ended before the answer did. */
export const isDisconnected = (error: unknown): boolean =>
	(error instanceof OrchError || error instanceof RemoteError) &&
	(error.code === 'disconnected' || error.code === 'daemon.stopping');

/** Resolves once orchd answers again; rejects with the reason why it cannot be reached, or when the signal is aborted. */
export async function reconnect(context: Context, signal: AbortSignal): Promise<void> {
	const { world, places } = context;
	const deadline = world.clock.monotonicMs() + waitMs;
	context.note('orch: orchd has gone; waiting for it to come back (Ctrl-C ends)');
	for (;;) {
		await world.clock.sleep(tryEveryMs, signal);
		let connection: Connection | undefined;
		try {
			connection = openConnection(world, places);
			await helloOf(connection, world.clock, answerMs, signal);
			context.adopt(connection);
			context.note('orch: orchd is back; going on');
			return;
		} catch (error) {
			connection?.close();
			if (signal.aborted || world.clock.monotonicMs() >= deadline) throw error;
		}
	}
}
