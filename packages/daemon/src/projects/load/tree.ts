/** The content of project files as a tree whose every part knows its place, also after several files were merged into one. */
import type { Span } from '../source.ts';

export type Tree = ScalarTree | MapTree | ListTree;

export interface ScalarTree {
	readonly kind: 'scalar';
	readonly value: string | number | boolean | null;
	/** As it was written, where that may differ: `022` is a number, and a mode. */
	readonly text: string;
	/** Whether it stands there without quotes, so that what replaces a variable in it may be a number. */
	readonly plain: boolean;
	readonly at: Span;
}

export interface MapTree {
	readonly kind: 'map';
	readonly entries: ReadonlyMap<string, Entry>;
	readonly at: Span;
}

export interface Entry {
	/** The key's place. */
	readonly key: Span;
	readonly value: Tree;
}

export interface ListTree {
	readonly kind: 'list';
	readonly items: readonly Tree[];
	readonly at: Span;
}

/** From the root: keys of maps, places in lists. */
export type Path = readonly (string | number)[];

/** The part at a path, as far down as there is one. */
export function at(tree: Tree | undefined, path: Path): Tree | undefined {
	let here = tree;
	for (const step of path) {
		if (here?.kind === 'map' && typeof step === 'string') here = here.entries.get(step)?.value;
		else if (here?.kind === 'list' && typeof step === 'number') here = here.items[step];
		else return undefined;
	}
	return here;
}

/** The place of a path: of its part, else of the nearest thing above it. */
export function spanAt(tree: Tree, path: Path): Span {
	for (let length = path.length; length > 0; length--) {
		const found = at(tree, path.slice(0, length));
		if (found) return found.at;
	}
	return tree.at;
}

/** The place of the key at the end of a path, else of what is there. */
export function keySpan(tree: Tree, path: Path): Span {
	const parent = at(tree, path.slice(0, -1));
	const key = path.at(-1);
	const entry = parent?.kind === 'map' && typeof key === 'string' ? parent.entries.get(key) : undefined;
	return entry?.key ?? spanAt(tree, path);
}

/** As people write paths: `runtimes.api.needs[0]`. */
export function pathText(path: Path): string {
	return path.map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`)).join('');
}

/** As plain data, for what does not care for places. */
export function plainData(tree: Tree): unknown {
	switch (tree.kind) {
		case 'scalar':
			return tree.value;
		case 'list':
			return tree.items.map(plainData);
		case 'map': {
			const value: Record<string, unknown> = {};
			for (const [key, entry] of tree.entries) define(value, key, plainData(entry.value));
			return value;
		}
	}
}

/** `__proto__` is a key like any other. */
export function define(target: Record<string, unknown>, key: string, value: unknown): void {
	Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
}
