/**
 * Several files as one: maps are merged key by key, links are added (the same link again replaces the earlier one),
 * everything else is the later file's; an empty value takes away what an earlier file said.
 */
import type { Entry, ListTree, Path, ScalarTree, Tree } from './tree.ts';

export function merge(base: Tree, over: Tree, path: Path = []): Tree {
	if (base.kind === 'list' && over.kind === 'list' && path.length === 1 && path[0] === 'links') return mergeLinks(base, over);
	if (base.kind !== 'map' || over.kind !== 'map') return over;
	const entries = new Map<string, Entry>(base.entries);
	for (const [key, entry] of over.entries) {
		const before = entries.get(key);
		if (isEmpty(entry.value) && before) entries.delete(key);
		else if (before) entries.set(key, { key: entry.key, value: merge(before.value, entry.value, [...path, key]) });
		else entries.set(key, entry);
	}
	return { kind: 'map', entries, at: base.at };
}

const isEmpty = (tree: Tree): tree is ScalarTree => tree.kind === 'scalar' && tree.value === null;

function mergeLinks(base: ListTree, over: ListTree): ListTree {
	const replaced = new Set(over.items.map(linkKey));
	return { kind: 'list', items: [...base.items.filter((item) => !replaced.has(linkKey(item))), ...over.items], at: over.at };
}

const shortLink = /^(\S+) +-(.+)-> +(\S+)$/;

/** What a link joins, where it says so in plain words; else it is like no other. */
function linkKey(tree: Tree): unknown {
	if (tree.kind === 'scalar') {
		const match = shortLink.exec(tree.text);
		return match ? JSON.stringify(match.slice(1)) : tree;
	}
	if (tree.kind !== 'map') return tree;
	const parts = ['from', 'type', 'to'].map((key) => tree.entries.get(key)?.value);
	return parts.every((part) => part?.kind === 'scalar') ? JSON.stringify(parts.map((part) => (part as ScalarTree).text)) : tree;
}

/** What profiles lay over the file, in the order in which they were chosen. */
export function layProfiles(root: Tree, chosen: readonly string[]): Tree {
	if (root.kind !== 'map') return root;
	const profiles = root.entries.get('profiles')?.value;
	if (profiles?.kind !== 'map') return root;
	let merged: Tree = root;
	for (const name of chosen) {
		const overlay = profiles.entries.get(name)?.value;
		if (overlay?.kind !== 'map') continue;
		const entries = new Map([...overlay.entries].filter(([key]) => key !== 'description'));
		merged = merge(merged, { kind: 'map', entries, at: overlay.at });
	}
	return merged;
}
