/** `orch ps`, in full `orch runtime list`. */
import { plain } from '@orch/base/text';
import type { RuntimeStatus } from '@orch/protocol';
import { choice } from '../args/values.ts';
import { command } from '../command.ts';
import { labelFilter, labelText } from '../args/label.ts';
import { flag, list, value } from '../option.ts';
import { noRuntimes, printRuntimes, printTable } from '../render/runtime-table.ts';
import { maskRuntime } from '../secrets.ts';

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

/** By which they may be put in order; `age` is the time that they run, the longest first. */
const sorts = ['cpu', 'mem', 'name', 'age', 'restarts', 'uptime', 'status'] as const;

export const ps = command({
	path: ['ps'],
	summary: 'List the runtimes',
	notes: [
		'CPU is the percentage of one core over the last seconds, MEM the resident memory, both of all processes of a runtime.',
		'READY, MSG/S, PORTS and the times of schedules have columns where any runtime has them; MSG/S is what passed its links in the last ten seconds, in and out, without what it sends by links of any sender. On a narrow terminal the last columns are left out, on less than 60 characters all but NAME and STATUS; -o wide and a pipe show all of them. In a pipe times are RFC 3339, and nothing is cut or coloured.',
		'All are listed, whatever their status and project: -a and -A are taken from who is used to them. --sort begins with the most, and with the first name; else they stand in the order in which they were added.',
	],
	args: [{ name: 'RUNTIME', many: true }],
	options: {
		all: flag('-a, --all', 'also those that do not run (unless said otherwise)'),
		allProjects: flag('-A, --all-projects', 'those of every project (unless said otherwise)'),
		status: list('--status STATUS', `only those that are ${statuses.join(', ')}`, choice(statuses)),
		state: list('--state STATUS', 'same as --status', choice(statuses)),
		label: list('-l, --label NAME=VALUE', 'only those with this label; NAME alone: with any value of it', labelFilter),
		sort: value('--sort KEY', `by ${sorts.join(', ')}`, choice(sorts)),
		watch: flag('-w, --watch', 'again every second, until Ctrl-C'),
	},
	examples: [
		'orch ps',
		'orch ps worker',
		'orch ps --label tier=web',
		'orch ps --status running -q',
		'orch ps --watch --sort cpu',
		"orch ps --json | jq -r '.[] | select(.restarts > 0).name'",
	],
	json: 'an array of runtimes, each as in orch runtime show without env, paths and sockets; with --watch one a line, every second',
	async run(context, { args, options: { status = [], state = [], label, sort, watch } }) {
		const states = [...new Set([...status, ...state])];
		const [only] = states;
		const selection = {
			...(only === undefined || states.length > 1 ? {} : { status: only }),
			...(args.length === 0 ? {} : { runtimes: [...args] }),
			...(label === undefined ? {} : { labels: Object.fromEntries(label) }),
		};
		const nothing = nothingText(args, states, label);
		if (watch || sort !== undefined || states.length > 1) {
			const { showOrdered, watchOrdered } = await import('./ps-ordered.ts');
			return (watch ? watchOrdered : showOrdered)(context, { selection, statuses: states, sort, nothing });
		}
		if (context.json) context.printJson((await context.readFast('runtime.list', selection)).map(maskRuntime));
		// many lines are laid out by orchd, which has done so before, sooner than by a program that has only just begun to run
		else if (!context.namesOnly && !context.pretty && context.style === plain)
			printTable(context, (await context.readFast('runtime.table', selection)).text, nothing);
		else printRuntimes(context, await context.readFast('runtime.brief', selection), nothing);
		return undefined;
	},
});

/** There may be many, and none that is asked for. */
function nothingText(args: readonly string[], states: readonly string[], labels: Parameters<typeof labelText>[0] = []): string {
	const wanted = [
		...(states.length > 0 ? [`is ${states.join(' or ')}`] : []),
		...(labels.length > 0 ? [`has ${labelText(labels)}`] : []),
	];
	if (wanted.length === 0) return noRuntimes;
	return `${args.length > 0 ? 'none of these runtimes' : 'no runtime'} ${wanted.join(' and ')}`;
}
