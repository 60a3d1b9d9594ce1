/** Stops everything in some process sets for a moment, and lets it go on: only where files cannot be moved on otherwise. */
import type { Clock } from '@orch/base';
import type { Member, ProcessSet } from './process-set.ts';
import type { ProcessTable } from './process-table.ts';

/** What does not stop within this time is let be, with all the others. */
const freezeMs = 2_000;
const lookEveryMs = 1;

/** Undefined where not everything could be stopped; nothing is stopped then. What was stopped before stays so afterwards. */
export async function freezeSets(
	table: Pick<ProcessTable, 'members' | 'signal'>,
	clock: Clock,
	sets: readonly ProcessSet[],
): Promise<(() => void) | undefined> {
	const stopped = new Map<number, Member>();
	const letGo = () => {
		for (const member of stopped.values()) table.signal(member, 'SIGCONT');
	};
	const deadline = clock.monotonicMs() + freezeMs;
	try {
		while (clock.monotonicMs() < deadline) {
			const members = (await Promise.all(sets.map((set) => table.members(set)))).flat();
			const running = members.filter((member) => !member.stopped);
			if (running.length === 0) return letGo;
			for (const member of running) if (table.signal(member, 'SIGSTOP')) stopped.set(member.pid, member);
			await clock.sleep(lookEveryMs);
		}
	} catch (error) {
		letGo();
		throw error;
	}
	letGo();
	return undefined;
}

/** Lets go what a daemon before us had stopped, and could not let go any more. */
export async function thawSets(table: Pick<ProcessTable, 'members' | 'signal'>, sets: readonly ProcessSet[]): Promise<void> {
	const members = (await Promise.all(sets.map((set) => table.members(set)))).flat();
	for (const member of members) if (member.stopped) table.signal(member, 'SIGCONT');
}
