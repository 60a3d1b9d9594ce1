/** `orch ps`, in full `orch runtime list`. */
import type { RuntimeBrief, RuntimeInfo, RuntimeStatus } from '@orch/protocol';
import { shortId } from '@orch/protocol/wire';
import { choice } from '../args/values.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { labelFilter } from '../args/label.ts';
import { list, value } from '../option.ts';
import { statusMark, statusPaint, statusText } from '../render/runtime-status.ts';
import { type Column, renderTable } from '../render/table.ts';
import { ago, duration } from '../render/time.ts';
import { cpuText, memoryText } from '../render/usage.ts';

const statuses = [
	'stopped',
	'waiting',
	'starting',
	'running',
	'stopping',
	'backoff',
	'exited',
	'failed',
] as const satisfies readonly RuntimeStatus[];

export const ps = command({
	path: ['ps'],
	summary: 'List the runtimes',
	notes: [
		'CPU is the percentage of one core over the last seconds, MEM the resident memory, both of all processes of a runtime.',
		'On a narrow terminal the last columns are left out; -o wide and a pipe show all of them. In a pipe times are RFC 3339, and nothing is cut or coloured.',
	],
	args: [{ name: 'RUNTIME', many: true }],
	options: {
		status: value('--status STATUS', `only those that are ${statuses.join(', ')}`, choice(statuses)),
		label: list('-l, --label NAME=VALUE', 'only those with this label; NAME alone: with any value of it', labelFilter),
	},
	examples: [
		'orch ps',
		'orch ps worker',
		'orch ps --label tier=web',
		'orch ps --status running -q',
		"orch ps --json | jq -r '.[] | select(.restarts > 0).name'",
	],
	json: 'an array of runtimes, each as in orch runtime show without env, paths and sockets',
	async run(context, { args, options: { status, label } }) {
		const selection = {
			...(status === undefined ? {} : { status }),
			...(args.length === 0 ? {} : { runtimes: [...args] }),
			...(label === undefined ? {} : { labels: Object.fromEntries(label) }),
		};
		if (context.json) context.printJson(await context.readFast('runtime.list', selection));
		else printRuntimes(context, await context.readFast('runtime.brief', selection));
		return undefined;
	},
});

/** Both forms have what a table shows. */
type Row = RuntimeBrief | RuntimeInfo;

export function printRuntimes(context: Context, runtimes: readonly Row[]): void {
	if (context.namesOnly) return context.print(runtimes.map(({ name }) => `${name}\n`).join(''));
	if (runtimes.length === 0) return context.note('no runtimes; add one: orch runtime add ./program');
	const { tableWidth, style } = context;
	context.print(renderTable(runtimes, columns(context, runtimes), { width: tableWidth, style }));
}

function columns({ pretty, world }: Context, runtimes: readonly Row[]): Column<Row>[] {
	const now = world.clock.now();
	const anyReady = runtimes.some(({ ready }) => ready != null);
	const ready: Column<Row> = {
		header: 'READY',
		rank: 6,
		text: (runtime) => (runtime.ready == null ? '–' : runtime.ready ? 'yes' : 'no'),
		paint: (text, runtime, style) => (runtime.ready === false ? style.yellow(text) : text),
	};
	return [
		{ header: 'NAME', rank: 0, shrinkTo: 12, text: ({ name }) => name, paint: (text, _runtime, style) => style.bold(text) },
		{
			header: 'STATUS',
			rank: 0,
			text: (runtime) => (pretty ? `${statusMark(runtime)} ${statusText(runtime)}` : statusText(runtime)),
			paint: (text, runtime, style) => statusPaint(runtime, style)(text),
		},
		...(anyReady ? [ready] : []),
		pretty
			? { header: 'UPTIME', rank: 2, text: (runtime) => since(runtime, now) }
			: { header: 'SINCE', rank: 2, text: ({ startedAt, lastExit, pid }) => (pid == null ? lastExit?.at : startedAt) ?? '–' },
		{ header: 'CPU', rank: 5, align: 'right', text: cpuText },
		{ header: 'MEM', rank: 4, align: 'right', text: memoryText },
		{ header: 'RESTARTS', rank: 3, align: 'right', text: ({ restarts }) => String(restarts) },
		{ header: 'PID', rank: 7, align: 'right', text: ({ pid }) => (pid == null ? '–' : String(pid)) },
		...(runtimes.some(({ triggers }) => triggers?.schedule) ? scheduleColumns(pretty, now) : []),
		{ header: 'ID', rank: 8, text: ({ id }) => shortId(id) },
		{ header: 'COMMAND', rank: 9, shrinkTo: 16, text: ({ command, args }) => [command, ...args].join(' ') },
	];
}

/** When it is due next, and when it was last. */
function scheduleColumns(pretty: boolean, now: number): Column<Row>[] {
	const nextText = (at: string) => (pretty ? `in ${duration(Math.max(0, Date.parse(at) - now))}` : at);
	const column = (header: string, text: (schedule: NonNullable<NonNullable<RuntimeInfo['triggers']>['schedule']>) => string) => ({
		header,
		rank: 8,
		text: ({ triggers }: Row) => (triggers?.schedule ? text(triggers.schedule) : '–'),
	});
	return [
		column('NEXT', ({ nextAt }) => (nextAt === null ? 'never' : nextText(nextAt))),
		column('LAST DUE', ({ lastAt, last }) =>
			lastAt === null ? '–' : `${pretty ? ago(lastAt, now) : lastAt}${last === null ? '' : `: ${last}`}`,
		),
	];
}

function since({ uptimeMs, lastExit }: Row, now: number): string {
	if (uptimeMs != null) return duration(uptimeMs);
	return lastExit ? ago(lastExit.at, now) : '–';
}
