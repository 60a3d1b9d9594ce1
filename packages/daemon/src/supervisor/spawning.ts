/** Spawns by execa, also where descriptors run out in that very moment. */
import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** Where Node tells of each child that it makes, before anything can go wrong with it. */
const channel = 'child_process';

/**
 * What `spawn` gives; throws EMFILE where no descriptor is left for it. Node gives a child without `stdio` then, at which execa
 * throws, and the child tells its error a moment later: to nobody but us, and one that nobody hears would end the daemon.
 */
export function spawned<T>(spawn: () => T): T {
	let made: ChildProcess | undefined;
	const hear = (message: unknown) => {
		made = (message as { readonly process: ChildProcess }).process;
		made.on('error', () => {});
	};
	subscribe(channel, hear);
	try {
		return spawn();
	} catch (error) {
		if (made === undefined || made.stdio !== undefined) throw error;
		throw Object.assign(new Error('Cannot spawn a process: no descriptors are left', { cause: error }), { code: 'EMFILE' });
	} finally {
		unsubscribe(channel, hear);
	}
}
