/** `orch validate` and `orch config`: project files checked, and as they are understood, without a daemon. */
import { OrchError } from '@orch/protocol/wire';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { flag } from '../option.ts';
import { type CheckedProject, loadCheckModule } from '../project/check-module.ts';
import { fileOptions, type Reading, readingOf } from '../project/files.ts';
import { toJson } from '../render/json.ts';
import { maskDeep, maskRuntime } from '../secrets.ts';

export const validate = command({
	path: ['validate'],
	summary: 'Check a project file and the runners that it mounts: every problem at once, with its line',
	notes: ['Needs no orchd. Programs are looked for as well; whether they run, only orch up can tell.'],
	options: fileOptions,
	examples: ['orch validate', 'orch validate -f orch.yaml -f orch.local.yaml --profile dev'],
	json: '{"name", "runtimes", "links", "workflows", "runners"}',
	async run(context, { options }) {
		const reading = await readingOf(context, options);
		const { name, runtimes, links, definitions } = checked(context, reading);
		const workflows = Object.keys(definitions['workflows'] ?? {});
		const runners = Object.keys(definitions['runners'] ?? {});
		if (context.json) context.printJson({ name, runtimes: [...runtimes.keys()], links: links.size, workflows, runners });
		else {
			const parts = [
				count(runtimes.size, 'runtime'),
				count(links.size, 'link'),
				count(workflows.length, 'workflow'),
				count(runners.length, 'runner'),
			].filter((part) => part !== '');
			context.note(
				`${reading.files.map((file) => file.name).join(', ')}: ok (project ${name}${parts.length > 0 ? `: ${parts.join(', ')}` : ''})`,
			);
		}
		return undefined;
	},
});

const count = (number: number, what: string): string => (number === 0 ? '' : `${number} ${what}${number === 1 ? '' : 's'}`);

export const config = command({
	path: ['config'],
	summary: 'Print a project file as it is understood: merged, filled in, nothing left open',
	notes: ['Values that look like secrets are shown as •••• unless --reveal is given. Needs no orchd.'],
	options: { ...fileOptions, reveal: flag('--reveal', 'show secrets as they are') },
	examples: ['orch config', 'orch config --profile dev --reveal'],
	json: 'the same',
	async run(context, { options }) {
		const project = checked(context, await readingOf(context, options));
		const { runtimes, links, ...rest } = options.reveal ? project : maskProject(project);
		context.print(toJson({ ...rest, runtimes: [...runtimes.values()], links: [...links.values()] }, true));
		return undefined;
	},
});

function maskProject({ runtimes, definitions, ...rest }: CheckedProject): CheckedProject {
	// a property that a schema of a type calls `token` is none
	const { types = {}, ...sections } = definitions;
	const entries = (section: Readonly<Record<string, unknown>>) =>
		Object.fromEntries(Object.entries(section).map(([name, entry]) => [name, maskDeep(entry)]));
	return {
		...rest,
		runtimes: new Map([...runtimes].map(([name, runtime]) => [name, maskRuntime(runtime)])),
		definitions: { types, ...Object.fromEntries(Object.entries(sections).map(([name, section]) => [name, entries(section)])) },
	};
}

/** The project, or the error that tells everything that is wrong with it. */
function checked({ world }: Context, reading: Reading): CheckedProject {
	const { project, problems } = loadCheckModule(world).check(reading);
	if (!project) throw new OrchError('project.invalid', { problems });
	return project;
}
