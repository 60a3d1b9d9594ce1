/** Makes a directory for its owner alone, or says what is in the way. */
import { accessSync, constants, mkdirSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';

export class DirectoryUnusable extends Error {
	override readonly name = 'DirectoryUnusable';
}

/**
 * With all that is missing above it. Step by step, since Node's own way tries for ever where the system says of a directory that is there that it is
 * not, as /proc does.
 */
export function makePrivateDirectory(path: string): void {
	const missing: string[] = [];
	let at = path;
	let found = look(at);
	while (found === undefined) {
		missing.unshift(at);
		at = dirname(at);
		found = look(at);
	}
	if (!found.isDirectory()) throw new DirectoryUnusable(`${at} is not a directory`);
	for (const each of missing) make(each);
	try {
		accessSync(path, constants.W_OK | constants.X_OK);
	} catch (cause) {
		throw new DirectoryUnusable(`${path} is not writable`, { cause });
	}
}

/** Undefined where nothing is there, or what is above it is no directory. */
function look(path: string): Stats | undefined {
	try {
		return statSync(path);
	} catch (cause) {
		const { code } = cause as NodeJS.ErrnoException;
		if ((code === 'ENOENT' || code === 'ENOTDIR') && dirname(path) !== path) return undefined;
		throw new DirectoryUnusable(`${path} cannot be looked at: ${reasonOf(cause)}`, { cause });
	}
}

function make(path: string): void {
	try {
		mkdirSync(path, 0o700);
	} catch (cause) {
		// somebody else was faster
		if ((cause as NodeJS.ErrnoException).code === 'EEXIST' && look(path)?.isDirectory()) return;
		throw new DirectoryUnusable(`${path} cannot be made: ${reasonOf(cause)}`, { cause });
	}
}

/** `permission denied`, of Node's `EACCES: permission denied, mkdir '/x'`. */
function reasonOf(error: unknown): string {
	const { message } = error as Error;
	return /^[A-Z0-9]+: ([^,]+),/.exec(message)?.[1] ?? message;
}
