/** `orch runtime signal`: to the program of a runtime. */
import { signalName } from '../args/values.ts';
import { BadValue } from '../args/bad-value.ts';
import { offersOf } from '../args/offers.ts';
import { command } from '../command.ts';
import { CliError } from '../errors.ts';

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
		const signal = readSignal(typed);
		const { pid } = await context.act('runtime.signal', { runtime, signal });
		if (context.json) context.printJson({ pid });
		else context.note(`sent ${signal} to ${runtime} (pid ${pid})`);
		return undefined;
	},
});

function readSignal(typed: string): string {
	try {
		return signalName(typed);
	} catch (error) {
		if (!(error instanceof BadValue)) throw error;
		const { expected, candidates } = error;
		throw new CliError('usage.bad_value', { option: 'SIGNAL', value: typed, expected, candidates });
	}
}
