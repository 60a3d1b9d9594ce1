/** `orch runtime scale`: changes how many instances a group has. */
import { readArgument } from '../args/argument.ts';
import { integer } from '../args/values.ts';
import { command } from '../command.ts';
import { droppedText } from '../render/dropped.ts';
import { plural } from '../render/time.ts';
import { maskRuntime } from '../secrets.ts';

export const runtimeScale = command({
	path: ['runtime', 'scale'],
	summary: 'Change how many instances a group has',
	notes: [
		'More get the numbers behind the highest, and are started where any of the group is wanted to run. Fewer are stopped and removed, the highest numbers first; their output stays where it is until it is a week old, and orch logs shows it by the old names.',
	],
	args: [
		{ name: 'GROUP', required: true },
		{ name: 'N', required: true },
	],
	options: {},
	examples: ['orch runtime scale worker 5'],
	json: '{"name", "instances", "added", "removed"}',
	async run(context, { args: [group = '', wanted = ''] }) {
		const scaled = await context.act('runtime.scale', { group, instances: readArgument('N', wanted, integer(1, 1000)) });
		if (context.json) {
			context.printJson({ ...scaled, instances: scaled.instances.map(maskRuntime) });
			return undefined;
		}
		if (context.namesOnly) context.print(scaled.instances.map(({ name }) => `${name}\n`).join(''));
		for (const name of scaled.added) context.note(`added ${name}`);
		for (const { name, stdoutPath, droppedMessages } of scaled.removed) {
			const kept = `its output stays in ${stdoutPath.slice(0, stdoutPath.lastIndexOf('/'))}`;
			context.note(`removed ${name}${droppedText(droppedMessages)}; ${kept}`);
		}
		context.note(`${scaled.name} has ${plural(scaled.instances.length, 'instance')}`);
		return undefined;
	},
});
