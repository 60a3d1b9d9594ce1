/** Output of runtimes that no daemon knows any more: kept for a while for people to read, then removed. */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Logger } from '@orch/base';

export interface OldOutputOptions {
	readonly stateDirectory: string;
	readonly clock: Clock;
	readonly log: Logger;
	/** Whose output is not to be touched, however old it is. */
	readonly isKnown: (runtimeId: string) => boolean;
}

/** Output that nobody has written to for so long is removed when a daemon starts. */
export const keepOutputMs = 7 * 24 * 3_600_000;

/** Looks at every directory of output; to be called once all runtimes are known. Gives how many it removed. */
export function removeOldOutput({ stateDirectory, clock, log, isKnown }: OldOutputOptions): number {
	const logs = join(stateDirectory, 'logs');
	let removed = 0;
	for (const name of namesIn(logs)) {
		if (isKnown(name)) continue;
		const directory = join(logs, name);
		const newest = Math.max(...[directory, ...namesIn(directory).map((file) => join(directory, file))].map(changedAt));
		if (clock.now() - newest < keepOutputMs) continue;
		rmSync(directory, { recursive: true, force: true });
		removed++;
	}
	if (removed > 0) log.info('old output removed', { runtimes: removed });
	return removed;
}

function namesIn(directory: string): string[] {
	try {
		return readdirSync(directory);
	} catch {
		// nothing was ever written there
		return [];
	}
}

function changedAt(path: string): number {
	try {
		return statSync(path).mtimeMs;
	} catch {
		// gone meanwhile: no reason to keep the rest
		return 0;
	}
}
