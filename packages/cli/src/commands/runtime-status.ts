/** How one runtime is: its status and why, what ended it, its links, what it wrote last, and what to type next. */
import { ago, cut, duration, exitText, memory, percent, printable, statusMark, statusPaint, statusText } from '@orch/base/text';
import type { Api, ItemOf, ResultOf } from '@orch/protocol';
import type { Context } from '../context.ts';
import { renderDetails } from '../render/details.ts';
import { plainText } from '../render/log-text.ts';
import { bytes, clockTime, plural, rate } from '../render/time.ts';
import { maskRuntime } from '../secrets.ts';

export type Runtime = ResultOf<Api['runtime.show']>;
type LogLine = ItemOf<Api['runtime.logs']>['lines'][number];
type Links = ResultOf<Api['link.stats']>['links'];

const shownLines = 10;

export async function showRuntimeStatus(context: Context, runtime: string): Promise<number> {
	// all is asked at once; what else there is does not matter where the runtime does not exist
	const asked = context.read('runtime.show', { runtime });
	const sends = linksOf(context, { from: runtime });
	const receives = linksOf(context, { to: runtime });
	const log = lastLines(context, runtime);
	const shown = await asked;
	if (context.json) context.printJson(maskRuntime(shown));
	else if (!context.namesOnly) {
		context.print(renderRuntimeStatus(context, shown, { sends: await sends, receives: await receives, log: await log }));
		context.next(...nextSteps(shown));
	}
	return shown.status === 'running' ? 0 : 3;
}

/** A router that does not answer takes nothing from what is known of the runtime. */
const linksOf = (context: Context, of: { readonly from: string } | { readonly to: string }): Promise<Links> =>
	context.read('link.stats', of).then(
		({ links }) => links,
		() => [],
	);

/** What it has written last, to either stream. */
async function lastLines(context: Context, runtime: string): Promise<readonly LogLine[]> {
	const lines: LogLine[] = [];
	const asked = { runtimes: [runtime], streams: ['stdout' as const, 'stderr' as const], follow: false, lines: shownLines };
	const read = async (signal: AbortSignal) => {
		for await (const item of context.follow('runtime.logs', asked, signal)) lines.push(...item.lines);
	};
	try {
		await context.withinTimeout(read);
	} catch {
		// without them the rest is still worth showing; why the runtime cannot be shown is told by `runtime.show`
		return [];
	}
	return lines.filter(({ text = '' }) => text.trim() !== '').slice(-shownLines);
}

export function renderRuntimeStatus(
	context: Pick<Context, 'style' | 'pretty' | 'tableWidth' | 'world'>,
	runtime: Runtime,
	seen: { readonly sends: Links; readonly receives: Links; readonly log: readonly LogLine[] },
): string {
	const { style, pretty, world } = context;
	const now = world.clock.now();
	const at = (time: string) => (pretty ? ago(time, now) : time);
	const status = `${pretty ? `${statusMark(runtime)} ` : ''}${statusText(runtime)}`;
	const room = (context.tableWidth ?? Number.POSITIVE_INFINITY) - 14;
	const other = (name: string) => (name === '' ? '*' : name);
	const lines = renderDetails(
		[
			['reason', runtime.reason === null ? undefined : printable(runtime.reason)],
			['command', `${printable([runtime.command, ...runtime.args].join(' '))}`],
			['directory', printable(runtime.cwd)],
			['pid', runtime.pid === null ? undefined : `${runtime.pid}, up ${duration(runtime.uptimeMs ?? 0)}`],
			['uses', usageText(runtime)],
			['ended', runtime.lastExit ? exitText(runtime.lastExit, at) : undefined],
			['restarts', runtime.restarts > 0 ? `${runtime.restarts} since it was started` : undefined],
			['connected', runtime.connected === null ? undefined : runtime.connected],
			[
				'receives',
				seen.receives.map((link) => printable(`${link.type} from ${other(link.from.name)}  ${flowText(link)}`)).join('\n') ||
					undefined,
			],
			[
				'sends',
				seen.sends.map((link) => printable(`${link.type} to ${other(link.to.name)}  ${flowText(link)}`)).join('\n') || undefined,
			],
			['escaped', runtime.escaped.map(({ pid, command }) => `pid ${pid}  ${printable(command)}`).join('\n') || undefined],
			['warnings', runtime.warnings.map((warning) => style.yellow(printable(warning))).join('\n') || undefined],
			['last log', logText(seen.log, { room, now, pretty }) || undefined],
		],
		style,
	);
	return `${style.bold(runtime.name)}  ${statusPaint(runtime, style)(status)}${why(runtime)}\n${lines}`;
}

/** `14:02:11 stderr  Error: …`, each on a line. */
function logText(
	log: readonly LogLine[],
	{ room, now, pretty }: { readonly room: number; readonly now: number; readonly pretty: boolean },
): string {
	const isOfLate = (at: string) => now - Date.parse(at) < shortMs;
	const times = log.map(({ at }) => (!pretty ? at : isOfLate(at) ? clockTime(at, false) : ago(at, now)));
	const width = Math.max(0, ...times.map(({ length }) => length));
	return log
		.map(({ stream, text = '' }, line) =>
			cut(`${times[line]?.padEnd(width)}  ${stream}  ${printable(plainText(text, false))}`, room),
		)
		.join('\n');
}

/** By then the time of the day alone would mislead. */
const shortMs = 12 * 3_600_000;

/** `cpu 3.1%, memory 84M of 512M, 3 processes`. */
function usageText({ usage, options }: Runtime): string | undefined {
	if (usage === null) return undefined;
	const limit = options.limits?.memoryBytes;
	return [
		...(usage.cpuPercent === null ? [] : [`cpu ${percent(usage.cpuPercent)}`]),
		`memory ${memory(usage.memoryBytes)}${limit === undefined ? '' : ` of ${memory(limit)}`}`,
		usage.processes === 1 ? '1 process' : `${usage.processes} processes`,
	].join(', ');
}

/** `, failure 3 of 5 in 1m`. */
function why({ backoff, status, restart }: Runtime): string {
	if (!backoff || backoff.failures === 0 || (status !== 'backoff' && status !== 'failed')) return '';
	const counted =
		backoff.of > 0
			? `failure ${backoff.failures} of ${backoff.of} in ${duration(backoff.withinMs)}`
			: plural(backoff.failures, 'failure');
	return `, ${counted} (restart ${restart.when})`;
}

/** `2.0/s  (12 waiting, 1 kB; 3 dropped)`. */
function flowText({ counters, messagesPerSecond }: Links[number]): string {
	const dropped = Object.values(counters.dropped).reduce((sum, count) => sum + count, 0);
	const parts = [
		...(counters.queued > 0 ? [`${counters.queued} waiting, ${bytes(counters.queuedBytes)}`] : []),
		...(dropped > 0 ? [`${dropped} dropped`] : []),
	];
	return `${rate(messagesPerSecond)}/s${parts.length > 0 ? `  (${parts.join('; ')})` : ''}`;
}

function nextSteps({ name, status }: Runtime): string[] {
	const steps = [`orch runtime ${status === 'running' ? 'stdout' : 'stderr'} ${name}`];
	if (status === 'running') steps.push(`orch restart ${name}`);
	else if (status !== 'starting' && status !== 'stopping') steps.push(`orch start ${name}`);
	return [...steps, `orch runtime show ${name}`];
}
