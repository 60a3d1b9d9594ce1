/** What ends that which goes on until it is ended (Ctrl-C, a reader who has had enough, the time it was given): a signal to wait with, and the exit code. */
import { OrchError } from '@orch/protocol/wire';
import type { Globals } from './globals.ts';
import type { World } from './world.ts';

/**
 * Does what goes on until it comes to its end or is interrupted: what fails because of that is no failure. Gives the exit code: of the
 * interruption, else what the work comes to. Fails where it takes longer than `--timeout`, unless it is endless: then only the first
 * word of orchd is waited for so long.
 */
export async function untilInterrupted(
	{ world, globals }: { readonly world: World; readonly globals: Pick<Globals, 'timeout'> },
	work: (signal: AbortSignal) => Promise<number | undefined>,
	{ endless = false }: { readonly endless?: boolean } = {},
): Promise<number | undefined> {
	const interrupted = interruption(world, endless ? undefined : globals.timeout);
	let exitCode: number | undefined;
	try {
		exitCode = await work(interrupted.signal);
	} catch (error) {
		if (interrupted.exitCode === undefined) throw interrupted.timeout ?? error;
	} finally {
		interrupted.release();
	}
	if (interrupted.timeout) throw interrupted.timeout;
	return interrupted.exitCode ?? exitCode;
}

interface Interruption {
	readonly signal: AbortSignal;
	/** Once it was interrupted; 0 where nobody reads any more. */
	readonly exitCode: number | undefined;
	/** Once its time was over, without an interruption before. */
	readonly timeout: OrchError | undefined;
	release(): void;
}

/** `limitMs`: the time that all of it is given. */
function interruption(world: World, limitMs?: number): Interruption {
	const controller = new AbortController();
	let code: number | undefined;
	let timeout: OrchError | undefined;
	const end = (exitCode: number) => {
		if (controller.signal.aborted) return;
		code = exitCode;
		// behind the ^C that the terminal has shown
		if (exitCode === 130 && world.err.isTerminal) world.err.write('\n');
		controller.abort();
	};
	const expire = (ms: number) => {
		if (controller.signal.aborted) return;
		timeout = new OrchError('timeout', { ms });
		controller.abort();
	};
	const releases = [world.onInterrupt(end), world.out.onReaderGone(() => end(0))];
	if (limitMs !== undefined) {
		const timer = world.clock.setTimer(limitMs, () => expire(limitMs));
		releases.push(() => timer.cancel());
	}
	return {
		signal: controller.signal,
		get exitCode() {
			return code;
		},
		get timeout() {
			return timeout;
		},
		release() {
			for (const release of releases) release();
		},
	};
}
