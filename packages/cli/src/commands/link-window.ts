/** Figures of links over a window of time: what the router remembers at once, of a longer one each part as it passes. */
import type { Api, ResultOf } from '@orch/protocol';
import { BadValue } from '../args/bad-value.ts';
import { parseDuration } from '../args/duration.ts';
import type { Clock } from '../clock.ts';

export type Stats = ResultOf<Api['link.stats']>;

/** As far back as the router remembers, second by second. */
export const rememberedSeconds = 10;
const longestSeconds = 3600;

/** In seconds. */
export function parseWindow(text: string): number {
	const seconds = parseDuration(text) / 1000;
	if (!Number.isInteger(seconds) || seconds < 1 || seconds > longestSeconds)
		throw new BadValue('whole seconds, from 1s to 1h', []);
	return seconds;
}

/** The newest figures, with the rates of all the window; undefined: those that the router tells by itself. */
export async function statsOver(
	seconds: number | undefined,
	read: (window: { readonly windowSeconds?: number }, signal?: AbortSignal) => Promise<Stats>,
	clock: Clock,
	signal?: AbortSignal,
): Promise<Stats> {
	if (seconds === undefined) return read({}, signal);
	const parts: { readonly seconds: number; readonly stats: Stats }[] = [];
	for (let left = seconds; left > 0; ) {
		const part = Math.min(left, rememberedSeconds);
		// the first one has passed already
		if (parts.length > 0) await clock.sleep(part * 1000, signal);
		parts.push({ seconds: part, stats: await read({ windowSeconds: part }, signal) });
		left -= part;
	}
	return averaged(parts);
}

function averaged(parts: readonly { readonly seconds: number; readonly stats: Stats }[]): Stats {
	const newest = (parts.at(-1) as (typeof parts)[number]).stats;
	if (parts.length === 1) return newest;
	const all = parts.reduce((sum, { seconds }) => sum + seconds, 0);
	/** What is not there in a part has not sent then. */
	const mean = (rateIn: (stats: Stats) => number | undefined): number =>
		parts.reduce((sum, { seconds, stats }) => sum + (rateIn(stats) ?? 0) * seconds, 0) / all;
	return {
		...newest,
		links: newest.links.map((link) => {
			const same = ({ links }: Stats) => links.find(({ id }) => id === link.id);
			return {
				...link,
				messagesPerSecond: mean((stats) => same(stats)?.messagesPerSecond),
				bytesPerSecond: mean((stats) => same(stats)?.bytesPerSecond),
			};
		}),
		unrouted: newest.unrouted.map((row) => {
			const same = ({ unrouted }: Stats) => unrouted.find(({ from, type }) => from.id === row.from.id && type === row.type);
			return { ...row, messagesPerSecond: mean((stats) => same(stats)?.messagesPerSecond) };
		}),
	};
}
