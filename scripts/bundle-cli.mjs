/** Bundles the CLI into one file that loads nothing but Node: most of what `orch ps` takes is the loading of its program. */
import { createHash } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { sourceAliases } from './source-aliases.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The commands that have a bundle of their own, with the little that they take. */
const quickCommands = ['ps', 'version'];

/** What esbuild is told. */
const buildOptions = (entry) => ({
	entryPoints: [join(root, 'packages/cli/src', entry)],
	absWorkingDir: root,
	bundle: true,
	write: false,
	platform: 'node',
	target: 'node20.19',
	format: 'cjs',
	// its loader reads it without decoding
	charset: 'ascii',
	minifySyntax: true,
	minifyWhitespace: true,
	legalComments: 'none',
	logLevel: 'warning',
	metafile: true,
	// without the native addon, which would be looked for at every start
	alias: { ...sourceAliases(root), msgpackr: join(root, 'node_modules/msgpackr/index.js') },
	define: { 'import.meta.filename': '__filename' },
});

/** What is loaded on demand is not in the quick bundle, but for its commands: who asks for it is told so. */
const leaveOut = {
	name: 'leave-out',
	setup(bundle) {
		// colours are for terminals, and most that is typed is typed there
		const kept = new RegExp(`/commands/(${quickCommands.join('|')})\\.ts$|^picocolors$`);
		bundle.onResolve({ filter: /.*/ }, ({ kind, path }) =>
			kind === 'dynamic-import' && !kept.test(path) ? { path, namespace: 'left-out' } : undefined,
		);
		bundle.onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({
			contents: "throw new Error('This is for the whole program');",
		}));
	},
};

/** Gives esbuild's account of what went in. The files are whole at every moment: others may be starting them. */
export async function bundleCli(directory = join(root, 'packages/cli/dist')) {
	await mkdir(directory, { recursive: true });
	const whole = await bundle(buildOptions('main.ts'), join(directory, 'orch.cjs'));
	// of names nothing depends: what goes wrong in it is done again, and told, by the whole program
	const quickOptions = { ...buildOptions('quick.ts'), minifyIdentifiers: true, plugins: [leaveOut] };
	const quick = await bundle(quickOptions, join(directory, 'orch-quick.cjs'));
	return { whole, quick };
}

async function bundle(options, outfile) {
	const { metafile, outputFiles } = await build(options);
	const source = outputFiles[0].text;
	// by its name the loader knows the code that V8 has made of this build, whatever time its file says
	const hash = createHash('sha256').update(source).digest('hex').slice(0, 16);
	const temporary = `${outfile}.${process.pid}`;
	// as a function, so that the loader need not copy it into one
	await writeFile(temporary, `//! ${hash}\n(function (exports, require, module, __filename, __dirname) {${source}\n})`);
	await rename(temporary, outfile);
	return metafile;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundleCli();
