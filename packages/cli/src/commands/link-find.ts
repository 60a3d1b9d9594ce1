/** A link by its id, or a unique prefix of it or of its last group, 4 digits or more. */
import type { Api, ResultOf } from '@orch/protocol';
import { OrchError } from '@orch/protocol/wire';
import type { Context } from '../context.ts';

type Link = ResultOf<Api['link.stats']>['links'][number];

export async function findLink(context: Context, ref: string): Promise<Link> {
	const { links } = await context.read('link.stats', {});
	const wanted = ref.toLowerCase();
	const exact = links.find(({ id, shortId }) => id === wanted || shortId === wanted);
	if (exact) return exact;
	const near = wanted.length < 4 ? [] : links.filter(({ id }) => id.startsWith(wanted) || id.slice(-12).startsWith(wanted));
	const [only] = near;
	if (!only) throw new OrchError('link.not_found', { link: ref });
	if (near.length > 1)
		throw new OrchError('link.ambiguous', {
			ref,
			matches: near.map(({ shortId, from, type, to }) => ({ shortId, from: from.name, type, to: to.name })),
		});
	return only;
}
