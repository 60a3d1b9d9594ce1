/** Links from and to groups of instances: one for people, as many rows of the table as there are pairs. */
import { createHash } from 'node:crypto';
import type { LinkCounts, LinkFigures, LinkRow } from './ports.ts';

const prefix = 'group/';

/** What stands for a group where a link names a runtime: no id of a runtime looks like it. */
export const groupEnd = (name: string): string => `${prefix}${name}`;

/** The name of the group; undefined where it is a runtime, or any sender. */
export const groupOfEnd = (end: string): string | undefined => (end.startsWith(prefix) ? end.slice(prefix.length) : undefined);

/** Who is in which group. */
export class Groups {
	readonly #members = new Map<string, Set<string>>();

	add(name: string, runtime: string): void {
		this.#members.set(name, (this.#members.get(name) ?? new Set()).add(runtime));
	}

	/** Gives the group that is no more, if this was the last of it. */
	remove(runtime: string): string | undefined {
		for (const [name, members] of this.#members) {
			if (!members.delete(runtime) || members.size > 0) continue;
			this.#members.delete(name);
			return name;
		}
		return undefined;
	}

	has(name: string): boolean {
		return this.#members.has(name);
	}

	/** The runtimes that an end of a link means: itself, unless it is a group. */
	meant(end: string): readonly string[] {
		const name = groupOfEnd(end);
		return name === undefined ? [end] : [...(this.#members.get(name) ?? [])];
	}

	/**
	 * The rows of the table that a link means. Those of a link of groups have ids of their own, always the same for the same pair,
	 * so that what waits and what was counted stays with it.
	 */
	rowsOf(link: LinkRow): readonly LinkRow[] {
		if (groupOfEnd(link.from) === undefined && groupOfEnd(link.to) === undefined) return [link];
		return this.meant(link.from).flatMap((from) =>
			this.meant(link.to).map((to) => ({ ...link, id: rowId(link.id, from, to), from, to })),
		);
	}

	/** The same of all links, in their order. Where several mean the same pair, the one that names it goes before one that names a group. */
	table<Link extends LinkRow>(links: readonly Link[]): readonly { readonly link: Link; readonly row: LinkRow }[] {
		const isOfGroups = ({ from, to }: LinkRow) => groupOfEnd(from) !== undefined || groupOfEnd(to) !== undefined;
		if (!links.some(isOfGroups)) return links.map((link) => ({ link, row: link }));
		const rows = links.flatMap((link) => this.rowsOf(link).map((row) => ({ link, row })));
		const taken = new Set<string>();
		const isFirst = ({ row }: (typeof rows)[number]) => {
			const pair = JSON.stringify([row.from, row.type, row.to]);
			return !taken.has(pair) && taken.add(pair);
		};
		const [named, grouped] = [
			rows.filter(({ link, row }) => link.id === row.id),
			rows.filter(({ link, row }) => link.id !== row.id),
		];
		return [...named, ...grouped].filter(isFirst);
	}
}

/** A UUID made of what it is for (version 8: its bits are ours). */
function rowId(link: string, from: string, to: string): string {
	const hex = createHash('sha256').update(`${link}/${from}/${to}`).digest('hex');
	return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** What all rows of one link come to. */
export function sumOf(id: string, rows: readonly LinkFigures[]): LinkFigures {
	const sum = (of: (row: LinkFigures) => number): number => rows.reduce((all, row) => all + of(row), 0);
	const most = (of: (row: LinkFigures) => number | null): number | null => {
		const known = rows.map(of).filter((value) => value !== null);
		return known.length > 0 ? Math.max(...known) : null;
	};
	return {
		id,
		counters: sumOfCounts(rows.map(({ counters }) => counters)),
		messagesPerSecond: sum((row) => row.messagesPerSecond),
		bytesPerSecond: sum((row) => row.bytesPerSecond),
		// of the slowest of them: one for all there is not
		latencyP50Ms: most((row) => row.latencyP50Ms),
		latencyP99Ms: most((row) => row.latencyP99Ms),
		lastAt: most((row) => row.lastAt),
		blocking: rows.some((row) => row.blocking),
	};
}

export function sumOfCounts(all: readonly LinkCounts[]): LinkCounts {
	const dropped: Record<string, number> = {};
	for (const counts of all)
		for (const [reason, count] of Object.entries(counts.dropped)) dropped[reason] = (dropped[reason] ?? 0) + count;
	const sum = (of: (counts: LinkCounts) => number): number => all.reduce((total, counts) => total + of(counts), 0);
	return {
		received: sum(({ received }) => received),
		delivered: sum(({ delivered }) => delivered),
		deliveredBytes: sum(({ deliveredBytes }) => deliveredBytes),
		dropped,
		queued: sum(({ queued }) => queued),
		queuedBytes: sum(({ queuedBytes }) => queuedBytes),
		inFlight: sum(({ inFlight }) => inFlight),
	};
}
