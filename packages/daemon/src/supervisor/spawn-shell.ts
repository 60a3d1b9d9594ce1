/** Spawns the shell that shims run in, by execa, also where descriptors run out in that very moment. */
import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { execa, type Options } from 'execa';
import type { Invocation } from './launch-shim.ts';

/** What is used of execa's subprocess; awaited only where there is none, to learn why. */
export interface ShellProcess extends PromiseLike<{ readonly cause?: unknown }> {
	readonly pid?: number | undefined;
	readonly stdio: unknown[];
	kill: unknown;
	on(event: 'exit' | 'error', listener: () => void): unknown;
	removeAllListeners(event: string): unknown;
	ref(): void;
	unref(): void;
}

/** Where Node tells of each child that it makes, before anything can go wrong with it. */
const channel = 'child_process';

/** Throws EMFILE where no descriptor is left for it. */
export function spawnShell(shell: string, { args, env, stdio }: Invocation): ShellProcess {
	let made: ChildProcess | undefined;
	const hear = (message: unknown) => {
		made = (message as { readonly process: ChildProcess }).process;
		made.on('error', () => {});
	};
	subscribe(channel, hear);
	try {
		return execa(shell, args, {
			// its types know of descriptors up to 9 only
			stdio: stdio as unknown as NonNullable<Options['stdio']>,
			cwd: '/',
			env,
			extendEnv: false,
			detached: true,
			cleanup: false,
			buffer: false,
			reject: false,
		});
	} catch (error) {
		if (made === undefined || made.stdio !== undefined) throw error;
		// Node gives a child without `stdio` then, at which execa throws, and the child tells its error a moment later: to nobody
		// but us, and one that nobody hears would end the daemon
		throw Object.assign(new Error('Cannot spawn a shell: no descriptors are left', { cause: error }), { code: 'EMFILE' });
	} finally {
		unsubscribe(channel, hear);
	}
}
