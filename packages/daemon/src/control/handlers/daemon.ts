/** Handlers of the operations on the daemon itself. */
import type { Call, DaemonStatus, daemonOperations, Handlers } from '@orch/protocol';
import { version } from '@orch/protocol';
import { controlProtocol } from '@orch/protocol/wire';
import type { Static } from 'typebox';

type Status = Static<typeof DaemonStatus>;

/** What these handlers ask of the composition root. */
export interface DaemonFacts {
	status(): Promise<Omit<Status, 'version' | 'protocol' | 'pid' | 'node'>>;
	/** Stops every runtime, or keeps them running; the daemon ends after the answer. */
	stop(runtimes: 'stop' | 'keep'): Promise<{ readonly stopped: number; readonly kept: number }>;
	clear(
		signal: AbortSignal,
	): Promise<{ readonly runtimes: number; readonly links: number; readonly droppedMessages: number | null }>;
}

export function daemonHandlers(facts: DaemonFacts): Handlers<typeof daemonOperations> {
	const identity = () => ({
		version,
		protocol: { min: controlProtocol.min, max: controlProtocol.max },
		pid: process.pid,
		node: process.versions.node,
	});
	return {
		'daemon.version': async () => identity(),
		'daemon.status': async () => ({ ...identity(), ...(await facts.status()) }),
		'daemon.stop': ({ runtimes }) => facts.stop(runtimes ?? 'stop'),
		clear: (_params, call: Call<never>) => facts.clear(call.signal),
	};
}
