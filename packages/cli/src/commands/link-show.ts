/** `orch link show`: one link, with what has passed over it. */
import { printable } from '@orch/base/text';
import { command } from '../command.ts';
import { renderDetails } from '../render/details.ts';
import { bytes, latency, rate, size } from '../render/time.ts';
import { findLink } from './link-find.ts';
import { linkText } from './link-text.ts';

export const linkShow = command({
	path: ['link', 'show'],
	aliases: ['inspect'],
	summary: 'Show everything about a link',
	args: [{ name: 'LINK', required: true }],
	examples: ['orch link show 7c1e09aa'],
	json: 'the link with its counters, as in orch link stats',
	async run(context, { args: [ref = ''] }) {
		const link = await findLink(context, ref);
		if (context.json) {
			context.printJson(link);
			return undefined;
		}
		if (context.namesOnly) {
			context.print(`${link.id}\n`);
			return undefined;
		}
		const { counters, style } = { ...link, style: context.style };
		const dropped = Object.entries(counters.dropped).filter(([, count]) => count > 0);
		context.print(
			`${style.bold(linkText(link))}\n${renderDetails(
				[
					['id', `${link.id}  (short ${link.shortId})`],
					['overflow', `${link.overflow}${link.blocking ? style.yellow(', blocking its sender now') : ''}`],
					['while down', link.whileDown],
					[
						'mailbox',
						`${counters.queued} of ${link.queueMessages} messages, ${bytes(counters.queuedBytes)} of ${size(link.queueBytes)}`,
					],
					['in flight', String(counters.inFlight)],
					['received', String(counters.received)],
					['delivered', `${counters.delivered}, ${bytes(counters.deliveredBytes)}`],
					['dropped', dropped.map(([reason, count]) => `${count}  ${reason}`).join('\n') || '0'],
					['rate', `${rate(link.messagesPerSecond)} messages/s, ${bytes(link.bytesPerSecond)}/s`],
					['latency', `p50 ${latency(link.latencyP50Ms)}, p99 ${latency(link.latencyP99Ms)}`],
					['last', link.lastAt ?? undefined],
					['added', link.addedAt],
					['notices', link.notices.length > 0 ? style.yellow(link.notices.map(printable).join('\n')) : undefined],
				],
				style,
			)}`,
		);
		return undefined;
	},
});
