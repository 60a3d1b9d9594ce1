#!/usr/bin/env node
/** Builds everything: types and modules by TypeScript, then one file each for orchd, orch-router and orch by esbuild. */
import { spawnSync } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { sourceAliases } from './source-aliases.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

if (!process.argv.includes('--bundles-only')) {
	const compiled = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b'], { cwd: root, stdio: 'inherit' });
	if (compiled.status !== 0) process.exit(compiled.status ?? 1);
}

/** A program for Node in one file: what it would otherwise load from hundreds costs it most of its start. */
const options = (entry, outfile) => ({
	entryPoints: [entry],
	outfile,
	absWorkingDir: root,
	bundle: true,
	platform: 'node',
	target: 'node20.19',
	format: 'cjs',
	charset: 'ascii',
	alias: sourceAliases(root),
	legalComments: 'linked',
	logLevel: 'warning',
	// CommonJS has no import.meta: the file's own address stands in
	define: { 'import.meta.url': 'programUrl' },
});
const programUrl = "const programUrl = require('node:url').pathToFileURL(__filename).href;";

/**
 * A daemon lives long beside others, and what it holds is to be little. So its bundle is a function in a file of its own, run by a loader:
 * Node's loader keeps what the parsing of a large file took, 8 MiB of orchd. Names and the ends of lines stay, for the traces in the log.
 */
async function daemon(entry, outfile, flags) {
	const bundle = outfile.replace(/\.cjs$/, '.bundle.cjs');
	await build({
		...options(entry, bundle),
		minifySyntax: true,
		minifyWhitespace: true,
		lineLimit: 160,
		plugins: [loadsWhenUsed('node:http', 'node:https', 'node:zlib', 'node:tty')],
		banner: { js: `(function (require, module, exports, __filename, __dirname) {${programUrl}` },
		footer: { js: '})' },
	});
	await writeFile(`${root}${outfile}`, loader(basename(bundle), flags));
	await chmod(`${root}${outfile}`, 0o755);
}

/** Modules of Node that few installations come to use: loaded when something of them is asked for. */
function loadsWhenUsed(...names) {
	const require = createRequire(import.meta.url);
	const propertyOf = (name, key) =>
		`Object.defineProperty(exports, ${JSON.stringify(key)}, { enumerable: true, get: () => require('${name}')[${JSON.stringify(key)}] });`;
	return {
		name: 'loads when used',
		setup({ onResolve, onLoad }) {
			const filter = new RegExp(`^(?:${names.join('|')})$`);
			onResolve({ filter }, ({ path, namespace }) =>
				namespace === 'lazy' ? { path, external: true } : { path, namespace: 'lazy' },
			);
			onLoad({ filter, namespace: 'lazy' }, ({ path }) => ({
				contents: Object.keys(require(path))
					.map((key) => propertyOf(path, key))
					.join('\n'),
				resolveDir: root,
			}));
		},
	};
}

const loader = (bundle, flags) => `#!/usr/bin/env node
/** Runs the bundle beside it; made by scripts/build.mjs, which says why. */
'use strict';
${flags.map((flag) => `require('node:v8').setFlagsFromString('--${flag}');\n`).join('')}const path = require('node:path').join(__dirname, '${bundle}');
const source = require('node:fs').readFileSync(path, 'latin1');
const program = new (require('node:vm').Script)(source, { filename: path });
program.runInThisContext()(require, module, exports, __filename, __dirname);
`;

/**
 * Every fork copies the page tables of what orchd holds, 0.045 ms per MiB as measured, and all of it stays for as long as the daemon
 * does: so neither half of its heap grows before it has to, and only what runs on and on is compiled by the optimizing compiler, which
 * takes some MiB for a burst of starts. To be said before anything is loaded.
 */
const frugal = ['semi-space-growth-factor=1', 'heap-growing-percent=25', 'interrupt-budget=4000000'];

await Promise.all([
	daemon('packages/daemon/src/main.ts', 'packages/daemon/dist/orchd.cjs', frugal),
	daemon('packages/router/src/main.ts', 'packages/router/dist/orch-router.cjs', []),
	// what the CLI loads to check a project file without a daemon
	build({
		...options('packages/daemon/src/project-check.ts', 'packages/daemon/dist/project-check.cjs'),
		banner: { js: programUrl },
	}),
]);

const { bundleCli } = await import('./bundle-cli.mjs');
await bundleCli();
