/** Who needs whom: the graph of the runtimes, its circles, its orders, and whether what one needs is there. */
import { describeExit, isFailure } from './exit.ts';
import type { RuntimeSnapshot } from './snapshot.ts';
import type { Need, RuntimeSpec } from './spec.ts';

/** What the graph has to know of a runtime. */
export type Needing = Pick<RuntimeSpec, 'id' | 'name' | 'group' | 'needs'>;

export interface Dependent {
	readonly id: string;
	readonly need: Need;
}

/** A need names a runtime, or a group of instances: then it is all of them that are needed. */
export class NeedGraph {
	readonly #nodes = new Map<string, Needing>();
	/** By the name of a runtime or a group. */
	readonly #byName = new Map<string, Set<string>>();
	/** Who names it in a need. */
	readonly #needing = new Map<string, Set<string>>();

	/** In place of what was there under that id. */
	add(node: Needing): void {
		this.remove(node.id);
		this.#nodes.set(node.id, node);
		for (const name of namesOf(node)) put(this.#byName, name, node.id);
		for (const { runtime } of node.needs ?? []) put(this.#needing, runtime, node.id);
	}

	remove(id: string): void {
		const node = this.#nodes.get(id);
		if (!node) return;
		this.#nodes.delete(id);
		for (const name of namesOf(node)) take(this.#byName, name, id);
		for (const { runtime } of node.needs ?? []) take(this.#needing, runtime, id);
	}

	needsOf(id: string): readonly Need[] {
		return this.#nodes.get(id)?.needs ?? [];
	}

	/** Those that a need means; none where there is no such runtime yet. */
	meantBy({ runtime }: Pick<Need, 'runtime'>): readonly string[] {
		return [...(this.#byName.get(runtime) ?? [])];
	}

	/** Those that need it by themselves, with the need. */
	dependentsOf(id: string): readonly Dependent[] {
		const node = this.#nodes.get(id);
		return node ? this.dependentsByName(namesOf(node)) : [];
	}

	/** The same of a runtime that may not be there any more. */
	dependentsByName(names: readonly string[]): readonly Dependent[] {
		return names.flatMap((name) =>
			[...(this.#needing.get(name) ?? [])].flatMap((id) =>
				this.needsOf(id).flatMap((need) => (need.runtime === name ? [{ id, need }] : [])),
			),
		);
	}

	/** All that it needs, by themselves or because others of them do; without itself. */
	allNeededBy(id: string): readonly string[] {
		const found = new Set<string>();
		const open = [id];
		for (let next = open.pop(); next !== undefined; next = open.pop()) {
			for (const need of this.needsOf(next)) {
				for (const needed of this.meantBy(need)) {
					if (found.has(needed) || needed === id) continue;
					found.add(needed);
					open.push(needed);
				}
			}
		}
		return [...found];
	}

	/** The shortest circle that `node` would close, from itself to itself, by the names that were used; undefined where it closes none. */
	circleWith(node: Needing): readonly string[] | undefined {
		const own = new Set(namesOf(node));
		const cameFrom = new Map<Needing, Needing | undefined>([[node, undefined]]);
		// a map is walked in the order in which it was filled, also while it is
		for (const one of cameFrom.keys()) {
			for (const need of one.needs ?? []) {
				if (own.has(need.runtime)) return [...pathTo(one, cameFrom), need.runtime];
				for (const id of this.meantBy(need)) {
					const next = this.#nodes.get(id);
					if (next && id !== node.id && !cameFrom.has(next)) cameFrom.set(next, one);
				}
			}
		}
		return undefined;
	}

	/**
	 * Does `work` with each: with those that need it first, and with what is independent at the same time. Who needs it only by way of
	 * one that is not among `ids` counts as well.
	 */
	inReverse<T>(ids: readonly string[], work: (id: string) => Promise<T>): Promise<readonly T[]> {
		const wanted = new Set(ids);
		const under = new Map<string, Promise<unknown>>();
		const results = new Map<string, Promise<T>>();
		/** Dependents before their needed ones, without recursion: chains may be long. */
		for (const id of this.#dependentsFirst(wanted)) {
			const before = this.dependentsOf(id).map((dependent) => under.get(dependent.id));
			const ready = Promise.allSettled(before);
			if (!wanted.has(id)) {
				under.set(id, ready);
				continue;
			}
			const result = before.length === 0 ? work(id) : ready.then(() => work(id));
			// who waits for it goes on in any case, and whoever asked for all of them hears of it
			result.catch(() => {});
			results.set(id, result);
			under.set(id, result);
		}
		return Promise.all(ids.map((id) => results.get(id) as Promise<T>));
	}

	/** All of `ids` and those that need them, each behind all those that need it. */
	#dependentsFirst(ids: ReadonlySet<string>): readonly string[] {
		const order: string[] = [];
		const state = new Map<string, 'open' | 'done'>();
		for (const start of ids) {
			const stack = [start];
			for (let id = stack.at(-1); id !== undefined; id = stack.at(-1)) {
				if (state.get(id) === undefined) {
					state.set(id, 'open');
					for (const dependent of this.dependentsOf(id)) if (state.get(dependent.id) === undefined) stack.push(dependent.id);
					continue;
				}
				stack.pop();
				if (state.get(id) === 'done') continue;
				state.set(id, 'done');
				order.push(id);
			}
		}
		return order;
	}
}

function pathTo(last: Needing, cameFrom: ReadonlyMap<Needing, Needing | undefined>): string[] {
	const path: string[] = [];
	for (let one: Needing | undefined = last; one; one = cameFrom.get(one)) path.push(one.name);
	return path.reverse();
}

const namesOf = ({ name, group }: Needing): readonly string[] => (group === undefined ? [name] : [name, group.name]);

function put(map: Map<string, Set<string>>, key: string, value: string): void {
	const values = map.get(key);
	if (values) values.add(value);
	else map.set(key, new Set([value]));
}

function take(map: Map<string, Set<string>>, key: string, value: string): void {
	const values = map.get(key);
	values?.delete(value);
	if (values?.size === 0) map.delete(key);
}

/** `coming`: nobody has to do anything for it. `stuck`: somebody has to. */
export type Standing = 'met' | 'coming' | 'stuck';

export type NeededView = Pick<RuntimeSnapshot, 'status' | 'desired' | 'ready' | 'reason' | 'lastExit' | 'backoff'> & {
	readonly spec: Pick<RuntimeSpec, 'name' | 'restart'>;
};

/** How far a runtime is from being what a need asks for. */
export function standingOf(
	condition: Need['condition'],
	{ status, desired, ready, lastExit, backoff, spec }: NeededView,
): Standing {
	const hasSucceeded = status === 'exited' && lastExit !== undefined && !isFailure(lastExit, spec.restart);
	switch (status) {
		case 'running':
			return condition === 'started' || (condition === 'ready' && ready === true) ? 'met' : 'coming';
		case 'exited':
			// what has begun and come to a good end was started
			return hasSucceeded && condition !== 'ready' ? 'met' : 'stuck';
		case 'waiting':
		case 'starting':
		case 'backoff':
			return 'coming';
		case 'stopping':
			return desired === 'running' ? 'coming' : 'stuck';
		case 'failed':
			return backoff?.nextAt === undefined ? 'stuck' : 'coming';
		case 'stopped':
			return 'stuck';
	}
}

/** A need that is not met, because of one runtime. */
export interface Unmet {
	readonly need: Need;
	/** Undefined where there is no such runtime. */
	readonly id: string | undefined;
	readonly standing: Exclude<Standing, 'met'>;
	/** How it stands there: "db is stopped". */
	readonly how: string;
}

export function unmetOf(
	needs: readonly Need[],
	graph: NeedGraph,
	view: (id: string) => NeededView | undefined,
): readonly Unmet[] {
	return needs.flatMap((need): Unmet[] => {
		const ids = graph.meantBy(need);
		if (ids.length === 0) return [{ need, id: undefined, standing: 'stuck', how: `there is no runtime '${need.runtime}'` }];
		return ids.flatMap((id) => {
			const seen = view(id);
			const standing = seen ? standingOf(need.condition, seen) : 'stuck';
			if (standing === 'met') return [];
			return [
				{ need, id, standing, how: seen ? describeStanding(need.condition, seen) : `there is no runtime '${need.runtime}'` },
			];
		});
	});
}

/** `waits for db: ready, cache: started`. */
export function describeUnmet(unmet: readonly Unmet[]): string {
	const waits = new Set(unmet.map(({ need }) => `${need.runtime}: ${need.condition}`));
	return `waits for ${[...waits].join(', ')}`;
}

function describeStanding(condition: Need['condition'], { status, ready, reason, lastExit, spec }: NeededView): string {
	const { name } = spec;
	switch (status) {
		case 'running':
			if (condition === 'succeeded') return `${name} has not ended yet`;
			return ready === undefined ? `${name} has not said that it is ready` : `${name} is not ready yet`;
		case 'exited':
			return `${name} has ended${lastExit ? ` (${describeExit(lastExit)})` : ''}`;
		case 'failed':
			return `${name} has failed${reason === undefined ? '' : `: ${reason}`}`;
		case 'backoff':
			return `${name} has failed, and is tried again`;
		case 'waiting':
			return `${name} waits, too`;
		default:
			return `${name} is ${status}`;
	}
}
