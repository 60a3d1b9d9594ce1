/** `orch wait`: until runtimes are what they are to become. */
import { howItEnded } from '@orch/base/text';
import { constants } from 'node:os';
import type { Api, ResultOf } from '@orch/protocol';
import { choice } from '../args/values.ts';
import { command } from '../command.ts';
import { value } from '../option.ts';
import { onEach } from './each.ts';
import { withNews } from './waiting-news.ts';

type Runtime = ResultOf<Api['runtime.wait']>['runtimes'][number];

export const wait = command({
	path: ['wait'],
	summary: 'Wait until runtimes are running, ready, stopped, or have succeeded',
	notes: [
		'What will not come by itself is an error at once, with exit code 3: one that has failed for good will not be ready.',
		'With --for exited the exit code is the program’s own, and 128 and its number where a signal has ended it. With --timeout the exit code is 124 when the time is over.',
	],
	args: [{ name: 'RUNTIME', required: true, many: true }],
	options: {
		for: value(
			'--for WHAT',
			'running, ready (unless said otherwise), stopped, exited or succeeded',
			choice(['running', 'ready', 'stopped', 'exited', 'succeeded']),
		),
	},
	examples: ['orch wait db --for ready --timeout 30s', 'orch wait migrate --for succeeded', 'orch wait job --for exited'],
	json: 'an array of the runtimes',
	async run(context, { args, options: { for: goal = 'ready' } }) {
		/** What the command itself comes to, where everything was waited for. */
		let exit = 0;
		const failed = await onEach<Runtime>(
			context,
			args,
			(runtime) =>
				withNews(context, runtime, goal, async () => {
					const { runtimes } = await context.act('runtime.wait', { runtime, for: goal === 'exited' ? 'stopped' : goal });
					if (goal === 'exited') exit ||= Math.max(...runtimes.map(exitCodeOf));
					const [first] = runtimes;
					if (!first) throw new Error(`Nothing was waited for: ${runtime}`);
					return runtimes.length > 1 ? { ...first, instances: runtimes } : first;
				}),
			({ name, lastExit }) =>
				context.note(`${name} ${done[goal]}${goal === 'exited' && lastExit ? ` (${howItEnded(lastExit)})` : ''}`),
		);
		return failed || exit;
	},
});

const done = {
	running: 'is running',
	ready: 'is ready',
	stopped: 'has stopped',
	exited: 'has exited',
	succeeded: 'has succeeded',
} as const;

/** As a shell would have it; 125 is ours, for an end that nobody knows. */
function exitCodeOf({ lastExit }: Runtime): number {
	if (!lastExit) return 0;
	if (lastExit.code !== null) return lastExit.code;
	const number = (constants.signals as Readonly<Record<string, number>>)[lastExit.signal ?? ''];
	return number === undefined ? 125 : 128 + number;
}
