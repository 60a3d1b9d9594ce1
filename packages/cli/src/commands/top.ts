/** `orch top`: all runtimes live, with the log of one of them; or once, for a script. */
import type { Api, RuntimeInfo, ResultOf } from '@orch/protocol';
import { choice } from '../args/values.ts';
import { toRfc3339 } from '../clock.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { untilInterrupted } from '../interruption.ts';
import { flag, value } from '../option.ts';
import { toJson } from '../render/json.ts';
import { sorted, sortKeys, type SortKey } from '../top/order.ts';
import { toColumns } from '../render/runtime-columns.ts';
import { printRuntimes } from '../render/runtime-table.ts';
import { maskRuntime } from '../secrets.ts';

export const top = command({
	path: ['top'],
	summary: 'Show all runtimes live: what they use, the log of one, keys to start, stop and restart',
	notes: [
		'Keys: j k move, s start, x stop, r restart, l the log on the whole screen, / filter, o sort, 2 links, ? all keys, q quit. Quitting stops nothing.',
		'With --once it prints what there is and ends, with --json as one document. --json alone prints a line every second until Ctrl-C.',
	],
	args: [{ name: 'RUNTIME', many: true }],
	options: {
		once: flag('--once', 'print what there is, once'),
		sort: value('--sort KEY', `by ${sortKeys.join(', ')}`, choice(sortKeys)),
	},
	examples: [
		'orch top',
		'orch top --sort mem',
		"orch top --once --json | jq '.runtimes[] | select(.usage.cpuPercent > 50).name'",
	],
	json: '{"at", "runtimes": [as in orch ps], "links": as in orch link stats, or null}',
	async run(context, { args, options: { once = false, sort = 'status' } }) {
		const only = await Promise.all(args.map(async (runtime) => (await context.read('runtime.show', { runtime })).id));
		if (once) return showOnce(context, only, sort);
		if (context.json) return showLines(context, only, sort);
		const { world } = context;
		if (!world.out.isTerminal || !world.input.isTerminal || world.env['TERM'] === 'dumb')
			throw new CliError('usage.conflict', { reason: 'orch top needs a terminal', hint: 'orch top --once' });
		// where no orchd is, that is told before the screen is taken
		await context.hello();
		const { runTop } = await import('../top/run.ts');
		return runTop(context, { only, sort });
	},
});

type Links = ResultOf<Api['link.stats']> | null;

const pick = (runtimes: readonly RuntimeInfo[], only: readonly string[], sort: SortKey): readonly RuntimeInfo[] =>
	sorted(
		runtimes.filter(({ id }) => only.length === 0 || only.includes(id)).map((info) => ({ info })),
		sort,
	).map(({ info }) => maskRuntime(info));

async function showOnce(context: Context, only: readonly string[], sort: SortKey): Promise<undefined> {
	const runtimes = pick(await context.read('runtime.list', {}), only, sort);
	if (!context.json) printRuntimes(context, toColumns(runtimes));
	else context.printJson({ at: timeOf(context), runtimes, links: await linksOf(context) });
	return undefined;
}

async function showLines(context: Context, only: readonly string[], sort: SortKey): Promise<number | undefined> {
	const { world } = context;
	const all = new Map<string, RuntimeInfo>();
	let printedMs = Number.NEGATIVE_INFINITY;
	const show = async (signal: AbortSignal): Promise<undefined> => {
		for await (const item of context.follow('runtime.watch', {}, signal)) {
			for (const id of item.removed) all.delete(id);
			for (const info of item.runtimes) all.set(info.id, info);
			for (const { id, ...figures } of item.figures) {
				const info = all.get(id);
				if (info) all.set(id, { ...info, usage: { ...figures, at: item.at } });
			}
			// changes come at any time, lines once a second
			if (world.clock.monotonicMs() - printedMs < 900) continue;
			printedMs = world.clock.monotonicMs();
			const line = { at: item.at, runtimes: pick([...all.values()], only, sort), links: await linksOf(context, signal) };
			await world.out.flow(toJson(line, false), signal);
		}
	};
	return untilInterrupted(context, show, { endless: true });
}

/** Without its router orchd knows of no rates. */
const linksOf = (context: Context, signal?: AbortSignal): Promise<Links> =>
	context.read('link.stats', {}, signal).catch((error: unknown) => {
		if (signal?.aborted) throw error;
		return null;
	});

const timeOf = ({ world }: Context): string => toRfc3339(world.clock.now());
