/** The orders in which runtimes are shown. */
import type { RuntimeInfo } from '@orch/protocol';

export const sortKeys = ['status', 'name', 'cpu', 'mem', 'restarts', 'uptime'] as const;
export type SortKey = (typeof sortKeys)[number];

/** Who needs a person comes first. */
const attention: Readonly<Record<RuntimeInfo['status'], number>> = {
	failed: 0,
	backoff: 1,
	waiting: 2,
	starting: 3,
	stopping: 4,
	running: 5,
	exited: 6,
	stopped: 7,
};

export const attentionOf = (info: RuntimeInfo): number =>
	info.status === 'running' && info.ready === false ? 4.5 : (attention[info.status] ?? 5);

type Shown = { readonly info: RuntimeInfo };
type Compare = (one: RuntimeInfo, other: RuntimeInfo) => number;

const byName: Compare = (one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0);
/** What is not known stands behind everything that is. */
const most =
	(of: (info: RuntimeInfo) => number | null | undefined): Compare =>
	(one, other) =>
		(of(other) ?? -1) - (of(one) ?? -1);

const orders: Readonly<Record<SortKey, Compare>> = {
	status: (one, other) => attentionOf(one) - attentionOf(other),
	name: byName,
	cpu: most(({ usage }) => usage?.cpuPercent),
	mem: most(({ usage }) => usage?.memoryBytes),
	restarts: most(({ restarts }) => restarts),
	// the longest first, whoever does not run last
	uptime: (one, other) => {
		const [from, to] = [one, other].map(({ pid, startedAt }) => (pid === null ? '~' : (startedAt ?? '~'))) as [string, string];
		return from < to ? -1 : from > to ? 1 : 0;
	},
};

export function sorted<S extends Shown>(rows: readonly S[], key: SortKey, reversed = false): S[] {
	const compare = orders[key];
	const sign = reversed ? -1 : 1;
	return [...rows].sort((one, other) => sign * compare(one.info, other.info) || byName(one.info, other.info));
}
