/** What comes before what: layers of a graph of needs, and its circles. Pure. */

/** Name to the names that it needs; names that are no keys are somebody else's and hold nobody up. */
export type Needs = ReadonlyMap<string, readonly string[]>;

/** Each layer needs only earlier ones; what is in a circle, or needs one, is in none. */
export function layers(needs: Needs): string[][] {
	const left = new Map([...needs].map(([name, needed]) => [name, new Set(needed.filter((each) => needs.has(each)))] as const));
	const result: string[][] = [];
	while (left.size > 0) {
		const layer = [...left].filter(([, needed]) => needed.size === 0).map(([name]) => name);
		if (layer.length === 0) break;
		for (const name of layer) left.delete(name);
		for (const needed of left.values()) for (const name of layer) needed.delete(name);
		result.push(layer);
	}
	return result;
}

/** One circle for each group of names that need each other, from the one that stands first; the last one needs the first. */
export function circles(needs: Needs): string[][] {
	const names = [...needs.keys()];
	const rank = new Map(names.map((name, index) => [name, index]));
	const found: string[][] = [];
	const seen = new Set<string>();
	for (const name of names) {
		if (seen.has(name)) continue;
		const circle = shortestWayBack(name, needs);
		if (!circle) continue;
		const first = circle.reduce((best, each) => ((rank.get(each) ?? 0) < (rank.get(best) ?? 0) ? each : best));
		const start = circle.indexOf(first);
		found.push([...circle.slice(start), ...circle.slice(0, start)]);
		for (const each of groupOf(name, needs)) seen.add(each);
	}
	return found;
}

function shortestWayBack(from: string, needs: Needs): string[] | undefined {
	const before = new Map<string, string>();
	const queue = [from];
	for (let at = 0; at < queue.length; at++) {
		const here = queue[at] as string;
		for (const next of needs.get(here) ?? []) {
			if (next === from) {
				const way = [here];
				for (let each = here; each !== from; way.unshift(each)) each = before.get(each) as string;
				return way;
			}
			if (!needs.has(next) || before.has(next)) continue;
			before.set(next, here);
			queue.push(next);
		}
	}
	return undefined;
}

/** Everything that `name` reaches and that reaches it. */
function groupOf(name: string, needs: Needs): Set<string> {
	const back = new Map<string, string[]>();
	for (const [from, needed] of needs) for (const to of needed) back.set(to, [...(back.get(to) ?? []), from]);
	const reach = (edges: (from: string) => readonly string[]) => {
		const reached = new Set([name]);
		for (const each of reached) for (const next of edges(each)) reached.add(next);
		return reached;
	};
	const forward = reach((from) => needs.get(from) ?? []);
	const backward = reach((from) => back.get(from) ?? []);
	return new Set([...forward].filter((each) => backward.has(each)));
}
