#!/usr/bin/env node
/** Builds everything: types and modules by TypeScript, then one file each for orchd, orch-router and orch by esbuild. */
import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { sourceAliases } from './source-aliases.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

if (!process.argv.includes('--bundles-only')) {
	const compiled = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b'], { cwd: root, stdio: 'inherit' });
	if (compiled.status !== 0) process.exit(compiled.status ?? 1);
}

/** A program for Node in one file: what it would otherwise load from hundreds costs it most of its start. */
const program = (entry, outfile, first = '') =>
	build({
		entryPoints: [entry],
		outfile,
		absWorkingDir: root,
		bundle: true,
		platform: 'node',
		target: 'node20.19',
		format: 'cjs',
		alias: sourceAliases(root),
		legalComments: 'linked',
		logLevel: 'warning',
		// CommonJS has no import.meta: the file's own address stands in
		define: { 'import.meta.url': 'programUrl' },
		banner: { js: `#!/usr/bin/env node\n${first}const programUrl = require('node:url').pathToFileURL(__filename).href;` },
	});

/**
 * Every fork copies the page tables of what orchd holds, 0.045 ms per MiB as measured, and all of it stays for as long as the daemon
 * does: so neither half of its heap grows before it has to. To be said before anything is loaded.
 */
const smallHeap = ['semi-space-growth-factor=1', 'heap-growing-percent=25']
	.map((flag) => `require('node:v8').setFlagsFromString('--${flag}');\n`)
	.join('');

const programs = [
	['packages/daemon/src/main.ts', 'packages/daemon/dist/orchd.cjs', smallHeap],
	['packages/router/src/main.ts', 'packages/router/dist/orch-router.cjs'],
	// what the CLI loads to check a project file without a daemon
	['packages/daemon/src/project-check.ts', 'packages/daemon/dist/project-check.cjs'],
];
await Promise.all(programs.map(([entry, outfile, first]) => program(entry, outfile, first)));
for (const [, outfile] of programs) chmodSync(`${root}${outfile}`, 0o755);

const { bundleCli } = await import('./bundle-cli.mjs');
await bundleCli();
