/** Bundles the CLI into one file that loads nothing but Node: most of what `orch ps` takes is the loading of its program. */
import { createHash } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { sourceAliases } from './source-aliases.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What esbuild is told. */
export const cliBuildOptions = (outfile) => ({
	entryPoints: [join(root, 'packages/cli/src/main.ts')],
	outfile,
	absWorkingDir: root,
	bundle: true,
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

/** Gives esbuild's account of what went in. The file is whole at every moment: others may be starting it. */
export async function bundleCli(outfile = join(root, 'packages/cli/dist/orch.cjs')) {
	const { metafile, outputFiles } = await build({ ...cliBuildOptions(outfile), write: false });
	const source = outputFiles[0].text;
	// by its name the loader knows the code that V8 has made of this build, whatever time its file says
	const hash = createHash('sha256').update(source).digest('hex').slice(0, 16);
	const temporary = `${outfile}.${process.pid}`;
	await mkdir(dirname(outfile), { recursive: true });
	await writeFile(temporary, `//! ${hash}\n${source}`);
	await rename(temporary, outfile);
	return metafile;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundleCli();
