/** `orch diff`: what `up` would change, field by field. */
import { command } from '../command.ts';
import { fileOptions, readingOf } from '../project/files.ts';
import { isEmptyDiff, maskPlan, planText } from '../project/plan-text.ts';

export const diff = command({
	path: ['diff'],
	summary: 'Tell what up would change, field by field, and what it would restart',
	args: [{ name: 'NAME', many: true }],
	options: fileOptions,
	examples: ['orch diff', 'orch diff --profile dev'],
	json: 'the plan',
	async run(context, { args, options }) {
		const found = maskPlan(
			await context.read('project.diff', {
				...(await readingOf(context, options)),
				...(args.length > 0 ? { only: [...args] } : {}),
			}),
		);
		if (context.json) context.printJson(found);
		else if (isEmptyDiff(found) && found.orphans.length === 0) context.note(`nothing would change in project ${found.name}`);
		else context.print(planText(found, context.style));
		return undefined;
	},
});
