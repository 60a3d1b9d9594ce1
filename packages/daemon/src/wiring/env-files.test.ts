import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { LaunchError } from '../supervisor/index.ts';
import { readEnvFiles } from './env-files.ts';

const directory = mkdtempSync(join(tmpdir(), 'orch-env-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const write = (name: string, text: string): string => {
	const path = join(directory, name);
	writeFileSync(path, text);
	return path;
};

test('a later file goes before an earlier one', () => {
	const files = [write('a.env', 'A=1\nB=1\n'), write('b.env', 'export B="two words" # note\n')];
	expect(readEnvFiles(files)).toEqual({ A: '1', B: 'two words' });
	expect(readEnvFiles([])).toEqual({});
});

test('a file that cannot be read, or is none, is named; what is in it is not', () => {
	const faultOf = (file: string) => {
		try {
			readEnvFiles([file]);
		} catch (error) {
			return (error as LaunchError).fault;
		}
		return undefined;
	};
	const missing = join(directory, 'missing.env');
	expect(faultOf(missing)).toEqual({ kind: 'env_file', file: missing, reason: 'it does not exist' });
	expect(faultOf(directory)).toEqual({ kind: 'env_file', file: directory, reason: 'it is a directory' });
	const broken = write('broken.env', 'A=1\nsecret words\n');
	expect(faultOf(broken)).toEqual({ kind: 'env_file', file: broken, reason: 'line 2: expected NAME=VALUE' });
});
