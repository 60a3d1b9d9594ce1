/** `orch runtime remove`: forgets runtimes, with their output and their links. */
import type { Api, ParamsOf } from '@orch/protocol';
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
	notes: [
		'One that runs is stopped and removed only with --force; on a terminal it is asked for.',
		'With --keep-logs orch logs shows what it has written, by its name or id, for a week after its last line.',
	],
	args: [{ name: 'RUNTIME', required: true, many: true }],
	options: {
		force: flag('-f, --force', 'stop first what runs'),
		yes: flag('-y, --yes', 'same as --force'),
		keepLogs: flag('--keep-logs', 'leave what they have written for a week'),
	},
	examples: ['orch runtime remove ping', 'orch runtime rm ping pong --force'],
	json: 'an array of {"id", "name", "droppedMessages"}',
	async run(context, { args, options: { force = false, yes = false, keepLogs = false } }) {
		const kept = (name: string) => (keepLogs ? `; its output stays for a week: orch logs ${name}` : '');
		return onEach(
			context,
			args,
			(runtime) => remove(context, { runtime, force: force || yes, ...(keepLogs ? { keepOutput: true } : {}) }),
			({ name, droppedMessages }) => context.note(`removed ${name}${droppedText(droppedMessages)}${kept(name)}`),
		);
	},
});

async function remove(context: Context, wish: ParamsOf<Api['runtime.remove']>) {
	try {
		return await context.act('runtime.remove', wish);
	} catch (error) {
		if (!(error instanceof RemoteError) || error.code !== 'runtime.running' || !canAsk(context)) throw error;
		if (!(await confirmed(context, `${wish.runtime} is running. Stop and remove it?`))) throw error;
		return context.act('runtime.remove', { ...wish, force: true });
	}
}
