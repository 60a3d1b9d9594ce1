/** What `orch ps` does beside its short way: an order, several statuses, and all of it again every second. */
import type { Api, ParamsOf, RuntimeInfo } from '@orch/protocol';
import type { Context } from '../context.ts';
import { toJson } from '../render/json.ts';
import { toColumns } from '../render/runtime-columns.ts';
import { printRuntimes, tableOf } from '../render/runtime-table.ts';
import { maskRuntime } from '../secrets.ts';
import { sorted, type SortKey } from '../top/order.ts';
import { again } from './again.ts';

export interface Wish {
	/** Of which it is one. */
	readonly statuses: readonly RuntimeInfo['status'][];
	readonly selection: ParamsOf<Api['runtime.list']>;
	readonly sort: SortKey | 'age' | undefined;
	/** Told where there is none. */
	readonly nothing: string;
}

export async function showOrdered(context: Context, wish: Wish): Promise<undefined> {
	const runtimes = await listed(context, wish);
	if (context.json) context.printJson(runtimes.map(maskRuntime));
	else printRuntimes(context, toColumns(runtimes), wish.nothing);
	return undefined;
}

export const watchOrdered = (context: Context, wish: Wish): Promise<number | undefined> =>
	again(context, async (signal) => {
		const runtimes = await listed(context, wish, signal);
		if (context.json) return toJson(runtimes.map(maskRuntime), false);
		if (context.namesOnly) return runtimes.map(({ name }) => `${name}\n`).join('');
		// a line that goes over the edge could not be drawn over
		const width = context.pretty ? context.world.out.columns : undefined;
		return tableOf(context, toColumns(runtimes), width) || `${wish.nothing}\n`;
	});

async function listed(
	context: Context,
	{ selection, statuses, sort }: Wish,
	signal?: AbortSignal,
): Promise<readonly RuntimeInfo[]> {
	const all = await context.read('runtime.list', selection, signal);
	const found = statuses.length === 0 ? all : all.filter(({ status }) => statuses.includes(status));
	if (sort === undefined) return found;
	return sorted(
		found.map((info) => ({ info })),
		sort === 'age' ? 'uptime' : sort,
	).map(({ info }) => info);
}
