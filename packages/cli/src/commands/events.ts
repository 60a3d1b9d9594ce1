/** `orch events`: what happens, as it happens, or since some time ago. */
import { cut, displayWidth, howItEnded, lifetimeText, printable, type Style } from '@orch/base/text';
import type { Api, DaemonEvent, ItemOf, ParamsOf } from '@orch/protocol';
import { BadValue } from '../args/bad-value.ts';
import { parseDuration } from '../args/duration.ts';
import { choice } from '../args/values.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { untilInterrupted } from '../interruption.ts';
import { flag, list, value } from '../option.ts';
import { droppedText } from '../render/dropped.ts';
import { toJson } from '../render/json.ts';
import { clockTime, plural } from '../render/time.ts';

const kinds = [
	'added',
	'removed',
	'changed',
	'adopted',
	'ready',
	'unready',
	'escaped',
	'link_added',
	'link_removed',
	'notice',
] as const satisfies readonly DaemonEvent['kind'][];

/** `5m` ago, or behind event 4121. */
function since(text: string): { readonly since: number } | { readonly sinceMs: number } {
	if (/^\d{1,15}$/.test(text)) return { since: Number(text) };
	try {
		return { sinceMs: parseDuration(text) };
	} catch (error) {
		if (!(error instanceof BadValue)) throw error;
		throw new BadValue('the number of an event, such as 4121, or a time ago, such as 5m', []);
	}
}

export const events = command({
	path: ['events'],
	summary: 'Show what happens: changes of runtimes and links, with reasons and last words',
	notes: [
		'From now on until Ctrl-C; with --since from behind an event, or from so long ago. With --no-follow it ends with the last event that there is.',
		'In a pipe, and with --json, each event is a JSON object on a line of its own. Its seq is what --since goes on from, also with another orchd. {"missed": N} stands for events that are no longer kept, or that this reader was too slow for.',
	],
	args: [{ name: 'RUNTIME', many: true }],
	options: {
		since: value('--since SEQ|DURATION', 'begin behind this event, or so long ago, such as 5m', since),
		follow: flag('-f, --follow', 'go on with what happens (unless said otherwise)'),
		noFollow: flag('--no-follow', 'end with the last event that there is'),
		kinds: list('--kind KIND', `only ${kinds.join(', ')}`, choice(kinds)),
	},
	examples: [
		'orch events',
		'orch events worker --since 1h --no-follow',
		'orch events --kind changed | jq -r \'select(.to == "failed") | .runtime.name\'',
	],
	json: 'a stream of events, one a line: {"seq", "at", "kind", "runtime", "from", "to", "reason", "pid", "exit", "uptimeMs", "stderrTail", "generation", "counters"}',
	async run(context, { args, options }) {
		const { world, pretty } = context;
		const asJson = context.json || !pretty;
		const params: ParamsOf<Api['daemon.events']> = {
			follow: options.noFollow !== true,
			...options.since,
			...(args.length === 0 ? {} : { runtimes: [...args] }),
			...(options.kinds === undefined ? {} : { kinds: [...options.kinds] }),
		};
		if (pretty && !context.json && params.follow && options.since === undefined)
			context.note('events from now on; earlier ones: orch events --since 5m');
		const show = async (signal: AbortSignal): Promise<undefined> => {
			for await (const item of context.follow('daemon.events', params, signal))
				await world.out.flow(asJson ? toJson(item, false) : eventText(context, item), signal);
			await world.out.flushed(signal);
		};
		return untilInterrupted(context, show, { endless: params.follow === true });
	},
});

const nameWidth = 12;

export function eventText(
	{ style, tableWidth }: Pick<Context, 'style' | 'tableWidth'>,
	item: ItemOf<Api['daemon.events']>,
): string {
	if ('missed' in item) return `${style.yellow(`… ${plural(item.missed, 'event')} missed`)}\n`;
	const name = printable(item.runtime?.name ?? '');
	const start = `${clockTime(item.at, false)}  ${name}${' '.repeat(Math.max(0, nameWidth - displayWidth(name)))}  `;
	const what = whatText(item);
	const lines = [`${start}${what}`, ...item.stderrTail.map((line) => `${' '.repeat(10)}│ ${printable(line)}`)];
	const [first = '', ...tail] = tableWidth === undefined ? lines : lines.map((line) => cut(line, tableWidth));
	return [`${painted(first, item, style)}\n`, ...tail.map((line) => `${style.dim(line)}\n`)].join('');
}

function whatText({ kind, from, to, reason, pid, exit, uptimeMs, seq, counters }: DaemonEvent): string {
	const because = reason === null ? '' : printable(reason);
	switch (kind) {
		case 'changed': {
			const how = exit === null ? '' : `${howItEnded(exit)}${uptimeMs === null ? '' : ` after ${lifetimeText(exit, uptimeMs)}`}`;
			const facts = [
				...(to === 'running' && pid !== null ? [`pid ${pid}`] : []),
				...(how === '' ? [] : [how]),
				// where the reason is the exit, it is said once
				...(because === '' || (exit !== null && because === howItEnded(exit)) ? [] : [because]),
			];
			return `${`${from} → ${to}`.padEnd(20)}  ${facts.join('; ')}`.trimEnd();
		}
		case 'adopted':
			return `adopted               pid ${pid}, which an earlier orchd had started`;
		case 'escaped':
			return `escaped               still there: ${because}`;
		case 'link_added':
			return `link added            ${because}`;
		case 'link_removed':
			return `link removed          ${because}${droppedText(counters?.dropped['link_removed'])}`;
		case 'notice':
			return `notice                ${because}`;
		case 'added':
		case 'removed':
		case 'ready':
		case 'unready':
			return because === '' ? kind : `${kind.padEnd(20)}  ${because}`;
		default:
			// of an orchd that is newer than this client
			return `${String(kind)} (event ${seq})`;
	}
}

function painted(line: string, { kind, to }: DaemonEvent, style: Style): string {
	if (kind === 'escaped' || to === 'failed' || to === 'backoff') return style.red(line);
	if (kind === 'ready' || to === 'running') return style.green(line);
	return kind === 'unready' || kind === 'notice' ? style.yellow(line) : line;
}
