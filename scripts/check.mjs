#!/usr/bin/env node
/** Everything that is checked without running the programs: lint and format, types of the tests, architecture, reference. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const checks = [
	['lint and format', ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.']],
	['types', ['node_modules/typescript/bin/tsc', '-b']],
	['types of the tests', ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.test.json']],
	['architecture', ['scripts/check-architecture.mjs']],
	['reference', ['scripts/generate-reference.mjs', '--check']],
	['schema', ['scripts/generate-schema.mjs', '--check']],
];
let failed = 0;
for (const [name, args] of checks) {
	const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
	if (status === 0) continue;
	failed++;
	console.error(`check failed: ${name}`);
}
process.exitCode = failed > 0 ? 1 : 0;
