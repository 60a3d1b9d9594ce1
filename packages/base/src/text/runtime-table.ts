/** The table of the runtimes, made of columns, for there may be hundreds: by orch for people, and by orchd for pipes. */
import { ago, duration } from './age.ts';
import { rate } from './rate.ts';
import { type ShownExit, type ShownStatus, statusMark, statusPaint, statusText } from './runtime-status.ts';
import { plain, type Style } from './style.ts';
import { renderColumns, type TextColumn } from './table.ts';
import { memory, percent } from './usage.ts';

interface Schedule {
	readonly nextAt: string | null;
	readonly lastAt: string | null;
	readonly last: string | null;
}

/** Messages; null where no link goes that way. */
interface Traffic {
	readonly inPerSecond: number | null;
	readonly outPerSecond: number | null;
}

/** What only some have: `at` is their place in the columns. */
interface More {
	readonly at: number;
	readonly lastExit?: ShownExit | null | undefined;
	readonly backoff?: { readonly nextInMs: number | null } | null | undefined;
	readonly triggers?: { readonly schedule?: Schedule | undefined } | null | undefined;
	readonly ports?: readonly number[] | undefined;
	readonly traffic?: Traffic | undefined;
}

/** An array for each column, all as long as `name`. */
export interface RuntimeRows {
	readonly name: readonly string[];
	/** As it is to be shown. */
	readonly id: readonly string[];
	readonly status: readonly ShownStatus[];
	readonly ready: readonly (boolean | null)[];
	readonly pid: readonly (number | null)[];
	readonly restarts: readonly number[];
	/** RFC 3339. */
	readonly startedAt: readonly (string | null)[];
	readonly uptimeMs: readonly (number | null)[];
	readonly cpuPercent: readonly (number | null)[];
	readonly memoryBytes: readonly (number | null)[];
	readonly command: readonly string[];
	readonly more: readonly More[];
}

export interface RuntimeTableOptions {
	/** For a person at a terminal, by the milliseconds since the Unix epoch: marks, and how long ago instead of when. */
	readonly forPeopleAt?: number | undefined;
	/** Columns of the terminal; undefined: everything is shown whole. */
	readonly width?: number | undefined;
	readonly style?: Style;
}

export function renderRuntimes(runtimes: RuntimeRows, { forPeopleAt, width, style = plain }: RuntimeTableOptions = {}): string {
	const now = forPeopleAt ?? 0;
	const pretty = forPeopleAt !== undefined;
	const more: More[] = [];
	for (const one of runtimes.more) more[one.at] = one;
	const shown = (at: number) => {
		const { lastExit, backoff } = more[at] ?? {};
		return { status: runtimes.status[at] as ShownStatus, ready: runtimes.ready[at], lastExit, backoff };
	};
	const statuses = runtimes.status.map((status, at) =>
		// what most are most of the time is nothing to be put together
		status === 'running' && !pretty && runtimes.ready[at] !== false
			? status
			: `${pretty ? `${statusMark(shown(at))} ` : ''}${statusText(shown(at))}`,
	);
	const columns: TextColumn[] = [
		{ header: 'NAME', rank: 0, shrinkTo: 12, texts: runtimes.name, paint: (text, _at, painted) => painted.bold(text) },
		{
			header: 'STATUS',
			rank: 0,
			texts: statuses,
			paint: (text, at, painted) => statusPaint(shown(at), painted)(text),
		},
		...(runtimes.ready.some((ready) => ready !== null) ? [readyColumn(runtimes.ready)] : []),
		pretty
			? { header: 'UPTIME', rank: 2, texts: runtimes.uptimeMs.map((ms, at) => since(ms, more[at], now)) }
			: { header: 'SINCE', rank: 2, texts: runtimes.startedAt.map((time, at) => sinceWhen(runtimes.pid[at], time, more[at])) },
		{ header: 'CPU', rank: 5, align: 'right', texts: runtimes.cpuPercent.map((cpu) => (cpu === null ? '–' : percent(cpu))) },
		{ header: 'MEM', rank: 4, align: 'right', texts: runtimes.memoryBytes.map((size) => (size === null ? '–' : memory(size))) },
		{ header: 'RESTARTS', rank: 3, align: 'right', texts: runtimes.restarts.map(String) },
		...(runtimes.more.some(({ traffic }) => traffic) ? [trafficColumn(runtimes, more)] : []),
		...(runtimes.more.some(({ ports }) => ports) ? [portsColumn(runtimes, more)] : []),
		{ header: 'PID', rank: 9, align: 'right', texts: runtimes.pid.map((pid) => (pid === null ? '–' : String(pid))) },
		...(runtimes.more.some(({ triggers }) => triggers?.schedule) ? scheduleColumns(runtimes, more, pretty, now) : []),
		{ header: 'ID', rank: 11, texts: runtimes.id },
		{ header: 'COMMAND', rank: 12, shrinkTo: 16, texts: runtimes.command },
	];
	const isNarrow = width !== undefined && width < leastColumns;
	return renderColumns(isNarrow ? columns.filter(({ rank }) => rank === 0) : columns, { width, style });
}

/** On less than this there is a name and how it is, as whole as can be. */
const leastColumns = 60;

const trafficColumn = ({ name }: RuntimeRows, more: readonly More[]): TextColumn => ({
	header: 'MSG/S IN/OUT',
	rank: 7,
	align: 'right',
	texts: name.map((_name, at) => {
		const { inPerSecond = null, outPerSecond = null } = more[at]?.traffic ?? {};
		return `${rateText(inPerSecond)}/${rateText(outPerSecond)}`;
	}),
});

const rateText = (perSecond: number | null): string => (perSecond === null ? '–' : perSecond === 0 ? '0' : rate(perSecond));

const portsColumn = ({ name }: RuntimeRows, more: readonly More[]): TextColumn => ({
	header: 'PORTS',
	rank: 8,
	texts: name.map((_name, at) => more[at]?.ports?.join(',') ?? '–'),
});

const readyColumn = (ready: RuntimeRows['ready']): TextColumn => ({
	header: 'READY',
	rank: 6,
	texts: ready.map((is) => (is === null ? '–' : is ? 'yes' : 'no')),
	paint: (text, at, style) => (ready[at] === false ? style.yellow(text) : text),
});

/** When it is due next, and when it was last. */
function scheduleColumns({ name }: RuntimeRows, more: readonly More[], pretty: boolean, now: number): TextColumn[] {
	const nextText = (at: string) => (pretty ? `in ${duration(Math.max(0, Date.parse(at) - now))}` : at);
	const column = (header: string, text: (schedule: Schedule) => string): TextColumn => ({
		header,
		rank: 10,
		texts: name.map((_name, at) => {
			const schedule = more[at]?.triggers?.schedule;
			return schedule ? text(schedule) : '–';
		}),
	});
	return [
		column('NEXT', ({ nextAt }) => (nextAt === null ? 'never' : nextText(nextAt))),
		column('LAST DUE', ({ lastAt, last }) =>
			lastAt === null ? '–' : `${pretty ? ago(lastAt, now) : lastAt}${last === null ? '' : `: ${last}`}`,
		),
	];
}

function since(uptimeMs: number | null, more: More | undefined, now: number): string {
	if (uptimeMs !== null) return duration(uptimeMs);
	return more?.lastExit ? ago(more.lastExit.at, now) : '–';
}

const sinceWhen = (pid: number | null | undefined, startedAt: string | null, more: More | undefined): string =>
	(pid == null ? more?.lastExit?.at : startedAt) ?? '–';
