/** A journal that is kept as text, as one on a disk is: what a supervisor wrote is what the next one reads. */
import type { Journal, KeptRuntime, LifeBegun, LifeEnd } from '../journal.ts';

export interface MemoryJournal extends Journal {
	readonly lives: (LifeBegun & { readonly end?: LifeEnd })[];
	/** How often something was written. */
	writes: number;
}

export function createMemoryJournal(): MemoryJournal {
	const rows = new Map<string, string>();
	const kept = (id: string): KeptRuntime => JSON.parse(rows.get(id) ?? 'null') as KeptRuntime;
	const write = (row: KeptRuntime) => {
		journal.writes++;
		rows.set(row.spec.id, JSON.stringify(row));
	};
	const journal: MemoryJournal = {
		lives: [],
		writes: 0,
		load: () => [...rows.keys()].map(kept),
		added: (...all) => all.forEach(write),
		respecified: (id, spec) => write({ ...kept(id), spec }),
		remembered: (id, memory) => write({ ...kept(id), memory }),
		removed: (id) => void rows.delete(id),
		began: (life) => {
			if (!journal.lives.some(({ processId }) => processId === life.processId)) journal.lives.push(life);
		},
		ended: (processId, end) => {
			const at = journal.lives.findIndex((life) => life.processId === processId);
			const life = journal.lives[at];
			if (life) journal.lives[at] = { ...life, end };
		},
	};
	return journal;
}
