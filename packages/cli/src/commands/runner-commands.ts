/** `orch runner list`, `show`, `add` and `remove`: projects that are mounted at a base path. */
import { type Column, printable, renderTable, type Style } from '@orch/base/text';
import type { Api, ResultOf } from '@orch/protocol';
import { inheritedOf } from '@orch/protocol/wire';
import { resolve } from 'node:path';
import { parseDuration } from '../args/duration.ts';
import { nonEmpty, runtimeName } from '../args/values.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { list, value } from '../option.ts';
import { shownPath } from '../project/files.ts';
import { problemsText } from '../project/problem-style.ts';
import { exitOf, outcomeLines } from '../project/up-text.ts';
import { renderDetails } from '../render/details.ts';
import { onEach } from './each.ts';

type Runner = ResultOf<Api['runner.list']>[number];
type Job = ResultOf<Api['runner.show']>['jobs'][number];

export const runnerList = command({
	path: ['runner', 'list'],
	aliases: ['ls'],
	summary: 'List the runners: where they are mounted, and how they are',
	examples: ['orch runner list', 'orch runner ls -q'],
	json: 'an array of the runners',
	async run(context) {
		const runners = await context.read('runner.list', {});
		if (context.json) context.printJson(runners);
		else if (context.namesOnly) context.print(runners.map(({ name }) => `${name}\n`).join(''));
		else if (runners.length === 0) context.note('no runners; mount one: orch runner add FILE --base-path /PATH');
		else context.print(renderTable(runners, columns, { width: context.tableWidth, style: context.style }));
		return undefined;
	},
});

const columns: Column<Runner>[] = [
	{ header: 'NAME', rank: 0, shrinkTo: 10, text: ({ name }) => name, paint: (text, _runner, style) => style.bold(text) },
	{ header: 'BASE PATH', rank: 0, shrinkTo: 10, text: ({ basePath }) => basePath },
	{
		header: 'HEALTH',
		rank: 0,
		text: ({ health }) => health.status,
		paint: (text, { health }, style) => painted(text, health, style),
	},
	{ header: 'RUNTIMES', rank: 1, align: 'right', text: ({ runtimes }) => String(runtimes.length) },
	{ header: 'MOUNTED BY', rank: 2, text: ({ parent }) => parent ?? 'command' },
	{ header: 'CONFIG', rank: 3, text: ({ config }) => config },
];

const painted = (text: string, { status }: Runner['health'], style: Style): string =>
	status === 'ok' ? style.green(text) : status === 'degraded' ? style.yellow(text) : style.red(text);

export const runnerShow = command({
	path: ['runner', 'show'],
	aliases: ['inspect'],
	summary: 'Show a runner: where it is mounted, its jobs, how it is and why',
	notes: ['Ends with 3 where it is not ok.'],
	args: [{ name: 'RUNNER', required: true }],
	examples: ['orch runner show echo', 'orch runner show echo --json'],
	json: 'the runner',
	async run(context, { args: [runner = ''] }) {
		const shown = await context.read('runner.show', { runner });
		if (context.json) context.printJson(shown);
		else print(context, shown);
		return shown.health.status === 'ok' ? 0 : 3;
	},
});

function print(context: Context, shown: ResultOf<Api['runner.show']>): void {
	const { name, basePath, config, parent, profiles, runtimes, workflows, health, jobs, problems } = shown;
	const { style } = context;
	const some = (words: readonly string[]) => (words.length > 0 ? words.join(' ') : undefined);
	const details = renderDetails(
		[
			['base path', printable(basePath)],
			['health', [painted(health.status, health, style), ...health.reasons.map(printable)].join('\n')],
			['config', printable(config)],
			['mounted by', parent === null ? 'command' : `project ${parent}`],
			['profiles', some(profiles)],
			['runtimes', some(runtimes)],
			['workflows', some(workflows)],
			['jobs', jobs.length > 0 ? jobs.map((job) => printable(jobText(job))).join('\n') : undefined],
		],
		style,
	);
	const text = problems.length > 0 ? `\n${problemsText(problems, style)}\n` : '';
	context.print(`${style.bold(name)}\n${details}${text}`);
}

function jobText({ name, cron, timeZone, nextAt, runs, lastResult, lastError }: Job): string {
	const zone = timeZone === null ? '' : ` (${timeZone})`;
	const last = lastResult === null ? '' : `, last ${lastResult}${lastError === null ? '' : `: ${lastError}`}`;
	return `${name}  ${cron}${zone}  ${nextAt === null ? 'never due' : `next ${nextAt}`}, ${runs} ${runs === 1 ? 'run' : 'runs'}${last}`;
}

export const runnerAdd = command({
	path: ['runner', 'add'],
	summary: 'Mount a project file at a base path, and wait until it is ready',
	notes: [
		'Everything is checked before anything is done. It is there again after a restart of orchd, and follows its file.',
		'A runner is a project: its runtimes are RUNNER/NAME. Starts orchd where none runs, unless ORCH_AUTOSTART=0.',
	],
	args: [{ name: 'FILE', required: true }],
	options: {
		basePath: value('--base-path /PATH', 'where it is mounted (/)', nonEmpty),
		name: value('--name NAME', 'its name, instead of the file’s own', runtimeName),
		profile: list('--profile NAME', 'a profile of the file; may be given several times', runtimeName),
		waitTimeout: value('--wait-timeout DURATION', 'how long to wait (2m)', parseDuration),
	},
	examples: ['orch runner add echo/orch.yaml --base-path /echo', 'orch runner add shop.yaml --base-path /shop --name store'],
	json: '{"runner", "outcomes", "faults"}',
	async run(context, { args: [file = ''], options: { basePath, name, profile, waitTimeout } }) {
		const { env, cwd } = context.world;
		const config = resolve(cwd, file);
		const environment: Record<string, string> = {};
		for (const [variable, text] of Object.entries(env)) if (text !== undefined) environment[variable] = text;
		await context.connectionOrStart();
		const mounted = await context.act('runner.add', {
			config,
			configName: shownPath(config, cwd),
			profiles: [...(profile ?? [])],
			environment,
			inherited: inheritedOf(env),
			basePath: basePath ?? '/',
			...(name === undefined ? {} : { name }),
			...(waitTimeout === undefined ? {} : { waitMs: waitTimeout }),
		});
		const { runner, outcomes, faults } = mounted;
		if (context.json) context.printJson(mounted);
		else {
			context.print(`${runner.name}\n`);
			for (const line of outcomeLines(outcomes, context.noteStyle)) context.note(line);
			for (const fault of faults) context.note(`  ${context.noteStyle.red('✗')} ${fault}`);
			context.note(`mounted ${runner.name} at ${runner.basePath}`);
			context.next(`orch runner show ${runner.name}`, `orch logs -f ${runner.runtimes[0] ?? ''}`.trim());
		}
		return exitOf(mounted);
	},
});

export const runnerRemove = command({
	path: ['runner', 'remove'],
	aliases: ['rm'],
	summary: 'Unmount runners that were added by a command, and take away what they have made',
	notes: ['What a project file mounts is taken out of that file. What could not be stopped is named, and stays: 1.'],
	args: [{ name: 'RUNNER', many: true, required: true }],
	examples: ['orch runner remove echo'],
	json: 'an array of {"name", "removed", "left"}',
	async run(context, { args }) {
		let isLeft = false;
		const exit = await onEach(
			context,
			args,
			async (runner) => {
				const removed = await context.act('runner.remove', { runner });
				isLeft ||= removed.left.length > 0;
				return removed;
			},
			({ name, removed, left }) => {
				for (const { name: runtime, reason } of left) context.note(`  ${context.noteStyle.red('✗')} ${runtime}: ${reason}`);
				const what = `${removed.length} ${removed.length === 1 ? 'runtime' : 'runtimes'}`;
				context.note(left.length > 0 ? `${name} is still mounted: ${left.length} left` : `removed runner ${name} (${what})`);
			},
		);
		return exit === 0 && isLeft ? 1 : exit;
	},
});
