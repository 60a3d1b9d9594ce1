/** `orch start`, in full `orch runtime start`. */
import { choice } from '../args/values.ts';
import { chosen, chosenArgument, choosing, orAll } from './chosen.ts';
import { command } from '../command.ts';
import { flag, value } from '../option.ts';
import { onEach } from './each.ts';
import { withNews } from './waiting-news.ts';

export const start = command({
	path: ['start'],
	summary: 'Start runtimes; returns once their programs run',
	notes: [
		'What it needs is started as well, and waited for. Starting what runs already changes nothing. Starts orchd where none runs, unless ORCH_AUTOSTART=0.',
	],
	args: [chosenArgument],
	options: {
		priority: value('--priority PRIORITY', 'high, normal or low, from this start on', choice(['high', 'normal', 'low'])),
		wait: value('--wait WHAT', 'return once they are ready, or have succeeded', choice(['running', 'ready', 'succeeded'])),
		noNeeds: flag('--no-needs', 'start nothing else, whatever they need'),
		...choosing,
	},
	examples: [
		'orch start ping',
		'orch start ping pong --priority low',
		'orch start --label tier=web',
		'orch start web --wait ready --timeout 1m',
	],
	json: 'an array of the runtimes',
	async run(context, { args, options: { priority, wait, noNeeds, ...which } }) {
		await context.connectionOrStart();
		return onEach(
			context,
			await chosen(context, args, which),
			orAll('start', (runtime) =>
				withNews(context, runtime, wait ?? 'running', async () => {
					const started = await context.act('runtime.start', {
						runtime,
						...(priority === undefined ? {} : { priority }),
						...(noNeeds ? { needs: false } : {}),
					});
					if (wait === undefined || wait === 'running') return started;
					const { runtimes } = await context.act('runtime.wait', { runtime, for: wait });
					return { ...started, ...runtimes[0], ...(started.instances ? { instances: runtimes } : {}) };
				}),
			),
			({ name, pid, ready, alsoStarted, already }) => {
				for (const other of alsoStarted ?? []) context.note(`started ${other}, which ${name} needs`);
				const state = [...(pid === null ? [] : [`pid ${pid}`]), ...(wait === 'ready' && ready ? ['ready'] : [])];
				context.note(
					`${already ? `${name} runs already` : `started ${name}`}${state.length > 0 ? ` (${state.join(', ')})` : ''}`,
				);
			},
		);
	},
});
