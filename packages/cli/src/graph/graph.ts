/** Who needs whom and who sends what to whom, as a graph: of what runs, or of what a project file declares. Pure. */
import type { Api, ResultOf, RuntimeInfo } from '@orch/protocol';
import type { CheckedProject } from '../project/check-module.ts';

/** A runtime, or all instances of one. */
export interface GraphNode {
	readonly name: string;
	readonly instances: number;
	/** How many are in which status; empty where nobody has looked. */
	readonly statuses: Readonly<Record<string, number>>;
}

/** `from` needs `to`. */
export interface NeedEdge {
	readonly from: string;
	readonly to: string;
	readonly condition: string;
}

export interface LinkEdge {
	readonly from: string;
	readonly type: string;
	readonly to: string;
	/** Of what runs only. */
	readonly flow?: { readonly messagesPerSecond: number; readonly dropped: number; readonly queued: number };
}

export interface Graph {
	readonly runtimes: readonly GraphNode[];
	readonly needs: readonly NeedEdge[];
	readonly links: readonly LinkEdge[];
}

export const anySender = '*';

type Link = ResultOf<Api['link.list']>[number] & Partial<ResultOf<Api['link.stats']>['links'][number]>;

/** Of what orchd knows; of one project, with the ends of its edges outside, where one is named. */
export function liveGraph(runtimes: readonly RuntimeInfo[], links: readonly Link[], project?: string): Graph {
	const isOurs = ({ options }: RuntimeInfo) => project === undefined || options.project === project;
	const node = nodeNames(runtimes);
	const ours = new Set(runtimes.filter(isOurs).map(({ name }) => node(name)));
	const needs = runtimes.filter(isOurs).flatMap(({ name, options }) => needsOf({ name, needs: options.needs }, node));
	const edges = links
		.map(({ from, type, to, counters, messagesPerSecond }): LinkEdge => {
			const ends = { from: from.name === '' ? anySender : node(from.name), type, to: node(to.name) };
			if (counters === undefined) return ends;
			const dropped = Object.values(counters.dropped).reduce((sum, count) => sum + count, 0);
			return { ...ends, flow: { messagesPerSecond: messagesPerSecond ?? 0, dropped, queued: counters.queued } };
		})
		.filter(({ from, to }) => ours.has(from) || ours.has(to));
	const statuses = new Map(runtimes.map(({ name, status }) => [name, status] as const));
	const names = [...ours, ...needs.map(({ to }) => to), ...edges.flatMap(({ from, to }) => [from, to])];
	return graphOf(names, [...statuses], node, needs, edges);
}

/** Of what a project file declares. */
export function declaredGraph({ runtimes, links }: CheckedProject): Graph {
	const declared = [...runtimes.values()];
	const node = nodeNames(declared);
	const needs = declared.flatMap((runtime) => needsOf(runtime, node));
	const edges = [...links.values()].map(({ from, type, to }) => ({ from: node(from), type, to: node(to) }));
	const own = declared.map(({ name }) => node(name));
	const names = [...own, ...needs.map(({ to }) => to), ...edges.flatMap(({ from, to }) => [from, to])];
	return graphOf(
		names,
		declared.map(({ name }) => [name, undefined]),
		node,
		needs,
		edges,
	);
}

/** The name under which a runtime is drawn: its group's, where it is one of several instances. */
function nodeNames(
	runtimes: readonly { readonly name: string; readonly group?: { readonly name: string } | null | undefined }[],
): (name: string) => string {
	const groups = new Map(runtimes.flatMap(({ name, group }) => (group ? [[name, group.name] as const] : [])));
	return (name) => groups.get(name) ?? name;
}

const needsOf = (
	{ name, needs = [] }: { readonly name: string; readonly needs?: readonly { runtime: string; condition: string }[] | undefined },
	node: (name: string) => string,
): NeedEdge[] => needs.map(({ runtime, condition }) => ({ from: node(name), to: node(runtime), condition }));

/** Instances are one node, and what they have between them is one edge. */
function graphOf(
	names: readonly string[],
	members: readonly (readonly [name: string, status: string | undefined])[],
	node: (name: string) => string,
	needs: readonly NeedEdge[],
	links: readonly LinkEdge[],
): Graph {
	const drawn = new Set(names.filter((name) => name !== anySender));
	const statuses = new Map<string, (string | undefined)[]>();
	for (const [name, status] of members) {
		const key = node(name);
		if (drawn.has(key)) statuses.set(key, [...(statuses.get(key) ?? []), status]);
	}
	const runtimes = [...drawn].map((name): GraphNode => {
		const all = statuses.get(name) ?? [];
		const counts: Record<string, number> = {};
		for (const status of all) if (status !== undefined) counts[status] = (counts[status] ?? 0) + 1;
		return { name, instances: Math.max(1, all.length), statuses: counts };
	});
	return {
		runtimes,
		needs: merged(
			needs,
			({ from, to, condition }) => [from, to, condition],
			(one) => one,
		),
		links: merged(
			links,
			({ from, type, to }) => [from, type, to],
			(one, other) => (one.flow && other.flow ? { ...one, flow: sum(one.flow, other.flow) } : one),
		),
	};
}

function merged<T>(edges: readonly T[], key: (edge: T) => readonly string[], join: (one: T, other: T) => T): T[] {
	const found = new Map<string, T>();
	for (const edge of edges) {
		const of = JSON.stringify(key(edge));
		const known = found.get(of);
		found.set(of, known === undefined ? edge : join(known, edge));
	}
	return [...found.values()];
}

const sum = (one: NonNullable<LinkEdge['flow']>, other: NonNullable<LinkEdge['flow']>): NonNullable<LinkEdge['flow']> => ({
	messagesPerSecond: one.messagesPerSecond + other.messagesPerSecond,
	dropped: one.dropped + other.dropped,
	queued: one.queued + other.queued,
});
