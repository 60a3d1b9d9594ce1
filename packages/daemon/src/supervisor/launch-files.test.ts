/** The files by which shims are told what to launch, on a real disk. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@orch/base';
import { canTakeDescriptors, ManualClock, takeDescriptors } from '@orch/base/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LaunchFiles } from './launch-files.ts';

let directory: string;
let files: LaunchFiles;
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), 'orch-files-'));
	files = new LaunchFiles({ directory, clock: new ManualClock(), log: silentLogger });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const allText = () =>
	readdirSync(directory)
		.map((name) => readFileSync(join(directory, name), 'utf8'))
		.join('')
		.trim();

test('what was told is gone when its shim has read it, and the file is told the next one', () => {
	const file = files.take();
	files.write(file, 'SECRET=one');
	expect(allText()).toBe('SECRET=one');
	files.free(file);
	expect(allText()).toBe('');
	expect(files.take()).toBe(file);
});

test.skipIf(!canTakeDescriptors)('what was told is gone also where no descriptor is left to overwrite it with', () => {
	const file = files.take();
	files.write(file, 'SECRET=one');
	const giveBack = takeDescriptors();
	try {
		files.free(file);
	} finally {
		giveBack();
	}
	expect(allText()).toBe('');
	expect(files.take()).toBe(file);
	files.write(file, 'SECRET=two');
	expect(allText()).toBe('SECRET=two');
});
