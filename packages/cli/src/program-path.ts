/** The absolute path of a program, by the directory and PATH of who names it. */
import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { suggest } from '@orch/protocol/wire';
import { CliError } from './errors.ts';

/** What the system searches where PATH is not set. */
const defaultPath = '/usr/local/bin:/usr/bin:/bin';

export interface Where {
	readonly cwd: string;
	readonly path: string | undefined;
	/** Whether it has to be there for this process; else orchd, which may see another file system, is left to judge. */
	readonly mustExist: boolean;
}

export function locateProgram(program: string, { cwd, path = defaultPath, mustExist }: Where): string {
	if (program.includes('/')) {
		const absolute = resolve(cwd, program);
		if (mustExist && !isFile(absolute))
			throw new CliError('program.not_found', {
				program,
				where: `does not exist, or is not a file (looked in ${cwd})`,
				candidates: nearbyPaths(absolute, program),
				hint: 'check the path',
			});
		return absolute;
	}
	const directories = path.split(delimiter).map((directory) => (isAbsolute(directory) ? directory : resolve(cwd, directory)));
	const found = directories.map((directory) => join(directory, program)).find(isExecutable);
	if (found !== undefined) return found;
	const here = isFile(join(cwd, program));
	throw new CliError('program.not_found', {
		program: `'${program}'`,
		where: 'is not on PATH',
		candidates: here ? [`./${program}`] : suggest(program, directories.flatMap(namesIn)),
		hint: here ? `orch runtime add ./${program}` : 'for a file in this directory write ./ before its name',
	});
}

function nearbyPaths(absolute: string, typed: string): string[] {
	const directory = resolve(absolute, '..');
	const typedDirectory = typed.slice(0, typed.lastIndexOf('/') + 1);
	return suggest(absolute.slice(directory.length + 1), namesIn(directory)).map((name) => typedDirectory + name);
}

function namesIn(directory: string): string[] {
	try {
		return readdirSync(directory);
	} catch {
		// PATH may name directories that do not exist or may not be read: nothing to suggest from there
		return [];
	}
}

function isExecutable(path: string): boolean {
	try {
		accessSync(path, constants.X_OK);
		return isFile(path);
	} catch {
		return false;
	}
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
