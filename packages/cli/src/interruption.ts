/** Ctrl-C for what goes on until somebody ends it: a signal to wait with, and the exit code that says how it ended. */
import type { World } from './world.ts';

export interface Interruption {
	readonly signal: AbortSignal;
	/** Once it was interrupted. */
	readonly exitCode: number | undefined;
	release(): void;
}

export function interruption(world: World): Interruption {
	const controller = new AbortController();
	let code: number | undefined;
	const release = world.onInterrupt((exitCode) => {
		if (code !== undefined) return;
		code = exitCode;
		// behind the ^C that the terminal has shown
		if (exitCode === 130 && world.err.isTerminal) world.err.write('\n');
		controller.abort();
	});
	return {
		signal: controller.signal,
		get exitCode() {
			return code;
		},
		release,
	};
}
