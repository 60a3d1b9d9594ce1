/** Work that may take only so long, though nothing in it looks at a clock. */
import { createContext, Script } from 'node:vm';

interface Room {
	work: (() => void) | undefined;
}

let room: { readonly context: Room; readonly script: Script } | undefined;

/** A machine that has so little left for us is not the work's fault, but there is an end to it. */
const maxTries = 20;

/**
 * False when the work was broken off, with so much of the processor's time spent. Work that was broken off for want of a
 * processor is called again, so it goes on where it was. A thread watches meanwhile, which costs some tens of microseconds.
 */
export function withinTime(ms: number, work: () => void): boolean {
	room ??= { context: createContext({ work: undefined }) as Room, script: new Script('work()') };
	room.context.work = work;
	const before = process.cpuUsage();
	try {
		for (let tries = 0; tries < maxTries; tries++) {
			try {
				room.script.runInContext(room.context as never, { timeout: ms });
				return true;
			} catch (error) {
				if ((error as { code?: unknown }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
			}
			const { user, system } = process.cpuUsage(before);
			if ((user + system) / 1000 >= ms) return false;
		}
		return false;
	} finally {
		room.context.work = undefined;
	}
}
