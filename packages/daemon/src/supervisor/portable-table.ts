/** Processes where there is no /proc: what belongs to a set is its process group, and what `ps` says descends from its root. */
import treeKill from 'tree-kill';
import type { ProcessTable } from './process-table.ts';

/**
 * No start times are to be had without a program per question, so a root is trusted only until its end is seen, and a group only
 * until it is seen empty. What leaves both the group and the tree stays unseen.
 */
export function createPortableTable(): ProcessTable {
	return {
		identify: (pid) => (isAlive(pid) ? { pid, startTicks: 0 } : undefined),
		register: () => {},
		unregister: () => {},
		async members(set) {
			const { root } = set;
			if (!root || !set.holdsGroup) return [];
			if (!isAlive(-root.pid)) {
				set.holdsGroup = !set.exited;
				return [];
			}
			return [{ ...root, group: root.pid, stopped: false, name: 'process group' }];
		},
		hasGroup: ({ root, holdsGroup }) => root !== undefined && holdsGroup && isAlive(-root.pid),
		signalGroup({ root, holdsGroup, exited }, signal) {
			if (!root || !holdsGroup || !isAlive(-root.pid)) return false;
			// first the tree, as long as the parents in it are there to be followed
			if (!exited && signal !== 'SIGCONT') treeKill(root.pid, signal, () => {});
			return send(-root.pid, signal);
		},
		signal: ({ pid }, signal) => pid > 1 && send(pid, signal),
		kill(members) {
			for (const { group } of members) if (group > 1) send(-group, 'SIGKILL');
		},
		describe: ({ pid, name }) => ({ pid, command: name }),
	};
}

function send(target: number, signal: NodeJS.Signals | 0): boolean {
	try {
		process.kill(target, signal);
		return true;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === 'EPERM';
	}
}

const isAlive = (target: number): boolean => send(target, 0);
