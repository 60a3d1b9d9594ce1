import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../clock.ts';
import { type Check, examine } from '../doctor/index.ts';
import { type FakeDaemon, startFakeDaemon } from '../testing/fake-daemon.ts';
import { runCli, type RunOptions } from '../testing/run-cli.ts';

let root: string;
let daemon: FakeDaemon;
beforeEach(async () => {
	root = mkdtempSync(join(tmpdir(), 'orch-doctor-'));
	daemon = await startFakeDaemon();
	chmodSync(daemon.socket, 0o600);
	// a machine on which nothing is wrong
	put('bin/dash', '', 0o755);
	symlinkSync('dash', join(root, 'bin/sh'));
	put('proc/self/stat', '1 (x) S');
	put('proc/self/cgroup', '0::/a.slice\n');
	put('proc/self/limits', limits('20000', '30'));
	put('proc/self/status', 'CapEff:\t0000000000000000\n');
	put('proc/mounts', 'proc /proc proc rw,relatime 0 0\n');
	put('proc/sys/fs/inotify/max_user_watches', '524288\n');
	put('proc/sys/fs/inotify/max_user_instances', '128\n');
	put('proc/sys/kernel/random/boot_id', '0b9fb12f-ac15-4bd6-8a34-6dcbc4d2b1a7\n');
	put('sys/fs/cgroup/cgroup.controllers', 'cpu memory\n');
	mkdirSync(join(root, 'sys/fs/cgroup/a.slice'));
	put('programs/orchd.cjs', '');
	mkdirSync(join(root, 'tmp'));
});
afterEach(async () => {
	await daemon[Symbol.asyncDispose]();
	rmSync(root, { recursive: true, force: true });
});

const limits = (openFiles: string, nice: string) =>
	`Limit                     Soft Limit           Hard Limit           Units     \nMax open files            ${openFiles}                524288                files     \nMax nice priority         ${nice}                    ${nice}                    \n`;

function put(path: string, text: string, mode = 0o644): void {
	mkdirSync(dirname(join(root, path)), { recursive: true });
	writeFileSync(join(root, path), text);
	chmodSync(join(root, path), mode);
}

/** What has been done stands before what to run it with. */
const after = (_done: unknown, options: RunOptions = {}): RunOptions => options;

const doctor = (options: RunOptions = {}, args = 'doctor --json') =>
	runCli(args.split(' '), {
		socket: daemon.socket,
		root,
		homeDirectory: join(root, 'home'),
		temporaryDirectory: join(root, 'tmp'),
		uid: process.getuid?.() ?? 0,
		daemonProgram: () => join(root, 'programs/orchd.cjs'),
		...options,
		env: { HOME: join(root, 'home'), ORCH_HOME: join(root, 'state'), ...options.env },
	});

interface Report {
	readonly status: string;
	readonly checks: readonly Check[];
}

async function found(name: string, options: RunOptions = {}): Promise<Check | undefined> {
	const { out, err } = await doctor(options);
	expect(err).toBe('');
	return (JSON.parse(out) as Report).checks.find((check) => check.name === name);
}

describe.skipIf(process.platform !== 'linux')('orch doctor', () => {
	it('finds nothing wrong where nothing is, with one line for each thing', async () => {
		const { code, out } = await doctor();
		const { status, checks } = JSON.parse(out) as Report;
		// whether the file system of the tests can free parts of files is its own affair, and how full it is
		const wrong = checks.filter(({ status, name }) => status !== 'ok' && name !== 'rotation' && name !== 'space');
		expect([code, wrong]).toEqual([0, []]);
		expect(status).toMatch(/ok|warn/);
		expect(checks.map(({ name }) => name)).toEqual([
			...['orchd', 'router', 'others', 'strangers'],
			...['platform', 'node', 'shell', 'proc', 'cgroup', 'open files', 'inotify', 'priority', 'clock'],
			...['programs', 'socket', 'state', 'space', 'rotation', 'store', 'cache', 'systemd'],
		]);
	});

	it('shows marks on a terminal, and what to do below what is wrong', async () => {
		put('proc/self/limits', limits('1024', '0'));
		const { code, out, err } = await doctor({ columns: 200 }, 'doctor --no-color');
		expect(code).toBe(0);
		expect(out).toContain('✓ ok    orchd       orchd 0.1.0 (pid 4211, up 2h 14m) answers in ');
		expect(out).toContain(
			'! warn  open files  up to 1024 (could be 524288): enough for about 64 runtimes\n                    → ulimit -n 524288 before orch daemon start; in a unit of systemd: LimitNOFILE=524288\n',
		);
		expect(err).toMatch(/^orch: \d+ ok, [23] warnings?, 0 failures\n$/);
		const quiet = (await doctor({}, 'doctor -q')).out;
		expect(quiet).toContain('warn  open files');
		expect(quiet).not.toMatch(/^ok/m);
	});

	it('works without an orchd, and looks at all the rest', async () => {
		const nowhere = { socket: join(root, 'none.sock') };
		expect(await found('orchd', nowhere)).toEqual({
			name: 'orchd',
			status: 'warn',
			text: `orchd is not running (no socket at ${root}/none.sock)`,
			fix: 'orch daemon start',
		});
		expect((await doctor(nowhere)).code).toBe(0);
		expect((JSON.parse((await doctor(nowhere)).out) as Report).checks.length).toBeGreaterThan(15);
	});

	it('tells of an orchd of another version, of its notices, and of a router that was lost', async () => {
		const status = { ...(await statusOf()), version: '0.0.9', notices: ['the store was repaired'] };
		daemon.override('daemon.status', async () => ({ ...status, router: { ...status.router, restarts: 2 } }));
		const { checks } = JSON.parse((await doctor()).out) as Report;
		expect(
			checks.filter((check) => check.status === 'warn').map(({ text }) => text.replace(/answers in \d+ ms/, 'answers')),
		).toEqual(
			expect.arrayContaining([
				'orchd 0.0.9 (pid 4211, up 2h 14m) answers; this orch is 0.1.0',
				'it was started anew 2 times',
				'the store was repaired',
			]),
		);
	});

	it('fails where orchd takes connections and says nothing', async () => {
		const socket = join(root, 'deaf.sock');
		const open = new Set<{ destroy(): void }>();
		const deaf = createServer((connection) => open.add(connection.on('error', () => {})));
		await new Promise<void>((resolve) => deaf.listen(socket, resolve));
		const { code, out } = await doctor({ socket, clock: systemClock });
		expect(code).toBe(1);
		expect((JSON.parse(out) as Report).checks[0]).toMatchObject({
			name: 'orchd',
			status: 'fail',
			text: `cannot reach orchd at ${socket}: it takes connections and says nothing`,
		});
		for (const connection of open) connection.destroy();
		await new Promise((resolve) => deaf.close(resolve));
	});

	it('names another orchd at one of the usual places', async () => {
		const usual = join(root, `tmp/orch-${process.getuid?.() ?? 0}/orchd.sock`);
		mkdirSync(dirname(usual));
		const other = await startFakeDaemon({ socket: usual });
		expect(await found('others')).toMatchObject({
			status: 'warn',
			text: `another orchd runs (pid 4211 on ${usual}): its runtimes are not seen here`,
			fix: `for that one: export ORCH_SOCKET=${usual}`,
		});
		await other[Symbol.asyncDispose]();
	});

	it.each([
		['shell', 'bin/sh', undefined, 'fail', 'there is no /bin/sh'],
		['proc', 'proc/self/stat', undefined, 'fail', '/proc cannot be read'],
		['cgroup', 'sys/fs/cgroup/cgroup.controllers', undefined, 'warn', 'no cgroup v2'],
		['open files', 'proc/self/limits', limits('256', '30'), 'warn', 'enough for about 16 runtimes'],
		['inotify', 'proc/sys/fs/inotify/max_user_watches', '8192\n', 'warn', '8192 watches'],
		['inotify', 'proc/sys/fs/inotify/max_user_instances', undefined, 'warn', 'cannot be read'],
		['priority', 'proc/self/limits', limits('20000', '0'), 'warn', 'high cannot be set'],
		['clock', 'proc/sys/kernel/random/boot_id', undefined, 'fail', 'cannot be read'],
		['programs', 'programs/orchd.cjs', '', 'ok', 'orchd is'],
	] as const)('%s: says what is wrong with %s', async (name, path, content, status, text) => {
		if (content === undefined) rmSync(join(root, path));
		else put(path, content);
		expect(await found(name)).toMatchObject({ status, text: expect.stringContaining(text) });
	});

	it('knows a shell that it was not tested with', async () => {
		rmSync(join(root, 'bin/sh'));
		put('bin/ksh', '', 0o755);
		symlinkSync('ksh', join(root, 'bin/sh'));
		expect(await found('shell')).toMatchObject({ status: 'warn', text: expect.stringContaining('/bin/sh is ksh') });
	});

	it('knows that /proc hides what others run, unless root looks', async () => {
		put('proc/mounts', 'proc /proc proc rw,nosuid,hidepid=invisible,gid=4 0 0\n');
		expect(await found('proc', { uid: 0 })).toMatchObject({ status: 'ok' });
		expect(await found('proc', { uid: 1000 })).toMatchObject({
			status: 'warn',
			text: expect.stringContaining('hidepid=invisible'),
		});
	});

	it('is content with the capability where the limit does not allow a priority', async () => {
		put('proc/self/limits', limits('20000', '0'));
		put('proc/self/status', 'CapEff:\t0000000000800000\n');
		expect(await found('priority')).toMatchObject({ status: 'ok' });
	});

	it('takes the limits of the orchd that runs', async () => {
		put('proc/4211/limits', limits('512', '30'));
		expect(await found('open files')).toMatchObject({ status: 'warn', text: expect.stringContaining('up to 512') });
	});

	it.each([
		['socket', 'a path that is too long', (): RunOptions => ({ socket: `/tmp/${'x'.repeat(80)}.sock` }), 'fail', 'too long'],
		[
			'socket',
			'a file in its place',
			() => after(put('f.sock', ''), { socket: join(root, 'f.sock') }),
			'fail',
			'is not a socket',
		],
		['socket', 'a socket for all', () => after(chmodSync(daemon.socket, 0o666)), 'warn', 'others may connect'],
		[
			'state',
			'others may read it',
			() => after([mkdirSync(join(root, 'state')), chmodSync(join(root, 'state'), 0o755)]),
			'warn',
			'others may read',
		],
		['state', 'a file in its place', () => after(put('state', '')), 'fail', 'is not a directory'],
		['store', 'a database that is none', () => after(put('state/orch.db', 'hello, this is not it')), 'fail', 'is not a database'],
		['store', 'a database', () => after(put('state/orch.db', 'SQLite format 3\0…')), 'ok', 'orch.db'],
		['cache', 'no home', (): RunOptions => ({ env: { HOME: '' } }), 'warn', 'HOME is not set'],
		['cache', 'a file in its place', () => after(put('home/.cache', '')), 'warn', 'is not writable'],
		['rotation', 'no fallocate', (): RunOptions => ({ env: { PATH: join(root, 'bin') } }), 'warn', 'there is no fallocate'],
	] as const)('%s: %s', async (name, _what, arrange, status, text) => {
		expect(await found(name, arrange())).toMatchObject({ status, text: expect.stringContaining(text) });
	});

	it('names the different orch on PATH, and does not count one twice', async () => {
		for (const at of ['one', 'two']) put(`${at}/orch`, '', 0o755);
		mkdirSync(join(root, 'three'));
		symlinkSync('../one/orch', join(root, 'three/orch'));
		const path = (...names: string[]) => ({ env: { PATH: names.map((name) => join(root, name)).join(':') } });
		expect(await found('programs', path('three', 'one'))).toMatchObject({ status: 'ok' });
		expect(await found('programs', path('three', 'two', 'one'))).toMatchObject({
			status: 'warn',
			text: `2 different orch are on PATH: ${root}/three/orch, ${root}/two/orch; the first one is used`,
		});
	});

	it('compares the unit of systemd with what is installed', async () => {
		mkdirSync(join(root, 'run/systemd/system'), { recursive: true });
		expect(await found('systemd')).toMatchObject({ status: 'ok', text: expect.stringContaining('not installed') });
		await doctor({}, 'daemon install --user');
		expect(await found('systemd')).toMatchObject({ status: 'warn', fix: 'loginctl enable-linger' });
		put('var/lib/systemd/linger/ben', '');
		expect(await found('systemd')).toMatchObject({ status: 'ok' });
		put('programs/new/orchd.cjs', '');
		const moved = { daemonProgram: () => join(root, 'programs/new/orchd.cjs') };
		expect(await found('systemd', moved)).toMatchObject({ status: 'warn', fix: 'orch daemon install --user --force' });
		rmSync(join(root, 'programs/orchd.cjs'));
		expect(await found('systemd', moved)).toMatchObject({ status: 'fail', text: expect.stringContaining('is not there') });
	});

	it('leaves nothing behind in the state', async () => {
		mkdirSync(join(root, 'state'), { mode: 0o700 });
		await doctor();
		expect(readdirSync(join(root, 'state'))).toEqual([]);
	});
});

it('says what macOS lacks, and refuses what is neither', async () => {
	const asked = (platform: NodeJS.Platform) =>
		examine({ ...fakeWorld(), root }, { ...places(), socket: join(root, 'none.sock') }, platform);
	const mac = await asked('darwin');
	expect(mac.find(({ name }) => name === 'platform')).toMatchObject({
		status: 'warn',
		text: expect.stringContaining('none is adopted'),
	});
	expect(mac.map(({ name }) => name)).not.toContain('cgroup');
	expect((await asked('win32')).find(({ name }) => name === 'platform')).toMatchObject({ status: 'fail' });
});

const places = () => ({
	socket: '',
	home: join(root, 'state'),
	socketDirectory: '',
	routerSocket: '',
	logFile: join(root, 'state/orchd.log'),
});

function fakeWorld() {
	const sink = {
		isTerminal: false,
		columns: undefined,
		rows: undefined,
		write: () => {},
		flow: async () => {},
		flushed: async () => {},
		onReaderGone: () => () => {},
	};
	return {
		env: { HOME: root, PATH: '/usr/bin:/bin' },
		cwd: '/',
		clock: systemClock,
		uid: process.getuid?.() ?? 0,
		userName: () => 'ben',
		homeDirectory: () => root,
		temporaryDirectory: () => join(root, 'tmp'),
		endsWithProgram: false,
		out: sink,
		err: sink,
		input: { isTerminal: false, read: async () => new Uint8Array(), ask: async () => undefined },
		onInterrupt: () => () => {},
		root,
		nodeProgram: process.execPath,
		daemonProgram: () => join(root, 'programs/orchd.cjs'),
		openTerminal: () => Promise.reject(new Error('not inside a test')),
		becomeDaemon: () => Promise.reject(new Error('not inside a test')),
	};
}

async function statusOf() {
	const { out } = await runCli(['daemon', 'status', '--json'], { socket: daemon.socket, clock: systemClock });
	return JSON.parse(out) as never as Awaited<ReturnType<Parameters<typeof daemon.override<'daemon.status'>>[1]>>;
}

describe('processes of orch that no orchd knows', () => {
	const environment = (runtime: string, more = '') =>
		[`ORCH_PROCESS=x${more}`, `ORCH_SOCKET=${daemon.socket}`, `ORCH_RUNTIME_ID=${runtime}`, 'ORCH_RUNTIME_NAME=web', ''].join(
			'\0',
		);

	it('are named with what to do', async () => {
		put('proc/4242/environ', environment('01900000-0000-7000-8000-00000000dead'));
		put('proc/4243/environ', 'HOME=/\0');
		const { checks } = JSON.parse((await doctor({}, 'doctor --json')).out) as { checks: Check[] };
		expect(checks.find(({ name }) => name === 'strangers')).toEqual({
			name: 'strangers',
			status: 'warn',
			text: 'processes of orch that no orchd knows: web (pid 4242): their state was removed, and nobody stops them',
			fix: 'kill 4242        (after a look at each: ps -fp PID)',
		});
	});

	it('are none of those whose orchd has another socket, or that it knows', async () => {
		put('proc/4242/environ', environment(daemon.addRuntime('web').id));
		put('proc/4243/environ', environment('gone').replace(daemon.socket, '/other'));
		const { checks } = JSON.parse((await doctor({}, 'doctor --json')).out) as { checks: Check[] };
		expect(checks.find(({ name }) => name === 'strangers')?.status).toBe('ok');
	});
});
