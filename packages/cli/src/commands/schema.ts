/** `orch schema yaml`: the JSON Schema of project files, for editors. */
import { command } from '../command.ts';
import { CliError } from '../errors.ts';
import { loadCheckModule } from '../project/check-module.ts';

const kinds = ['yaml'] as const;

export const schema = command({
	path: ['schema'],
	summary: 'Print the JSON Schema of project files (yaml), for editors',
	args: [{ name: 'WHAT', required: true, values: () => kinds }],
	examples: ['orch schema yaml'],
	json: 'the same',
	async run(context, { args: [what = ''] }) {
		if (!(kinds as readonly string[]).includes(what)) {
			throw new CliError('usage.bad_value', {
				option: 'WHAT',
				value: what,
				expected: `one of: ${kinds.join(', ')}`,
				candidates: [],
			});
		}
		context.print(`${JSON.stringify(loadCheckModule(context.world).schema(), null, 2)}\n`);
		return undefined;
	},
});
