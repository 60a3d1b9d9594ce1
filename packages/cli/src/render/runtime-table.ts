/** The table of the runtimes, made of columns: there may be hundreds of runtimes, in a program that has only just begun to run. */
import type { RuntimeColumns, RuntimeInfo } from '@orch/protocol';
import { shortId } from '@orch/protocol/wire';
import type { Context } from '../context.ts';
import { statusMark, statusPaint, statusText } from './runtime-status.ts';
import { renderColumns, type TextColumn } from './table.ts';
import { ago, duration } from './time.ts';
import { memory, percent } from './usage.ts';

type More = RuntimeColumns['more'][number];
type Schedule = NonNullable<NonNullable<More['triggers']>['schedule']>;

export const toColumns = (runtimes: readonly RuntimeInfo[]): RuntimeColumns => ({
	name: runtimes.map(({ name }) => name),
	id: runtimes.map(({ id }) => id),
	status: runtimes.map(({ status }) => status),
	ready: runtimes.map(({ ready }) => ready),
	pid: runtimes.map(({ pid }) => pid),
	restarts: runtimes.map(({ restarts }) => restarts),
	startedAt: runtimes.map(({ startedAt }) => startedAt),
	uptimeMs: runtimes.map(({ uptimeMs }) => uptimeMs),
	cpuPercent: runtimes.map(({ usage }) => usage?.cpuPercent ?? null),
	memoryBytes: runtimes.map(({ usage }) => usage?.memoryBytes ?? null),
	command: runtimes.map(({ command, args }) => [command, ...args].join(' ')),
	more: runtimes.map(({ lastExit, backoff, triggers }, at) => ({
		at,
		...(lastExit && { lastExit }),
		...(backoff && { backoff }),
		...(triggers && { triggers }),
	})),
});

export function renderRuntimes({ pretty, world, tableWidth, style }: Context, runtimes: RuntimeColumns): string {
	const now = world.clock.now();
	const more: More[] = [];
	for (const one of runtimes.more) more[one.at] = one;
	const shown = (at: number) => {
		const { lastExit, backoff } = more[at] ?? {};
		return { status: runtimes.status[at] as RuntimeInfo['status'], ready: runtimes.ready[at], lastExit, backoff };
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
		{ header: 'PID', rank: 7, align: 'right', texts: runtimes.pid.map((pid) => (pid === null ? '–' : String(pid))) },
		...(runtimes.more.some(({ triggers }) => triggers?.schedule) ? scheduleColumns(runtimes, more, pretty, now) : []),
		{ header: 'ID', rank: 8, texts: runtimes.id.map(shortId) },
		{ header: 'COMMAND', rank: 9, shrinkTo: 16, texts: runtimes.command },
	];
	return renderColumns(columns, { width: tableWidth, style });
}

const readyColumn = (ready: RuntimeColumns['ready']): TextColumn => ({
	header: 'READY',
	rank: 6,
	texts: ready.map((is) => (is === null ? '–' : is ? 'yes' : 'no')),
	paint: (text, at, style) => (ready[at] === false ? style.yellow(text) : text),
});

/** When it is due next, and when it was last. */
function scheduleColumns({ name }: RuntimeColumns, more: readonly More[], pretty: boolean, now: number): TextColumn[] {
	const nextText = (at: string) => (pretty ? `in ${duration(Math.max(0, Date.parse(at) - now))}` : at);
	const column = (header: string, text: (schedule: Schedule) => string): TextColumn => ({
		header,
		rank: 8,
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
