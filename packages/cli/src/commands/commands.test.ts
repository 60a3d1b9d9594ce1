import { ManualClock, until } from '@orch/base/testing';
import { OrchError } from '@orch/protocol';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { OutputClosed } from '../errors.ts';
import { type FakeDaemon, fakeStart, startFakeDaemon } from '../testing/fake-daemon.ts';
import { type RunOptions, runCli } from '../testing/run-cli.ts';

const daemon: FakeDaemon = await startFakeDaemon();
afterAll(() => daemon[Symbol.asyncDispose]());

const running = { status: 'running', desired: 'running', pid: 4300, startedAt: fakeStart, uptimeMs: 8_040_000 } as const;
const exitedAt = '2026-01-01T02:11:00.000Z';

beforeEach(() => {
	daemon.runtimes.clear();
	daemon.links.length = 0;
	daemon.types.length = 0;
	daemon.unrouted.length = 0;
	daemon.faults.length = 0;
	daemon.requests.length = 0;
	daemon.output.clear();
	daemon.uploads.clear();
	daemon.addRuntime('ping', { ...running, usage: { cpuPercent: 3.1, memoryBytes: 84 * 2 ** 20, processes: 1, at: exitedAt } });
	daemon.addRuntime('worker', {
		status: 'backoff',
		restarts: 7,
		lastExit: { code: 1, signal: null, coreDumped: false, at: exitedAt, by: 'itself', reason: null },
		backoff: { failures: 3, of: 5, withinMs: 60_000, nextAt: '2026-01-01T02:14:12.000Z', nextInMs: 12_000 },
		command: 'node',
		args: ['worker.js', '--queue', 'jobs'],
	});
	daemon.addRuntime('migrate', {
		status: 'exited',
		lastExit: { code: 0, signal: null, coreDumped: false, at: exitedAt, by: 'itself', reason: null },
	});
	daemon.addLink('ping', 'Ping', 'worker');
	daemon.addLink('*', 'Log', 'ping', {
		overflow: 'drop-oldest',
		counters: {
			received: 2000,
			delivered: 972,
			deliveredBytes: 40_000,
			dropped: { overflow: 4 },
			queued: 1024,
			queuedBytes: 10_000,
			inFlight: 0,
		},
	});
});

const orch = (line: string | readonly string[], options: RunOptions = {}) =>
	runCli(typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line, { socket: daemon.socket, ...options });
const terminal = { columns: 100, env: { NO_COLOR: '1' } };

/** What `runtime.list` tells of a runtime. */
const infoOf = (name: string) => {
	const found = [...daemon.runtimes.values()].find((each) => each.name === name);
	if (!found) throw new OrchError('runtime.not_found', { ref: name, candidates: [] });
	return found;
};

describe('orch ps', () => {
	it('shows marks and relative times on a terminal', async () => {
		expect((await orch('ps', terminal)).out).toBe(
			[
				'NAME     STATUS         UPTIME   CPU  MEM  RESTARTS   PID  ID        COMMAND',
				'ping     ● running      2h 14m  3.1%  84M         0  4300  a3f10000  /srv/bin/ping',
				'worker   ✗ backoff 12s  3m ago     –    –         7     –  a3f11111  node worker.js --queue jobs',
				'migrate  ○ exited 0     3m ago     –    –         0     –  a3f12222  /srv/bin/migrate',
				'',
			].join('\n'),
		);
	});

	it('shows the same columns plainly in a pipe', async () => {
		expect((await orch('ps')).out).toBe(
			[
				'NAME     STATUS       SINCE                      CPU  MEM  RESTARTS   PID  ID        COMMAND',
				'ping     running      2026-01-01T00:00:00.000Z  3.1%  84M         0  4300  a3f10000  /srv/bin/ping',
				'worker   backoff 12s  2026-01-01T02:11:00.000Z     –    –         7     –  a3f11111  node worker.js --queue jobs',
				'migrate  exited 0     2026-01-01T02:11:00.000Z     –    –         0     –  a3f12222  /srv/bin/migrate',
				'',
			].join('\n'),
		);
	});

	it('has a column for ports where any is declared', async () => {
		daemon.addRuntime('web', { options: { ports: [80, 443] } });
		for (const line of ['ps', 'ps --sort restarts']) expect((await orch(line)).out).toMatch(/ 0 {2}80,443 +– {2}a3f13333 /);
		expect((await orch('ps')).out).toMatch(/RESTARTS {2}PORTS {3} PID {2}ID/);
	});

	it('has a column for what passes the links of those that have any', async () => {
		daemon.addRuntime('web', { traffic: { inPerSecond: 119.6, outPerSecond: 0 } });
		daemon.addRuntime('log', { traffic: { inPerSecond: 2, outPerSecond: null } });
		for (const line of ['ps', 'ps --sort status', 'top --once']) {
			const { out } = await orch(line);
			expect(out).toMatch(/RESTARTS {2}MSG\/S IN\/OUT +PID/);
			expect(out).toMatch(/\nweb .* 120\/0 /);
			expect(out).toMatch(/\nlog .* 2\.0\/– /);
			expect(out).toMatch(/\nping .* –\/– /);
		}
	});

	it('leaves columns out on a narrow terminal, and none with -o wide', async () => {
		daemon.addRuntime('web', { options: { ports: [80] }, ready: true });
		const headerAt = async (columns: number) =>
			(await orch('ps', { ...terminal, columns })).out.split('\n')[0]?.split(/ +/).join(' ');
		expect(await headerAt(59)).toBe('NAME STATUS');
		expect(await headerAt(30)).toBe('NAME STATUS');
		expect(await headerAt(60)).toBe('NAME STATUS READY UPTIME CPU MEM RESTARTS');
		expect(await headerAt(65)).toBe('NAME STATUS READY UPTIME CPU MEM RESTARTS PORTS');
		expect(await headerAt(82)).toBe('NAME STATUS READY UPTIME CPU MEM RESTARTS PORTS PID ID');
		expect(await headerAt(1000)).toBe('NAME STATUS READY UPTIME CPU MEM RESTARTS PORTS PID ID COMMAND');
		expect((await orch('ps -o wide', { ...terminal, columns: 30 })).out.split('\n')[0]).toContain('COMMAND');
	});

	it('has colours on a terminal unless they are not wanted', async () => {
		expect((await orch('ps', { columns: 100 })).out).toContain('\u001b[32m● running\u001b[39m');
		expect((await orch('ps --no-color', { columns: 100 })).out).not.toContain('\u001b');
		expect((await orch('ps --color always')).out).toContain('\u001b[32mrunning\u001b[39m');
	});

	it('prints names with -q, and JSON as the operation gives it', async () => {
		expect((await orch('ps -q')).out).toBe('ping\nworker\nmigrate\n');
		const { out } = await orch('runtime ls --json');
		expect(out.split('\n')).toHaveLength(2);
		expect((JSON.parse(out) as { name: string; pid: number | null }[]).map(({ name, pid }) => [name, pid])).toEqual([
			['ping', 4300],
			['worker', null],
			['migrate', null],
		]);
	});

	it('asks for one status', async () => {
		expect((await orch('ps --status running -q')).out).toBe('ping\n');
	});

	it('asks for several, by either name of the option', async () => {
		expect((await orch('ps --state running -q')).out).toBe('ping\n');
		expect((await orch('ps --state running --status exited --status running -q')).out).toBe('ping\nmigrate\n');
		expect((await orch('ps --status backoff --state exited')).out).toBe(
			[
				'NAME     STATUS       SINCE                     CPU  MEM  RESTARTS  PID  ID        COMMAND',
				'worker   backoff 12s  2026-01-01T02:11:00.000Z    –    –         7    –  a3f11111  node worker.js --queue jobs',
				'migrate  exited 0     2026-01-01T02:11:00.000Z    –    –         0    –  a3f12222  /srv/bin/migrate',
				'',
			].join('\n'),
		);
	});

	it('takes -a and -A, which it does anyway', async () => {
		expect(await orch('ps -a', terminal)).toEqual(await orch('ps', terminal));
		expect((await orch('ps --all -A -q')).out).toBe('ping\nworker\nmigrate\n');
	});

	it('puts them in an order', async () => {
		daemon.addRuntime('older', { ...running, startedAt: '2025-12-31T00:00:00.000Z', usage: null });
		const namesBy = async (key: string) => (await orch(`ps --sort ${key} -q`)).out.trimEnd().split('\n');
		expect(await namesBy('name')).toEqual(['migrate', 'older', 'ping', 'worker']);
		expect((await namesBy('restarts'))[0]).toBe('worker');
		expect((await namesBy('cpu'))[0]).toBe('ping');
		expect((await namesBy('age')).slice(0, 2)).toEqual(['older', 'ping']);
		expect(await namesBy('uptime')).toEqual(await namesBy('age'));
		const { out } = await orch('ps --sort name --json');
		expect((JSON.parse(out) as { name: string }[]).map(({ name }) => name)).toEqual(await namesBy('name'));
		expect((await orch('ps --sort size')).err).toContain('it must be one of: cpu, mem, name, age, restarts');
	});

	it('says what none of them is, where there are some', async () => {
		const said = async (line: string) => (await orch(line)).err;
		expect(await orch('ps --status failed')).toEqual({ code: 0, out: '', err: 'no runtime is failed\n' });
		expect(await said('ps --status failed --state stopped')).toBe('no runtime is failed or stopped\n');
		expect(await orch('ps --status failed', terminal)).toMatchObject({ err: 'no runtime is failed\n' });
		expect(await said('ps -l tier=web -l zone')).toBe('no runtime has the label tier=web and the label zone\n');
		expect(await said('ps ping --status failed -l tier=web')).toBe(
			'none of these runtimes is failed and has the label tier=web\n',
		);
		expect((await orch('ps --status failed --json')).out).toBe('[]\n');
	});

	it('with -w is drawn over itself every second, as high as the screen, until Ctrl-C', async () => {
		const clock = new ManualClock(Date.UTC(2026, 0, 1, 2, 14, 0));
		let interrupt: (() => void) | undefined;
		let seen = '';
		const options = {
			clock,
			columns: 100,
			rows: 4,
			env: { NO_COLOR: '1' },
			interrupt: (fire: () => void) => {
				interrupt = fire;
			},
			onOutput: (text: string) => {
				seen = text;
			},
		};
		const ran = orch('ps --watch --sort name', options);
		await until('it is drawn', () => seen.includes('… 2 more'));
		expect(seen.split('\n')[1]).toMatch(/^migrate {2}○ exited 0/);
		await until('it waits', () => clock.pending > 0);
		daemon.addRuntime('abc');
		clock.advance(1000);
		await until('it is drawn again', () => seen.includes('… 3 more'));
		expect(seen).toContain('… 2 more\n\u001b[3A\u001b[JNAME');
		interrupt?.();
		expect((await ran).code).toBe(130);
	});

	it('with -w in a pipe prints a table below the other, and a line with --json', async () => {
		const twice = async (line: string, separator: string) => {
			const clock = new ManualClock(Date.UTC(2026, 0, 1, 2, 14, 0));
			let interrupt: (() => void) | undefined;
			let seen = '';
			const ran = orch(line, {
				clock,
				interrupt: (fire) => {
					interrupt = fire;
				},
				onOutput: (text) => {
					seen = text;
				},
			});
			await until('it is printed', () => seen.endsWith('\n'));
			await until('it waits', () => clock.pending > 0);
			clock.advance(1000);
			await until('it is printed again', () => seen.includes(separator));
			interrupt?.();
			return (await ran).out;
		};
		const table = (await orch('ps')).out;
		expect(await twice('ps -w', `${table}\n${table}`)).toBe(`${table}\n${table}`);
		const line = (await orch('ps --json')).out;
		expect(await twice('ps -w --json', line + line)).toBe(line + line);
		expect(await twice('ps -w --status failed', 'failed\n\nno')).toBe('no runtime is failed\n\nno runtime is failed\n');
	});

	it('says what to do where there is nothing, and prints nothing', async () => {
		daemon.runtimes.clear();
		expect(await orch('ps')).toEqual({ code: 0, out: '', err: 'no runtimes; add one: orch runtime add ./program\n' });
		expect(await orch('ps --json')).toEqual({ code: 0, out: '[]\n', err: '' });
	});

	it('does not let a program draw on the terminal', async () => {
		daemon.addRuntime('evil', { args: ['\u001b[2J\n'] });
		expect((await orch('ps')).out).toContain('/srv/bin/evil \\x1b[2J\\n');
	});

	it('ends in silence when nobody reads any more', async () => {
		expect(await orch('ps', { writeError: new OutputClosed() })).toEqual({ code: 0, out: '', err: '' });
	});
});

describe('orch start, stop, restart', () => {
	it('say what happened on standard error, and nothing with -q', async () => {
		expect(await orch('start worker')).toEqual({ code: 0, out: '', err: 'started worker (pid 4307)\n' });
		expect(await orch('stop worker')).toEqual({ code: 0, out: '', err: 'stopped worker (SIGTERM)\n' });
		expect(await orch('restart worker')).toEqual({ code: 0, out: '', err: 'restarted worker (pid 4308)\n' });
		expect(await orch('stop worker -q')).toEqual({ code: 0, out: '', err: '' });
	});

	it('say so where nothing was to be done', async () => {
		const restore = [
			daemon.override('runtime.start', async () => ({ ...infoOf('ping'), already: true })),
			daemon.override('runtime.stop', async ({ runtime }) => ({
				...infoOf(runtime),
				...(runtime === 'worker' && { status: 'stopped' }),
				already: true,
			})),
		];
		expect(await orch('start ping')).toEqual({ code: 0, out: '', err: 'ping runs already (pid 4300)\n' });
		expect(await orch('stop worker')).toEqual({ code: 0, out: '', err: 'worker is stopped already\n' });
		expect((await orch('stop migrate')).err).toBe('migrate has exited already\n');
		expect(JSON.parse((await orch('stop worker --json')).out)).toMatchObject([{ name: 'worker', already: true }]);
		for (const each of restore) each();
	});

	it('take several, go on after one fails, and end with its code', async () => {
		expect(await orch('start ping pign worker')).toEqual({
			code: 4,
			out: '',
			err: "started ping (pid 4307)\norch: no runtime 'pign'\n  did you mean: ping\nhint: orch ps\nstarted worker (pid 4307)\n",
		});
	});

	it('ask for the same one once', async () => {
		await orch('stop ping ping');
		expect(daemon.requests).toEqual([{ operation: 'runtime.stop', params: { runtime: 'ping' } }]);
	});

	it('take all with --all, and those with a label', async () => {
		daemon.addRuntime('web', { options: { labels: { tier: 'web' } } });
		expect(await orch('stop --all')).toEqual({
			code: 0,
			out: '',
			err: 'stopped ping (SIGTERM)\nstopped worker (SIGTERM)\nstopped migrate (SIGTERM)\nstopped web (SIGTERM)\n',
		});
		expect((await orch('start -l tier=web')).err).toBe('started web (pid 4307)\n');
		expect((await orch('runtime restart --label tier')).err).toBe('restarted web (pid 4308)\n');
		expect((await orch('restart web ping -l tier')).err).toBe('restarted web (pid 4308)\n');
		expect(JSON.parse((await orch('start --all --json')).out)).toHaveLength(4);
	});

	it('say that nothing is meant, and have then done nothing', async () => {
		expect(await orch('stop -l tier=web')).toEqual({ code: 0, out: '', err: 'orch: no runtime has the label tier=web\n' });
		daemon.runtimes.clear();
		expect(await orch('stop --all')).toEqual({ code: 0, out: '', err: 'orch: there are no runtimes\n' });
		expect((await orch('restart --all --json')).out).toBe('[]\n');
	});

	it('know what is meant by a runtime called all, where there is none', async () => {
		for (const verb of ['start', 'stop', 'restart'])
			expect(await orch(`${verb} all`)).toEqual({
				code: 4,
				out: '',
				err: `orch: no runtime 'all'\nhint: all of them: orch ${verb} --all\n`,
			});
		daemon.addRuntime('all');
		expect((await orch('start all')).err).toBe('started all (pid 4307)\n');
	});

	it('want to know which', async () => {
		for (const verb of ['start', 'stop', 'restart'])
			expect(await orch(verb)).toEqual({
				code: 2,
				out: '',
				err: `orch: 'orch ${verb}' needs RUNTIME, --all or --label\nhint: orch help ${verb}\n`,
			});
		expect(await orch('stop ping --all')).toEqual({
			code: 2,
			out: '',
			err: 'orch: --all means every runtime, not only ping\nhint: orch ps\n',
		});
	});

	it('never have more under way than the daemon takes', async () => {
		for (let at = 0; at < 100; at++) daemon.addRuntime(`many-${at}`);
		let underWay = 0;
		let most = 0;
		const restore = daemon.override('runtime.stop', async ({ runtime }) => {
			most = Math.max(most, ++underWay);
			await new Promise((resolve) => setImmediate(resolve));
			underWay--;
			return { ...infoOf(runtime) };
		});
		const { code, err } = await orch(['stop', ...Array.from({ length: 100 }, (_, at) => `many-${at}`)]);
		expect(code).toBe(0);
		expect(err.split('\n')).toHaveLength(101);
		expect(most).toBe(32);
		restore();
	});

	it('print an array of results with --json', async () => {
		const { out } = await orch('start ping worker --json');
		expect((JSON.parse(out) as { name: string }[]).map(({ name }) => name)).toEqual(['ping', 'worker']);
	});

	it('hand on grace and priority', async () => {
		await orch('stop ping --grace 2s');
		await orch('start ping --priority low');
		expect(daemon.requests.map(({ params }) => params)).toEqual([
			{ runtime: 'ping', graceMs: 2000 },
			{ runtime: 'ping', priority: 'low' },
		]);
	});
});

describe('orch status', () => {
	it('of orchd is one screen', async () => {
		const { code, out } = await orch('status', terminal);
		expect(code).toBe(0);
		expect(out.replaceAll(daemon.directory, '/dir').replace(/at-[0-9a-f]{12}/, 'at-x')).toBe(
			[
				'orchd  ● running',
				'  version   0.1.0  (Node 20.20.2)',
				'  pid       4211, up 2h 14m, memory 61.4 MB',
				'  router    running, pid 4212, memory 48 MB',
				'  runtimes  3  (1 running, 1 backoff, 1 exited)',
				'  links     2',
				'  socket    /dir/o.sock',
				'  state     /dir/home',
				'  log       /home/ben/.local/state/orch/at-x/orchd.log',
				'',
			].join('\n'),
		);
	});

	it('sums up the projects, and says whose files do not hold', async () => {
		const project = { files: [], given: [], profiles: [], links: 0, workflows: [], types: [], runners: [], appliedAt: null };
		const more = { ...project, mount: null, reloadedAt: null, reloads: 0 };
		const problem = { kind: 'syntax', number: 'E115', message: 'not YAML', facts: [] };
		const restore = daemon.override('project.list', async () => [
			{ ...more, name: 'shop', runtimes: ['ping', 'worker', 'lost'], problems: [] },
			{ ...more, name: 'b', runtimes: [], problems: [problem] },
		]);
		const { out } = await orch('status', terminal);
		expect(out.split('\n').slice(6, 8)).toEqual([
			'  projects  shop  1 running, 1 backoff, 1 gone',
			'            b     no runtimes  its files do not hold: orch project show b',
		]);
		restore();
	});

	it('of a runtime says why, what it wrote last, and what to type next; 3 where it does not run', async () => {
		const lines = [
			{ stream: 'stdout' as const, at: '2025-12-30T02:00:00.000Z', text: 'started' },
			{ stream: 'stderr' as const, at: '2026-01-01T02:11:00.000Z', text: '\u001b[31mError: connect ECONNREFUSED\u001b[0m' },
		];
		const restore = daemon.override('runtime.logs', async function* ({ runtimes: [name = ''], lines: count, streams }) {
			expect([count, streams]).toEqual([10, ['stdout', 'stderr']]);
			yield { lines: lines.map((line) => ({ ...line, name, runtime: infoOf(name).id })), dropped: [], cursor: {} };
			return { ended: 'end' as const };
		});
		expect(await orch('status worker', terminal)).toEqual({
			code: 3,
			out: [
				'worker  ✗ backoff 12s, failure 3 of 5 in 1m (restart on-failure)',
				'  command    node worker.js --queue jobs',
				'  directory  /srv',
				'  ended      exit code 1, 3m ago',
				'  restarts   7 since it was started',
				'  receives   Ping from ping  2.0/s',
				'  last log   2d ago    stdout  started',
				'             02:11:00  stderr  Error: connect ECONNREFUSED',
				'',
			].join('\n'),
			err: 'next: orch runtime stderr worker · orch start worker · orch runtime show worker\n',
		});
		expect((await orch('status worker')).out).toContain('last log   2025-12-30T02:00:00.000Z  stdout  started\n');
		expect(await orch('status ping -q')).toEqual({ code: 0, out: '', err: '' });
		restore();
	});

	it('does without its links when the router is silent', async () => {
		const stats = async () => {
			throw new OrchError('router.unavailable', { reason: 'it is starting' });
		};
		const restoreStats = daemon.override('link.stats', stats);
		expect((await orch('status worker')).out).not.toContain('receives');
		restoreStats();
	});

	it('masks what looks like a secret, in JSON too', async () => {
		const { out } = await orch('status ping --json');
		expect((JSON.parse(out) as { env: object }).env).toEqual({ PATH: '/usr/bin:/bin', API_KEY: '••••' });
	});

	it('masks the headers of probes, as every command does that shows a runtime', async () => {
		const check = { kind: 'http' as const, url: 'http://u:hidden@h/', headers: { Authorization: 'hidden' } };
		const { id } = daemon.addRuntime('probed', { options: { probes: { ready: { check } } } });
		for (const line of ['status probed', 'runtime show probed', 'ps', 'start probed', 'top --once'])
			for (const each of [line, `${line} --json`]) expect(`${each}: ${(await orch(each)).out}`).not.toContain('hidden');
		expect((await orch('runtime show probed --json --reveal')).out).toContain('hidden');
		daemon.runtimes.delete(id);
	});
});

describe('orch runtime show', () => {
	it('shows everything but the environment', async () => {
		expect((await orch('runtime show worker')).out).toMatchInlineSnapshot(`
			"worker
			  id         0195fc7b-33e6-70e3-bee1-a3f11111beef  (short a3f11111)
			  status     backoff 12s
			  desired    stopped
			  ended      exit code 1, 2026-01-01T02:11:00.000Z
			  processes  0, restarted 7 times by policy since its start
			  failures   3 of 5 in 1m
			  next try   2026-01-01T02:14:12.000Z
			  command    node worker.js --queue jobs
			  directory  /srv
			  priority   normal
			  restart    on-failure: at once, then 0.5s doubled up to 30s; gives up after 5 failures in 1m; healthy after 1m
			  stop       SIGTERM, SIGKILL after 10s
			  added      2026-01-01T00:00:00.000Z
			  connected  no
			  socket     /run/worker.sock
			  veecle     /run/worker.v.sock
			  stdout     /state/worker.out
			  stderr     /state/worker.err
			"
		`);
	});

	it('shows the environment with --env, and secrets only with --reveal', async () => {
		daemon.addRuntime('api', { env: { API_KEY: 'k', DATABASE_URL: 'postgres://u:secret@db/x', PORT: '1' } });
		expect((await orch('runtime show api --env')).out).toContain(
			'env        API_KEY=••••\n             DATABASE_URL=postgres://u:••••@db/x\n             PORT=1\n',
		);
		expect((await orch('runtime show api --reveal')).out).toContain('postgres://u:secret@db/x');
	});
});

describe('orch runtime add', () => {
	const env = {
		PATH: '/usr/bin:/bin',
		HOME: '/home/ben',
		LANG: 'C.UTF-8',
		LC_ALL: 'C',
		TZ: 'UTC',
		SECRET: 'x',
		EDITOR: 'vi',
		ORCH_X: '1',
	};

	it('prints the id alone, and says the rest on standard error', async () => {
		const { code, out, err } = await orch('runtime add ./bin/pong', terminal);
		expect(code).toBe(0);
		expect(out).toMatch(/^[0-9a-f-]{36}\n$/);
		expect(err).toBe('added runtime pong\nnext: orch start pong\n');
		expect((await orch('runtime add ./bin/peng -q')).err).toBe('');
	});

	it('makes paths absolute here and records the few variables that a program needs', async () => {
		await orch('runtime add ./bin/pong --cwd data', { env, cwd: '/srv/work' });
		expect(daemon.requests.at(-1)?.params).toEqual({
			program: '/srv/work/bin/pong',
			args: [],
			cwd: '/srv/work/data',
			env: { PATH: '/usr/bin:/bin', HOME: '/home/ben', LANG: 'C.UTF-8', LC_ALL: 'C', TZ: 'UTC' },
		});
	});

	it('hands on every option in the words of the operation', async () => {
		const line =
			'runtime add ./x --name api --id 0195FC7B-33E6-70E3-BEE1-AC515185FAC7 --priority high --privileged -e A=1 --env SECRET --env NOT_HERE --restart always --backoff-first 1s --backoff-cap 10s --give-up 3/30s --retry-every 5m --healthy 90s --max-output 2MiB --stop-signal int --grace 2s --start -- --port 80';
		await orch(line, { env });
		expect(daemon.requests.at(-1)?.params).toMatchObject({
			program: '/srv/work/x',
			args: ['--port', '80'],
			name: 'api',
			id: '0195fc7b-33e6-70e3-bee1-ac515185fac7',
			priority: 'high',
			privileged: true,
			env: { A: '1', SECRET: 'x' },
			restart: {
				when: 'always',
				firstMs: 1000,
				capMs: 10_000,
				failures: 3,
				withinMs: 30_000,
				retryEveryMs: 300_000,
				healthyMs: 90_000,
			},
			output: { maxBytes: 2 * 1024 * 1024 },
			stop: { signal: 'SIGINT', graceMs: 2000 },
			start: true,
		});
		expect(daemon.requests.at(-1)?.params).not.toHaveProperty('env.NOT_HERE');
	});

	it('puts each --arg before what stands as an argument, whatever it looks like', async () => {
		await orch(['runtime', 'add', './x', '--arg', '--port', '--arg=80', '--arg', '', 'here', '--', '-v']);
		expect(daemon.requests.at(-1)?.params).toMatchObject({ args: ['--port', '80', '', 'here', '-v'] });
	});

	it('reads environment files, below the variables of the line', async () => {
		writeFileSync(join(daemon.directory, 'a.env'), 'A=file\nB="two words"\n');
		await orch('runtime add ./x --env-file a.env --env A=line', { cwd: daemon.directory });
		expect(daemon.requests.at(-1)?.params).toMatchObject({ env: { A: 'line', B: 'two words' } });
	});

	it('takes an option that was meant for the program for no variable, and says where such stand', async () => {
		expect(await orch(['runtime', 'add', 'node', '--start', '-e', 'setInterval(()=>{},1000)'])).toEqual({
			code: 2,
			out: '',
			err: "orch: --env is 'setInterval(()=>{},1000)'; it must be NAME=VALUE, or NAME to take the value it has here, NAME of letters, digits, _ . -, not starting with a digit, . or -\nhint: options of the program itself stand behind --: orch runtime add PROGRAM -- -e …\n",
		});
		expect(await orch('runtime add node --env 1A=foo')).toMatchObject({ code: 2 });
	});

	it('looks a bare name up on PATH', async () => {
		mkdirSync(join(daemon.directory, 'bin'), { recursive: true });
		const program = join(daemon.directory, 'bin', 'frob');
		writeFileSync(program, '#!/bin/sh\n');
		chmodSync(program, 0o755);
		await orch('runtime add frob', { env: { PATH: `/nonexistent:${daemon.directory}/bin` } });
		expect(daemon.requests.at(-1)?.params).toMatchObject({ program });
		expect(await orch('runtime add frop', { env: { PATH: `${daemon.directory}/bin` } })).toEqual({
			code: 8,
			out: '',
			err: "orch: cannot add runtime: 'frop' is not on PATH\n  did you mean: frob\nhint: for a file in this directory write ./ before its name\n",
		});
		expect((await orch('runtime add frob', { cwd: join(daemon.directory, 'bin') })).err).toBe(
			"orch: cannot add runtime: 'frob' is not on PATH\n  did you mean: ./frob\nhint: orch runtime add ./frob\n",
		);
	});

	it('sends the program with --copy, in chunks, once', async () => {
		const program = join(daemon.directory, 'big');
		const bytes = Buffer.alloc(600 * 1024, 'orch');
		writeFileSync(program, bytes);
		const first = await orch('runtime add ./big --copy', { cwd: daemon.directory, ...terminal });
		expect(first.code).toBe(0);
		expect(first.err).toContain('sending big');
		const [upload] = [...daemon.uploads.values()];
		expect(upload?.parts.map(({ length }) => length)).toEqual([262_144, 262_144, 90_112]);
		expect(Buffer.concat(upload?.parts ?? []).equals(bytes)).toBe(true);
		expect(daemon.requests.at(-1)?.params).toMatchObject({ program, binary: upload?.sha256 });
		await orch('runtime add ./big --copy --name again', { cwd: daemon.directory });
		expect(daemon.requests.filter(({ operation }) => operation === 'binary.chunk')).toHaveLength(3);
		expect((await orch('runtime add ./bgi --copy', { cwd: daemon.directory })).err).toContain(
			`cannot add runtime: ./bgi does not exist, or is not a file (looked in ${daemon.directory})\n  did you mean: ./big`,
		);
	});

	it('passes the words of the daemon on', async () => {
		expect(await orch('runtime add ./ping --name ping')).toEqual({
			code: 7,
			out: '',
			err: "orch: a runtime 'ping' already exists (running, added 2h ago)\nhint: orch runtime add ./ping --name ping-2\n",
		});
	});

	it('tells of a program that orchd refuses as it was typed, and where that is', async () => {
		const refusal = async (error: OrchError) => {
			const restore = daemon.override('runtime.add', async () => {
				throw error;
			});
			const ran = await orch(['runtime', 'add', './my bin/ping', '--cwd', '/srv/data'], { cwd: '/srv/work' });
			restore();
			return ran.err;
		};
		const program = '/srv/work/my bin/ping';
		expect(
			await refusal(new OrchError('program.not_found', { program, cwd: '/srv/data', candidates: ['/srv/work/my bin/pong'] })),
		).toBe(
			'orch: cannot add runtime: ./my bin/ping does not exist (looked in /srv/work)\n  did you mean: ./my bin/pong\nhint: check the path; for a command on PATH write: orch runtime add -- node server.js\n',
		);
		expect(await refusal(new OrchError('program.not_executable', { program, mode: '0644' }))).toBe(
			"orch: ./my bin/ping is not executable (mode 0644)\n  path: /srv/work/my bin/ping\nhint: chmod +x './my bin/ping'\n",
		);
		// what it is not about stays as it is
		expect(await refusal(new OrchError('program.cwd_missing', { cwd: '/srv/data' }))).toContain(
			'the working directory /srv/data',
		);
	});
});

describe('orch runtime remove', () => {
	it('removes what does not run, and refuses what does', async () => {
		expect(await orch('runtime rm worker')).toEqual({ code: 0, out: '', err: 'removed worker\n' });
		daemon.addRuntime('sink');
		daemon.addLink('ping', 'Job', 'sink', { counters: { ...noCounters, received: 1, queued: 1 } });
		expect((await orch('runtime rm sink')).err).toBe('removed sink; 1 waiting message dropped\n');
		expect(await orch('runtime rm ping')).toEqual({
			code: 7,
			out: '',
			err: "orch: cannot remove 'ping': it is running with pid 4300\nhint: orch runtime remove ping --force\n",
		});
		expect((await orch('runtime rm ping --force')).code).toBe(0);
	});

	it('leaves the output where it is with --keep-logs, and says how to see it', async () => {
		expect((await orch('runtime rm worker --keep-logs')).err).toBe(
			'removed worker; its output stays for a week: orch logs worker\n',
		);
		expect((await orch('runtime rm ping --force')).err).toBe('removed ping; 1024 waiting messages dropped\n');
		expect(daemon.requests.map(({ params }) => params)).toEqual([
			{ runtime: 'worker', force: false, keepOutput: true },
			{ runtime: 'ping', force: true },
		]);
	});

	it('asks on a terminal', async () => {
		const refused = await orch('runtime remove ping', { ...terminal, input: 'n' });
		expect(refused.code).toBe(7);
		expect(refused.err).toContain('ping is running. Stop and remove it? [y/N] ');
		expect((await orch('runtime remove ping', { ...terminal, input: 'yes' })).code).toBe(0);
		expect(daemon.runtimes.size).toBe(2);
	});
});

describe('orch runtime signal', () => {
	it('takes a signal by any of its names', async () => {
		expect((await orch('runtime signal ping hup')).err).toBe('sent SIGHUP to ping (pid 4300)\n');
		expect((await orch('runtime signal worker HUP')).code).toBe(3);
		expect((await orch('runtime signal ping TRM')).err).toBe(
			"orch: SIGNAL is 'TRM'; it must be a signal, such as HUP, SIGTERM or 15\n  did you mean: TERM\n",
		);
	});
});

describe('orch runtime scale', () => {
	it('takes a whole number, and says so of what is none', async () => {
		for (const wanted of ['0', 'five', '1001'])
			expect(await orch(`runtime scale worker ${wanted}`)).toEqual({
				code: 2,
				out: '',
				err: `orch: N is '${wanted}'; it must be a whole number from 1 to 1000\n`,
			});
	});
});

describe('orch runtime stdout', () => {
	it('gives the bytes as they are', async () => {
		daemon.write('ping', Buffer.from('one\n\u001b[31mtwo\u001b[0m\r\nthree'));
		expect(await orch('runtime stdout ping --no-follow')).toEqual({
			code: 0,
			out: 'one\n\u001b[31mtwo\u001b[0m\r\nthree',
			err: '',
		});
		expect((await orch('runtime stdout ping --no-follow -n 1')).out).toBe('three');
	});

	it('follows, also what starts to write later, and ends with 130 at Ctrl-C', async () => {
		let interrupt: ((exitCode?: number) => void) | undefined;
		let seen = '';
		const ran = orch('runtime stdout worker', {
			interrupt: (fire) => {
				interrupt = fire;
			},
			onOutput: (text) => {
				seen = text;
			},
		});
		await until('the request', () => daemon.requests.some(({ operation }) => operation === 'runtime.stdout'));
		daemon.write('worker', Buffer.from('first\n'));
		await until('the first line', () => seen === 'first\n');
		daemon.write('worker', Buffer.from('second\n'));
		await until('the second line', () => seen === 'first\nsecond\n');
		interrupt?.();
		expect(await ran).toEqual({ code: 130, out: 'first\nsecond\n', err: '' });
		await until('nobody is connected any more', () => daemon.sessions.size === 0);
	});

	it('takes -f as the rule that it is, and --no-follow over it', async () => {
		daemon.write('ping', Buffer.from('one\n'));
		for (const flags of ['-f --no-follow', '--follow --no-follow'])
			expect(await orch(`runtime stdout ping ${flags}`)).toEqual({ code: 0, out: 'one\n', err: '' });
		let interrupt: (() => void) | undefined;
		let seen = '';
		const ran = orch('runtime stdout ping -f', {
			interrupt: (fire) => {
				interrupt = fire;
			},
			onOutput: (text) => {
				seen = text;
			},
		});
		await until('the backlog', () => seen === 'one\n');
		daemon.write('ping', Buffer.from('two\n'));
		await until('what came then', () => seen === 'one\ntwo\n');
		interrupt?.();
		expect((await ran).code).toBe(130);
	});

	it('prints an object for each piece with --json, with what was removed before it', async () => {
		const restore = daemon.override('runtime.stderr', async function* () {
			yield { bytes: Buffer.from([0xff, 0x0a]) };
			yield { bytes: Buffer.from('two\n'), removedBytes: 5 };
			return { ended: 'end' as const };
		});
		expect(await orch('runtime stderr ping --no-follow --json')).toEqual({
			code: 0,
			out: '{"bytes":{"b64":"/wo="}}\n{"bytes":{"b64":"dHdvCg=="},"removedBytes":5}\n',
			err: '',
		});
		restore();
	});

	it('ends with 0 when the runtime is removed', async () => {
		const ran = orch('runtime stdout worker');
		await until('the request', () => daemon.requests.some(({ operation }) => operation === 'runtime.stdout'));
		await orch('runtime rm worker');
		expect((await ran).code).toBe(0);
	});

	it('says which one there is not', async () => {
		expect(await orch('runtime stderr wroker')).toEqual({
			code: 4,
			out: '',
			err: "orch: no runtime 'wroker'\n  did you mean: worker\nhint: orch ps\n",
		});
	});
});

const noCounters = { received: 0, delivered: 0, deliveredBytes: 0, dropped: {}, queued: 0, queuedBytes: 0, inFlight: 0 };

describe('orch link', () => {
	it('add prints the id, and its notices on standard error', async () => {
		const { code, out, err } = await orch(
			'link add --from * --type Ping --to worker --queue 10 --queue-bytes 64k --overflow latest --while-down block',
		);
		expect(code).toBe(0);
		expect(out).toMatch(/^[0-9a-f-]{36}\n$/);
		expect(err).toBe('linked * ─Ping→ worker\n  block acts as drop-newest for senders without credits\n');
		expect(daemon.requests.at(-1)?.params).toEqual({
			from: '*',
			type: 'Ping',
			to: 'worker',
			queue: 10,
			queueBytes: 65_536,
			overflow: 'latest',
			whileDown: 'block',
		});
	});

	it('add says what it lacks', async () => {
		expect(await orch('link add --from ping --type Ping')).toEqual({
			code: 2,
			out: '',
			err: "orch: 'orch link add' needs --to RUNTIME\nhint: orch help link add\n",
		});
	});

	it('list shows the links', async () => {
		expect((await orch('link ls', terminal)).out).toBe(
			[
				'ID        FROM  TYPE  TO      OVERFLOW     QUEUE  BYTES  WHILE DOWN  ADDED',
				'7c1e0900  ping  Ping  worker  block         1024  8 MiB  drop        2h 14m ago',
				'7c1e0901  *     Log   ping    drop-oldest   1024  8 MiB  drop        2h 14m ago',
				'',
			].join('\n'),
		);
		expect((await orch('link ls -q')).out.split('\n')).toHaveLength(3);
		daemon.links.length = 0;
		expect((await orch('link ls')).err).toBe('no links; add one: orch link add --from A --type T --to B\n');
	});

	it('show finds a link by a prefix, and says when several fit', async () => {
		expect((await orch('link show 7c1e0901')).out).toMatchInlineSnapshot(`
			"* ─Log→ ping
			  id          0195fc7b-33e6-70e3-bee1-7c1e0901cafe  (short 7c1e0901)
			  overflow    drop-oldest
			  while down  drop
			  mailbox     1024 of 1024 messages, 10 kB of 8 MiB
			  in flight   0
			  received    2000
			  delivered   972, 40 kB
			  dropped     4  overflow
			  rate        2.0 messages/s, 76 B/s
			  latency     p50 0.2ms, p99 0.91ms
			  last        2026-01-01T00:00:00.000Z
			  added       2026-01-01T00:00:00.000Z
			"
		`);
		expect(await orch('link show 7c1e')).toEqual({
			code: 7,
			out: '',
			err: "orch: '7c1e' matches 2 links\n  7c1e0900  ping ─Ping→ worker\n  7c1e0901  * ─Log→ ping\nhint: use the whole id, or one more digit\n",
		});
		expect(await orch('link show Log')).toEqual({
			code: 4,
			out: '',
			err: "orch: no link 'Log'\n  did you mean: 7c1e0901\nhint: orch link list\n",
		});
		expect((await orch('link show zz')).err).toBe("orch: no link 'zz'\nhint: orch link list\n");
	});

	it('remove takes ids, or what a link joins, and not both', async () => {
		expect((await orch('link rm 7c1e0900')).err).toBe('removed ping ─Ping→ worker\n');
		expect((await orch('link rm --from * --type Log --to ping')).code).toBe(0);
		expect((await orch('link rm 7c1e0900 --type X')).err).toBe(
			'orch: a link is named by its id, or by --from, --type and --to, not by both\nhint: orch help link remove\n',
		);
		expect((await orch('link rm')).err).toBe(
			"orch: 'orch link remove' needs the id of a link, or --from, --type and --to\nhint: orch help link remove\n",
		);
	});

	it('remove says how many messages waited and were dropped, and with --json all that the link had counted', async () => {
		daemon.addLink('ping', 'Job', 'worker', { counters: { ...noCounters, received: 1_012, delivered: 12, queued: 1_000 } });
		expect((await orch('link rm --from ping --type Job --to worker')).err).toBe(
			'removed ping ─Job→ worker; 1000 waiting messages dropped\n',
		);
		daemon.addLink('ping', 'Job', 'worker', { counters: { ...noCounters, received: 13, delivered: 12, queued: 1 } });
		const [link] = JSON.parse((await orch('link rm --from ping --type Job --to worker --json')).out) as { counters: unknown }[];
		expect(link?.counters).toEqual({ ...noCounters, received: 13, delivered: 12, dropped: { link_removed: 1 } });
	});

	it('stats shows what passes, what waits, what is lost, what no link takes and what was wrong', async () => {
		daemon.unrouted.push({
			from: { id: 'x', name: 'ping' },
			type: 'Debug',
			count: 71,
			messagesPerSecond: 1,
			lastAt: '2026-01-01T02:13:59.000Z',
		});
		daemon.faults.push({ runtime: { id: 'x', name: 'ping' }, counts: { protocol: 1, discarded_bytes: 12_800, truncated: 2 } });
		expect((await orch('link stats', { ...terminal, columns: 140 })).out).toBe(
			[
				'LINK                   MSG/S  BYTES/S    P50     P99        QUEUE  DROPPED  LAST        NOTE',
				'ping ─Ping→ worker       2.0     76 B  0.2ms  0.91ms       0/1024        0  2h 14m ago',
				'* ─Log→ ping             2.0     76 B  0.2ms  0.91ms  1024/1024 ▲        4  2h 14m ago  4 overflow',
				'(unrouted) ping Debug    1.0        –      –       –            –       71  1s ago      no link takes Debug from ping',
				'(faults) ping              –        –      –       –            –        3  –           1 protocol, 2 truncated, 12.8 kB discarded',
				'',
			].join('\n'),
		);
		expect(Object.keys(JSON.parse((await orch('link stats --json')).out) as object)).toEqual(['links', 'unrouted', 'faults']);
	});

	it('types shows who sends and gets what, its schemas, a recent message, and what was refused', async () => {
		const body = Buffer.from('{"seq":41}');
		daemon.types.push(
			{
				name: 'Ping',
				producers: [{ id: 'x', name: 'ping', messages: 42, refused: 2 }],
				consumers: [
					{ id: 'y', name: 'pong' },
					{ id: 'z', name: 'log' },
				],
				messages: 42,
				refused: 2,
				schemas: [{ project: 'shop', problem: null, schema: { type: 'object' } }],
				last: { at: '2026-01-01T02:13:59.000Z', from: 'ping', codec: 'json', bytes: 10, body },
				lastRefused: { at: '2026-01-01T02:13:58.000Z', from: 'ping', reason: 'Ping must be object, got null', project: 'shop' },
			},
			{
				name: 'Log',
				producers: [],
				consumers: [],
				messages: 0,
				refused: 0,
				schemas: [],
				last: null,
				lastRefused: null,
			},
		);
		expect((await orch('link types', { ...terminal, columns: 140 })).out).toBe(
			[
				'TYPE  FROM  TO         MESSAGES  REFUSED  SCHEMA  LAST    BODY',
				'Ping  ping  pong, log        42        2  shop    1s ago  {"seq":41}',
				'Log   –     –                 0        0  –       –       –',
				'',
			].join('\n'),
		);
		expect((await orch('link types Ping', terminal)).out).toMatchInlineSnapshot(`
			"Ping
			  from            ping  42 sent, 2 refused
			  to              pong, log
			  last            1s ago from ping, 10 B, json
			  body            {"seq":41}
			  refused         2s ago from ping: Ping must be object, got null
			  schema of shop  {
			                    "type": "object"
			                  }
			"
		`);
		expect((await orch('link types Ping --schema')).out).toBe('{\n  "type": "object"\n}\n');
		expect((await orch('link types -q')).out).toBe('Ping\nLog\n');
		expect(JSON.parse((await orch('link types Ping --json')).out)).toMatchObject({
			name: 'Ping',
			last: { from: 'ping', data: { seq: 41 } },
		});
		expect((await orch('link types Log --schema')).err).toMatch(/no project declares a schema for Log/);
		expect((await orch('link types --schema')).code).toBe(2);
		expect(await orch('link types Pnig')).toEqual({
			code: 4,
			out: '',
			err: "orch: no type 'Pnig': it is neither declared nor linked, and was not sent\n  did you mean: Ping\nhint: orch link types\n",
		});
	});

	it('types says where there are none', async () => {
		expect(await orch('link types')).toEqual({ code: 0, out: '', err: 'no types: nothing is declared, linked or was sent\n' });
	});

	it('send tells what does not fit the schema of its type', async () => {
		const restore = daemon.override('link.send', async ({ type }, call) =>
			call.fail('message.refused', { type, path: '.seq', reason: 'must be integer, got string "one"', project: 'shop' }),
		);
		expect(await orch(`link send --to ping --type Ping {"seq":"one"}`)).toEqual({
			code: 2,
			out: '',
			err: 'orch: Ping.seq must be integer, got string "one"   (type declared by project shop)\nhint: orch link types\n',
		});
		restore();
	});

	it.each([['ping'], ['*']])('stats does not say that no link takes what one from %s takes since', async (from) => {
		const { id } = daemon.addRuntime('late');
		daemon.addLink(from === '*' ? '*' : 'late', 'Debug', 'ping');
		daemon.unrouted.push({
			from: { id, name: 'late' },
			type: 'Debug',
			count: 3,
			messagesPerSecond: 0.4,
			lastAt: '2026-01-01T02:13:59.000Z',
		});
		for (const line of ['link stats', 'link stats --from late']) {
			const { out } = await orch(line, { ...terminal, columns: 140 });
			expect(out).toContain('before a link took Debug from late');
			expect(out).not.toContain('no link takes');
		}
	});

	it('stats -w draws itself anew every second until Ctrl-C', async () => {
		const clock = new ManualClock(Date.UTC(2026, 0, 1, 2, 14, 0));
		let interrupt: (() => void) | undefined;
		let seen = '';
		const ran = orch('link stats --watch', {
			...terminal,
			clock,
			interrupt: (fire) => {
				interrupt = fire;
			},
			onOutput: (text) => {
				seen = text;
			},
		});
		await until('the first table, and its wait', () => seen !== '' && clock.pending === 1);
		await clock.advance(1000);
		await until('the second table', () => seen.includes('\u001b[3A\u001b[J') && clock.pending === 1);
		interrupt?.();
		expect((await ran).code).toBe(130);
		expect(clock.pending).toBe(0);
	});

	it('stats -w never draws more than the screen holds', async () => {
		for (let at = 0; at < 30; at++) daemon.addLink('ping', `T${at}`, 'worker');
		let interrupt: (() => void) | undefined;
		const ran = orch('link stats -w', {
			...terminal,
			rows: 10,
			interrupt: (fire) => {
				interrupt = fire;
			},
			onOutput: () => interrupt?.(),
		});
		const lines = (await ran).out.split('\n');
		expect(lines).toHaveLength(10);
		expect(lines.slice(-2)).toEqual(['… 25 more', '']);
	});

	it('tap shows messages of every codec in lines', async () => {
		expect(await orch('link tap')).toEqual({
			code: 0,
			out: [
				'2026-01-01T00:00:00.000Z  ping → pong  Ping  #4121  30 B    {"seq":4121,"t":1790000587214}',
				'2026-01-01T00:00:00.000Z  ping → pong  Ping  #4122  6 B     {"seq":7}',
				'2026-01-01T00:00:00.000Z  ping → pong  Blob  #1  4 B     000102ff',
				'2026-01-01T00:00:00.000Z  ping → pong  Ping  #4123  11 B    "\\x1b[2Jhello"',
				'',
			].join('\n'),
			err: 'orch: 3 messages skipped: they came faster than they were read here\n',
		});
	});

	it('tap --json gives one object a line, with the body as a value where it is one', async () => {
		const lines = (await orch('link tap --json')).out.split('\n').filter((line) => line !== '');
		expect(
			lines.map((line) => JSON.parse(line) as Record<string, unknown>).map(({ data, b64, skipped }) => data ?? b64 ?? skipped),
		).toEqual([{ seq: 4121, t: 1790000587214 }, { seq: 7 }, 'AAEC/w==', 'IhtbMkpoZWxsbyI=', 3]);
	});

	it('tap ends after -n messages, and tells its sum at Ctrl-C', async () => {
		const { out } = await orch('link tap -n 1');
		expect(out.split('\n')).toHaveLength(2);
		await until('the stream has ended on the other side', () => daemon.sessions.size === 0);
		const restore = daemon.override('link.tap', async function* (_params, { signal }) {
			yield { messages: [], skipped: 0 };
			await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
			return { skipped: 0 };
		});
		let interrupt: (() => void) | undefined;
		const ran = orch('link tap --type Ping', {
			interrupt: (fire) => {
				interrupt = fire;
			},
		});
		await until('the second request', () => daemon.requests.length === 2);
		interrupt?.();
		expect(await ran).toEqual({ code: 130, out: '', err: 'orch: 0 messages in 0s (0.0/s); nothing was consumed or changed\n' });
		restore();
	});

	it('send checks JSON here, and shows where it is wrong', async () => {
		expect(await orch(['link', 'send', '--to', 'ping', '--type', 'Ping', '{"seq":1,"t":'])).toEqual({
			code: 2,
			out: '',
			err: `orch: message body is not JSON: unexpected end at line 1, column 14\n    {"seq":1,"t":\n                 ^\nhint: quote it for the shell: '{"seq":1}' · from a file: -f body.json · raw bytes: --raw\n`,
		});
		expect(daemon.requests).toEqual([]);
	});

	it('send takes the body from the line, from standard input, from a file, or raw', async () => {
		writeFileSync(join(daemon.directory, 'body.json'), '{"from":"file"}');
		const at = ['link', 'send', '--to', 'ping', '--type', 'Ping'];
		await orch([...at, '{"seq":1}']);
		await orch([...at, '-'], { input: '[2]' });
		await orch([...at, '-f', 'body.json'], { cwd: daemon.directory });
		await orch([...at, '--raw', 'not json']);
		await orch(at);
		const sent = daemon.requests.map(({ params }) => params as { body: Uint8Array; codec: string });
		expect(sent.map(({ body, codec }) => [Buffer.from(body).toString(), codec])).toEqual([
			['{"seq":1}', 'json'],
			['[2]', 'json'],
			['{"from":"file"}', 'json'],
			['not json', 'raw'],
			['null', 'json'],
		]);
		expect((await orch([...at, '-f', 'nope.json'], { cwd: daemon.directory })).err).toBe(
			'orch: cannot read nope.json: it does not exist\n',
		);
	});

	it('send goes to one or by the links of one', async () => {
		expect(await orch('link send --from ping --type Ping --count 100 1')).toEqual({
			code: 0,
			out: '',
			err: 'sent 100 times: into 100 mailboxes\n',
		});
		expect((await orch('link send --to ping --type Ping 1')).err).toBe('sent: into 1 mailbox\n');
		expect((await orch('link send --type Ping 1')).code).toBe(2);
		expect((await orch('link send --to a --from b --type Ping 1')).code).toBe(2);
		expect(await orch('link send --from ping --type Pnig 1')).toEqual({
			code: 4,
			out: '',
			err: "orch: no link takes 'Pnig' from ping\n  links take from ping: Ping, Log\n  did you mean: Ping\nhint: orch link add --from ping --type Pnig --to NAME\n",
		});
	});

	it('send says how long a message may be, before anything goes out', async () => {
		const longest = 16_777_184;
		const before = daemon.requests.length;
		const json = (bytes: number) => `"${'x'.repeat(bytes - 2)}"`;
		const send = (input: string, ...more: readonly string[]) =>
			runCli(['link', 'send', '--to', 'ping', '--type', 'Ping', ...more], { socket: daemon.socket, input });
		const file = join(daemon.directory, 'body.json');
		writeFileSync(file, json(longest + 1));
		const tooLong = (what: string, bytes: string) => ({
			code: 1,
			out: '',
			err: `orch: cannot send ${what}: a message takes at most ${longest} bytes, this one has ${bytes}\nhint: send it in parts\n`,
		});
		for (const raw of [[], ['--raw']]) {
			expect(await send(json(longest + 1), '-', ...raw)).toEqual(tooLong('standard input', 'more'));
			expect(await send('', '-f', file, ...raw)).toEqual(tooLong(file, `${longest + 1}`));
		}
		expect(daemon.requests.length).toBe(before);
		expect((await send(json(longest - 1000), '-')).err).toBe('sent: into 1 mailbox\n');
		// with its type and receiver it is longer than a request may be
		const { err } = await send(json(longest), '-');
		expect(err).toMatch(
			/^orch: cannot send a request of \d+ bytes: .* at most 16777216 in one message\nhint: send less at once\n$/,
		);
	});
});

describe('orch clear', () => {
	it('needs --yes where there is nobody to ask', async () => {
		expect(await orch('clear')).toEqual({
			code: 2,
			out: '',
			err: 'orch: stopping and forgetting everything asks for confirmation, and there is no terminal to ask on\nhint: orch clear --yes\n',
		});
		expect(daemon.runtimes.size).toBe(3);
		expect(await orch('clear -y')).toEqual({
			code: 0,
			out: '',
			err: 'cleared: 3 runtimes and 2 links removed; 1024 waiting messages dropped\n',
		});
		expect(JSON.parse((await orch('clear -y --json')).out)).toEqual({ runtimes: 0, links: 0, droppedMessages: 0 });
		expect(daemon.runtimes.size).toBe(0);
	});

	it('asks on a terminal, and anything but a yes is a no', async () => {
		for (const input of ['n', '', 'yeah', 'no']) {
			const { code, err } = await orch('clear', { ...terminal, input });
			expect(code).toBe(1);
			expect(err).toBe('Stop and forget 3 runtimes (1 running) and 2 links, with all output? [y/N] orch: nothing was done\n');
		}
		expect((await orch('clear', { ...terminal, input: 'y' })).code).toBe(0);
		expect(daemon.runtimes.size).toBe(0);
	});
});

describe('orch version', () => {
	it('shows client, daemon and protocol', async () => {
		const node = process.versions.node;
		expect((await orch('version')).out).toBe(
			`orch   0.1.0  (protocol 1, Node ${node})\norchd  0.1.0  (protocol 1, Node ${node})\n`,
		);
		expect(JSON.parse((await orch('version --json')).out)).toEqual({
			client: { version: '0.1.0', protocol: { min: 1, max: 1 }, node },
			daemon: { version: '0.1.0', protocol: { min: 1, max: 1 }, node, pid: process.pid },
		});
		for (const line of ['-V', '--version', 'ps -V', 'version --client']) expect((await orch(line)).out).toBe('0.1.0\n');
	});
});

describe('orch call', () => {
	it('calls any operation, and prints its result as JSON', async () => {
		expect(await orch(['call', 'runtime.signal', '{"runtime":"ping","signal":"SIGHUP"}'])).toEqual({
			code: 0,
			out: '{"pid":4300}\n',
			err: '',
		});
		expect(JSON.parse((await orch('call runtime.list')).out)).toHaveLength(3);
	});

	it('prints the items of a stream one a line, bytes as base64', async () => {
		daemon.write('ping', Buffer.from('hi'));
		expect((await orch(['call', 'runtime.stdout', '-'], { input: '{"runtime":"ping","follow":false}' })).out).toBe(
			'{"bytes":{"b64":"aGk="}}\n{"ended":"end"}\n',
		);
	});

	it('passes on what the daemon does not know or take', async () => {
		expect(await orch('call runtime.lst')).toEqual({
			code: 2,
			out: '',
			err: "orch: no operation 'runtime.lst'\n  did you mean: runtime.list\nhint: orch version (is the daemon older than this client?)\n",
		});
		expect((await orch(['call', 'runtime.show', '{"runtime":7}'])).code).toBe(2);
		expect((await orch(['call', 'runtime.show', '{runtime:7}'])).err).toContain('what follows the operation is not JSON');
	});

	it('alone lists them', async () => {
		const { out } = await orch('call', { ...terminal, columns: 120 });
		expect(out).toMatch(/runtime\.stop +runtime, graceMs\? {2}/);
		expect((await orch('call -q')).out).toContain('link.tap\n');
	});
});

describe('orch and orch help', () => {
	it('alone is one screen', async () => {
		expect((await orch('', terminal)).out).toMatchInlineSnapshot(`
			"orch 0.1.0: runs the programs of one machine together and carries the messages between them.

			● orchd is running (pid 4211, up 2h 14m): 3 runtimes, 1 running; 2 links

			  orch runtime add ./program --start        run a program under supervision
			  orch ps                                   see what runs
			  orch runtime stdout NAME                  follow what one writes
			  orch link add --from A --type T --to B    carry messages from one to another
			  orch link tap                             watch messages pass

			All commands: orch help
			"
		`);
	});

	it('a noun alone says its commands, on standard error', async () => {
		const { code, out, err } = await orch('link');
		expect([code, out]).toEqual([2, '']);
		expect(err).toContain('link tap [LINK]');
	});

	it('every command has help, short and long, no wider than a screen', async () => {
		const list = (await orch('help')).out;
		for (const path of ['ps', 'runtime add', 'link send', 'daemon logs', 'call']) {
			const short = (await orch(`${path} -h`)).out;
			const long = (await orch(`help ${path}`)).out;
			expect(long.length).toBeGreaterThan(short.length);
			expect(list).toContain(path.split(' ').at(-1));
		}
		for (const line of list.split('\n')) expect(line.length).toBeLessThanOrEqual(120);
	});

	it('knows topics, and what may have been meant', async () => {
		expect((await orch('help exit-codes')).out).toContain('  124  --timeout ran out\n');
		expect((await orch('help environment')).out).toContain('ORCH_AUTOSTART');
		for (const topic of ['exit-codes', 'environment']) expect((await orch(`help ${topic}`)).out).toMatch(/[^\n]\n$/);
		expect((await orch('help runtme add')).err).toBe(
			"orch: 'runtme add' is not a command of 'orch'\n  did you mean: runtime add\nhint: orch help\n",
		);
	});
});

describe('every command', () => {
	it.each(['-q', '-o name'])('says nothing beside the result with %s', async (option) => {
		expect((await orch(`runtime signal ping HUP ${option}`)).err).toBe('');
		expect((await orch(`daemon logs ${option}`)).err).toBe('');
	});

	it('gives up after --timeout, with 124', async () => {
		const clock = new ManualClock();
		const restore = daemon.override('daemon.version', () => new Promise(() => {}));
		const ran = orch('version --timeout 2s', { clock });
		await until('the request', () => daemon.requests.length > 0);
		await clock.advance(2000);
		const { code, err } = await ran;
		restore();
		expect([code, err]).toEqual([124, 'orch: no answer within 2000 ms\n']);
		expect(clock.pending).toBe(0);
	});

	it('prints its error as one JSON object with --json', async () => {
		const { code, out, err } = await orch('start pign --json');
		expect([code, out]).toEqual([4, '']);
		expect(JSON.parse(err)).toEqual({
			error: {
				code: 'runtime.not_found',
				number: 'E104',
				message: "no runtime 'pign'\n  did you mean: ping",
				hint: 'orch ps',
				exit: 4,
				retryable: false,
				data: { ref: 'pign', candidates: ['ping'] },
			},
		});
		expect(JSON.parse((await orch('pss --json')).err)).toMatchObject({ error: { number: 'E160', exit: 2 } });
	});

	it('says with -v what code it is, and where', async () => {
		expect((await orch('start pign -v')).err).toMatch(/E104 runtime\.not_found, exit 4\nRemoteError/);
	});
});
