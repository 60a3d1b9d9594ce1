#!/usr/bin/env node
/** Builds everything: types and modules by TypeScript, then one file each for orchd, orch-router and orch by esbuild. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bundleDaemon, bundleProgram } from './bundle-program.mjs';
import { sqliteFault } from './check-sqlite.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

if (!process.argv.includes('--bundles-only')) {
	const fault = sqliteFault();
	if (fault !== undefined) {
		console.error(fault);
		process.exit(1);
	}
	const compiled = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b'], { cwd: root, stdio: 'inherit' });
	if (compiled.status !== 0) process.exit(compiled.status ?? 1);
}

/**
 * Every fork copies the page tables of what orchd holds, 0.045 ms per MiB as measured, and all of it stays for as long as the daemon
 * does: so neither half of its heap grows before it has to. V8 lets the old one grow by 8 MiB whatever it is told, and marks when most of
 * that is used; here it begins when a fifth is, and must when three tenths are. To be said before anything is loaded.
 */
const frugal = [
	'semi-space-growth-factor=1',
	'heap-growing-percent=25',
	'optimize-for-size',
	'incremental-marking-soft-trigger=20',
	'incremental-marking-hard-trigger=30',
];
/**
 * The optimizing compiler comes for work that lasts, not for what a burst of commands runs through once: it has 150 times its usual
 * patience. Flags of the V8 of Node 20; later ones do not know them, and have a quicker compiler in between.
 */
const patient = { v8: '11.3.', flags: ['interrupt-budget=10000000', 'max-bytecode-size-for-early-opt=0'] };

await Promise.all([
	bundleDaemon('packages/daemon/src/main.ts', 'packages/daemon/dist/orchd.cjs', {
		flags: frugal,
		special: patient,
		beside: { 'project-files.ts': 'project-check.cjs' },
	}),
	bundleDaemon('packages/router/src/main.ts', 'packages/router/dist/orch-router.cjs'),
	// what the router loads when the first schema comes
	bundleProgram('packages/router/src/schema-compiler.ts', 'packages/router/dist/schema-compiler.cjs'),
	// what the CLI loads to check a project file without a daemon, and orchd when the first project comes
	bundleProgram('packages/daemon/src/project-check.ts', 'packages/daemon/dist/project-check.cjs'),
]);

const { bundleCli } = await import('./bundle-cli.mjs');
await bundleCli();
