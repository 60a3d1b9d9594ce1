/** Runtimes that live and that no journal knows: what their records tell of them. */
import type { KeptRuntime } from './journal.ts';
import { wholeRuntime } from './kept.ts';
import type { Recorded } from './ports.ts';

/**
 * A runtime is in the journal before it is launched, and leaves it after its last process has ended. So one that lives and is not in
 * there was lost with a part of the state: stopping it would take from a user what runs, leaving it alone would leave it to nobody. But
 * for what was removed and could not be ended, as its record says.
 */
export function lostRuntimes(kept: readonly KeptRuntime[], records: readonly Recorded[], now: number): KeptRuntime[] {
	const known = new Set(kept.map(({ spec }) => spec.id));
	const names = new Set(kept.map(({ spec }) => spec.name));
	const latest = new Map<string, Recorded>();
	for (const one of records) {
		const { runtimeId, generation, spec, isDisowned } = one.record;
		if (isDisowned || known.has(runtimeId) || !one.rootLives || !one.launch.isLetGo || typeof spec !== 'object' || spec === null)
			continue;
		if (generation > (latest.get(runtimeId)?.record.generation ?? 0)) latest.set(runtimeId, one);
	}
	return [...latest.values()]
		.sort((one, other) => one.record.launchedAt - other.record.launchedAt)
		.map(({ record: { runtimeId, runtimeName, generation, spec, bootId } }) => {
			const name = freeName(runtimeName, names);
			names.add(name);
			const memory = { bootId, desired: 'running', generation, settled: generation - 1, state: { kind: 'active' } };
			return wholeRuntime({ id: runtimeId, name, spec, memory, addedAt: now });
		});
}

/** An older state may know another runtime by the name that this one has got since. */
function freeName(wanted: string, taken: ReadonlySet<string>): string {
	for (let count = 2, name = wanted; ; count++) {
		if (!taken.has(name)) return name;
		name = `${wanted}-${count}`;
	}
}
