/** Files that the user names: read here, with what is wrong in them shown. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnvFile } from '@orch/protocol/wire';
import { CliError } from './errors.ts';

export function readInputFile(file: string, cwd: string): Buffer {
	try {
		return readFileSync(resolve(cwd, file));
	} catch (cause) {
		throw new CliError('file.unreadable', { file, reason: reasonOf(cause as NodeJS.ErrnoException) }, { cause });
	}
}

export function readEnvFile(file: string, cwd: string): Readonly<Record<string, string>> {
	const parsed = parseEnvFile(readInputFile(file, cwd).toString('utf8'));
	if ('env' in parsed) return parsed.env;
	const { line, reason, text } = parsed.fault;
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
