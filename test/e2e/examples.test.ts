/** The examples and the demonstration: each runs, shows what its README says, and leaves nothing behind. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { has, inSandbox, processesAbout, repository, runCli } from '../support/index.ts';

/** Runs a script of the repository as a person would; its scratch directory is made inside of the sandbox. */
async function runs(script: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
	let shown = '';
	await inSandbox(async (own) => {
		const { ORCH_SOCKET: _socket, ORCH_HOME: _home, ...plain } = own.env({ TMPDIR: own.directory, ...env });
		const result = await runCli([`${repository}/${script}`, ...args], {
			cwd: own.path(),
			env: plain,
			interpreter: '/bin/sh',
			withinMs: 100_000,
		});
		expect(result, result.stderr).toMatchObject({ code: 0 });
		shown = result.stdout;
		expect(processesAbout(own.directory)).toEqual([]);
		expect(readdirSync(own.directory).filter((name) => name.startsWith('orch'))).toEqual([]);
	});
	return shown;
}

/** The row of `orch link stats` for a link. */
const row = (shown: string, link: string) => shown.split('\n').find((line) => line.startsWith(link)) ?? '';

/** What is run where: an example that nobody runs is none. */
const runBy: Readonly<Record<string, string>> = {
	'ping-pong': 'examples.test.ts',
	'json-lines': 'examples.test.ts',
	shop: 'projects.test.ts',
	embedded: 'runners.test.ts',
};

describe('examples', () => {
	it('are all run by a test', () => {
		const there = readdirSync(`${repository}/examples`, { withFileTypes: true }).filter((entry) => entry.isDirectory());
		expect(there.map(({ name }) => name).sort()).toEqual(Object.keys(runBy).sort());
		for (const [name, file] of Object.entries(runBy))
			expect(readFileSync(`${repository}/test/e2e/${file}`, 'utf8')).toContain(`examples/${name}`);
	});

	it('ping-pong: pings and pongs are shown, and both links with their figures', async () => {
		const shown = await runs('examples/ping-pong/run.sh', ['--pongs', '3']);
		for (let seq = 1; seq <= 3; seq++) {
			expect(shown).toMatch(new RegExp(`^ping \\| ping ${seq}$`, 'm'));
			expect(shown).toMatch(new RegExp(`^pong \\| pong ${seq}$`, 'm'));
			expect(shown).toMatch(new RegExp(`^ping \\| pong ${seq} from pong$`, 'm'));
		}
		for (const link of ['ping ─Ping→ pong', 'pong ─Pong→ ping']) expect(row(shown, link)).toMatch(/ 0\/1024 +0 /);
		expect(shown).not.toContain('(unrouted)');
	});

	it.skipIf(!has('python3') || !(has('socat') || has('nc')))(
		'json-lines: the pair in Python plays with the pair in shell, both ways',
		async () => {
			const shown = await runs('examples/json-lines/run.sh', ['--pongs', '2']);
			for (let seq = 1; seq <= 2; seq++) {
				expect(shown).toMatch(new RegExp(`^ping\\.py \\| pong ${seq} from pong\\.sh$`, 'm'));
				expect(shown).toMatch(new RegExp(`^pong\\.sh \\| pong ${seq}$`, 'm'));
				expect(shown).toMatch(new RegExp(`^ping\\.sh \\| pong ${seq}\\b`, 'm'));
				expect(shown).toMatch(new RegExp(`^pong\\.py \\| pong ${seq}$`, 'm'));
			}
			expect(shown).not.toContain('(unrouted)');
		},
	);
});

describe('scripts/demo', () => {
	it('shows the main job and takes everything down again', async () => {
		// the build has been: another one would replace the programs under the feet of other tests
		const shown = await runs('scripts/demo', [], { ORCH_DEMO_SECONDS: '2', ORCH_DEMO_BUILT: '1' });
		for (const typed of [
			'orch daemon start',
			'orch version',
			'orch runtime add examples/ping-pong/bin/ping',
			'orch runtime start',
			'orch ps',
			'orch link stats',
		])
			expect(shown).toContain(`$ ${typed}`);
		expect(shown).toMatch(/^ {2}ping \| pong 3 from pong$/m);
		expect(shown).toMatch(/^ {2}pong \| pong 3$/m);
		expect(shown).toMatch(/^ping +running /m);
		expect(row(shown, 'ping ─Ping→ pong')).toMatch(/ 0\/1024 +0 /);
	});
});
