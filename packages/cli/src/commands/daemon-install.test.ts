import { spawnSync } from 'node:child_process';
import {
	chmodSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli, type RunOptions } from '../testing/run-cli.ts';
import { programsOf, socketOf } from '../systemd/unit.ts';

let root: string;
let home: string;
let orchd: string;
beforeEach(() => {
	root = mkdtempSync(join(tmpdir(), 'orch-install-'));
	home = join(root, 'home');
	mkdirSync(join(root, 'run/systemd/system'), { recursive: true });
	// systemctl writes down what it is asked, and refuses where a file says so
	mkdirSync(join(root, 'bin'));
	writeFileSync(
		join(root, 'bin/systemctl'),
		`#!/bin/sh\necho "$*" >>"${root}/asked"\nif [ -f "${root}/refuse" ]; then echo "Failed to connect to bus" >&2; exit 1; fi\n`,
	);
	chmodSync(join(root, 'bin/systemctl'), 0o755);
	orchd = join(root, 'orchd.cjs');
	writeFileSync(orchd, '');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const orch = (line: string, options: RunOptions = {}) =>
	runCli(line.split(' '), {
		root,
		homeDirectory: home,
		uid: 1000,
		daemonProgram: () => orchd,
		...options,
		env: { XDG_RUNTIME_DIR: '/run/user/1000', PATH: `${join(root, 'bin')}:/usr/bin:/bin`, ...options.env },
	});
const userUnit = () => join(home, '.config/systemd/user/orch.service');
const systemUnit = () => join(root, 'etc/systemd/system/orch.service');
const asked = () =>
	existsSync(join(root, 'asked'))
		? readFileSync(join(root, 'asked'), 'utf8')
				.trimEnd()
				.split('\n')
				.map((line) => line.replace(' --no-ask-password --no-pager', '').replace(/^--no-ask-password --no-pager /, ''))
		: [];

describe('orch daemon install', () => {
	it('writes a unit for this user, says what to do next, and runs no systemctl', async () => {
		expect(await orch('daemon install')).toEqual({
			code: 0,
			out: '',
			err: [
				`orch: wrote ${userUnit()}`,
				'next:',
				'  systemctl --user daemon-reload',
				'  systemctl --user enable --now orch.service',
				'Without lingering it stops when you log out, and starts when you log in: loginctl enable-linger',
				'',
			].join('\n'),
		});
		expect(asked()).toEqual([]);
		const unit = readFileSync(userUnit(), 'utf8');
		const lines = unit.split('\n');
		for (const line of [
			'Type=exec',
			`ExecStart="${process.execPath}" "${orchd}"`,
			'KillMode=process',
			'RestartKillSignal=SIGUSR2',
			'KillSignal=SIGTERM',
			'Restart=on-failure',
			'RestartPreventExitStatus=2 7 8',
			'OOMPolicy=continue',
			'Delegate=yes',
			'WantedBy=default.target',
			`StandardError=append:${home}/.local/state/orch/orchd.log`,
		])
			expect(lines).toContain(line);
		// what orchd comes to by itself is not pinned
		expect(unit).not.toContain('Environment=');
		expect(socketOf(unit)).toBe('/run/user/1000/orch/orchd.sock');
		// where systemd opens the log
		expect(statSync(join(home, '.local/state/orch')).mode & 0o777).toBe(0o700);
	});

	it('says nothing of lingering where it is on', async () => {
		mkdirSync(join(root, 'var/lib/systemd/linger'), { recursive: true });
		writeFileSync(join(root, 'var/lib/systemd/linger/ben'), '');
		expect((await orch('daemon install')).err).not.toContain('linger');
	});

	it('is content with the same unit, shows how another one differs, and overwrites it when forced', async () => {
		await orch('daemon install');
		expect((await orch('daemon install')).err).toContain(`orch: ${userUnit()} is there already, and the same\n`);
		const moved = { nodeProgram: '/opt/node/bin/node' };
		const before = readFileSync(userUnit(), 'utf8');
		const refused = await orch('daemon install', moved);
		expect(refused).toMatchObject({ code: 7, out: '' });
		expect(refused.err).toContain(`orch: ${userUnit()} differs from what would be written\n`);
		expect(refused.err).toContain(
			`\n  - ExecStart="${process.execPath}" "${orchd}"\n  + ExecStart="/opt/node/bin/node" "${orchd}"\n`,
		);
		expect(refused.err).toContain('hint: orch daemon install --user --force');
		expect(refused.err).not.toContain('KillMode');
		expect(readFileSync(userUnit(), 'utf8')).toBe(before);
		expect((await orch('daemon install --force', moved)).code).toBe(0);
		expect(readFileSync(userUnit(), 'utf8')).toContain('ExecStart="/opt/node/bin/node"');
	});

	it('--print shows the unit and writes nothing, also where systemd does not run', async () => {
		rmSync(join(root, 'run'), { recursive: true });
		const { code, out, err } = await orch('daemon install --print');
		expect([code, err]).toEqual([0, '']);
		expect(out).toMatch(/^# Written by orch daemon install/);
		expect(existsSync(userUnit())).toBe(false);
		expect(await orch('daemon install')).toMatchObject({
			code: 1,
			err: expect.stringContaining('hint: orch daemon install --print shows the unit'),
		});
		expect(existsSync(userUnit())).toBe(false);
	});

	it('--now has systemd read, enable and start it, and says what systemd refuses', async () => {
		const done = await orch('daemon install --now --json');
		expect(JSON.parse(done.out)).toMatchObject({ file: userUnit(), scope: 'user', changed: true, started: true });
		expect(asked()).toEqual(['--user daemon-reload', '--user enable --now orch.service']);
		writeFileSync(join(root, 'refuse'), '');
		expect(await orch('daemon install --now')).toMatchObject({
			code: 1,
			err: 'orch: systemctl --user daemon-reload failed: Failed to connect to bus\n',
		});
	});

	it('--system keeps everything in the places of the machine', async () => {
		const { err } = await orch('daemon install --system');
		const unit = readFileSync(systemUnit(), 'utf8');
		for (const line of [
			'Environment="ORCH_SOCKET=/run/orch/orchd.sock"',
			'Environment="ORCH_HOME=/var/lib/orch"',
			'RuntimeDirectory=orch',
			'RuntimeDirectoryPreserve=yes',
			'WantedBy=multi-user.target',
			'After=network-online.target',
		])
			expect(unit.split('\n')).toContain(line);
		expect(err).toContain('  systemctl enable --now orch.service\n');
		expect(err).toContain('It will listen on /run/orch/orchd.sock: export ORCH_SOCKET=/run/orch/orchd.sock\n');
		expect(existsSync(join(root, 'var/lib/orch'))).toBe(true);
		// root's own is the machine's
		expect((await orch('daemon install --print', { uid: 0 })).out).toBe(unit);
		expect((await orch('daemon install --user --system')).code).toBe(2);
	});

	it('pins a socket and a state that are named', async () => {
		const named = { env: { ORCH_SOCKET: '/srv/50% off/$x/o.sock', ORCH_HOME: '/srv/st"ate' } };
		const { out } = await orch('daemon install --print', named);
		expect(out).toContain('Environment="ORCH_SOCKET=/srv/50%% off/$x/o.sock"\n');
		expect(out).toContain('Environment="ORCH_HOME=/srv/st\\"ate"\n');
		expect(out).toContain('StandardError=append:/srv/st"ate/orchd.log\n');
		const elsewhere = (await orch('daemon install --print', { env: { XDG_STATE_HOME: '/srv/state' } })).out;
		expect(elsewhere).toContain('Environment="ORCH_HOME=/srv/state/orch"\n');
		expect(elsewhere).not.toContain('ORCH_SOCKET=');
	});

	it('quotes the paths of the programs as systemd reads them', async () => {
		orchd = join(root, 'a b/100%/$HOME/"q"\\/orchd.cjs');
		mkdirSync(dirname(orchd), { recursive: true });
		writeFileSync(orchd, '');
		const { out } = await orch('daemon install --print', { nodeProgram: '/opt/$n/no de' });
		expect(out).toContain(`ExecStart="/opt/$n/no de" "${root}/a b/100%%/$$HOME/\\"q\\"\\\\/orchd.cjs"\n`);
		expect(programsOf(out)).toEqual({ node: '/opt/$n/no de', orchd });
	});

	it.skipIf(spawnSync('systemd-analyze', ['--version'], { stdio: 'ignore' }).status !== 0).each(['user', 'system'])(
		'writes a %s unit that systemd-analyze finds nothing wrong with (skipped where it is missing)',
		async (scope) => {
			orchd = join(root, 'a b%/orchd.cjs');
			mkdirSync(dirname(orchd), { recursive: true });
			writeFileSync(orchd, '');
			await orch(`daemon install --${scope}`);
			const file = scope === 'user' ? userUnit() : systemUnit();
			const checked = spawnSync('systemd-analyze', ['verify', `--${scope}`, '--man=no', file], {
				encoding: 'utf8',
				env: { ...process.env, XDG_RUNTIME_DIR: process.env['XDG_RUNTIME_DIR'] ?? root },
			});
			// of the machine's own units it may find much
			const said = checked.stderr.split('\n').filter((line) => line.includes('orch.service'));
			expect(said).toEqual([]);
			// and it does find what is wrong
			writeFileSync(file, readFileSync(file, 'utf8').replace('KillMode=process', 'KillMode=proces'));
			const broken = spawnSync('systemd-analyze', ['verify', `--${scope}`, '--man=no', file], {
				encoding: 'utf8',
				env: { ...process.env, XDG_RUNTIME_DIR: process.env['XDG_RUNTIME_DIR'] ?? root },
			});
			expect(broken.stderr).toContain('proces');
		},
	);

	it('says where it cannot write', async () => {
		writeFileSync(join(root, 'etc'), '');
		expect(await orch('daemon install --system')).toMatchObject({
			code: 8,
			err: expect.stringContaining(`orch: cannot write ${systemUnit()}: `),
		});
	});
});

describe('orch daemon uninstall', () => {
	it('removes the unit and the link by which it is started, and leaves systemd alone', async () => {
		await orch('daemon install');
		const link = join(dirname(userUnit()), 'default.target.wants/orch.service');
		mkdirSync(dirname(link));
		symlinkSync(userUnit(), link);
		const { code, err } = await orch('daemon uninstall');
		expect([code, err.split('\n')[0]]).toEqual([0, `orch: removed ${userUnit()}`]);
		expect([existsSync(userUnit()), existsSync(link)]).toEqual([false, false]);
		expect(asked()).toEqual([]);
		expect(await orch('daemon uninstall')).toEqual({ code: 0, out: '', err: `orch: there is no ${userUnit()}\n` });
	});

	it('--now stops and disables it before', async () => {
		await orch('daemon install --system');
		const { out } = await orch('daemon uninstall --system --now --json');
		expect(JSON.parse(out)).toEqual({ file: systemUnit(), scope: 'system', removed: true, stopped: true });
		expect(asked()).toEqual(['disable --now orch.service', 'daemon-reload']);
	});

	it('leaves a unit that somebody else has written, unless it is forced', async () => {
		mkdirSync(dirname(userUnit()), { recursive: true });
		writeFileSync(userUnit(), '[Unit]\n');
		expect(await orch('daemon uninstall')).toMatchObject({ code: 7, err: expect.stringContaining('was not written by orch') });
		expect(existsSync(userUnit())).toBe(true);
		expect((await orch('daemon uninstall --force')).code).toBe(0);
		expect(existsSync(userUnit())).toBe(false);
	});
});
