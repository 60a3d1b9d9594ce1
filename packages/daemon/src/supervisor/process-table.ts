/** The processes of this machine, as far as the supervisor has to know them. */
import type { Identity } from './ports.ts';
import type { Member, ProcessSet } from './process-set.ts';
import type { Escaped } from './snapshot.ts';

export interface ProcessTable {
	/** Which process a pid means now; undefined where it means none, or only a dead one. */
	identify(pid: number): Identity | undefined;
	/** The sets of a runtime are told apart by each other, so each is to be registered for as long as it may have members. */
	register(set: ProcessSet): void;
	unregister(set: ProcessSet): void;
	/** Of this process it is known that it belongs to no set, so it is not looked into, until the function that this gives is called. */
	ignore?(pid: number): () => void;
	/** The living members of a set; rejects where they cannot be known. Looks are put together: one answers all who ask in a turn. */
	members(set: ProcessSet): Promise<readonly Member[]>;
	/** Whether anything, be it dead, is in the group of a root that has just ended: one system call. */
	hasGroup(set: ProcessSet): boolean;
	/** To everyone in the group of a root that lives. False where there is no such group any more. */
	signalGroup(set: ProcessSet, signal: NodeJS.Signals): boolean;
	/** To one process, unless its pid is another's by now. */
	signal(target: Identity, signal: NodeJS.Signals): boolean;
	/** SIGKILL to members, whole groups at once where all of a group are members: nothing forked meanwhile gets away. */
	kill(members: readonly Member[]): void;
	/** SIGKILL to whoever is in the control group of a set, where it has one; nobody gets away by hiding. */
	killCgroup?(set: ProcessSet): void;
	/** The control group of a set of which nothing is left. */
	removeCgroup?(set: ProcessSet): void;
	describe(member: Member): Escaped;
}
