/** The screen of `orch top` as lines, each as wide as the screen at most: a pure function of what is known. */
import {
	type Column,
	cpuText,
	cut,
	displayWidth,
	duration,
	memory,
	memoryText,
	percent,
	printable,
	renderTable,
	statusMark,
	statusPaint,
	statusText,
	type Style,
} from '@orch/base/text';
import type { RuntimeInfo } from '@orch/protocol';
import { renderStats } from '../commands/link-stats.ts';
import { logLinesOf, type LogLine, rowsOf, type Seen, selectedOf, type TopState } from './model.ts';
import type { SortKey } from './order.ts';

export interface ViewOptions {
	readonly style: Style;
	/** For times of the wall, which are shown as so long ago. */
	readonly now: number;
}

/** On a screen that is lower than this the table has it to itself. */
const leastRowsWithLog = 12;
const leastColumns = 12;

export function viewOf(state: TopState, options: ViewOptions): string[] {
	const { columns, rows } = state.size;
	const body = Math.max(0, rows - 2);
	// nothing can be said on less
	if (rows < 2 || columns < leastColumns) return Array.from({ length: rows }, () => '');
	const lines = [headerOf(state, options), ...bodyOf(state, body, options)].slice(0, rows - 1);
	while (lines.length < rows - 1) lines.push('');
	return [...lines, footerOf(state, options)];
}

function bodyOf(state: TopState, height: number, options: ViewOptions): string[] {
	if (state.mode.kind === 'help') return helpLines(state.size.columns).slice(0, height);
	if (state.view === 'links') return linkLines(state, height, options);
	if (state.isLogWhole) return logPane(state, height, options);
	const table = tableLines(state, options);
	if (state.size.rows < leastRowsWithLog || !state.log) return windowed(state, table, height);
	// the log has what the table does not need, and a third in any case
	const tableHeight = Math.min(table.length, Math.floor((height * 2) / 3));
	const shown = windowed(state, table, tableHeight);
	return [...shown, ...logPane(state, height - shown.length, options)];
}

function headerOf(state: TopState, { style }: ViewOptions): string {
	const { runtimes, connection, size } = state;
	const infos = [...runtimes.values()].map(({ info }) => info);
	const count = (mark: string, word: string, paint: (text: string) => string, is: (info: RuntimeInfo) => boolean) => {
		const number = infos.filter(is).length;
		return number === 0 ? [] : [{ text: `${mark} ${number} ${word}`, paint }];
	};
	const cpu = infos.reduce((sum, { usage }) => sum + (usage?.cpuPercent ?? 0), 0);
	const used = infos.reduce((sum, { usage }) => sum + (usage?.memoryBytes ?? 0), 0);
	const parts: { text: string; paint: (text: string) => string }[] = [
		{ text: ' orch top', paint: style.bold },
		...connectionPart(state, style),
		...count('●', 'running', style.green, ({ status }) => status === 'running'),
		...count('✗', 'failed', style.red, ({ status }) => status === 'failed'),
		...count('✗', 'backoff', style.red, ({ status }) => status === 'backoff'),
		...count(
			'◌',
			'on the way',
			style.yellow,
			({ status }) => status === 'waiting' || status === 'starting' || status === 'stopping',
		),
		...count('○', 'at rest', style.dim, ({ status }) => status === 'exited' || status === 'stopped'),
		{ text: `CPU ${percent(cpu)}`, paint: plainly },
		{ text: `MEM ${memory(used)}`, paint: plainly },
	];
	if (connection.kind === 'connecting' && infos.length === 0) return cut(' orch top  connecting to orchd', size.columns);
	return joined(parts, size.columns);
}

const plainly = (text: string): string => text;

function connectionPart({ connection, nowMs }: TopState, style: Style) {
	if (connection.kind !== 'lost') return [];
	const ago = duration(nowMs - connection.sinceMs);
	return [{ text: `reconnecting for ${ago}: ${printable(connection.reason)}`, paint: style.yellow }];
}

/** As many parts as fit; what does not is cut. */
function joined(parts: readonly { readonly text: string; readonly paint: (text: string) => string }[], width: number): string {
	let line = '';
	let left = width;
	for (const { text, paint } of parts) {
		const gap = line === '' ? 0 : 2;
		if (left - gap < 4) break;
		const fitted = cut(text, left - gap);
		line += ' '.repeat(gap) + paint(fitted);
		left -= gap + displayWidth(fitted);
		if (fitted !== text) break;
	}
	return line;
}

const arrows: Readonly<Record<SortKey, string>> = {
	status: 'STATUS',
	name: 'NAME',
	cpu: 'CPU',
	mem: 'MEM',
	restarts: 'RESTARTS',
	uptime: 'UPTIME',
};

/** The header and one line for each runtime; all of them, so that the columns do not jump as one scrolls. */
function tableLines(state: TopState, { style }: ViewOptions): string[] {
	const rows = rowsOf(state);
	if (rows.length === 0) return ['', cut(`  ${emptyText(state)}`, state.size.columns)];
	const table = renderTable(rows, tableColumns(state), { width: Math.max(1, state.size.columns - 2), style });
	const at = rows.findIndex(({ info }) => info.id === state.selected);
	return table
		.trimEnd()
		.split('\n')
		.map((line, index) => (index === at + 1 && at >= 0 ? `${style.bold('▸')} ${line}` : `  ${line}`));
}

function emptyText({ runtimes, filter, connection }: TopState): string {
	if (connection.kind === 'connecting') return '';
	if (runtimes.size === 0) return 'no runtimes; add one: orch runtime add ./program';
	return filter === '' ? 'none of the runtimes that were named is here' : `no runtime matches ${printable(filter)}`;
}

function tableColumns(state: TopState): Column<Seen>[] {
	const { sort, nowMs } = state;
	const header = (key: SortKey) => `${arrows[key]}${sort.key === key ? (sort.reversed ? '↑' : '↓') : ''}`;
	const anyReady = [...state.runtimes.values()].some(({ info }) => info.ready !== null);
	const since = (seenMs: number) => Math.max(0, nowMs - seenMs);
	const aged = ({ info, seenMs }: Seen): RuntimeInfo => {
		const { backoff } = info;
		return backoff?.nextInMs == null
			? info
			: { ...info, backoff: { ...backoff, nextInMs: Math.max(0, backoff.nextInMs - since(seenMs)) } };
	};
	const ready: Column<Seen> = {
		header: 'READY',
		rank: 6,
		text: ({ info }) => (info.ready === null ? '–' : info.ready ? 'yes' : 'no'),
		paint: (text, { info }, style) => (info.ready === false ? style.yellow(text) : text),
	};
	return [
		{
			header: header('name'),
			rank: 0,
			shrinkTo: 8,
			text: ({ info }) => info.name,
			paint: (text, _row, style) => style.bold(text),
		},
		{
			header: header('status'),
			rank: 0,
			text: (seen) => `${statusMark(seen.info)} ${statusText(aged(seen))}`,
			paint: (text, { info }, style) => statusPaint(info, style)(text),
		},
		...(anyReady ? [ready] : []),
		{
			header: header('uptime'),
			rank: 5,
			text: ({ info, seenMs }) => (info.uptimeMs === null ? '–' : duration(info.uptimeMs + since(seenMs))),
		},
		{ header: header('cpu'), rank: 1, align: 'right', text: ({ info }) => cpuText(info) },
		{ header: header('mem'), rank: 2, align: 'right', text: ({ info }) => memoryText(info) },
		{ header: header('restarts'), rank: 4, align: 'right', text: ({ info }) => String(info.restarts) },
		{ header: 'PROCS', rank: 7, align: 'right', text: ({ info }) => (info.usage ? String(info.usage.processes) : '–') },
		{ header: 'PID', rank: 8, align: 'right', text: ({ info }) => (info.pid === null ? '–' : String(info.pid)) },
		{ header: 'WHY', rank: 9, shrinkTo: 12, text: ({ info }) => printable(info.reason ?? '') },
	];
}

/** The header, and of the rows those around the selected one. */
function windowed(state: TopState, table: readonly string[], height: number): string[] {
	const [header = '', ...rows] = table;
	const room = Math.max(0, height - 1);
	const at = rowsOf(state).findIndex(({ info }) => info.id === state.selected);
	const top = Math.max(0, Math.min(at - Math.floor(room / 2), rows.length - room));
	return height < 1 ? [] : [header, ...rows.slice(top, top + room)];
}

function logPane(state: TopState, height: number, { style }: ViewOptions): string[] {
	const { size, isErrorsOnly, logBack } = state;
	if (height < 1) return [];
	const name = printable(selectedOf(state)?.info.name ?? '');
	const facts = `${isErrorsOnly ? 'stderr only, ' : ''}${logBack === 0 ? 'following' : `${logBack} lines back`}`;
	const title = `─ LOG ${name} `;
	const end = ` ${facts} ─`;
	const fill = size.columns - displayWidth(title) - displayWidth(end);
	const rule = fill > 0 ? `${title}${'─'.repeat(fill)}${end}` : cut(title, size.columns);
	const lines = logLinesOf(state);
	const bottom = lines.length - logBack;
	const shown = lines.slice(Math.max(0, bottom - (height - 1)), Math.max(0, bottom));
	return [style.dim(rule), ...shown.map((line) => logText(line, size.columns, style))];
}

function logText({ stream, text }: LogLine, width: number, style: Style): string {
	const line = cut(`${stream === 'stderr' ? '! ' : '  '}${plainText(text)}`, width);
	return stream === 'stderr' ? style.red(line) : line;
}

/** Colours and cursor movements are taken out, tabs become spaces: a log is data, and must not drive the terminal. */
export const plainText = (text: string): string =>
	printable(
		text
			// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what terminals act on
			.replace(/\u001b\[[0-9;:?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\r$/g, '')
			.replace(/\t/g, '    '),
	);

function linkLines(state: TopState, height: number, { style, now }: ViewOptions): string[] {
	const { links, linksTop, size } = state;
	if (!links) return ['', cut('  asking the router', size.columns)];
	if (links.links.length + links.unrouted.length + links.faults.length === 0)
		return ['', cut('  no links; add one: orch link add --from A --type T --to B', size.columns)];
	const text = renderStats(
		{ pretty: true, style, tableWidth: size.columns, world: { clock: { now: () => now } } as never },
		links,
	);
	const [header = '', ...rows] = text.trimEnd().split('\n');
	const room = Math.max(0, height - 1);
	const top = Math.max(0, Math.min(linksTop, rows.length - room));
	return [header, ...rows.slice(top, top + room)];
}

function footerOf(state: TopState, { style }: ViewOptions): string {
	const { mode, message, filter, size, view } = state;
	const room = size.columns;
	if (mode.kind === 'filter') return cut(` /${printable(filter)}▏  enter keeps it, escape takes it back`, room);
	if (mode.kind === 'confirm')
		return style.yellow(
			cut(` ${mode.action} ${mode.name}? y does it, any other key does not   $ orch ${mode.action} ${mode.name}`, room),
		);
	if (message) {
		const line = cut(` ${printable(message.text)}`, room);
		return message.isError ? style.red(line) : style.cyan(line);
	}
	const keys =
		mode.kind === 'help'
			? ' any key goes back'
			: view === 'links'
				? ' 1 runtimes  j k move  ? help  q quit'
				: ` s start  x stop  r restart  l log  / filter${filter === '' ? '' : `: ${printable(filter)}`}  o sort  2 links  ? help  q quit`;
	return style.dim(cut(keys, room));
}

const help: readonly (readonly [keys: string, what: string])[] = [
	['j k ↓ ↑', 'next, previous; g G first, last; space and PgUp PgDn by half a screen'],
	['s', 'start the selected runtime'],
	['x', 'stop it, after a y'],
	['r', 'restart it'],
	['l enter', 'its log on the whole screen, and back; G follows again'],
	['e', 'only what it writes to its standard error, and back'],
	['/', 'show only names and statuses with these letters; escape shows all'],
	['o O', 'sort by the next column; the other way round'],
	['1 2 tab', 'runtimes, links'],
	['ctrl-l', 'draw the screen anew'],
	['ctrl-z', 'suspend; fg comes back'],
	['q ctrl-c', 'quit; nothing is stopped by that'],
];

function helpLines(width: number): string[] {
	const key = Math.max(...help.map(([keys]) => displayWidth(keys)));
	return [
		'',
		...help.map(([keys, what]) => cut(`  ${keys}${' '.repeat(key - displayWidth(keys))}  ${what}`, width)),
		'',
		cut('  CPU is the percentage of one core, MEM the resident memory, of all processes of a runtime.', width),
	];
}
