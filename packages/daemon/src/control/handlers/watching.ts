/** Handlers of the streams that tell what goes on. */
import type { Clock } from '@orch/base';
import type { DaemonEvent, Handlers, RuntimeFigures, watchOperations } from '@orch/protocol';
import type { EventLog } from '../event-log.ts';
import { isoTime, resolveRuntimes } from './directory.ts';
import type { RuntimeInfo, Runtimes } from './runtime.ts';

export interface WatchHandlersOptions {
	readonly events: Pick<EventLog, 'since' | 'before' | 'firstSeq' | 'lastSeq' | 'appended'>;
	readonly runtimes: Pick<Runtimes, 'get' | 'byName' | 'group' | 'groups' | 'list' | 'describe' | 'look' | 'watch'>;
	readonly clock: Clock;
}

/** Events are taken from the log in portions; a reader holds none of them but those. */
const portion = 128;
/** Changes that are no farther apart go out together. */
const apartMs = 100;

export function watchHandlers({ events, runtimes, clock }: WatchHandlersOptions): Handlers<typeof watchOperations> {
	const start = ({ since, sinceMs, follow }: { since?: number; sinceMs?: number; follow: boolean }): number => {
		if (since !== undefined) return since;
		if (sinceMs !== undefined) return events.before(isoTime(clock.now() - sinceMs));
		return follow ? events.lastSeq : events.firstSeq - 1;
	};
	return {
		async *'daemon.events'(params, call) {
			const ids = params.runtimes?.flatMap((ref) => resolveRuntimes(runtimes, ref, call).entries.map(({ id }) => id));
			const isAsked = ({ kind, runtime }: DaemonEvent) =>
				(params.kinds === undefined || params.kinds.includes(kind)) &&
				(ids === undefined || (runtime !== null && ids.includes(runtime.id)));
			const bell = createBell(call.signal);
			const unsubscribe = events.appended.subscribe(bell.ring);
			try {
				let seq = start(params);
				// numbers that are not given yet are another log's: what is here has not been seen
				if (seq > events.lastSeq) {
					yield { missed: 1 };
					seq = events.firstSeq - 1;
				}
				while (!call.signal.aborted) {
					const missed = events.firstSeq - 1 - seq;
					if (missed > 0) {
						yield { missed };
						seq += missed;
					}
					const batch = events.since(seq, portion);
					for (const event of batch) {
						// what comes next is no longer kept: the reader was too slow for it
						if (event.seq !== seq + 1) break;
						seq = event.seq;
						if (isAsked(event)) yield event;
					}
					if (batch.length > 0) continue;
					if (!params.follow) break;
					await bell.rung();
				}
				return { seq };
			} finally {
				unsubscribe();
				bell.close();
			}
		},

		async *'runtime.watch'(_params, call) {
			const bell = createBell(call.signal);
			const changed = new Set<string>();
			const removed = new Set<string>();
			const shown = new Map<string, string>();
			let isLooked = false;
			const unwatch = runtimes.watch({
				changed(id) {
					changed.add(id);
					bell.ring();
				},
				removed(id) {
					changed.delete(id);
					shown.delete(id);
					removed.add(id);
					bell.ring();
				},
				looked() {
					isLooked = true;
					bell.ring();
				},
			});
			try {
				await runtimes.look();
				const item = (infos: readonly RuntimeInfo[], figures: readonly RuntimeFigures[]) => {
					for (const { id, usage } of infos) shown.set(id, keyOf(usage));
					const gone = [...removed];
					removed.clear();
					changed.clear();
					return { at: isoTime(clock.now()), runtimes: [...infos], removed: gone, figures: [...figures] };
				};
				isLooked = false;
				yield item(runtimes.list(), []);
				while (!call.signal.aborted) {
					await bell.rung();
					if (call.signal.aborted) break;
					const infos = [...changed].filter((id) => runtimes.get(id) !== undefined).map((id) => runtimes.describe(id));
					const figures = isLooked ? newFigures(runtimes.list(), changed, shown) : [];
					isLooked = false;
					if (infos.length + figures.length + removed.size === 0) continue;
					yield item(infos, figures);
					await clock.sleep(apartMs, call.signal).catch(() => {});
				}
				return {};
			} finally {
				unwatch();
				bell.close();
			}
		},
	};
}

/** Of those that are not told of anyway, where they are not what was told before. */
function newFigures(all: readonly RuntimeInfo[], told: ReadonlySet<string>, shown: Map<string, string>): RuntimeFigures[] {
	const figures: RuntimeFigures[] = [];
	for (const { id, usage } of all) {
		const key = keyOf(usage);
		if (!usage || told.has(id) || shown.get(id) === key) continue;
		shown.set(id, key);
		figures.push({ id, cpuPercent: usage.cpuPercent, memoryBytes: usage.memoryBytes, processes: usage.processes });
	}
	return figures;
}

const keyOf = (usage: RuntimeInfo['usage']): string =>
	usage ? `${usage.cpuPercent} ${usage.memoryBytes} ${usage.processes}` : '';

/** Wakes one who waits, now or the next time; and for good once the signal is aborted. */
function createBell(signal: AbortSignal) {
	let wake: (() => void) | undefined;
	let isRung = false;
	const ring = () => {
		isRung = true;
		wake?.();
	};
	signal.addEventListener('abort', ring, { once: true });
	return {
		ring,
		async rung(): Promise<void> {
			if (!isRung && !signal.aborted) {
				await new Promise<void>((resolve) => {
					wake = resolve;
				});
			}
			wake = undefined;
			isRung = false;
		},
		close: () => signal.removeEventListener('abort', ring),
	};
}
