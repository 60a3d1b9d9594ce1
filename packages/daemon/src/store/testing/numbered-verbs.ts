/** Verbs by number: what number n does is always the same, so that two stores can be led through the same life and compared. */
import { seededRandom } from '@orch/base/testing';
import type { Store, StoreLimits } from '../ports.ts';

/** Small, so that pruning happens all the time. */
export const numberedLimits: StoreLimits = { processesPerRuntime: 4, events: 30 };

export function numberedVerb(store: Store, n: number): void {
	const random = seededRandom(n * 7919);
	const pick = (count: number) => Math.floor(random.float() * count);
	const runtime = `runtime-${pick(6)}`;
	const body = { n, text: 'x'.repeat(pick(200)) };
	const append = (kind: string) => store.events.append({ at: n, kind, runtimeId: runtime, body });
	const put = () =>
		store.runtimes.put({ id: runtime, name: `name-${n}`, spec: body, memory: { n }, addedAt: n, project: n % 2 ? 'odd' : null });
	const begun = () =>
		store.processes.begun({
			...{ processId: `process-${n}`, runtimeId: runtime, generation: n, pid: n + 100 },
			...{ startTicks: n * 3, bootId: 'boot', startedAt: n },
		});
	const kinds: (() => unknown)[] = [
		put,
		() => store.runtimes.putMemory(runtime, body),
		() => store.runtimes.putSpec(runtime, body),
		() => store.runtimes.rename(runtime, `renamed-${n}`),
		begun,
		begun,
		() => {
			const [oldest] = store.processes.unended();
			if (oldest) store.processes.ended(oldest.processId, n, { code: pick(256) });
		},
		() => append('event'),
		() => append('event'),
		() => store.links.put({ id: `link-${pick(5)}`, body, ...(n % 3 ? {} : { position: pick(10) }) }),
		() => store.links.remove(`link-${pick(5)}`),
		() => store.settings.set(`setting-${pick(4)}`, body),
		() => store.settings.delete(`setting-${pick(4)}`),
		() => store.projects.put({ name: `project-${pick(3)}`, body }),
		() => store.projects.remove(`project-${pick(3)}`),
		() => store.runtimes.remove(runtime),
		put,
		() =>
			store.transaction(() => {
				put();
				append('in a transaction');
				try {
					store.transaction(() => {
						append('taken back');
						store.runtimes.remove(runtime);
						throw new Error('as intended');
					});
				} catch {
					// the rest of the outer transaction holds
				}
				store.transaction(() => begun());
				append('last');
			}),
	];
	kinds[pick(kinds.length)]?.();
}

/** All that a store tells, to compare. */
export function dump(store: Store) {
	return {
		runtimes: store.runtimes.list(),
		// of those as well that are not listed, or no longer
		lives: Array.from({ length: 6 }, (_, index) => store.processes.historyOf(`runtime-${index}`, 1_000)),
		unended: store.processes.unended(),
		links: store.links.list(),
		projects: store.projects.list(),
		settings: Array.from({ length: 4 }, (_, index) => store.settings.get(`setting-${index}`) ?? null),
		events: store.events.since(0, 100_000),
		seqs: [store.events.firstSeq, store.events.lastSeq],
	};
}
