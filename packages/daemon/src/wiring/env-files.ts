/** The environment files of a runtime, read before each of its launches by the rules by which the CLI reads them. */
import { readFileSync } from 'node:fs';
import { parseEnvFile } from '@orch/base/text';
import { LaunchError } from '../supervisor/index.ts';

/** The more there is of it, the surer it is no file of settings: and all of it goes into each environment. */
const maxBytes = 1024 * 1024;

/** A later file goes before an earlier one. Throws the LaunchError that names the file, and the line where that is it. */
export function readEnvFiles(files: readonly string[]): Readonly<Record<string, string>> {
	return Object.assign({}, ...files.map(readOne));
}

function readOne(file: string): Readonly<Record<string, string>> {
	let text: string;
	try {
		text = readFileSync(file, 'utf8');
	} catch (cause) {
		throw new LaunchError({ kind: 'env_file', file, reason: reasonOf(cause as NodeJS.ErrnoException) }, { cause });
	}
	if (text.length > maxBytes) throw new LaunchError({ kind: 'env_file', file, reason: 'it is longer than 1 MiB' });
	const { variables, faults } = parseEnvFile(text);
	const [fault] = faults;
	if (!fault) return Object.fromEntries(variables);
	const { line, reason } = fault;
	// never its text: that may be a secret
	throw new LaunchError({ kind: 'env_file', file, reason: `line ${line}: ${reason}` });
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
	switch (code) {
		case 'ENOENT':
			return 'it does not exist';
		case 'EACCES':
			return 'permission denied';
		case 'EISDIR':
			return 'it is a directory';
		default:
			return message;
	}
}
