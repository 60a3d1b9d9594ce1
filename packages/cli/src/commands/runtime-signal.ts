/** `orch runtime signal`: to the program of a runtime. */
import { readArgument } from '../args/argument.ts';
import { signalName } from '../args/values.ts';
import { offersOf } from '../args/offers.ts';
import { command } from '../command.ts';

export const runtimeSignal = command({
	path: ['runtime', 'signal'],
	summary: 'Send a signal to the program of a runtime',
	args: [
		{ name: 'RUNTIME', required: true },
		{ name: 'SIGNAL', required: true, values: () => offersOf(signalName) },
	],
	examples: ['orch runtime signal ping HUP', 'orch runtime signal ping SIGUSR1'],
	json: '{"pid"}',
	async run(context, { args: [runtime = '', typed = ''] }) {
		const signal = readArgument('SIGNAL', typed, signalName);
		const { pid } = await context.act('runtime.signal', { runtime, signal });
		if (context.json) context.printJson({ pid });
		else context.note(`sent ${signal} to ${runtime} (pid ${pid})`);
		return undefined;
	},
});
