/** `orch runtime remove`: forgets runtimes, with their output and their links. */
import { RemoteError } from '@orch/protocol/wire';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { flag } from '../option.ts';
import { droppedText } from '../render/dropped.ts';
import { canAsk, confirmed } from './confirm.ts';
import { onEach } from './each.ts';

export const runtimeRemove = command({
	path: ['runtime', 'remove'],
	aliases: ['rm'],
	summary: 'Forget runtimes, with their output and their links',
	notes: ['One that runs is stopped and removed only with --force; on a terminal it is asked for.'],
	args: [{ name: 'RUNTIME', required: true, many: true }],
	options: {
		force: flag('-f, --force', 'stop first what runs'),
		yes: flag('-y, --yes', 'same as --force'),
	},
	examples: ['orch runtime remove ping', 'orch runtime rm ping pong --force'],
	json: 'an array of {"id", "name", "droppedMessages"}',
	async run(context, { args, options: { force = false, yes = false } }) {
		return onEach(
			context,
			args,
			(runtime) => remove(context, runtime, force || yes),
			({ name, droppedMessages }) => context.note(`removed ${name}${droppedText(droppedMessages)}`),
		);
	},
});

async function remove(context: Context, runtime: string, force: boolean) {
	try {
		return await context.act('runtime.remove', { runtime, force });
	} catch (error) {
		if (!(error instanceof RemoteError) || error.code !== 'runtime.running' || !canAsk(context)) throw error;
		if (!(await confirmed(context, `${runtime} is running. Stop and remove it?`))) throw error;
		return context.act('runtime.remove', { runtime, force: true });
	}
}
