/** `orch up`: applies a project file, starts what it declares, waits until it is ready. */
import { parseDuration } from '../args/duration.ts';
import type { Api, ParamsOf } from '@orch/protocol';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { untilInterrupted } from '../interruption.ts';
import { flag, value } from '../option.ts';
import { fileOptions, readingOf } from '../project/files.ts';
import { isEmptyDiff, maskPlan, planText } from '../project/plan-text.ts';
import { exitOf, reasons, type Report, summary, timing, UpTeller } from '../project/up-text.ts';
import { logs } from './logs.ts';

export const up = command({
	path: ['up'],
	summary: 'Apply the project file, start what it declares, wait until it is ready',
	notes: [
		'Only what differs is touched; only what needs a new process is restarted, and the reason is told. From then on the files are followed: saving them is enough.',
		'It returns once everything is ready: 0. Where something is not: 1, and why. Named runtimes come with what they need.',
		'Starts orchd where none runs, unless ORCH_AUTOSTART=0; with --dry-run it starts none.',
	],
	args: [{ name: 'NAME', many: true }],
	options: {
		...fileOptions,
		noDeps: flag('--no-deps', 'not what the named ones need'),
		forceRecreate: flag('--force-recreate', 'a new process for each, changed or not'),
		removeOrphans: flag(
			'--remove-orphans',
			'take away what the files declare no longer, also where they are other files than the last time',
		),
		wait: flag('--wait', 'wait until everything is ready, which it does anyway'),
		waitTimeout: value('--wait-timeout DURATION', 'how long to wait (2m)', parseDuration),
		timing: flag('--timing', 'tell how long each took'),
		attach: flag('--attach', 'follow the logs afterwards; Ctrl-C ends that, and stops nothing'),
		dryRun: flag('--dry-run', 'only tell what would change'),
	},
	examples: ['orch up', 'orch up api worker', 'orch up -f orch.yaml -f orch.local.yaml --profile dev', 'orch up --dry-run'],
	json: 'the report: plan, outcomes',
	async run(context, { args, options }) {
		const reading = await readingOf(context, options);
		const selection = {
			...(args.length > 0 ? { only: [...args] } : {}),
			...(options.noDeps ? { noDeps: true } : {}),
			...(options.forceRecreate ? { forceRecreate: true } : {}),
			...(options.removeOrphans ? { removeOrphans: true } : {}),
		};
		if (options.dryRun) {
			const diff = maskPlan(await context.read('project.diff', { ...reading, ...selection }));
			if (context.json) context.printJson(diff);
			else context.print(isEmptyDiff(diff) ? `nothing would change in project ${diff.name}\n` : planText(diff, context.style));
			return undefined;
		}
		await context.connectionOrStart();
		const params = { ...reading, ...selection, ...(options.waitTimeout === undefined ? {} : { waitMs: options.waitTimeout }) };
		let report: Report | undefined;
		const interrupted = await untilInterrupted(context, async (signal) => {
			report = await follow(context, params, signal);
		});
		if (!report) {
			// of a reader who has gone there is nobody to tell
			if (interrupted) context.note('orch up was interrupted; starting goes on: orch ps');
			return interrupted;
		}
		if (context.json) context.printJson(maskPlan(report));
		if (options.timing) for (const line of timing(report)) context.note(line);
		if (options.attach && report.outcomes.length > 0) {
			const names = report.outcomes.map(({ name }) => name);
			return (await logs.run(context, { args: names, options: { follow: true } as never })) ?? exitOf(report);
		}
		return exitOf(report);
	},
});

/** Tells what happens while it happens; gives the report. */
async function follow(context: Context, params: ParamsOf<Api['project.up']>, signal: AbortSignal): Promise<Report> {
	const teller = new UpTeller(context, (name) => name.slice(name.indexOf('/') + 1));
	const items = context.follow('project.up', params, signal);
	for (let next = await items.next(); ; next = await items.next()) {
		if (next.done) {
			conclude(context, next.value);
			return next.value;
		}
		if (!context.json) teller.tell(next.value);
	}
}

function conclude(context: Context, report: Report): void {
	if (context.json) return;
	for (const line of reasons(report, context.noteStyle)) context.note(line);
	context.note(summary(report));
	const [failed] = report.outcomes.filter(({ kind }) => kind === 'failed' || kind === 'pending');
	if (failed) context.note(`${context.noteStyle.cyan('hint:')} orch why ${failed.name} · orch logs ${failed.name} -n 100`);
	else context.next('orch ps', 'orch logs -f', 'orch down');
}
