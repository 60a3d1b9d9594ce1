/** `orch start`, in full `orch runtime start`. */
import { choice } from '../args/values.ts';
import { command } from '../command.ts';
import { value } from '../option.ts';
import { onEach } from './each.ts';

export const start = command({
	path: ['start'],
	summary: 'Start runtimes; returns once their programs run',
	notes: ['Starting what runs already changes nothing. Starts orchd where none runs, unless ORCH_AUTOSTART=0.'],
	args: [{ name: 'RUNTIME', required: true, many: true }],
	options: {
		priority: value('--priority PRIORITY', 'high, normal or low, from this start on', choice(['high', 'normal', 'low'])),
	},
	examples: ['orch start ping', 'orch start ping pong --priority low'],
	json: 'an array of the runtimes',
	async run(context, { args, options: { priority } }) {
		await context.connectionOrStart();
		return onEach(
			context,
			args,
			(runtime) => context.act('runtime.start', { runtime, ...(priority === undefined ? {} : { priority }) }),
			({ name, pid }) => context.note(`started ${name}${pid === null ? '' : ` (pid ${pid})`}`),
		);
	},
});
