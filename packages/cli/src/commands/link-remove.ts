/** `orch link remove`: by id, or by sender, type and receiver. */
import type { Api, ResultOf } from '@orch/protocol';
import { nonEmpty } from '../args/values.ts';
import { command } from '../command.ts';
import { CliError } from '../errors.ts';
import { value } from '../option.ts';
import { droppedText } from '../render/dropped.ts';
import { onEach } from './each.ts';
import { linkText } from './link-text.ts';

type Link = ResultOf<Api['link.remove']>;

export const linkRemove = command({
	path: ['link', 'remove'],
	aliases: ['rm'],
	summary: 'Remove links; what waits in their mailboxes is dropped and counted',
	args: [{ name: 'LINK', many: true }],
	usage: '(LINK… | --from RUNTIME --type TYPE --to RUNTIME)',
	options: {
		from: value('--from RUNTIME', 'the sender of the link', nonEmpty),
		type: value('--type TYPE', 'its type', nonEmpty),
		to: value('--to RUNTIME', 'its receiver', nonEmpty),
	},
	examples: ['orch link remove 7c1e09aa', 'orch link rm --from ping --type Ping --to pong'],
	json: 'an array of the links, each with its final counters',
	async run(context, { args, options: { from, type, to } }) {
		const tell = (link: Link) => context.note(`removed ${linkText(link)}${droppedText(link.counters?.dropped['link_removed'])}`);
		const given = [from, type, to].filter((each) => each !== undefined);
		if (args.length > 0) {
			if (given.length > 0)
				throw new CliError('usage.conflict', {
					reason: 'a link is named by its id, or by --from, --type and --to, not by both',
					hint: 'orch help link remove',
				});
			return onEach(context, args, (link) => context.act('link.remove', { link }), tell);
		}
		if (from === undefined || type === undefined || to === undefined)
			throw new CliError('usage.missing', { what: 'the id of a link, or --from, --type and --to', command: 'orch link remove' });
		return onEach(context, [`${from} ${type} ${to}`], () => context.act('link.remove', { from, type, to }), tell);
	},
});
