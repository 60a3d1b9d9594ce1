/** `orch link stats`: rates, latencies, queues and drops of the links, what no link takes, and faults of connections. */
import { ago, type Column, renderTable } from '@orch/base/text';
import type { Api, ResultOf } from '@orch/protocol';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { untilInterrupted } from '../interruption.ts';
import { flag } from '../option.ts';
import { toJson } from '../render/json.ts';
import { bytes, latency, rate } from '../render/time.ts';
import { filterOf, type LinkEnds, type LinkFilter, linkFilter, linkText } from './link-text.ts';

type Stats = ResultOf<Api['link.stats']>;
type Row =
	| { readonly kind: 'link'; readonly link: Stats['links'][number] }
	| { readonly kind: 'unrouted'; readonly unrouted: Stats['unrouted'][number]; readonly note: string }
	| { readonly kind: 'faults'; readonly faults: Stats['faults'][number] };

const watchEveryMs = 1000;

export const linkStats = command({
	path: ['link', 'stats'],
	summary: 'Show rates, latencies, queues and drops of the links, what no link takes, and faults of connections',
	options: { ...linkFilter, watch: flag('-w, --watch', 'again every second, until Ctrl-C') },
	examples: ['orch link stats', 'orch link stats -w', "orch link stats --json | jq '.unrouted'"],
	json: '{"links": [...], "unrouted": [...], "faults": [...]}; with --watch one a line, every second',
	async run(context, { options: { watch = false, ...filter } }) {
		if (watch) return watchStats(context, filter);
		const stats = await context.read('link.stats', filterOf(filter));
		if (context.json) context.printJson(stats);
		else if (context.namesOnly) context.print(stats.links.map(({ id }) => `${id}\n`).join(''));
		else if (stats.links.length + stats.unrouted.length + stats.faults.length === 0)
			context.note('no links; add one: orch link add --from A --type T --to B');
		else context.print(renderStats(context, stats, await takers(context, stats, filter)));
		return undefined;
	},
});

async function watchStats(context: Context, filter: LinkFilter): Promise<number | undefined> {
	const { world, json, pretty } = context;
	let drawn = 0;
	const show = async (signal: AbortSignal): Promise<never> => {
		for (;;) {
			const stats = await context.read('link.stats', filterOf(filter), signal);
			const text = json
				? toJson(stats, false)
				: fitToScreen(renderStats(context, stats, await takers(context, stats, filter, signal)), world.out.rows);
			// drawn over itself on a terminal, one below the other in a pipe
			const back = pretty && !json && drawn > 0 ? `\u001b[${drawn}A\u001b[J` : '';
			const apart = !pretty && !json && drawn > 0 ? '\n' : '';
			await world.out.flow(back + apart + text, signal);
			drawn = text.split('\n').length - 1;
			await world.clock.sleep(watchEveryMs, signal);
		}
	};
	return untilInterrupted(context, show, { endless: true });
}

/** What would scroll away could not be drawn over. */
function fitToScreen(text: string, rows: number | undefined): string {
	const lines = text.trimEnd().split('\n');
	if (rows === undefined || lines.length < rows) return text;
	const kept = Math.max(1, rows - 2);
	return `${lines.slice(0, kept).join('\n')}\n… ${lines.length - kept} more\n`;
}

export function renderStats(
	{ pretty, style, tableWidth, world }: Pick<Context, 'pretty' | 'style' | 'tableWidth' | 'world'>,
	stats: Stats,
	/** What may take what no link takes; those that are shown, unless said otherwise. */
	links: readonly LinkEnds[] = stats.links,
): string {
	const rows: Row[] = [
		...stats.links.map((link): Row => ({ kind: 'link', link })),
		...stats.unrouted.map((unrouted): Row => ({ kind: 'unrouted', unrouted, note: unroutedText(unrouted, links) })),
		...stats.faults.map((faults): Row => ({ kind: 'faults', faults })),
	];
	return renderTable(rows, columns(pretty, world.clock.now()), { width: tableWidth, style });
}

function columns(pretty: boolean, now: number): Column<Row>[] {
	const of =
		(link: (stats: Stats['links'][number]) => string, unrouted: (stats: Stats['unrouted'][number]) => string) => (row: Row) =>
			row.kind === 'link' ? link(row.link) : row.kind === 'unrouted' ? unrouted(row.unrouted) : none();
	const none = () => '–';
	const last = (at: string | null) => (at === null ? '–' : pretty ? ago(at, now) : at);
	return [
		{
			header: 'LINK',
			rank: 0,
			shrinkTo: 20,
			text: (row) =>
				row.kind === 'link'
					? linkText(row.link)
					: row.kind === 'unrouted'
						? `(unrouted) ${row.unrouted.from.name} ${row.unrouted.type}`
						: `(faults) ${row.faults.runtime.name}`,
			paint: (text, row, style) => (row.kind === 'link' ? text : style.yellow(text)),
		},
		{
			header: 'MSG/S',
			rank: 0,
			align: 'right',
			text: of(
				({ messagesPerSecond }) => rate(messagesPerSecond),
				({ messagesPerSecond }) => rate(messagesPerSecond),
			),
		},
		{ header: 'BYTES/S', rank: 4, align: 'right', text: of(({ bytesPerSecond }) => bytes(bytesPerSecond), none) },
		{ header: 'P50', rank: 3, align: 'right', text: of(({ latencyP50Ms }) => latency(latencyP50Ms), none) },
		{ header: 'P99', rank: 3, align: 'right', text: of(({ latencyP99Ms }) => latency(latencyP99Ms), none) },
		{
			header: 'QUEUE',
			rank: 1,
			align: 'right',
			text: of(
				({ counters, queueMessages, blocking }) => `${counters.queued}/${queueMessages}${blocking ? ' blocks' : ''}`,
				none,
			),
			paint: (text, row, style) => (row.kind === 'link' && row.link.blocking ? style.yellow(text) : text),
		},
		{
			header: 'DROPPED',
			rank: 1,
			align: 'right',
			text: (row) => String(lostBy(row)),
			paint: (text, row, style) => (lostBy(row) > 0 ? style.red(text) : text),
		},
		{
			header: 'LAST',
			rank: 2,
			text: of(
				({ lastAt }) => last(lastAt),
				({ lastAt }) => last(lastAt),
			),
		},
		{
			header: 'NOTE',
			rank: 5,
			text: (row) =>
				row.kind === 'link' ? dropsText(row.link) : row.kind === 'unrouted' ? row.note : faultsText(row.faults.counts),
		},
	];
}

/** The count stays when a link is added, and so does its rate for some seconds: they say no more that there is none. */
function unroutedText({ from, type }: Stats['unrouted'][number], links: readonly LinkEnds[]): string {
	// one of several instances sends by the links of all of them
	const senders = [from.name, from.name.replace(/-\d+$/, ''), '*'];
	const taken = links.some((link) => link.type === type && senders.includes(link.from.name));
	return taken ? `before a link took ${type} from ${from.name}` : `no link takes ${type} from ${from.name}`;
}

/** Every link that may take what is unrouted: a filter by sender leaves out those of any sender. */
const takers = async (
	context: Context,
	stats: Stats,
	{ from }: LinkFilter,
	signal?: AbortSignal,
): Promise<readonly LinkEnds[]> =>
	from === undefined || stats.unrouted.length === 0 ? stats.links : context.read('link.list', {}, signal);

const sumOf = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((sum, count) => sum + count, 0);

function lostBy(row: Row): number {
	if (row.kind === 'unrouted') return row.unrouted.count;
	if (row.kind === 'link') return sumOf(row.link.counters.dropped);
	const { discarded_bytes: _bytes, ...counts } = row.faults.counts;
	return sumOf(counts);
}

const faultsText = ({ discarded_bytes: discarded, ...counts }: Readonly<Record<string, number>>): string =>
	[
		...Object.entries(counts).map(([code, count]) => `${count} ${code}`),
		...(discarded === undefined ? [] : [`${bytes(discarded)} discarded`]),
	].join(', ');

const dropsText = ({ counters }: Stats['links'][number]): string =>
	Object.entries(counters.dropped)
		.filter(([, count]) => count > 0)
		.map(([reason, count]) => `${count} ${reason}`)
		.join(', ');
