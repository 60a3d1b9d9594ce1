/** In which order several runtimes are stopped by one command: who needs another of them goes before it. */
import { findByReference } from '@orch/protocol/wire';
import type { Context } from '../context.ts';

export interface OrderedRef {
	readonly ref: string;
	/** Those of them that have to be gone before; they stand before it. */
	readonly behind: readonly string[];
}

/** The parts of a runtime that say who it is and what it needs. */
export interface Needing {
	readonly id: string;
	readonly name: string;
	readonly group: { readonly name: string } | null;
	readonly options: { readonly needs?: readonly { readonly runtime: string }[] };
}

export async function stopOrder(context: Pick<Context, 'read'>, refs: readonly string[]): Promise<readonly OrderedRef[]> {
	const unique = [...new Set(refs)];
	if (unique.length < 2) return unique.map((ref) => ({ ref, behind: [] }));
	return orderOf(unique, await context.read('runtime.list', {}));
}

export function orderOf(refs: readonly string[], all: readonly Needing[]): readonly OrderedRef[] {
	const meant = new Map(refs.map((ref) => [ref, meantBy(ref, all)]));
	const needed = new Map(refs.map((ref) => [ref, allNeeded(meant.get(ref) ?? [], all)]));
	const needs = (ref: string, other: string) => (meant.get(other) ?? []).some((one) => needed.get(ref)?.has(one));
	const ordered: OrderedRef[] = [];
	const seen = new Set<string>();
	const visit = (ref: string) => {
		if (seen.has(ref)) return;
		seen.add(ref);
		// a reference that means both ends of a need is stopped as it is
		const behind = refs.filter((other) => other !== ref && needs(other, ref) && !needs(ref, other));
		for (const other of behind) visit(other);
		ordered.push({ ref, behind });
	};
	for (const ref of refs) visit(ref);
	return ordered;
}

/** As orchd has it; none where it would refuse the reference. */
function meantBy(ref: string, all: readonly Needing[]): readonly Needing[] {
	const groups = new Set(all.flatMap(({ group }) => group?.name ?? []));
	const found = findByReference(ref, [
		...all.map((one) => ({ id: one.id, name: one.name, meant: [one] })),
		...[...groups].map((name) => ({ id: noId, name, meant: all.filter(({ group }) => group?.name === name) })),
	]);
	return found.kind === 'one' ? found.one.meant : [];
}

/** Groups have names only. */
const noId = '';

function allNeeded(from: readonly Needing[], all: readonly Needing[]): Set<Needing> {
	const found = new Set<Needing>();
	const open = [...from];
	for (let one = open.pop(); one; one = open.pop()) {
		for (const { runtime } of one.options.needs ?? []) {
			for (const other of all) {
				if (found.has(other) || (other.name !== runtime && other.group?.name !== runtime)) continue;
				found.add(other);
				open.push(other);
			}
		}
	}
	return found;
}
