/** Several projects at once, each mounted at a base path, behind one real orchd; and orchd within a program. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { until } from '@orch/base/testing';
import { describe, expect, it } from 'vitest';
import { inSandbox, processesAbout, repository, runCli, type Sandbox } from '../support/index.ts';

const seed = `version: 1
runners:
  - name: echo
    config: ../rule-loom-runner/config/example.http.yaml
    basePath: /echo
`;
/** One program that is ready at once, and runs until it is stopped. */
const project = (name: string) => `name: ${name}
runtimes:
  api:
    command: 'sh -c "echo >&$$ORCH_NOTIFY_FD; exec sleep 600"'
    probes: { ready: notify }
    stop: { grace: 2s }
`;

interface Place {
	readonly own: Sandbox;
	readonly file: string;
	write(path: string, text: string): string;
	orch(...args: string[]): ReturnType<Sandbox['cliWith']>;
	pids(): Promise<Record<string, number | null>>;
	mounts(): Promise<Record<string, string>>;
}

async function inPlace(work: (place: Place) => Promise<void>): Promise<void> {
	await inSandbox(async (own) => {
		const write = (path: string, text: string) => {
			mkdirSync(dirname(own.path(path)), { recursive: true });
			writeFileSync(own.path(path), text);
			return own.path(path);
		};
		const file = write('rule-loom-orchestrator/orchestrator.yaml', seed);
		write('rule-loom-runner/config/example.http.yaml', project('svc'));
		const orch = (...args: string[]) => own.cliWith({ withinMs: 120_000 }, ...args);
		const json = async <T>(...args: string[]) => JSON.parse((await orch(...args, '--json')).stdout) as T;
		await work({
			own,
			file,
			write,
			orch,
			async pids() {
				const rows = await json<{ name: string; pid: number | null }[]>('ps');
				return Object.fromEntries(rows.map(({ name, pid }) => [name, pid]));
			},
			async mounts() {
				const runners = await json<{ name: string; basePath: string }[]>('runner', 'ls');
				return Object.fromEntries(runners.map(({ name, basePath }) => [name, basePath]));
			},
		});
	});
}

describe('runners of a project file', () => {
	it('come with it, survive the death of orchd, are reloaded each by itself, and go with it', async () => {
		await inPlace(async ({ own, file, write, orch, pids, mounts }) => {
			const daemon = await own.startDaemon();
			const up = await orch('up', '-f', file);
			expect(up, up.stderr).toMatchObject({ code: 0 });
			expect(up.stderr).toContain('✓ echo/api  ready');
			const second = write('second.yaml', project('second'));
			const added = await orch('runner', 'add', second, '--base-path', '/second/');
			expect(added, added.stderr).toMatchObject({ code: 0, stdout: 'second\n' });
			expect(await mounts()).toEqual({ echo: '/echo', second: '/second' });
			const before = await pids();

			await daemon.kill9();
			const next = await own.startDaemon();
			expect(await mounts()).toEqual({ echo: '/echo', second: '/second' });
			expect(await pids()).toEqual(before);
			expect((await orch('runner', 'show', 'echo')).stdout).toContain('health      ok');

			const config = 'rule-loom-runner/config/example.http.yaml';
			write(config, `${project('svc')}    env: { A: b }\n`);
			await until('the one is another', async () => {
				const { 'echo/api': pid } = await pids();
				return typeof pid === 'number' && pid !== before['echo/api'];
			});
			expect((await pids())['second/api']).toBe(before['second/api']);
			write(config, project('svc').replace('command', 'comand'));
			await until('it is told', async () => (await orch('runner', 'show', 'echo')).code === 3);
			expect((await orch('runner', 'show', 'echo')).stdout).toContain("unknown key 'comand' in runtimes.api");

			expect(await orch('runner', 'rm', 'echo')).toMatchObject({ code: 7 });
			expect((await orch('down', '-f', file)).code).toBe(0);
			expect(Object.keys(await pids())).toEqual(['second/api']);
			expect((await orch('runner', 'rm', 'second')).code).toBe(0);
			await next.kill9();
			await own.startDaemon();
			expect([await mounts(), await pids()]).toEqual([{}, {}]);
		});
	});

	it('are refused together, with the problems of every file; a base path belongs to one of them', async () => {
		await inPlace(async ({ own, file, write, orch, pids, mounts }) => {
			await own.startDaemon();
			write('rule-loom-orchestrator/b.yaml', 'runtimes: { x: { comand: y } }\n');
			write(
				'rule-loom-orchestrator/orchestrator.yaml',
				`${seed}  - { name: b, config: b.yaml, basePath: /b }\n  - { name: c, config: c.yaml, basePath: /c }\n`,
			);
			for (const command of ['up', 'validate']) {
				const refused = await orch(command, '-f', file);
				expect(refused.code).toBe(8);
				expect(refused.stderr).toContain("b.yaml:1:18: unknown key 'comand' in runtimes.x");
				expect(refused.stderr).toContain("orchestrator.yaml:7:24: runner 'c': cannot read");
			}
			expect(await pids()).toEqual({});
			const one = write('one.yaml', project('one'));
			expect((await orch('runner', 'add', one, '--base-path', '/echo')).code).toBe(0);
			write('rule-loom-orchestrator/orchestrator.yaml', seed);
			const clash = await orch('up', '-f', file);
			expect([clash.code, clash.stderr]).toEqual([
				8,
				expect.stringContaining("the base path /echo is taken by the runner 'one'"),
			]);
			const taken = await orch('runner', 'add', write('two.yaml', project('two')), '--base-path', '//echo/');
			expect([taken.code, taken.stderr]).toEqual([
				7,
				expect.stringContaining("cannot mount 'two' at /echo: the runner 'one' is there"),
			]);
			expect(await mounts()).toEqual({ one: '/echo' });
			expect((await orch('runner', 'rm', 'one')).code).toBe(0);
		});
	});
});

describe('createOrchestrator', () => {
	const run = (own: Sandbox, script: string, ...args: string[]) => {
		const path = `${own.directory}/work/main.mjs`;
		const index = JSON.stringify(`${repository}/packages/daemon/dist/index.js`);
		writeFileSync(path, `import { createOrchestrator } from ${index};\n${script}`);
		return runCli([path, ...args], { cwd: own.path(), env: own.env(), interpreter: process.execPath, withinMs: 100_000 });
	};

	it('does as the seed shows, and the process ends by itself with nothing left behind', async () => {
		await inPlace(async ({ own, file }) => {
			const ran = await run(
				own,
				`const { registry, listen, close } = await createOrchestrator(${JSON.stringify(file)});
				const refused = await listen(4100).catch((error) => error);
				console.log(refused.message);
				await listen();
				console.log(registry.list().map((runner) => runner.id));
				await close();
				console.log(registry.list().length, process.listenerCount('SIGTERM'));`,
			);
			expect(ran, ran.stderr).toMatchObject({ code: 0 });
			expect(ran.stdout).toBe(
				"cannot listen on port 4100: HTTP comes with the gateway, which is not there yet; give the path of a socket, or nothing\n[ 'echo' ]\n0 0\n",
			);
			expect(processesAbout(own.directory)).toEqual([]);
			expect(readdirSync(own.directory)).not.toContain('s');
		});
	});

	it('is several times within one process, adds and removes, and says what it cannot', async () => {
		await inPlace(async ({ own, file, write }) => {
			const other = write('other.yaml', project('other'));
			const ran = await run(
				own,
				`const at = (name) => createOrchestrator({ file: ${JSON.stringify(file)}, home: name + '.home' });
				const [a, b] = await Promise.all([at('a'), at('b')]);
				await Promise.all([a.listen('a.sock'), b.listen('b.sock')]);
				let changes = 0;
				a.registry.on('change', () => changes++);
				const added = await a.registry.add({ config: ${JSON.stringify(other)}, basePath: '/other' });
				console.log(added.id, added.health.status, a.registry.get('other').basePath, b.registry.get('other'));
				console.log((await a.registry.add({ config: ${JSON.stringify(other)}, id: 'x', basePath: '/echo' }).catch((error) => error)).message);
				console.log((await a.registry.remove('echo').catch((error) => error)).code);
				await a.registry.remove('other');
				console.log(changes, a.registry.list().length);
				await Promise.all([a.close(), b.close(), b.close()]);
				console.log((await a.registry.add({ config: 'x' }).catch((error) => error)).message);
				console.log((await createOrchestrator('none.yaml').catch((error) => error)).code);`,
			);
			expect(ran, ran.stderr).toMatchObject({ code: 0 });
			expect(ran.stdout.split('\n')).toEqual([
				'other ok /other undefined',
				"cannot mount 'x' at /echo: the runner 'echo' is there",
				'runner.declared',
				'2 1',
				'the orchestrator is closed',
				'project.invalid',
				'',
			]);
			expect(processesAbout(own.directory)).toEqual([]);
		});
	});

	it('keeps what runs where that is asked, for the next daemon', async () => {
		await inPlace(async ({ own, file, orch, pids, mounts }) => {
			const script = `const { listen, close } = await createOrchestrator({ file: ${JSON.stringify(file)}, keepRuntimes: true });
				const { outcomes } = await listen();
				console.log(outcomes.map(({ kind }) => kind).join());
				await close();`;
			const ran = await run(own, script);
			expect(ran, ran.stderr).toMatchObject({ code: 0, stdout: 'ready\n' });
			await own.startDaemon();
			expect([typeof (await pids())['echo/api'], await mounts()]).toEqual(['number', { echo: '/echo' }]);
			expect((await orch('down', '-f', file)).code).toBe(0);
		});
	});

	it('as its guide and the example show it', async () => {
		await inSandbox(async (own) => {
			const args = [`${repository}/examples/embedded/main.mjs`, own.socket, own.home];
			const options = { cwd: own.path(), env: own.env(), interpreter: process.execPath, withinMs: 100_000 };
			const ran = await runCli(args, options);
			expect(ran, ran.stderr).toMatchObject({ code: 0 });
			expect(ran.stdout).toContain('echo/api is ready\necho/tidy is scheduled\n');
			expect(ran.stdout).toMatch(/second is ok\nrunners: echo at \/echo\nclosed, with 0 runners left\n$/);
			expect(processesAbout(own.directory)).toEqual([]);
			rmSync(own.home, { recursive: true });
			const guide = readFileSync(`${repository}/docs/guides/embedding.md`, 'utf8');
			const [, block] = /```js\n([\s\S]*?)```/.exec(guide) ?? [];
			expect(readFileSync(`${repository}/examples/embedded/main.mjs`, 'utf8')).toBe(block);
		});
	});
});
