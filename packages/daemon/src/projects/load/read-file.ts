/** A project's file from the disk, or why there is none: never more of it than a project file may have. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import type { FileContent } from './load.ts';
import { limits } from './parse.ts';

export function readProjectFile(path: string): FileContent {
	let file: number;
	try {
		// a pipe in its place must not be waited for
		file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
	} catch (error) {
		const { code, message } = error as NodeJS.ErrnoException;
		if (code === 'ENOENT' || code === 'ENOTDIR') return { fault: 'missing', reason: 'there is no such file' };
		return { fault: 'unreadable', reason: code === 'EACCES' ? 'permission denied' : message };
	}
	try {
		const stats = fstatSync(file);
		if (!stats.isFile()) return { fault: 'unreadable', reason: stats.isDirectory() ? 'it is a directory' : 'it is no file' };
		// what is far too large is not even read
		if (stats.size > limits.bytes * 4)
			return { fault: 'unreadable', reason: `it has ${stats.size} bytes; ${limits.bytes} are taken` };
		return { text: readFileSync(file, 'utf8') };
	} catch (error) {
		return { fault: 'unreadable', reason: (error as Error).message };
	} finally {
		closeSync(file);
	}
}
