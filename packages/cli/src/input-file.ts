/** Files that the user names: read here, with what is wrong in them shown. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnvFile } from '@orch/base/text';
import { CliError } from './errors.ts';

export function readInputFile(file: string, cwd: string): Buffer {
	try {
		return readFileSync(resolve(cwd, file));
	} catch (cause) {
		throw new CliError('file.unreadable', { file, reason: reasonOf(cause as NodeJS.ErrnoException) }, { cause });
	}
}

export function readEnvFile(file: string, cwd: string): Readonly<Record<string, string>> {
	const { variables, faults } = parseEnvFile(readInputFile(file, cwd).toString('utf8'));
	const [fault] = faults;
	if (!fault) return Object.fromEntries(variables);
	const { line, reason, text } = fault;
	throw new CliError('file.unreadable', { file, reason: `line ${line}: ${reason}`, frame: [text.slice(0, 72)] });
}

/** The system's words without its codes and paths. */
export function reasonOf(error: NodeJS.ErrnoException): string {
	switch (error.code) {
		case 'ENOENT':
			return 'it does not exist';
		case 'EACCES':
			return 'permission denied';
		case 'EISDIR':
			return 'it is a directory';
		default:
			return error.message.replace(/^[A-Z]+: /, '').replace(/, \w+( '.*')?$/, '');
	}
}
