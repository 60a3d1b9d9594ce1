/**
 * Notices that nobody reads a pipe any more, before anything is written to it: what follows a silent program must not
 * wait for its next word to find that out. Node cannot poll a descriptor for its error, and a write of nothing to a pipe
 * does not fail, so the reader is looked up in /proc and then looked at a few times a second.
 *
 * It never says "gone" on a guess: where no reader can be seen (another user's, outside of a container, no /proc) the pipe
 * counts as read, and the next write tells.
 */
import { fstatSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Clock, Timer } from './clock.ts';

const lookEveryMs = 250;
/** A shell starts the members of a pipeline one after the other: the reader may not be there yet. */
const firstLooks = 8;

/** Calls `gone` once, when the last reader of the pipe at `descriptor` has closed it. Gives how to stop looking. */
export function watchReader(descriptor: number, clock: Clock, gone: () => void): () => void {
	const pipe = pipeAt(descriptor);
	if (pipe === undefined) return () => {};
	let known: string | undefined;
	let looks = 0;
	let timer: Timer | undefined;
	const again = () => {
		timer = clock.setTimer(lookEveryMs, look);
	};
	const look = () => {
		if (known === undefined) {
			const found = findReader(pipe);
			known = found.reader;
			// nobody that can be seen, time and again: then nothing can be said
			if (known === undefined && ++looks >= firstLooks) return;
		} else {
			const still = reads(known, pipe);
			// it has become another user's: nothing can be said any more
			if (still === undefined) return;
			if (still) return again();
			const found = findReader(pipe);
			if (found.reader === undefined) {
				if (!found.hidden) gone();
				return;
			}
			known = found.reader;
		}
		again();
	};
	// at once, before anything is written: a reader of one line is gone right behind it
	look();
	return () => timer?.cancel();
}

/** How /proc names it: `pipe:[4711]`, or the path of a named one. */
function pipeAt(descriptor: number): string | undefined {
	try {
		return fstatSync(descriptor).isFIFO() ? readlinkSync(`/proc/self/fd/${descriptor}`) : undefined;
	} catch {
		// no /proc here
		return undefined;
	}
}

interface Found {
	/** A descriptor by which a process reads it: `/proc/4711/fd/0`. */
	readonly reader: string | undefined;
	/** Whether a process that may well be the reader does not let us look: it runs in our session, as another user. */
	readonly hidden: boolean;
}

function findReader(pipe: string): Found {
	const own = relationsOf('self');
	const others = readdirSync('/proc')
		.filter((name) => /^[0-9]+$/.test(name) && name !== String(process.pid))
		.map((pid) => ({ pid, relations: relationsOf(pid) }));
	// the rest of a pipeline is in the group of its first member: looked at first
	const near = others.filter(({ relations }) => relations?.group === own?.group);
	const far = others.filter(({ relations }) => relations?.group !== own?.group);
	let hidden = false;
	for (const { pid, relations } of [...near, ...far]) {
		const descriptors = descriptorsOf(pid);
		if (descriptors === undefined) hidden ||= relations !== undefined && relations.session === own?.session;
		const reader = descriptors?.find((path) => reads(path, pipe) === true);
		if (reader !== undefined) return { reader, hidden };
	}
	return { reader: undefined, hidden };
}

/** Undefined where it must not be looked at; a process that has ended has none. */
function descriptorsOf(pid: string): string[] | undefined {
	try {
		return readdirSync(`/proc/${pid}/fd`).map((name) => `/proc/${pid}/fd/${name}`);
	} catch (error) {
		return isRefusal(error) ? undefined : [];
	}
}

/** Whether a descriptor reads the pipe; undefined where it must not be looked at. */
function reads(descriptor: string, pipe: string): boolean | undefined {
	try {
		// the mode of the entry tells what it was opened for
		return readlinkSync(descriptor) === pipe && (lstatSync(descriptor).mode & 0o400) !== 0;
	} catch (error) {
		return isRefusal(error) ? undefined : false;
	}
}

const isRefusal = (error: unknown): boolean => ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');

/** Process group and session; undefined for one that has ended. */
function relationsOf(pid: string): { readonly group: string | undefined; readonly session: string | undefined } | undefined {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
		const [, , group, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
		return { group, session };
	} catch {
		return undefined;
	}
}
