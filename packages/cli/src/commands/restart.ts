/** `orch restart`, in full `orch runtime restart`. */
import { parseDuration } from '../args/duration.ts';
import { chosen, chosenArgument, choosing, orAll } from './chosen.ts';
import { command } from '../command.ts';
import { value } from '../option.ts';
import { onEach } from './each.ts';

export const restart = command({
	path: ['restart'],
	summary: 'Stop runtimes and start them again, with the environment they were added with',
	args: [chosenArgument],
	options: {
		grace: value('--grace DURATION', 'from the signal to SIGKILL, instead of the runtime’s own', parseDuration),
		...choosing,
	},
	examples: ['orch restart ping', 'orch restart --label tier=web'],
	json: 'an array of the runtimes',
	async run(context, { args, options: { grace, ...which } }) {
		return onEach(
			context,
			await chosen(context, args, which),
			orAll('restart', (runtime) =>
				context.act('runtime.restart', { runtime, ...(grace === undefined ? {} : { graceMs: grace }) }),
			),
			({ name, pid, alsoStarted }) => {
				for (const other of alsoStarted ?? []) context.note(`started ${other}, which ${name} needs`);
				context.note(`restarted ${name}${pid === null ? '' : ` (pid ${pid})`}`);
			},
		);
	},
});
