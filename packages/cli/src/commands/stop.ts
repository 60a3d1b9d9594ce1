/** `orch stop`, in full `orch runtime stop`. */
import { howItEnded } from '@orch/base/text';
import { parseDuration } from '../args/duration.ts';
import { chosen, chosenArgument, choosing, orAll } from './chosen.ts';
import { command } from '../command.ts';
import { value } from '../option.ts';
import { onEach } from './each.ts';
import { stopOrder } from './stop-order.ts';

export const stop = command({
	path: ['stop'],
	summary: 'Stop runtimes; returns once nothing of them is left',
	notes: [
		'Signal, grace, SIGKILL; whatever a runtime forked is stopped with it. Stopping what does not run changes nothing. Of several, those that need others of them are stopped first.',
		'Nothing is asked, also with --all: what was stopped can be started again.',
	],
	args: [chosenArgument],
	options: {
		grace: value('--grace DURATION', 'from the signal to SIGKILL, instead of the runtime’s own', parseDuration),
		...choosing,
	},
	examples: ['orch stop ping', 'orch stop ping pong --grace 2s', 'orch stop --all'],
	json: 'an array of the runtimes',
	async run(context, { args, options: { grace, ...which } }) {
		const order = await stopOrder(context, await chosen(context, args, which));
		const under = new Map<string, Promise<unknown>>();
		return onEach(
			context,
			order.map(({ ref }) => ref),
			orAll('stop', (runtime) => {
				const behind = order.find(({ ref }) => ref === runtime)?.behind ?? [];
				// whatever becomes of those, this one is to be stopped
				const before = Promise.allSettled(behind.map((ref) => under.get(ref)));
				const stopped = before.then(() =>
					context.act('runtime.stop', { runtime, ...(grace === undefined ? {} : { graceMs: grace }) }),
				);
				under.set(runtime, stopped);
				return stopped;
			}),
			({ name, status, lastExit, warnings, already }) => {
				if (already) context.note(`${name} ${status === 'stopped' ? 'is' : 'has'} ${status} already`);
				else context.note(`stopped ${name}${lastExit ? ` (${howItEnded(lastExit)})` : ''}`);
				for (const warning of warnings) context.note(`  ${warning}`);
			},
		);
	},
});
