/** `orch link stats`: rates, latencies, queues and drops of the links, what no link takes, and faults of connections. */
import { ago, type Column, renderTable } from '@orch/base/text';
import { again } from './again.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { untilInterrupted } from '../interruption.ts';
import { flag, value } from '../option.ts';
import { toJson } from '../render/json.ts';
import { bytes, latency, rate } from '../render/time.ts';
import { pickLink } from './link-find.ts';
import { filterOf, isFiltered, type LinkEnds, type LinkFilter, linkFilter, linkText } from './link-text.ts';
import { parseWindow, rememberedSeconds, type Stats, statsOver } from './link-window.ts';

type Link = Stats['links'][number];
type Row =
	| { readonly kind: 'link'; readonly link: Link }
	| { readonly kind: 'unrouted'; readonly unrouted: Stats['unrouted'][number]; readonly note: string }
	| { readonly kind: 'faults'; readonly faults: Stats['faults'][number] };

export const linkStats = command({
	path: ['link', 'stats'],
	summary: 'Show rates, latencies, queues and drops of the links, what no link takes, and faults of connections',
	notes: [
		'Of all links, of those that are named by their ids, or of those between runtimes: then also what no link takes (unrouted), and faults.',
		'Rates are of the last ten seconds, or of the last --window: up to ten seconds are told at once, of a longer one the rest is waited for.',
		'▲ stands behind a queue that is nearly full, that waits for a receiver which is not there, or, with --watch, that has grown.',
	],
	args: [{ name: 'LINK', many: true }],
	options: {
		...linkFilter,
		window: value('--window DURATION', 'rates of the last so many seconds (10s), up to 1h', parseWindow),
		watch: flag('-w, --watch', 'again every second, until Ctrl-C'),
	},
	examples: [
		'orch link stats',
		'orch link stats 7c1e09aa --window 1m',
		'orch link stats -w --window 1s',
		"orch link stats --json | jq '.unrouted'",
	],
	json: '{"links": [...], "unrouted": [...], "faults": [...]}; with --watch one a line, every second',
	async run(context, { args: refs, options: { watch = false, window, ...filter } }) {
		checkTogether(refs, filter, watch, window);
		const read = async (seconds: { readonly windowSeconds?: number }, signal?: AbortSignal): Promise<Stats> => {
			const stats = await context.read('link.stats', { ...filterOf(filter), ...seconds }, signal);
			return refs.length === 0 ? stats : ofLinks(stats, refs);
		};
		const short = window === undefined ? {} : { windowSeconds: window };
		if (watch) return watchStats(context, filter, (signal) => read(short, signal));
		const show = async (signal?: AbortSignal): Promise<undefined> => {
			const stats = await statsOver(window, read, context.world.clock, signal);
			if (context.json) context.printJson(stats);
			else if (context.namesOnly) context.print(stats.links.map(({ id }) => `${id}\n`).join(''));
			else if (stats.links.length + stats.unrouted.length + stats.faults.length === 0)
				context.note('no links; add one: orch link add --from A --type T --to B');
			else context.print(renderStats(context, stats, { links: await takers(context, stats, filter, signal) }));
		};
		if (window !== undefined && window > rememberedSeconds) return untilInterrupted(context, show);
		return show();
	},
});

function checkTogether(refs: readonly string[], filter: LinkFilter, watch: boolean, window: number | undefined): void {
	const refuse = (reason: string): never => {
		throw new CliError('usage.conflict', { reason, hint: 'orch help link stats' });
	};
	if (refs.length > 0 && isFiltered(filter)) refuse('links are named by their ids, or by --from, --type and --to, not by both');
	if (watch && window !== undefined && window > rememberedSeconds)
		refuse(`--watch looks every second, so its --window is one that need not be waited for: ${rememberedSeconds}s at most`);
}

/** Those that are named, in the order in which they were added; what is of no link is not of them. */
function ofLinks({ links }: Stats, refs: readonly string[]): Stats {
	const ids = new Set(refs.map((ref) => pickLink(links, ref).id));
	return { links: links.filter(({ id }) => ids.has(id)), unrouted: [], faults: [] };
}

function watchStats(
	context: Context,
	filter: LinkFilter,
	read: (signal: AbortSignal) => Promise<Stats>,
): Promise<number | undefined> {
	let before: ReadonlyMap<string, number> | undefined;
	return again(context, async (signal) => {
		const stats = await read(signal);
		if (context.json) return toJson(stats, false);
		const seen = { links: await takers(context, stats, filter, signal), before };
		before = new Map(stats.links.map(({ id, counters }) => [id, counters.queued]));
		return renderStats(context, stats, seen);
	});
}

export function renderStats(
	{ pretty, style, tableWidth, world }: Pick<Context, 'pretty' | 'style' | 'tableWidth' | 'world'>,
	stats: Stats,
	{ links = stats.links, before }: Seen = {},
): string {
	const rows: Row[] = [
		...stats.links.map((link): Row => ({ kind: 'link', link })),
		...stats.unrouted.map((unrouted): Row => ({ kind: 'unrouted', unrouted, note: unroutedText(unrouted, links) })),
		...stats.faults.map((faults): Row => ({ kind: 'faults', faults })),
	];
	return renderTable(rows, columns(pretty, world.clock.now(), before), { width: tableWidth, style });
}

interface Seen {
	/** What may take what no link takes; those that are shown, unless said otherwise. */
	readonly links?: readonly LinkEnds[];
	/** What was queued at the look before this one, by link. */
	readonly before?: ReadonlyMap<string, number> | undefined;
}

/** From here on a mailbox is nearly full. */
const nearlyFull = 0.8;

/** Whether somebody should look at its queue: it is nearly full, it has grown, or nobody is there to take from it. */
function isPressed({ id, counters, queueMessages, queueBytes, overflow }: Link, before: Seen['before']): boolean {
	const { queued, queuedBytes, inFlight } = counters;
	// one of `latest` holds one message by design: the next one takes its place
	if (queued === 0 || overflow === 'latest') return false;
	const isNearlyFull = queued >= queueMessages * nearlyFull || queuedBytes >= queueBytes * nearlyFull;
	return isNearlyFull || inFlight === 0 || queued > (before?.get(id) ?? queued);
}

function columns(pretty: boolean, now: number, before: Seen['before']): Column<Row>[] {
	const of = (link: (stats: Link) => string, unrouted: (stats: Stats['unrouted'][number]) => string) => (row: Row) =>
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
				(link) =>
					`${link.counters.queued}/${link.queueMessages}${link.blocking ? ' blocks' : ''}${isPressed(link, before) ? ' ▲' : ''}`,
				none,
			),
			paint: (text, row, style) =>
				row.kind === 'link' && (row.link.blocking || isPressed(row.link, before)) ? style.yellow(text) : text,
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

const dropsText = ({ counters }: Link): string =>
	Object.entries(counters.dropped)
		.filter(([, count]) => count > 0)
		.map(([reason, count]) => `${count} ${reason}`)
		.join(', ');
