/** What ends that which goes on until somebody ends it (Ctrl-C, or a reader who has had enough): a signal to wait with, and the exit code. */
import type { World } from './world.ts';

export interface Interruption {
	readonly signal: AbortSignal;
	/** Once it was interrupted; 0 where nobody reads any more. */
	readonly exitCode: number | undefined;
	release(): void;
}

export function interruption(world: World): Interruption {
	const controller = new AbortController();
	let code: number | undefined;
	const end = (exitCode: number) => {
		if (code !== undefined) return;
		code = exitCode;
		// behind the ^C that the terminal has shown
		if (exitCode === 130 && world.err.isTerminal) world.err.write('\n');
		controller.abort();
	};
	const releases = [world.onInterrupt(end), world.out.onReaderGone(() => end(0))];
	return {
		signal: controller.signal,
		get exitCode() {
			return code;
		},
		release() {
			for (const release of releases) release();
		},
	};
}

/**
 * Does what goes on until it comes to its end or is interrupted: what fails because of that is no failure. Gives the exit code, undefined
 * where nobody interrupted it.
 */
export async function untilInterrupted(world: World, work: (signal: AbortSignal) => Promise<void>): Promise<number | undefined> {
	const interrupted = interruption(world);
	try {
		await work(interrupted.signal);
		return interrupted.exitCode;
	} catch (error) {
		if (interrupted.exitCode !== undefined) return interrupted.exitCode;
		throw error;
	} finally {
		interrupted.release();
	}
}
