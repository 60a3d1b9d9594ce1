/** The table as it is looked up: by which links a type goes that a runtime sends. */
import type { Link } from './link.ts';

const none: readonly Link[] = [];

export class Routes {
	/** By sender (`*` for any), then by type. */
	readonly #bySender: ReadonlyMap<string, ReadonlyMap<string, readonly Link[]>>;

	constructor(links: Iterable<Link>) {
		const bySender = new Map<string, Map<string, Link[]>>();
		for (const link of links) {
			const { from, type } = link.spec;
			const byType = bySender.get(from) ?? new Map<string, Link[]>();
			bySender.set(from, byType);
			byType.set(type, [...(byType.get(type) ?? []), link]);
		}
		this.#bySender = bySender;
	}

	/** An exact link is preferred to one for any sender where both lead to the same receiver: one delivery. */
	from(runtime: string, type: string): readonly Link[] {
		const exact = this.#bySender.get(runtime)?.get(type) ?? none;
		const any = this.#bySender.get('*')?.get(type) ?? none;
		if (any.length === 0) return exact;
		if (exact.length === 0) return any;
		return [...exact, ...any.filter(({ spec }) => !exact.some((link) => link.spec.to === spec.to))];
	}
}
