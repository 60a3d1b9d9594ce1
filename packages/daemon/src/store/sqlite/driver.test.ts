import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../../../', import.meta.url));
let directory = '';
let program = '';

/** Runs what is bundled from the driver’s file, away from node_modules, as somebody would who has nothing but the bundle. */
function run(code: string, nodePath = '') {
	const main = join(directory, 'main.cjs');
	writeFileSync(main, `const { loadDriver } = require(${JSON.stringify(program)});\n${code}`);
	return spawnSync(process.execPath, [main], {
		encoding: 'utf8',
		env: { PATH: process.env['PATH'], NODE_PATH: nodePath },
	});
}

describe('the driver of SQLite', () => {
	beforeAll(async () => {
		directory = mkdtempSync(join(tmpdir(), 'orch-driver-'));
		program = join(directory, 'driver.cjs');
		await build({
			entryPoints: [join(root, 'packages/daemon/src/store/sqlite/driver.ts')],
			outfile: program,
			bundle: true,
			platform: 'node',
			format: 'cjs',
			define: { 'import.meta.url': 'programUrl' },
			banner: { js: `const programUrl = require('node:url').pathToFileURL(__filename).href;` },
		});
	});
	afterAll(() => rmSync(directory, { recursive: true, force: true }));

	it('is Node’s own from 24 on and better-sqlite3 before, found beside the bundle, without a word on the terminal', () => {
		const wanted = Number.parseInt(process.versions.node, 10) >= 24 ? 'node:sqlite' : 'better-sqlite3';
		const { stdout, stderr, status } = run(`console.log(loadDriver().name)`, join(root, 'node_modules'));
		expect([stdout, stderr, status]).toEqual([`${wanted}\n`, '', 0]);
	});

	it('says what would do where neither can be loaded', () => {
		const { stdout } = run(`
			process.getBuiltinModule = undefined;
			try { loadDriver(); } catch (error) { console.log(error.name, error.fault, error.message); }
		`);
		expect(stdout).toMatch(
			/^StoreError no_driver Cannot open the state: this Node \(v.*\) offers no SQLite \(.*better-sqlite3: Cannot find module/,
		);
		expect(stdout).toContain(
			'Run orch on Node 24 or later, or install it again with the install script of better-sqlite3 allowed',
		);
	});
});
