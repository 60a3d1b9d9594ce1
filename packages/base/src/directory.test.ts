import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makePrivateDirectory } from './directory.ts';

let root: string;
beforeEach(() => {
	root = mkdtempSync(join(tmpdir(), 'orch-directory-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('a directory is made with what is above it, for its owner alone, and left as it is where it is there', () => {
	const path = join(root, 'a/b/c');
	makePrivateDirectory(path);
	for (const each of ['a', 'a/b', 'a/b/c']) expect(statSync(join(root, each)).mode & 0o777).toBe(0o700);
	mkdirSync(join(root, 'open'), 0o755);
	makePrivateDirectory(join(root, 'open'));
	expect(statSync(join(root, 'open')).mode & 0o777).toBe(0o755);
});

test('what is in the way of a directory is named', () => {
	const file = join(root, 'file');
	writeFileSync(file, '');
	symlinkSync(join(root, 'nothing'), join(root, 'dangling'));
	expect(() => makePrivateDirectory(file)).toThrow(`${file} is not a directory`);
	expect(() => makePrivateDirectory(join(file, 'below/it'))).toThrow(`${file} is not a directory`);
	expect(() => makePrivateDirectory(join(root, 'dangling'))).toThrow(
		`${join(root, 'dangling')} cannot be made: file already exists`,
	);
});

test.skipIf(process.platform !== 'linux')('a file system that takes no directories is not tried for ever', () => {
	expect(() => makePrivateDirectory('/proc/orch/state')).toThrow('/proc/orch cannot be made: no such file or directory');
});
