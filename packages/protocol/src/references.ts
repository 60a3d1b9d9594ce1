/** How people name things: by name, by id, or by a unique prefix of what differs between ids; the rule of orchd and of its clients. */
import type { LinkMatch } from './errors.ts';
import { suggest } from './suggest.ts';

export interface Named {
	readonly id: string;
	readonly name: string;
}

export type Found<T> =
	| { readonly kind: 'one'; readonly one: T }
	| { readonly kind: 'none'; readonly candidates: readonly string[] }
	| { readonly kind: 'many'; readonly matches: readonly T[] };

const shortestPrefix = 4;

/** The exact name wins, then the exact id, then the name within a project, then the prefix of an id or of its last group. */
export function findByReference<T extends Named>(ref: string, all: readonly T[]): Found<T> {
	const exact = all.find(({ name }) => name === ref) ?? all.find(({ id }) => id === ref);
	if (exact) return { kind: 'one', one: exact };
	// within whichever project has it, as long as only one has
	const inProjects = ref.includes('/') ? [] : all.filter(({ name }) => name.endsWith(`/${ref}`));
	const [inProject] = inProjects;
	if (inProject) return inProjects.length === 1 ? { kind: 'one', one: inProject } : { kind: 'many', matches: inProjects };
	const prefix = ref.toLowerCase();
	if (prefix.length >= shortestPrefix && /^[0-9a-f-]+$/.test(prefix)) {
		const matches = all.filter(({ id }) => id.startsWith(prefix) || id.slice(-12).startsWith(prefix));
		const [first] = matches;
		if (first && matches.length === 1) return { kind: 'one', one: first };
		if (matches.length > 1) return { kind: 'many', matches };
	}
	return {
		kind: 'none',
		// near to what was typed is the name within a project, not the whole
		candidates: suggest(ref, new Set(all.map(({ name }) => (ref.includes('/') ? name : name.slice(name.indexOf('/') + 1))))),
	};
}

const mostLinks = 3;

/** A link as people name it who do not name its id. */
export const linkEnds = ({ from, type, to }: Omit<LinkMatch, 'shortId'>): string => `${from} ─${type}→ ${to}`;

/** What may have been meant by what means no link: by an id, or by its ends. */
export function suggestLinks(wrong: string | Omit<LinkMatch, 'shortId'>, links: readonly LinkMatch[]): string[] {
	if (typeof wrong !== 'string') {
		const parallel = links.filter(({ from, to }) => from === wrong.from && to === wrong.to);
		return suggest(
			wrong.type,
			parallel.map(({ type }) => type),
		).map((type) => linkEnds({ ...wrong, type }));
	}
	const near = suggest(
		wrong,
		links.map(({ shortId }) => shortId),
	);
	if (near.length > 0) return near;
	// who does not know its id may write what it is of
	const isOf = (name: string) => name === wrong || name.endsWith(`/${wrong}`);
	return links
		.filter(({ from, type, to }) => type === wrong || isOf(from) || isOf(to))
		.slice(0, mostLinks)
		.map(({ shortId }) => shortId);
}
