/** `orch link tap`: messages live, as they pass, without touching them. */
import { cut, duration, printable } from '@orch/base/text';
import type { Api, ItemOf } from '@orch/protocol';
import { integer } from '../args/values.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { untilInterrupted } from '../interruption.ts';
import { value } from '../option.ts';
import { bodyPreview, bodyValue } from '../render/body.ts';
import { toJson } from '../render/json.ts';
import { bytes, clockTime, plural, rate } from '../render/time.ts';
import { filterOf, linkFilter } from './link-text.ts';

type Message = ItemOf<Api['link.tap']>['messages'][number];

/** Of a body: what a line of a terminal may show, and what there is at most. */
const previewBytes = 1024;
const wholeBytes = 65_536;

export const linkTap = command({
	path: ['link', 'tap'],
	summary: 'Show messages live as they pass, without touching them',
	notes: [
		'Until Ctrl-C, or -n messages. What this reader is too slow for is skipped and said; nobody else waits for it, and it costs nothing while nobody taps.',
		'In a pipe bodies are whole up to 64 KiB and times are RFC 3339. With --json one object a line: the body in "data", or in "b64" where it is not whole or not text; {"skipped": N} for what was skipped.',
	],
	args: [{ name: 'LINK' }],
	options: { ...linkFilter, count: value('-n, --count N', 'end after N messages', integer(1, Number.MAX_SAFE_INTEGER)) },
	examples: ['orch link tap', 'orch link tap --type Ping -n 10', "orch link tap --json | jq 'select(.bytes > 1000)'"],
	json: 'a stream of {"at", "from", "to", "type", "link", "seq", "bytes", "codec", "data" | "b64"}, one a line',
	async run(context, { args: [link], options: { count = Number.POSITIVE_INFINITY, ...filter } }) {
		if (link !== undefined && Object.values(filter).some((each) => each !== undefined))
			throw new CliError('usage.conflict', {
				reason: 'a link is named by its id, or by --from, --type and --to, not by both',
				hint: 'orch help link tap',
			});
		const { world, json, pretty } = context;
		const startedMs = world.clock.monotonicMs();
		let shown = 0;
		let skipped = 0;
		const tap = async (signal: AbortSignal): Promise<undefined> => {
			const params = {
				...(link === undefined ? {} : { link }),
				...filterOf(filter),
				bodyBytes: pretty && !json ? previewBytes : wholeBytes,
			};
			const taps = context.follow('link.tap', params, signal);
			tapping: for await (const item of taps) {
				if (item.skipped > 0) {
					skipped += item.skipped;
					if (json) await world.out.flow(toJson({ skipped: item.skipped }, false), signal);
					else context.note(`orch: ${plural(item.skipped, 'message')} skipped: they came faster than they were read here`);
				}
				for (const message of item.messages) {
					await world.out.flow(json ? toJson(toObject(message), false) : line(context, message), signal);
					if (++shown >= count) break tapping;
				}
			}
			await world.out.flushed(signal);
		};
		const exitCode = await untilInterrupted(context, tap, { endless: !Number.isFinite(count) });
		if (exitCode && !json) {
			const ms = world.clock.monotonicMs() - startedMs;
			const lost = skipped > 0 ? `, ${skipped} skipped` : '';
			context.note(
				`orch: ${plural(shown, 'message')} in ${duration(ms)} (${rate((shown / Math.max(1, ms)) * 1000)}/s)${lost}; nothing was consumed or changed`,
			);
		}
		return exitCode;
	},
});

function line({ pretty, style, world }: Context, message: Message): string {
	const from = `${message.from} → ${message.to}`;
	const head = [
		pretty ? style.dim(clockTime(message.at)) : message.at,
		printable(from),
		style.bold(printable(message.type)),
		style.dim(`#${message.seq}`),
		`${bytes(message.bytes)}`.padEnd(6),
	].join('  ');
	const room = (world.out.columns ?? Number.POSITIVE_INFINITY) - plainWidth(message, pretty);
	return `${head}  ${cut(bodyPreview(message), Math.max(20, room))}\n`;
}

const plainWidth = ({ from, to, type, seq }: Message, pretty: boolean): number =>
	(pretty ? 12 : 24) + from.length + to.length + 3 + type.length + String(seq).length + 1 + 6 + 10 + 1;

function toObject(message: Message): object {
	const { body, ...rest } = message;
	const data = bodyValue(message);
	return data === undefined ? { ...rest, b64: Buffer.from(body).toString('base64') } : { ...rest, data };
}
