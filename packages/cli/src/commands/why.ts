/** `orch why`: the chain of reasons for how a runtime is, down to what somebody has to do. */
import { command } from '../command.ts';
import { renderWhy } from '../render/why.ts';

export const why = command({
	path: ['why'],
	summary: 'Tell why a runtime is as it is: what it waits for, what ended it, and what to do',
	notes: [
		'It shows what the runtime waits for, and what that waits for; the last exit code or signal, who killed it as far as that can be known; failures counted and the next try; what its probes see; its last words.',
	],
	args: [{ name: 'RUNTIME', required: true }],
	examples: ['orch why web', "orch why web --json | jq '.runtimes[].next'"],
	json: 'an object; `runtimes` is the chain, the one that was asked for first, each with its `depth`',
	async run(context, { args: [runtime = ''] }) {
		const answer = await context.read('runtime.why', { runtime });
		if (context.json) {
			context.printJson(answer);
			return undefined;
		}
		const { style, pretty, world, tableWidth: width } = context;
		context.print(renderWhy(answer.runtimes, { style, pretty, width, now: world.clock.now() }));
		return undefined;
	},
});
