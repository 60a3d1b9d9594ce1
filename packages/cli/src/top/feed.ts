/** What `orch top` asks of orchd, over connections that come and go: the watch, the output of one runtime, the links, and actions. */
import type { Api, ItemOf, ParamsOf, ResultOf } from '@orch/protocol';
import type { Clock, Timer } from '../clock.ts';
import type { Connection } from '../connect.ts';
import { toShownError } from '../errors.ts';
import type { Action, TopEvent } from './model.ts';

export interface FeedOptions {
	readonly open: () => Connection;
	readonly clock: Clock;
	readonly tell: (event: TopEvent) => void;
}

export interface Feed {
	/** Shows the output of this runtime, and of no other. */
	follow(id: string | undefined): void;
	/** Whether the links are looked at. */
	look(atLinks: boolean): void;
	act(action: Action, id: string, name: string): void;
	close(): void;
}

const firstRetryMs = 200;
const lastRetryMs = 1_000;
const linksEveryMs = 1_000;
/** Whoever runs through the list is not followed by streams for each that he passes. */
const settleMs = 80;
/** Of the output that there is already. */
const backlogLines = 200;
/** Items on their way: what changes meanwhile is put together on the other side. */
const window = 4;

const done: Readonly<Record<Action, string>> = { start: 'started', stop: 'stopped', restart: 'restarted' };

export function createFeed({ open, clock, tell }: FeedOptions): Feed {
	const closing = new AbortController();
	let connection: Connection | undefined;
	let following = new AbortController();
	let settling: Timer | undefined;
	let linksTimer: Timer | undefined;
	let isLooking = false;

	const watch = async (): Promise<string> => {
		const present = open();
		try {
			await present.connected;
			connection = present;
			let isFirst = true;
			const items = present.session.stream('runtime.watch', {}, { signal: closing.signal, window });
			for await (const item of items as AsyncGenerator<ItemOf<Api['runtime.watch']>>) {
				if (isFirst) tell({ kind: 'connected' });
				tell({ kind: 'watched', item, isFirst });
				isFirst = false;
			}
			return 'orchd ended the connection';
		} catch (error) {
			return toShownError(error).message.split('\n')[0] ?? '';
		} finally {
			connection = undefined;
			present.close();
		}
	};
	const run = async (): Promise<void> => {
		for (let waitMs = firstRetryMs; !closing.signal.aborted; ) {
			const startedMs = clock.monotonicMs();
			const reason = await watch();
			if (closing.signal.aborted) return;
			tell({ kind: 'lost', reason });
			// one that lasted was none of a row of failures
			waitMs = clock.monotonicMs() - startedMs > lastRetryMs ? firstRetryMs : Math.min(lastRetryMs, waitMs * 2);
			await clock.sleep(waitMs, closing.signal).catch(() => {});
		}
	};
	const follow = async (id: string, signal: AbortSignal): Promise<void> => {
		try {
			const params: ParamsOf<Api['runtime.logs']> = {
				runtimes: [id],
				streams: ['stdout', 'stderr'],
				follow: true,
				lines: backlogLines,
			};
			const items = connection?.session.stream('runtime.logs', params, { signal, window });
			if (!items) return;
			for await (const { lines } of items as AsyncGenerator<ItemOf<Api['runtime.logs']>>) {
				if (signal.aborted) return;
				tell({ kind: 'output', id, lines: lines.map(({ stream, text }) => ({ stream, text: text ?? '' })) });
			}
		} catch {
			// with the connection, or the runtime: either is told by the watch
		}
	};
	const askLinks = async (): Promise<void> => {
		linksTimer = undefined;
		try {
			const links = await connection?.session.request('link.stats', {});
			if (links) tell({ kind: 'links', links: links as ResultOf<Api['link.stats']> });
		} catch {
			// the router is away for a moment; what was seen last stays
		}
		if (isLooking && !closing.signal.aborted) linksTimer ??= clock.setTimer(linksEveryMs, () => void askLinks());
	};
	void run();

	return {
		follow(id) {
			following.abort();
			settling?.cancel();
			following = new AbortController();
			if (id === undefined) return;
			const { signal } = following;
			settling = clock.setTimer(settleMs, () => void follow(id, signal));
		},
		look(atLinks) {
			if (atLinks === isLooking) return;
			isLooking = atLinks;
			linksTimer?.cancel();
			linksTimer = undefined;
			if (atLinks) void askLinks();
		},
		act(action, id, name) {
			const asked = connection?.session.request(`runtime.${action}`, { runtime: id });
			if (!asked) {
				tell({ kind: 'acted', text: `cannot ${action} ${name}: orchd is away`, isError: true });
				return;
			}
			asked.then(
				() => tell({ kind: 'acted', text: `${done[action]} ${name}`, isError: false }),
				(error: unknown) => tell({ kind: 'acted', text: toShownError(error).message.split('\n')[0] ?? '', isError: true }),
			);
		},
		close() {
			closing.abort();
			following.abort();
			settling?.cancel();
			linksTimer?.cancel();
			connection?.close();
		},
	};
}
