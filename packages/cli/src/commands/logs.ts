/** `orch logs`: what runtimes have written, in lines by time. */
import type { Api, ItemOf, ParamsOf } from '@orch/protocol';
import { BadValue } from '../args/bad-value.ts';
import { parseTime } from '../args/time.ts';
import { choice, integer, nonEmpty } from '../args/values.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { untilInterrupted } from '../interruption.ts';
import { flag, type OptionValues, value } from '../option.ts';
import { isDisconnected, reconnect } from '../reconnect.ts';
import { toJson } from '../render/json.ts';
import { LogLines } from '../render/log-lines.ts';

type Item = ItemOf<Api['runtime.logs']>;
type Params = ParamsOf<Api['runtime.logs']>;

/** So many lines of what there is stand before what is followed, unless said otherwise. */
const linesBefore = 20;

const lines = (text: string): number | 'all' => {
	if (text === 'all') return 'all';
	try {
		return integer(0, 10_000_000)(text);
	} catch (error) {
		if (!(error instanceof BadValue)) throw error;
		throw new BadValue('a whole number from 0 to 10000000, or all', []);
	}
};

const options = {
	follow: flag('-f, --follow', 'go on with what comes, until Ctrl-C, also over a restart of orchd'),
	lines: value('-n, --lines N', `only the last N lines, of all together (all; with -f ${linesBefore})`, lines),
	since: value('--since TIME', 'begin so long ago (5m, 2h), or at a time (14:03, 2026-01-31 14:03, RFC 3339)', parseTime),
	until: value('--until TIME', 'end there', parseTime),
	grep: value('--grep REGEX', 'only lines that match a regular expression of JavaScript', nonEmpty),
	ignoreCase: flag('-i, --ignore-case', 'large and small letters match each other'),
	stream: value('--stream STREAM', 'only stdout, or only stderr', choice(['stdout', 'stderr'])),
	previous: flag('--previous', 'what the process before the present one wrote'),
	timestamps: flag('-t, --timestamps', 'when each line came'),
	noPrefix: flag('--no-prefix', 'without the names of the runtimes'),
	raw: flag('--raw', 'the bytes as they are, with all that they do to a terminal'),
} as const;

export const logs = command({
	path: ['logs'],
	summary: 'Show what runtimes have written, merged by time',
	notes: [
		'Of all runtimes, or of those that are named; a group means its instances. Order is exact within a stream, and by time across streams and runtimes.',
		'On a terminal each runtime has a colour, a red bar stands for standard error, and of what programs send to drive a terminal only colours pass. In a pipe the text is plain. Times of lines that came while no orchd ran are intervals.',
		'A reader that is slower than the limit of the kept output lets it happen is told how many lines it has missed.',
	],
	args: [{ name: 'RUNTIME', many: true }],
	options,
	examples: [
		'orch logs -f',
		'orch logs api worker --since 5m --grep "error|warn" -i',
		'orch logs worker --previous --stream stderr',
		'orch logs -f --json | jq -r \'select(.stream == "stderr").text\'',
	],
	json: 'a stream of {"runtime", "name", "stream", "at", "atEnd", "text", "partial", "goesOn"}, one a line; {"dropped", "runtime", "name", "stream", "bytes"} for what was removed before it could be shown',
	async run(context, { args, options: given }) {
		checkTogether(context, given);
		const show = async (signal: AbortSignal): Promise<undefined> => {
			const shown = await showLines(context, paramsOf(context, args, given), given, signal);
			await context.world.out.flushed(signal);
			if (shown === 0 && !signal.aborted) context.note(whyNothing(given));
		};
		return untilInterrupted(context, show, { endless: given.follow === true });
	},
});

type Given = OptionValues<typeof options>;

function checkTogether({ json }: Context, { raw, previous, follow, timestamps }: Given): void {
	const refuse = (reason: string): never => {
		throw new CliError('usage.conflict', { reason, hint: 'orch help logs' });
	};
	if (raw && (json || timestamps)) refuse(`--raw shows bytes as they are, without ${json ? 'JSON' : 'times'}`);
	if (previous && follow) refuse('what an earlier process wrote does not grow: --previous cannot be followed');
}

function paramsOf({ world }: Context, runtimes: readonly string[], given: Given): Params {
	const now = world.clock.now();
	const { follow = false, since, until, grep, stream } = given;
	const wanted = given.lines ?? (follow && since === undefined ? linesBefore : 'all');
	return {
		runtimes: [...runtimes],
		streams: stream === undefined ? ['stdout', 'stderr'] : [stream],
		follow,
		...(wanted === 'all' ? {} : { lines: wanted }),
		...(since === undefined ? {} : { since: since(now) }),
		...(until === undefined ? {} : { until: until(now) }),
		...(grep === undefined ? {} : { grep }),
		...(given.ignoreCase ? { ignoreCase: true } : {}),
		...(given.previous ? { previous: true } : {}),
		...(given.raw ? { raw: true } : {}),
	};
}

/** Gives how much it has shown: lines, and what it has told of those that are gone. */
async function showLines(context: Context, params: Params, given: Given, signal: AbortSignal): Promise<number> {
	const { out } = context.world;
	const print = await printer(context, params.runtimes ?? [], given, signal);
	const cursor: Record<string, { stdout?: number; stderr?: number }> = {};
	let asked: Params = params;
	let shown = 0;
	for (;;) {
		try {
			const items = context.follow('runtime.logs', asked, signal);
			for (let next = await items.next(); ; next = await items.next()) {
				if (next.done) {
					if (next.value.ended === 'closing' && params.follow) break;
					const rest = print.end();
					if (rest !== '') await out.flow(rest, signal);
					return shown;
				}
				const data = print.item(next.value);
				// the next portion is asked for only once this one is out: a full pipe holds up nothing but itself
				if (data.length > 0) await out.flow(data, signal);
				shown += next.value.lines.length + next.value.dropped.length;
				for (const [id, offsets] of Object.entries(next.value.cursor)) cursor[id] = { ...cursor[id], ...offsets };
			}
		} catch (error) {
			if (!params.follow || signal.aborted || !isDisconnected(error)) throw error;
		}
		await reconnect(context, signal);
		// behind what has been shown; what was asked of the backlog has been answered
		const { lines: _lines, since: _since, ...rest } = params;
		asked = Object.keys(cursor).length === 0 ? params : { ...rest, fromCursor: cursor };
	}
}

interface Printer {
	item(item: Item): string | Uint8Array;
	end(): string;
}

async function printer(context: Context, refs: readonly string[], given: Given, signal: AbortSignal): Promise<Printer> {
	const { json, style, pretty } = context;
	if (json) {
		const objects = ({ dropped, lines: all }: Item) => [...dropped, ...all].map((one) => toJson(one, false)).join('');
		return { item: objects, end: () => '' };
	}
	if (given.raw) {
		const bytes = ({ dropped, lines: all }: Item) => {
			for (const gap of dropped)
				context.note(`orch: ${gap.dropped} lines of ${gap.name} had been removed before they could be shown`);
			return Buffer.concat(all.map((line) => line.bytes ?? new Uint8Array()));
		};
		return { item: bytes, end: () => '' };
	}
	const names = refs.length > 0 ? refs : (await context.read('runtime.list', {}, signal)).map(({ name }) => name);
	// of a single one that was named there is nothing to tell apart, unless it is a group
	let hasPrefix = given.noPrefix ? false : refs.length === 1 ? undefined : true;
	let rendered: LogLines | undefined;
	const make = (prefix: boolean) =>
		new LogLines({
			style,
			isTerminal: pretty,
			names: prefix && refs.length !== 1 ? names : [],
			hasPrefix: prefix,
			hasTimes: given.timestamps ?? false,
		});
	return {
		item({ dropped, lines: all, cursor }) {
			hasPrefix ??= Object.keys(cursor).length > 1;
			rendered ??= make(hasPrefix);
			const lineTexts = rendered;
			lineTexts.widen([...new Set(all.map(({ name }) => name))]);
			return [...dropped.map((gap) => lineTexts.dropped(gap)), ...all.map((line) => lineTexts.text(line))].join('');
		},
		end: () => rendered?.end() ?? '',
	};
}

function whyNothing({ previous, since, until, grep, stream, lines: wanted }: Given): string {
	if (wanted === 0) return 'orch: no lines, as asked';
	if (previous) return 'orch: there is no earlier process, or it wrote nothing';
	const isFiltered = [since, until, grep, stream].some((one) => one !== undefined);
	return isFiltered ? 'orch: no line is like that' : 'orch: nothing has been written yet';
}
