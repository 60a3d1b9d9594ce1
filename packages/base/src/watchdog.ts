/** Whether Node can watch over the time that a script takes. */
import { closeSync, openSync } from 'node:fs';

/** The loop of the thread that watches opens four. */
const needed = 6;

/**
 * To be asked before each `runInContext` with a `timeout`: Node ends the whole process where it cannot make the thread that watches. Says nothing
 * of how many threads may still be made, which nobody can know before.
 */
export function canWatchTime(): boolean {
	const taken: number[] = [];
	try {
		while (taken.length < needed) taken.push(openSync('/dev/null', 'r'));
		return true;
	} catch {
		return false;
	} finally {
		for (const descriptor of taken) closeSync(descriptor);
	}
}
