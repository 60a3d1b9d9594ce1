/** A link by its id, or a unique prefix of it, as orchd finds it where it is asked for one. */
import type { Api, ResultOf } from '@orch/protocol';
import { findByReference, OrchError, suggestLinks } from '@orch/protocol/wire';
import type { Context } from '../context.ts';

type Link = ResultOf<Api['link.stats']>['links'][number];

export async function findLink(context: Context, ref: string): Promise<Link> {
	return pickLink((await context.read('link.stats', {})).links, ref);
}

export function pickLink(links: readonly Link[], ref: string): Link {
	const found = findByReference(
		ref,
		links.map((link) => ({ id: link.id, name: link.id, link })),
	);
	const matchOf = ({ shortId, from, type, to }: Link) => ({ shortId, from: from.name, type, to: to.name });
	switch (found.kind) {
		case 'one':
			return found.one.link;
		case 'none':
			throw new OrchError('link.not_found', { link: `'${ref}'`, candidates: suggestLinks(ref, links.map(matchOf)) });
		case 'many':
			throw new OrchError('link.ambiguous', { ref, matches: found.matches.map(({ link }) => matchOf(link)) });
	}
}
