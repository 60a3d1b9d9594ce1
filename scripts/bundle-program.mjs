/** Bundles a program for Node into one file: what it would otherwise load from hundreds costs it most of its start. */
import { chmod, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { sourceAliases } from './source-aliases.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const at = (path) => (isAbsolute(path) ? path : join(root, path));
// CommonJS has no import.meta: the file's own address stands in
const programUrl = "const programUrl = require('node:url').pathToFileURL(__filename).href;";

/** Gives esbuild's account of what went in. */
export async function bundleProgram(entry, outfile, more = {}) {
	const { metafile } = await build({
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
		metafile: true,
		define: { 'import.meta.url': 'programUrl' },
		banner: { js: programUrl },
		...more,
	});
	return metafile;
}

/**
 * A daemon lives long beside others, and what it holds is to be little. So its bundle is a function in a file of its own, run by a loader:
 * Node's loader keeps what the parsing of a large file took, 8 MiB of orchd. Names and the ends of lines stay, for the traces in the log.
 */
export async function bundleDaemon(entry, outfile, { flags = [], special, beside = {} } = {}) {
	const bundle = outfile.replace(/\.cjs$/, '.bundle.cjs');
	const metafile = await bundleProgram(entry, bundle, {
		minifySyntax: true,
		minifyWhitespace: true,
		lineLimit: 160,
		plugins: [
			loadsWhenUsed('node:http', 'node:https', 'node:zlib', 'node:tty', 'node:crypto', 'assert', 'worker_threads'),
			loadsFromBeside(beside),
		],
		// a program that a loader runs cannot import, but it is given a require
		supported: { 'dynamic-import': false },
		banner: { js: `(function (require, module, exports, __filename, __dirname) {${programUrl}` },
		footer: { js: '})' },
	});
	await writeFile(at(outfile), loader(basename(bundle), flags, special));
	await chmod(at(outfile), 0o755);
	return metafile;
}

/** Modules of Node that few installations come to use: loaded when something of them is asked for. */
function loadsWhenUsed(...names) {
	const require = createRequire(import.meta.url);
	const propertyOf = (name, key) =>
		`Object.defineProperty(module.exports, ${JSON.stringify(key)}, { configurable: true, enumerable: true, ${sourceOf(name, key)} });`;
	const sourceOf = (name, key) =>
		known[name]?.[key] ? `value: ${known[name][key]}` : `get: () => require('${name}')[${JSON.stringify(key)}]`;
	return {
		name: 'loads when used',
		setup({ onResolve, onLoad }) {
			const filter = new RegExp(`^(?:${names.join('|')})$`);
			onResolve({ filter }, ({ path, namespace }) =>
				namespace === 'lazy' ? { path, external: true } : { path, namespace: 'lazy' },
			);
			onLoad({ filter, namespace: 'lazy' }, ({ path }) => ({
				contents: [
					...(typeof require(path) === 'function' ? [`module.exports = (...args) => require('${path}')(...args);`] : []),
					...Object.keys(require(path)).map((key) => propertyOf(path, key)),
				].join('\n'),
				resolveDir: root,
			}));
		},
	};
}

/** What is asked for while the bundle is read, by those who use it later or never. Its loader runs it on the main thread. */
const known = {
	worker_threads: {
		isMainThread: 'true',
		Worker: "function (...args) { return new (require('worker_threads').Worker)(...args); }",
	},
};

/** Modules that are in another bundle beside this one, by the names of their files: their source is not held until one of them is imported. */
function loadsFromBeside(bundles) {
	return {
		name: 'loads from beside',
		setup({ onResolve }) {
			onResolve({ filter: /./ }, ({ kind, path }) => {
				const bundle = kind === 'dynamic-import' ? bundles[basename(path)] : undefined;
				return bundle === undefined ? undefined : { path: `./${bundle}`, external: true };
			});
		},
	};
}

/** V8 complains aloud about flags that it does not know: `special` are for those versions that begin so. */
const loader = (bundle, flags, special) => `#!/usr/bin/env node
/** Runs the bundle beside it; made by scripts/bundle-program.mjs, which says why. */
'use strict';
${setFlags(flags)}${special ? `if (process.versions.v8.startsWith('${special.v8}')) {\n${setFlags(special.flags)}}\n` : ''}const path = require('node:path').join(__dirname, '${bundle}');
const program = new (require('node:vm').Script)(read(path), { filename: path });
program.runInThisContext()(require, module, exports, __filename, __dirname);

// by parts: after it has freed one large piece of memory the C library gives back no smaller ones
function read(path) {
	const { closeSync, openSync, readSync } = require('node:fs');
	const part = Buffer.allocUnsafeSlow(65_536);
	const descriptor = openSync(path, 'r');
	let text = '';
	for (let length; (length = readSync(descriptor, part)) > 0; ) text += part.latin1Slice(0, length);
	closeSync(descriptor);
	return text;
}
`;

const setFlags = (flags) => flags.map((flag) => `require('node:v8').setFlagsFromString('--${flag}');\n`).join('');
