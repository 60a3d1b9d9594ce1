/** `orch down`: stops and removes what a project has made, and nothing else. */
import { RemoteError } from '@orch/protocol/wire';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import type { OptionValues } from '../option.ts';
import { fileOptions, loadedName } from '../project/files.ts';

export const down = command({
	path: ['down'],
	summary: 'Stop and remove what this project and its runners have made, and nothing else',
	notes: [
		'What needs others goes before them. Named runtimes only: the project stays. What could not be stopped is named, and stays: 1.',
	],
	args: [{ name: 'NAME', many: true }],
	options: fileOptions,
	examples: ['orch down', 'orch down worker', 'orch down -p shop'],
	json: '{"name", "removed", "left"}',
	async run(context, { args, options }) {
		const project = await loadedName(context, options);
		return context.withinTimeout((signal) => remove(context, project, { args, options }, signal));
	},
});

async function remove(
	context: Context,
	project: string,
	{ args, options }: { readonly args: readonly string[]; readonly options: OptionValues<typeof fileOptions> },
	signal: AbortSignal,
): Promise<number> {
	const items = context.follow('project.down', { project, ...(args.length > 0 ? { only: [...args] } : {}) }, signal);
	for (;;) {
		const next = await items.next().catch((error: unknown) => {
			// what is asked for holds already, where nobody has made a mistake in its name
			const isMistake = options.project !== undefined || args.length > 0;
			if (isMistake || !(error instanceof RemoteError) || error.code !== 'project.not_found') throw error;
			return { done: true, value: { name: project, removed: [], left: [] } } as const;
		});
		if (!next.done) continue;
		const { name, removed, left } = next.value;
		if (context.json) context.printJson(next.value);
		for (const { name: runtime, reason } of left) context.note(`  ${context.noteStyle.red('✗')} ${runtime}: ${reason}`);
		const rest = left.length > 0 ? `, ${left.length} left` : '';
		if (!context.json)
			context.note(
				removed.length + left.length === 0
					? `nothing of project ${name} is there`
					: `orch: ${removed.length} removed${rest} (project ${name})`,
			);
		return left.length > 0 ? 1 : 0;
	}
}
