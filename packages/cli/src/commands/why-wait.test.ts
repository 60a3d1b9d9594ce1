/** Needs, probes, why and wait as they are typed, against an orchd that only remembers. */
import { ManualClock, until } from '@orch/base/testing';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakeDaemon, fakeStart, startFakeDaemon } from '../testing/fake-daemon.ts';
import { type RunOptions, runCli } from '../testing/run-cli.ts';

const daemon: FakeDaemon = await startFakeDaemon();
afterAll(() => daemon[Symbol.asyncDispose]());
const running = { status: 'running', desired: 'running', pid: 4300, startedAt: fakeStart, uptimeMs: 1_000 } as const;
const exit = { code: 7, signal: null, coreDumped: false, at: fakeStart, by: 'itself', reason: null } as const;

beforeEach(() => {
	daemon.runtimes.clear();
	daemon.requests.length = 0;
});

const orch = (line: readonly string[] | string, options: RunOptions = {}) =>
	runCli(typeof line === 'string' ? line.split(' ') : line, { socket: daemon.socket, ...options });
const asked = (operation: string) =>
	daemon.requests.flatMap((request) => (request.operation === operation ? [request.params] : []));
const infoOf = (name: string) => {
	const found = [...daemon.runtimes.values()].find((one) => one.name === name);
	if (!found) throw new Error(`no runtime ${name}`);
	return found;
};

describe('orch runtime add', () => {
	it('sends probes and needs', async () => {
		const line = ['runtime', 'add', 'sh', '--needs', 'db:ready:restart', '--needs', 'cache', '--ready-http', ':3000/health'];
		expect((await orch([...line, '--live-exec', "sh -c 'exit 0'", '--probe-every', 'live=10s'])).code).toBe(0);
		expect(asked('runtime.add')).toMatchObject([
			{
				needs: [
					{ runtime: 'db', condition: 'ready', onRestart: 'restart' },
					{ runtime: 'cache', condition: 'started' },
				],
				probes: {
					ready: { check: { kind: 'http', url: 'http://localhost:3000/health' } },
					live: { check: { kind: 'exec', command: ['sh', '-c', 'exit 0'] }, everyMs: 10_000 },
				},
			},
		]);
	});

	it('refuses what makes no sense before it asks anybody', async () => {
		for (const [option, value] of [
			['--needs', 'db:redy'],
			['--ready-log', '('],
			['--ready-tcp', 'db'],
			['--probe-every', 'soon'],
			['--probe-every', '1s'],
		] as const) {
			const { code, err } = await orch(['runtime', 'add', 'sh', option, value]);
			expect([option, code, err.includes(option)]).toEqual([option, 2, true]);
		}
		expect(asked('runtime.add')).toEqual([]);
	});
});

describe('orch start', () => {
	it('says what was started as well, and waits where it is told to', async () => {
		daemon.addRuntime('web', {});
		const restore = daemon.override('runtime.start', async () => ({
			...infoOf('web'),
			...running,
			alsoStarted: ['db', 'cache'],
		}));
		const ready = daemon.override('runtime.wait', async () => ({ runtimes: [{ ...infoOf('web'), ...running, ready: true }] }));
		const { code, err } = await orch('start web --wait ready');
		restore();
		ready();
		expect({ code, err }).toEqual({
			code: 0,
			err: 'started db, which web needs\nstarted cache, which web needs\nstarted web (pid 4300, ready)\n',
		});
		expect(asked('runtime.wait')).toEqual([{ runtime: 'web', for: 'ready' }]);
		await orch('start web --no-needs');
		expect(asked('runtime.start')[1]).toEqual({ runtime: 'web', needs: false });
	});

	it('tells what it waits for when it has to wait', async () => {
		daemon.addRuntime('web', { status: 'waiting', reason: 'waits for db: ready' });
		let go = () => {};
		const held = new Promise<void>((resolve) => {
			go = resolve;
		});
		const restore = daemon.override('runtime.start', async () => {
			await held;
			return { ...infoOf('web'), ...running };
		});
		const clock = new ManualClock();
		const ran = orch('start web', { clock });
		await until('it has asked', () => asked('runtime.start').length === 1);
		await clock.advance(1_000);
		await until('it has looked', () => asked('runtime.show').length === 1);
		// its answer is behind that to the look, for they are of one connection
		go();
		expect((await ran).err).toBe('web waits for db: ready (orch why web)\nstarted web (pid 4300)\n');
		restore();
	});
});

it('orch stop asks for those first that need others of them', async () => {
	daemon.addRuntime('db', running);
	daemon.addRuntime('web', { ...running, options: { needs: [{ runtime: 'db', condition: 'ready' }] } });
	const { code, err } = await orch('stop db web');
	expect([code, asked('runtime.stop')]).toEqual([0, [{ runtime: 'web' }, { runtime: 'db' }]]);
	expect(err).toBe('stopped web (SIGTERM)\nstopped db (SIGTERM)\n');
});

describe('orch wait', () => {
	it('returns when it is so, for each of them', async () => {
		for (const name of ['db', 'web']) daemon.addRuntime(name, running);
		expect(await orch('wait db web')).toEqual({ code: 0, out: '', err: 'db is ready\nweb is ready\n' });
		expect(asked('runtime.wait')).toEqual([
			{ runtime: 'db', for: 'ready' },
			{ runtime: 'web', for: 'ready' },
		]);
		expect(JSON.parse((await orch('wait db web --json')).out)).toMatchObject([{ name: 'db' }, { name: 'web' }]);
	});

	it('has the exit code of the program, or 128 and the number of the signal', async () => {
		daemon.addRuntime('job', { status: 'exited', lastExit: exit });
		expect(await orch('wait job --for exited')).toMatchObject({ code: 7, err: 'job has exited (exit code 7)\n' });
		expect(await orch('wait job --for stopped')).toMatchObject({ code: 0 });
		daemon.addRuntime('killed', { status: 'exited', lastExit: { ...exit, code: null, signal: 'SIGKILL' } });
		expect((await orch('wait killed --for exited')).code).toBe(137);
	});

	it('tells after a moment what stands in the way', async () => {
		daemon.addRuntime('web', { ...running, ready: null });
		let go = () => {};
		const held = new Promise<void>((resolve) => {
			go = resolve;
		});
		const restore = daemon.override('runtime.wait', async () => {
			await held;
			return { runtimes: [infoOf('web')] };
		});
		const clock = new ManualClock();
		const ran = orch('wait web', { clock });
		await until('it has asked', () => asked('runtime.wait').length === 1);
		await clock.advance(1_000);
		await until('it has looked', () => asked('runtime.show').length === 1);
		go();
		expect((await ran).err).toBe(
			'web runs; it has no ready probe, and has not said that it is ready (orch why web)\nweb is ready\n',
		);
		restore();
	});

	it('says how it stands when the time is over', async () => {
		daemon.addRuntime('web', { ...running, ready: false });
		const never = daemon.override('runtime.wait', (_params, { signal }) => {
			return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
		});
		const probe = {
			role: 'ready',
			check: 'http http://localhost:3000/',
			good: null,
			isGated: false,
			answer: 'status 503',
			fails: 2,
			failures: 3,
		} as const;
		const of = { depth: 0, need: null, waitsFor: [], probes: [probe], scheduledAt: null, stderr: [], next: [] };
		const why = daemon.override('runtime.why', async () => ({ runtimes: [{ ...infoOf('web'), ...of }] }));
		const over = async (line: string) => {
			const clock = new ManualClock();
			const before = daemon.requests.length;
			const ran = orch(line, { clock });
			await until('it has asked', () => daemon.requests.slice(before).some(({ operation }) => operation === 'runtime.wait'));
			await clock.advance(1_000);
			return ran;
		};
		expect(await over('wait web --for ready --timeout 1s')).toEqual({
			code: 124,
			out: '',
			err: 'orch: web is not ready after 1s: it is running; its ready probe, http http://localhost:3000/: status 503\nhint: orch why web\n',
		});
		expect((await over('wait web --for stopped --timeout 1s')).err).toBe(
			'orch: web has not stopped after 1s: it is running\nhint: orch why web\n',
		);
		expect(await over('start web --wait ready --timeout 1s')).toMatchObject({
			code: 124,
			err: expect.stringContaining('web is not ready after 1s: it is running; its ready probe'),
		});
		why();
		expect((await over('wait web --timeout 1s')).err).toContain(
			'web is not ready after 1s: it is running; it has no ready probe, and has not said that it is ready\n',
		);
		daemon.addRuntime('late', { status: 'waiting', reason: 'waits for db: ready' });
		expect((await over('wait late --for running --timeout 1s')).err).toContain(
			'late is not running after 1s: it waits for db: ready\n',
		);
		never();
	});

	it('says why it will not be so', async () => {
		daemon.addRuntime('web', { status: 'failed', reason: 'gave up' });
		const { code, err } = await orch('wait web');
		expect({ code, err }).toEqual({
			code: 3,
			err: "orch: 'web' will not become ready: it is failed: gave up\nhint: orch why web\n",
		});
	});
});

it('orch why prints the chain, or all of it as JSON', async () => {
	daemon.addRuntime('web', { status: 'failed', reason: 'gave up', lastExit: exit });
	const { code, out } = await orch('why web');
	expect(code).toBe(0);
	expect(out).toContain('web  failed\n  because   gave up\n  last end  exit code 7, ');
	expect(out).toContain('\nnext: orch start web\n');
	expect(JSON.parse((await orch('why web --json')).out)).toMatchObject({ runtimes: [{ name: 'web', depth: 0 }] });
});

it('orch runtime show tells probes and needs', async () => {
	daemon.addRuntime('web', {
		...running,
		ready: false,
		options: {
			needs: [{ runtime: 'db', condition: 'ready', onRestart: 'stop' }],
			probes: { ready: { check: { kind: 'tcp', port: 5432 }, everyMs: 2_000 }, live: { check: { kind: 'notify' } } },
		},
	});
	const { out } = await orch('runtime show web');
	for (const line of [
		'running (not ready)',
		'db: ready; is stopped when db is restarted or stopped',
		'ready: tcp localhost:5432, every 2s',
		'live: notify',
	])
		expect(out).toContain(line);
});
