/** `orch project list`, `show` and `reload`. */
import { printable } from '@orch/base/text';
import { dirname } from 'node:path';
import { parseDuration } from '../args/duration.ts';
import { command } from '../command.ts';
import { value } from '../option.ts';
import { maskPlan } from '../project/plan-text.ts';
import { problemsText } from '../project/problem-style.ts';
import { exitOf, reasons, summary, UpTeller } from '../project/up-text.ts';
import { plural } from '../render/time.ts';
import type { Api, ParamsOf } from '@orch/protocol';
import type { Context } from '../context.ts';

const one = [{ name: 'PROJECT', required: true }] as const;

export const projectList = command({
	path: ['project', 'list'],
	aliases: ['ls'],
	summary: 'List the loaded projects',
	json: 'an array of the projects',
	async run(context) {
		const projects = await context.read('project.list', {});
		if (context.json) context.printJson(projects);
		else if (context.namesOnly) context.print(projects.map(({ name }) => `${name}\n`).join(''));
		else {
			const width = Math.max(4, ...projects.map(({ name }) => name.length));
			for (const { name, runtimes, links, files, given, problems } of projects) {
				const fault = problems.length > 0 ? context.style.red('  invalid') : '';
				const shown = files.map((file) => (given.includes(file) ? `(standard input in ${dirname(file)})` : file));
				context.print(
					`${name.padEnd(width)}  ${plural(runtimes.length, 'runtime')}  ${plural(links, 'link')}  ${printable(shown.join(' '))}${fault}\n`,
				);
			}
			if (projects.length === 0) context.note('no project is loaded; orch up loads one');
		}
		return undefined;
	},
});

export const projectShow = command({
	path: ['project', 'show'],
	summary: 'Show a project: its files, what it declares, what is wrong with them',
	args: one,
	json: 'the project',
	async run(context, { args: [project = ''] }) {
		const shown = await context.read('project.show', { project });
		if (context.json) context.printJson(shown);
		else {
			const { name, files, given, profiles, runtimes, workflows, types, runners, mount, problems, reloads } = shown;
			const line = (what: string, text: string) =>
				context.print(text === '' ? '' : `  ${context.style.dim(what.padEnd(10))}  ${printable(text)}\n`);
			context.print(`${context.style.bold(name)}\n`);
			line('files', files.map((file) => (given.includes(file) ? givenText(file) : file)).join(' '));
			line('profiles', profiles.join(' '));
			line('runtimes', runtimes.join(' '));
			line('workflows', workflows.join(' '));
			line('types', types.join(' '));
			line('runners', runners.join(' '));
			line('mounted', mount === null ? '' : `at ${mount.basePath}, by ${mount.parent ?? 'a command'}`);
			line('reloads', String(reloads));
			if (problems.length > 0) showProblems(context, problems);
		}
		return shown.problems.length > 0 ? 3 : 0;
	},
});

/** What was read from standard input: where it stands is all that its path tells. */
const givenText = (path: string): string => `standard input in ${dirname(path)} (kept as it was; not followed)`;

function showProblems(context: Context, problems: Parameters<typeof problemsText>[0]): void {
	context.print(`\n${problemsText(problems, context.style)}\n`);
}

export const projectReload = command({
	path: ['project', 'reload'],
	summary: 'Read a project’s files again, as saving them does',
	args: one,
	options: { waitTimeout: value('--wait-timeout DURATION', 'how long to wait (2m)', parseDuration) },
	json: 'the report: plan, outcomes',
	async run(context, { args: [project = ''], options: { waitTimeout } }) {
		const params = { project, ...(waitTimeout === undefined ? {} : { waitMs: waitTimeout }) };
		return context.withinTimeout((signal) => reload(context, params, signal));
	},
});

async function reload(context: Context, params: ParamsOf<Api['project.reload']>, signal: AbortSignal): Promise<number> {
	const items = context.follow('project.reload', params, signal);
	const teller = new UpTeller(context, (name) => name.slice(name.indexOf('/') + 1));
	for (let next = await items.next(); ; next = await items.next()) {
		if (!next.done) {
			if (!context.json) teller.tell(next.value);
			continue;
		}
		if (context.json) context.printJson(maskPlan(next.value));
		else {
			for (const line of reasons(next.value, context.noteStyle)) context.note(line);
			context.note(summary(next.value));
		}
		return exitOf(next.value);
	}
}
