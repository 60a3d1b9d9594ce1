/** Which runtimes a command is for: those that are named, those with a label, or all. */
import { RemoteError } from '@orch/protocol/wire';
import { labelFilter, labelText } from '../args/label.ts';
import type { ArgumentSpec } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { flag, list, type OptionValues } from '../option.ts';

export const choosing = {
	all: flag('--all', 'all runtimes, of every project'),
	label: list('-l, --label NAME=VALUE', 'those with this label; NAME alone: with any value of it', labelFilter),
} as const;

/** What a command takes that has these options. */
export const chosenArgument: ArgumentSpec = { name: 'RUNTIME', required: true, many: true, unless: Object.keys(choosing) };

/** Their names; a label narrows down those that are named. */
export async function chosen(
	context: Context,
	args: readonly string[],
	{ all = false, label }: OptionValues<typeof choosing>,
): Promise<readonly string[]> {
	if (all && args.length > 0)
		throw new CliError('usage.conflict', { reason: `--all means every runtime, not only ${args.join(' ')}`, hint: 'orch ps' });
	if (!all && label === undefined) return args;
	const found = await context.read('runtime.list', {
		...(args.length === 0 ? {} : { runtimes: [...args] }),
		...(label === undefined ? {} : { labels: Object.fromEntries(label) }),
	});
	if (found.length === 0)
		context.note(label === undefined ? 'orch: there are no runtimes' : `orch: no runtime has ${labelText(label)}`);
	return found.map(({ name }) => name);
}

/** Elsewhere `all` is a word for all; here it is a name like any other, and where nobody has it, it was meant so. */
export const orAll =
	<Result>(verb: string, act: (ref: string) => Promise<Result>) =>
	async (ref: string): Promise<Result> => {
		try {
			return await act(ref);
		} catch (error) {
			if (ref !== 'all' || !(error instanceof RemoteError) || error.code !== 'runtime.not_found') throw error;
			throw new RemoteError({ ...error.wire, hint: `all of them: orch ${verb} --all` });
		}
	};
