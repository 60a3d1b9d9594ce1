/** What orchd and its router do not hold in memory before somebody needs it. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bundles, useSandbox } from '../support/index.ts';

const sandbox = useSandbox();

describe('what few need is loaded when they come to use it', () => {
	it('orchd has no source of what reads project files, which is in the bundle beside it', () => {
		const ofOrchd = readFileSync(bundles.orchd.replace(/\.cjs$/, '.bundle.cjs'), 'latin1');
		const besideIt = readFileSync(join(dirname(bundles.orchd), 'project-check.cjs'), 'latin1');
		// classes of the libraries that do it
		for (const name of ['YAMLParseError', 'MissingRefError'])
			expect([name, besideIt.includes(name), ofOrchd.includes(name)]).toEqual([name, true, false]);
		expect(ofOrchd.includes('require("./project-check.cjs")')).toBe(true);
	});

	it.each(['orchd', 'router'] as const)('%s begins without the modules of Node that it does not use at once', (program) => {
		const listing = sandbox.path('listing.cjs');
		writeFileSync(
			listing,
			`const [program] = process.argv.splice(2, 1);
			process.on('exit', () => process.stderr.write(process.moduleLoadList.join('\\n')));
			require(program);`,
		);
		const { stdout, stderr } = spawnSync(process.execPath, [listing, bundles[program], '--version'], {
			encoding: 'utf8',
			env: sandbox.env(),
		});
		expect(stdout).toMatch(/\d+\.\d+\.\d+/);
		const loaded = stderr.split('\n');
		expect(loaded).toContain('NativeModule net');
		for (const name of ['http', 'https', 'zlib', 'assert', 'worker_threads', ...(program === 'router' ? ['crypto'] : [])])
			expect(loaded).not.toContain(`NativeModule ${name}`);
	});
});
