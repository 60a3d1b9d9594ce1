/** `orch restart`, in full `orch runtime restart`. */
import { parseDuration } from '../args/duration.ts';
import { command } from '../command.ts';
import { value } from '../option.ts';
import { onEach } from './each.ts';

export const restart = command({
	path: ['restart'],
	summary: 'Stop runtimes and start them again, with the environment they were added with',
	args: [{ name: 'RUNTIME', required: true, many: true }],
	options: { grace: value('--grace DURATION', 'from the signal to SIGKILL, instead of the runtime’s own', parseDuration) },
	examples: ['orch restart ping'],
	json: 'an array of the runtimes',
	async run(context, { args, options: { grace } }) {
		return onEach(
			context,
			args,
			(runtime) => context.act('runtime.restart', { runtime, ...(grace === undefined ? {} : { graceMs: grace }) }),
			({ name, pid, alsoStarted }) => {
				for (const other of alsoStarted ?? []) context.note(`started ${other}, which ${name} needs`);
				context.note(`restarted ${name}${pid === null ? '' : ` (pid ${pid})`}`);
			},
		);
	},
});
