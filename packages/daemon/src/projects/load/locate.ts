/** Where a program is: a path from a directory, or a bare name on PATH. */
import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Suggest } from '../problem.ts';

export type Located = { readonly path: string } | { readonly fault: string; readonly candidates: readonly string[] };

/** The places where programs are, for an environment that names none. */
const usualPath = '/usr/local/bin:/usr/bin:/bin';

export function locateProgram(program: string, cwd: string, searchPath: string | undefined, suggest: Suggest): Located {
	if (program.includes('/')) {
		const path = resolve(cwd, program);
		if (isProgram(path)) return { path };
		if (isFile(path)) return { fault: `is there, but cannot be executed (chmod +x ${program})`, candidates: [] };
		const directory = dirname(program);
		const near = suggest(basename(program), entries(dirname(path)));
		return {
			fault: `does not exist (looked in ${cwd})`,
			candidates: near.map((name) => join(directory, name)).map((name) => (program.startsWith('./') ? `./${name}` : name)),
		};
	}
	for (const directory of (searchPath ?? usualPath).split(':')) {
		const path = resolve(cwd, directory, program);
		if (isProgram(path)) return { path };
	}
	return isFile(resolve(cwd, program))
		? { fault: 'is not on PATH', candidates: [`./${program}`] }
		: { fault: 'is not on PATH', candidates: [] };
}

export function isThere(path: string, kind: 'anything' | 'directory'): boolean {
	try {
		const found = statSync(path);
		return kind === 'anything' || found.isDirectory();
	} catch {
		return false;
	}
}

function isProgram(path: string): boolean {
	try {
		accessSync(path, constants.X_OK);
		return statSync(path).isFile();
	} catch {
		return false;
	}
}

function isFile(path: string): boolean {
	try {
		return statSync(path).isFile();
	} catch {
		return false;
	}
}

function entries(directory: string): string[] {
	try {
		return readdirSync(directory);
	} catch {
		return [];
	}
}
