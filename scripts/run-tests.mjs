#!/usr/bin/env node
/** Runs vitest, gives its exit code, and closes with one plain line of counts. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'orch-tests-'));
const report = join(scratch, 'report.json');
const { status } = spawnSync(
	process.execPath,
	[
		'node_modules/vitest/vitest.mjs',
		'run',
		'--reporter=default',
		'--reporter=json',
		`--outputFile.json=${report}`,
		...process.argv.slice(2),
	],
	{
		cwd: root,
		stdio: ['ignore', 'inherit', 'inherit'],
	},
);
let counts = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 };
try {
	counts = JSON.parse(readFileSync(report, 'utf8'));
} catch {
	// vitest did not get as far as a report: its exit code says so
}
rmSync(scratch, { recursive: true, force: true });
console.log(
	`${counts.numPassedTests} passed, ${counts.numFailedTests} failed, ${counts.numPendingTests + counts.numTodoTests} skipped`,
);
process.exitCode = status ?? 1;
