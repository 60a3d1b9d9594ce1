/** Probes, needs, `orch why` and `orch wait`, as a user types them. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { inSandbox, type Sandbox, until } from '../support/index.ts';

/** Adds a program of shell text; waits for nothing. */
async function add(sandbox: Sandbox, name: string, script: string, ...options: string[]): Promise<void> {
	const { code, stderr } = await sandbox.cli('runtime', 'add', 'sh', '--name', name, ...options, '--', '-c', script);
	if (code !== 0) throw new Error(stderr);
}

const goesOn = 'while :; do sleep 0.05; done';
const waitFor = (file: string) => `until [ -e ${file} ]; do sleep 0.02; done`;
const saysWhenEnded = (name: string, seconds = 0) => `trap 'sleep ${seconds}; echo ${name} >>ended; exit 0' TERM`;
const statusOf = async (sandbox: Sandbox, name: string) =>
	JSON.parse((await sandbox.cli('runtime', 'show', name, '--json')).stdout) as {
		readonly status: string;
		readonly ready: boolean | null;
		readonly pid: number | null;
		readonly generation: number;
	};

it('a start starts what is needed, in order, and returns when it is ready; a stop goes the other way', () =>
	inSandbox(async (sandbox) => {
		await sandbox.startDaemon();
		await add(sandbox, 'db', `${saysWhenEnded('db')}; ${waitFor('go')}; echo >&"$ORCH_NOTIFY_FD"; ${goesOn}`, '--ready-notify');
		await add(sandbox, 'migrate', 'echo done; exit 0', '--needs', 'db:ready', '--restart', 'no');
		const web = `${saysWhenEnded('web', 0.3)}; echo listening; ${goesOn}`;
		await add(sandbox, 'web', web, '--needs', 'db:ready:restart', '--needs', 'migrate:succeeded', '--ready-log', '^listening$');

		const start = sandbox.running('start', 'web', '--wait', 'ready');
		await until('db runs', async () => (await statusOf(sandbox, 'db')).status === 'running');
		expect(await statusOf(sandbox, 'web')).toMatchObject({ status: 'waiting', generation: 0 });
		const why = await sandbox.cli('why', 'web');
		expect(why.stdout).toContain('waits for  db: ready (db is not ready yet)');
		expect(why.stdout).toContain('ready notify: ');
		writeFileSync(sandbox.path('go'), '');
		const started = await start.ended;
		expect(started).toMatchObject({ code: 0, stdout: '' });
		expect(started.stderr).toContain('started db, which web needs\n');
		expect(started.stderr).toContain('started migrate, which web needs\n');
		expect(started.stderr).toMatch(/started web \(pid \d+, ready\)\n/);

		// typed in the wrong order
		expect((await sandbox.cli('stop', 'db', 'migrate', 'web')).code).toBe(0);
		expect(readFileSync(sandbox.path('ended'), 'utf8')).toBe('web\ndb\n');
	}));

it('why goes down to what somebody has to do, also where there is nothing yet', () =>
	inSandbox(async (sandbox) => {
		await sandbox.startDaemon();
		await add(sandbox, 'db', 'echo "no data directory" >&2; exit 3', '--give-up', '1/60s', '--ready-tcp', '1');
		await add(sandbox, 'web', goesOn, '--needs', 'db:ready', '--needs', 'cache');
		const start = await sandbox.cli('start', 'web');
		expect(start.code).toBe(3);
		expect(start.stderr).toContain("'web' is not started yet: it waits for db: ready, cache: started\n");
		expect(start.stderr).toContain("  there is no runtime 'cache'\n");
		await until('db was given up', async () => (await statusOf(sandbox, 'db')).status === 'failed');
		const { code, stdout } = await sandbox.cli('why', 'web');
		expect(code).toBe(0);
		for (const line of [
			'web  waiting\n',
			'db: ready (db has failed: gave up after 1 failure in 60s; last: exit code 3)',
			'  db  failed  (needed: ready)\n',
			'exit code 3, ',
			'1 of 1 in 1m, parked until somebody starts it\n',
			'last words  no data directory\n',
			'  cache  there is no such runtime  (needed: started)\n',
			'\nnext: orch logs db --stream stderr · orch start db · orch runtime add PROGRAM --name cache\n',
		])
			expect(stdout).toContain(line);
		expect((await sandbox.cli('stop', 'web')).code).toBe(0);
		const circle = await sandbox.cli('runtime', 'add', 'sh', '--name', 'cache', '--needs', 'web');
		expect(circle).toMatchObject({ code: 8 });
		expect(circle.stderr).toBe(
			[
				"orch: cannot add 'cache': runtimes would need each other in a circle",
				'  cache  needs  web',
				'  web    needs  cache',
				'hint: leave out one of these needs',
				'',
			].join('\n'),
		);
	}));

it('start and stop say where nothing was to be done, and end well', () =>
	inSandbox(async (sandbox) => {
		await sandbox.startDaemon();
		await add(sandbox, 'api', goesOn);
		expect(await sandbox.cli('stop', 'api')).toMatchObject({ code: 0, stderr: 'api is stopped already\n' });
		expect((await sandbox.cli('start', 'api')).stderr).toMatch(/^started api \(pid \d+\)\n$/);
		const { pid } = await statusOf(sandbox, 'api');
		expect(await sandbox.cli('start', 'api')).toMatchObject({ code: 0, stderr: `api runs already (pid ${pid})\n` });
		expect(await sandbox.cli('stop', 'api')).toMatchObject({ code: 0, stderr: 'stopped api (SIGTERM)\n' });
		expect(await sandbox.cli('stop', 'api')).toMatchObject({ code: 0, stderr: 'api is stopped already\n' });
	}));

it('wait ends with what was waited for, with the program’s own code, or with why it will not come', () =>
	inSandbox(async (sandbox) => {
		await sandbox.startDaemon();
		await add(sandbox, 'job', `${waitFor('end')}; exit 7`, '--restart', 'no', '--start');
		const wait = sandbox.running('wait', 'job', '--for', 'exited');
		expect((await sandbox.cli('wait', 'job', '--for', 'running')).code).toBe(0);
		expect((await sandbox.cli('wait', 'job', '--for', 'stopped', '--timeout', '50ms')).code).toBe(124);
		writeFileSync(sandbox.path('end'), '');
		expect(await wait.ended).toMatchObject({ code: 7, stderr: 'job has exited (exit code 7)\n' });
		const ready = await sandbox.cli('wait', 'job', '--for', 'ready');
		expect(ready).toMatchObject({ code: 3 });
		expect(ready.stderr).toContain("'job' will not become ready: it is exited");
	}));

it('probes and needs go on after orchd was killed, and a live probe that fails restarts with its reason', () =>
	inSandbox(async (sandbox) => {
		const first = await sandbox.startDaemon();
		const db = `touch begun; ${waitFor('go')}; echo >&"$ORCH_NOTIFY_FD"; ${goesOn}`;
		await add(
			sandbox,
			'db',
			db,
			'--ready-notify',
			'--live-exec',
			'sh -c "test ! -e ill || { rm ill; echo ill; exit 1; }"',
			'--probe-every',
			'live=50ms',
			'--probe-failures',
			'live=1',
		);
		await add(sandbox, 'web', goesOn, '--needs', 'db:ready');
		const start = sandbox.running('start', 'web');
		await until('db has begun', () => existsSync(sandbox.path('begun')));
		const { pid } = await statusOf(sandbox, 'db');
		await first.kill9();
		expect((await start.ended).code).not.toBe(0);
		// said while no daemon is there
		writeFileSync(sandbox.path('go'), '');
		await sandbox.startDaemon();
		expect((await sandbox.cli('wait', 'db', 'web', '--for', 'running')).code).toBe(0);
		expect(await statusOf(sandbox, 'db')).toMatchObject({ pid, ready: true, generation: 1 });

		writeFileSync(sandbox.path('ill'), '');
		await until('db was restarted', async () => (await statusOf(sandbox, 'db')).generation === 2);
		const { stdout } = await sandbox.cli('why', 'db');
		expect(stdout).toContain('live probe failed: exec sh -c');
		expect(stdout).toContain('exit code 1: ill');
		// it goes on, since that was not asked for
		expect(await statusOf(sandbox, 'web')).toMatchObject({ status: 'running', generation: 1 });
	}));
