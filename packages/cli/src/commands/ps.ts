/** `orch ps`, in full `orch runtime list`. */
import { plain, renderRuntimes } from '@orch/base/text';
import type { RuntimeColumns, RuntimeStatus } from '@orch/protocol';
import { shortId } from '@orch/protocol/wire';
import { choice } from '../args/values.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { labelFilter } from '../args/label.ts';
import { list, value } from '../option.ts';
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
		if (context.json) context.printJson((await context.readFast('runtime.list', selection)).map(maskRuntime));
		// many lines are laid out by orchd, which has done so before, sooner than by a program that has only just begun to run
		else if (!context.namesOnly && !context.pretty && context.style === plain)
			printTable(context, (await context.readFast('runtime.table', selection)).text);
		else printRuntimes(context, await context.readFast('runtime.brief', selection));
		return undefined;
	},
});

export function printRuntimes(context: Context, runtimes: RuntimeColumns): void {
	if (context.namesOnly) return context.print(runtimes.name.map((name) => `${name}\n`).join(''));
	const { pretty, style, tableWidth: width, world } = context;
	const { id, name } = runtimes;
	const shown = { ...runtimes, id: id.map(shortId) };
	printTable(
		context,
		name.length === 0 ? '' : renderRuntimes(shown, { forPeopleAt: pretty ? world.clock.now() : undefined, width, style }),
	);
}

function printTable(context: Context, text: string): void {
	if (text === '') context.note('no runtimes; add one: orch runtime add ./program');
	else context.print(text);
}
