/** The router as it is installed: one file, and beside it the compiler of schemas, which most routers never load. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LoadCompiler } from './schemas.ts';

interface Account {
	readonly inputs: object;
}

let built: string;
let inputsOf: (entry: string) => Promise<string[]>;
beforeAll(async () => {
	built = mkdtempSync(join(tmpdir(), 'orch-router-bundle-'));
	const script = pathToFileURL(fileURLToPath(new URL('../../../scripts/bundle-program.mjs', import.meta.url))).href;
	const { bundleProgram } = (await import(script)) as { bundleProgram: (entry: string, outfile: string) => Promise<Account> };
	inputsOf = async (entry) =>
		Object.keys((await bundleProgram(`packages/router/src/${entry}.ts`, join(built, `${entry}.cjs`))).inputs);
});
afterAll(() => rmSync(built, { recursive: true, force: true }));

const packagesIn = (inputs: readonly string[]) => [
	...new Set(inputs.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [])),
];

test('the bundle of the router holds nothing that compiles schemas', async () => {
	const inputs = await inputsOf('main');
	expect(packagesIn(inputs)).not.toContain('ajv');
	expect(inputs.filter((path) => path.includes('json-schema'))).toEqual([]);
	// it is asked for by name, when the first schema comes
	expect(readFileSync(join(built, 'main.cjs'), 'utf8')).toContain('./schema-compiler.cjs');
});

test('what compiles schemas is a bundle of its own, with nothing of the router in it', async () => {
	const inputs = await inputsOf('schema-compiler');
	expect(packagesIn(inputs)).toContain('ajv');
	expect(inputs.filter((path) => path.startsWith('packages/')).sort()).toEqual([
		'packages/base/src/json-schema.ts',
		'packages/router/src/schema-compiler.ts',
	]);
	const path = join(built, 'schema-compiler.cjs');
	const { compileSchema } = createRequire(path)(path) as { compileSchema: ReturnType<LoadCompiler> };
	expect(compileSchema({ type: 'string' }).fault(1)).toEqual({ path: '', reason: 'must be string, got number 1' });
});
