/** A process of a runtime: one life, from its launch to the end of its shim. */
import type { LifeBegun } from './journal.ts';
import type { Identity, Launched, Recorded } from './ports.ts';
import type { ProcessSet } from './process-set.ts';

export interface Process {
	readonly processId: string;
	readonly generation: number;
	readonly program: Identity;
	readonly set: ProcessSet;
	readonly launched: Launched;
	/** Milliseconds since the Unix epoch. */
	readonly startedAt: number;
	/** By the clock that only grows. */
	readonly startedMs: number;
}

/** For the journal: the daemon before may have died between a launch and its note of it. */
export function lifeOf({ record, launch }: Recorded): LifeBegun {
	const { processId, runtimeId, generation, pid, startTicks, bootId, launchedAt } = record;
	return { processId, runtimeId, generation, pid: launch.pid ?? pid, startTicks, bootId, startedAt: launchedAt };
}
