/** `orch apply`: registers and changes what a project file declares, and starts nothing. */
import type { Api, ParamsOf } from '@orch/protocol';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { flag } from '../option.ts';
import { fileOptions, readingOf } from '../project/files.ts';
import { isEmptyDiff, maskPlan, planText } from '../project/plan-text.ts';

export const apply = command({
	path: ['apply'],
	summary: 'Register and change what the project file declares, and start nothing',
	notes: ['What only a new process can have stops its runtime, which is started by orch up, or orch start.'],
	options: {
		...fileOptions,
		prune: flag('--prune', 'take away what the files declare no longer, also where they are other files than the last time'),
		dryRun: flag('--dry-run', 'only tell what would change'),
	},
	examples: ['orch apply', 'orch apply --dry-run'],
	json: 'the report: plan, outcomes',
	async run(context, { options }) {
		const params = { ...(await readingOf(context, options)), ...(options.prune ? { removeOrphans: true } : {}) };
		if (options.dryRun) {
			const found = maskPlan(await context.read('project.diff', params));
			if (context.json) context.printJson(found);
			else context.print(planText(found, context.style));
			return undefined;
		}
		await context.connectionOrStart();
		return context.withinTimeout((signal) => register(context, params, signal));
	},
});

async function register(context: Context, params: ParamsOf<Api['project.up']>, signal: AbortSignal): Promise<number> {
	const items = context.follow('project.up', { ...params, startNothing: true }, signal);
	for (let next = await items.next(); ; next = await items.next()) {
		if (!next.done) continue;
		const report = maskPlan(next.value);
		if (context.json) context.printJson(report);
		else {
			context.print(planText(report, context.style));
			for (const fault of report.faults) context.note(`  ${fault}`);
			for (const { name, reason } of report.outcomes) context.note(`  ${name}: ${reason ?? 'failed'}`);
			context.note(
				isEmptyDiff(report)
					? `nothing to change in project ${report.name}`
					: `applied project ${report.name}; nothing was started`,
			);
		}
		return report.faults.length + report.outcomes.length > 0 ? 1 : 0;
	}
}
