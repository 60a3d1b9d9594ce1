/** `orch link list`. */
import { ago, type Column, renderTable } from '@orch/base/text';
import type { Api, ResultOf } from '@orch/protocol';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { size } from '../render/time.ts';
import { filterOf, linkFilter } from './link-text.ts';

type Link = ResultOf<Api['link.list']>[number];

export const linkList = command({
	path: ['link', 'list'],
	aliases: ['ls'],
	summary: 'List the links',
	options: linkFilter,
	examples: ['orch link list', 'orch link ls --to pong', 'orch link ls -q'],
	json: 'an array of links',
	async run(context, { options }) {
		const links = await context.read('link.list', filterOf(options));
		if (context.json) context.printJson(links);
		else if (context.namesOnly) context.print(links.map(({ id }) => `${id}\n`).join(''));
		else if (links.length === 0) context.note('no links; add one: orch link add --from A --type T --to B');
		else {
			context.print(renderTable(links, columns(context), { width: context.tableWidth, style: context.style }));
			for (const { shortId, notices } of links) for (const notice of notices) context.note(`${shortId}: ${notice}`);
		}
		return undefined;
	},
});

function columns({ pretty, world }: Context): Column<Link>[] {
	const now = world.clock.now();
	return [
		{ header: 'ID', rank: 0, text: ({ shortId }) => shortId },
		{ header: 'FROM', rank: 0, shrinkTo: 10, text: ({ from }) => from.name, paint: (text, _link, style) => style.bold(text) },
		{ header: 'TYPE', rank: 0, shrinkTo: 10, text: ({ type }) => type },
		{ header: 'TO', rank: 0, shrinkTo: 10, text: ({ to }) => to.name, paint: (text, _link, style) => style.bold(text) },
		{ header: 'OVERFLOW', rank: 1, text: ({ overflow }) => overflow },
		{ header: 'QUEUE', rank: 2, align: 'right', text: ({ queueMessages }) => String(queueMessages) },
		{ header: 'BYTES', rank: 3, align: 'right', text: ({ queueBytes }) => (pretty ? size(queueBytes) : String(queueBytes)) },
		{ header: 'WHILE DOWN', rank: 4, text: ({ whileDown }) => whileDown },
		{ header: 'ADDED', rank: 5, text: ({ addedAt }) => (pretty ? ago(addedAt, now) : addedAt) },
	];
}
