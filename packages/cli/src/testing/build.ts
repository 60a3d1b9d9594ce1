/** Builds, into a directory of a test, what has to run as a program of its own. */
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
/** The repository's own build scripts: plain JavaScript outside of every package. */
const script = async <Exports>(name: string): Promise<Exports> =>
	(await import(pathToFileURL(join(root, 'scripts', name)).href)) as Exports;

/** What esbuild tells of a bundle. */
interface Account {
	readonly outputs: Readonly<Record<string, { readonly inputs: Readonly<Record<string, { readonly bytesInOutput: number }>> }>>;
}

const inputsOf = ({ outputs }: Account): string[] =>
	Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs).filter((path) => (inputs[path]?.bytesInOutput ?? 0) > 0));

/** The CLI as it is installed: its executable, and the files that its bundles are made of. */
export async function buildCli(
	directory: string,
): Promise<{ readonly program: string; readonly inputs: string[]; readonly quickInputs: string[] }> {
	const program = join(directory, 'bin/orch.cjs');
	mkdirSync(join(directory, 'bin'), { recursive: true });
	cpSync(join(root, 'packages/cli/bin/orch.cjs'), program);
	const { bundleCli } = await script<{
		bundleCli: (directory: string) => Promise<{ readonly whole: Account; readonly quick: Account }>;
	}>('bundle-cli.mjs');
	const { whole, quick } = await bundleCli(join(directory, 'dist'));
	return { program, inputs: inputsOf(whole), quickInputs: inputsOf(quick) };
}

export async function buildFakeOrchd(directory: string): Promise<string> {
	const { sourceAliases } = await script<{ sourceAliases: (root: string) => Record<string, string> }>('source-aliases.mjs');
	const outfile = join(directory, 'orchd.cjs');
	await build({
		entryPoints: [join(root, 'packages/cli/src/testing/fake-orchd.ts')],
		outfile,
		bundle: true,
		platform: 'node',
		format: 'cjs',
		target: 'node20.19',
		logLevel: 'warning',
		alias: sourceAliases(root),
	});
	return outfile;
}

/** What checks project files without an orchd, beside where an orchd would be. */
export async function buildProjectCheck(directory: string): Promise<void> {
	const { bundleProgram } = await script<{ bundleProgram: (entry: string, outfile: string) => Promise<unknown> }>(
		'bundle-program.mjs',
	);
	await bundleProgram('packages/daemon/src/project-check.ts', join(directory, 'project-check.cjs'));
}
