import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@orch/base/testing';
import { lockName } from '@orch/protocol/wire';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from './clock.ts';
import { daemonEnv } from './daemon-start.ts';
import { buildFakeOrchd } from './testing/build.ts';
import { startFakeDaemon } from './testing/fake-daemon.ts';
import { runCli } from './testing/run-cli.ts';

let built: string;
let program: string;
beforeAll(async () => {
	built = mkdtempSync(join(tmpdir(), 'orch-built-'));
	program = await buildFakeOrchd(built);
});
afterAll(() => rmSync(built, { recursive: true, force: true }));

let directory: string;
let socket: string;
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), 'orch-start-'));
	socket = join(directory, 'o.sock');
});
afterEach(async () => {
	await orch('daemon stop');
	rmSync(directory, { recursive: true, force: true });
});

const home = () => join(directory, 'home');
const orch = (line: string, env: Record<string, string> = {}, root?: string) =>
	runCli(line.split(' '), {
		socket,
		homeDirectory: join(directory, 'user'),
		...(root === undefined ? {} : { root }),
		clock: systemClock,
		daemonProgram: () => program,
		env: { ORCH_AUTOSTART: '', ORCH_HOME: home(), ...env },
	});
/** As the lock of an orchd, held by the process of this test. */
async function holdLock(state: string) {
	const name = lockName('socket', socket, 1000, (text) => createHash('sha256').update(text).digest('hex'));
	const held = {
		state,
		asked: 0,
		onAsked: () => {},
		[Symbol.asyncDispose]: () => new Promise<void>((done) => server.close(() => done())),
	};
	const server = createServer((asking) => {
		held.asked++;
		held.onAsked();
		asking.end(`${process.pid}\n${held.state}\n`);
	});
	await new Promise<void>((listening) => server.listen(name, listening));
	return held;
}

const log = () => readFileSync(join(home(), 'orchd.log'), 'utf8');
const told = () => JSON.parse(log().split('\n')[0] ?? '') as { cwd: string; args: string[]; inherited: string[]; pid: number };

describe('orch daemon start', () => {
	it('starts orchd in the background, says so, and is content when it runs already', async () => {
		const started = await orch('daemon start');
		expect(started).toEqual({ code: 0, out: '', err: `orch: started orchd (pid ${told().pid}), log ${home()}/orchd.log\n` });
		expect(await orch('daemon start')).toEqual({ code: 0, out: '', err: `orch: orchd is running already (pid ${told().pid})\n` });
	});

	it('gives it the root directory, its places, and nothing of an enclosing runtime', async () => {
		await orch('daemon start', { ORCH_IPC_SOCKET: '/x', ORCH_RUNTIME_ID: 'x', ORCH_LOG: 'debug', VEECLE_IPC_SOCKET: '/y' });
		const { cwd, args, inherited } = told();
		expect(cwd).toBe('/');
		expect(args).toEqual(['--socket', socket, '--home', home()]);
		expect(inherited.sort()).toEqual(['ORCH_HOME', 'ORCH_LOG', 'ORCH_SOCKET']);
	});

	it('makes it the leader of a session of its own', async () => {
		await orch('daemon start');
		const { pid } = told();
		const [, , , , , session] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ');
		expect(Number(session)).toBe(pid);
	});

	it('says why it did not start, with the last lines of this start alone', async () => {
		await orch('daemon start');
		await orch('daemon stop');
		expect(await orch('daemon start', { FAKE_ORCHD: 'fails' })).toEqual({
			code: 5,
			out: '',
			err: `orch: orchd did not start: it ended with exit code 1\n  last lines of ${home()}/orchd.log:\n    cannot open the state: it is on fire\nhint: orch daemon start --foreground\n`,
		});
	});

	it('names what is in the way of the directory of the state, and another place for it', async () => {
		const file = join(directory, 'file');
		writeFileSync(file, '');
		for (const [place, reason] of [
			[file, `${file} is not a directory`],
			[join(file, 'below'), `${file} is not a directory`],
			['/proc/orch', '/proc/orch cannot be made: no such file or directory'],
		] as const)
			expect(await orch('daemon start', { ORCH_HOME: place })).toEqual({
				code: 8,
				out: '',
				err: `orch: cannot keep the state in ${place}: ${reason}\nhint: export ORCH_HOME=/a/directory/of/yours\n`,
			});
	});

	describe('where systemd runs it', () => {
		let path: string;
		/** systemctl starts it as systemd would, or refuses. */
		function systemctl(action: string): void {
			writeFileSync(join(directory, 'bin/systemctl'), `#!/bin/sh\necho "$*" >>"${directory}/asked"\n${action}\n`);
			chmodSync(join(directory, 'bin/systemctl'), 0o755);
		}
		beforeEach(async () => {
			path = `${join(directory, 'bin')}:/usr/bin:/bin`;
			for (const made of ['bin', 'run/systemd/system', 'session/systemd', 'home'])
				mkdirSync(join(directory, made), { recursive: true });
			writeFileSync(join(directory, 'session/systemd/private'), '');
			expect((await orch('daemon install --user', {}, directory)).code).toBe(0);
		});

		it('has systemd start it, so that none is in its way', async () => {
			systemctl(`"${process.execPath}" "${program}" --socket "${socket}" --home "${home()}" 2>>"${home()}/orchd.log" >&2 &`);
			const env = { PATH: path, XDG_RUNTIME_DIR: join(directory, 'session') };
			const { code, err } = await orch('daemon start', env, directory);
			expect([code, err]).toEqual([0, `orch: started orchd (pid ${told().pid}), log ${home()}/orchd.log\n`]);
			expect(readFileSync(join(directory, 'asked'), 'utf8')).toBe('--user --no-ask-password --no-pager start orch.service\n');
		});

		it('says what systemd says where it refuses, and starts none by hand', async () => {
			systemctl('echo "Job for orch.service failed" >&2; exit 1');
			const env = { PATH: path, XDG_RUNTIME_DIR: join(directory, 'session') };
			expect(await orch('daemon start', env, directory)).toMatchObject({
				code: 5,
				err: expect.stringContaining('systemctl --user start orch.service failed: Job for orch.service failed'),
			});
			expect(existsSync(socket)).toBe(false);
		});

		it('starts it by hand where the systemd of the user is not there', async () => {
			systemctl('exit 1');
			expect((await orch('daemon start', { PATH: path, XDG_RUNTIME_DIR: '/nowhere' }, directory)).code).toBe(0);
			expect(existsSync(join(directory, 'asked'))).toBe(false);
		});
	});

	it('of two at once starts one, and both are served', async () => {
		const both = await Promise.all([orch('daemon start'), orch('daemon start'), orch('start x'), orch('runtime add ./y -q')]);
		expect(both.map(({ code }) => code)).toEqual([0, 0, 4, 0]);
	});

	it('leaves none behind that another one was faster than: it would serve once that one is stopped', async () => {
		const ran = orch('daemon start', { FAKE_ORCHD: 'late' });
		await until('the slow one runs', () => existsSync(join(home(), 'orchd.log')) && log().includes('\n'));
		const other = await startFakeDaemon({ socket });
		try {
			await until('the fast one has answered', () => other.sessions.size > 0);
			writeFileSync(join(home(), 'go'), '');
			expect(await ran).toMatchObject({ code: 0, err: `orch: orchd is running already (pid ${process.pid})\n` });
			expect(() => process.kill(told().pid, 0)).toThrow('ESRCH');
		} finally {
			await other[Symbol.asyncDispose]();
		}
	});

	it('whose orchd finds another one that is just starting connects to that one', async () => {
		await using held = await holdLock('is starting');
		const ran = orch('daemon start', { FAKE_ORCHD: 'locked' });
		await until('it is asked how it is, after the end of the other', () => held.asked > 0);
		const other = await startFakeDaemon({ socket });
		try {
			expect(await ran).toMatchObject({ code: 0, err: `orch: orchd is running already (pid ${process.pid})\n` });
		} finally {
			await other[Symbol.asyncDispose]();
		}
	});

	it('ends at once where the one that runs will not answer here: it has another socket, or cannot listen', async () => {
		const elsewhere = await orch('daemon start', { FAKE_ORCHD: 'locked' });
		expect(elsewhere).toMatchObject({ code: 5, err: expect.stringContaining('orchd did not start: it ended with exit code 7') });
		await using _held = await holdLock('cannot listen: it is on fire');
		const mute = await orch('daemon start', { FAKE_ORCHD: 'locked' });
		expect(mute).toMatchObject({ code: 5, err: expect.stringContaining('orchd did not start: it ended with exit code 7') });
	});

	it('names the one whose socket is gone, and what to do; the next command finds it where it listens again', async () => {
		await using held = await holdLock('cannot listen: it is on fire');
		const { err } = await orch('ps');
		expect(err).toBe(
			`orch: orchd runs (pid ${process.pid}), but nobody listens at ${socket}: its socket was removed, and it cannot listen: it is on fire\n` +
				`hint: kill -USR2 ${process.pid}; orch daemon start        (all runtimes are kept; or make the directory of the socket usable again)\n`,
		);
		expect(await orch('daemon stop')).toMatchObject({ code: 5, err });
		const other = await startFakeDaemon({ socket: `${socket}.aside` });
		// as one does that makes its socket anew when it is asked
		held.onAsked = () => renameSync(`${socket}.aside`, socket);
		held.state = 'listens anew';
		try {
			expect(await orch('daemon start')).toMatchObject({ code: 0, err: `orch: orchd is running already (pid ${process.pid})\n` });
		} finally {
			await other[Symbol.asyncDispose]();
			rmSync(socket, { force: true });
		}
	});
});

describe('commands that need orchd', () => {
	it('start it, saying so in one line; those that only read do not', async () => {
		expect((await orch('ps')).code).toBe(5);
		const { code, out, err } = await orch('runtime add ./x');
		expect(code).toBe(0);
		expect(out).toMatch(/^[0-9a-f-]{36}\n$/);
		expect(err).toBe(`orch: started orchd (pid ${told().pid}), log ${home()}/orchd.log\nadded runtime x\n`);
		expect((await orch('ps -q')).out).toBe('x\n');
	});

	it('do not with ORCH_AUTOSTART=0', async () => {
		for (const line of ['runtime add ./x', 'start x', 'link add --from a --type T --to b'])
			expect(await orch(line, { ORCH_AUTOSTART: '0' })).toMatchObject({
				code: 5,
				err: expect.stringContaining('orchd is not running'),
			});
		expect(existsSync(home())).toBe(false);
	});
});

describe('orch daemon stop', () => {
	it('returns once orchd is gone', async () => {
		await orch('daemon start');
		const { pid } = told();
		expect(await orch('daemon stop')).toEqual({ code: 0, out: '', err: `orch: stopped orchd (pid ${pid}) and 2 runtimes\n` });
		expect(existsSync(socket)).toBe(false);
		expect(() => process.kill(pid, 0)).toThrow('ESRCH');
		expect(await orch('daemon stop --json')).toEqual({ code: 0, out: '{"stopped":0,"kept":0}\n', err: '' });
	});
});

describe('orch daemon logs', () => {
	it('shows the last lines, also of one that does not run', async () => {
		await orch('daemon start');
		const { pid } = told();
		await orch('daemon stop');
		const { out } = await orch('daemon logs -n 1');
		expect(JSON.parse(out)).toMatchObject({ pid });
		expect((await orch('daemon logs -n 0')).err).toBe(`orch: nothing in ${home()}/orchd.log\n`);
	});
});

it('the environment of orchd keeps everything that is not of orch', () => {
	expect(daemonEnv({ PATH: '/bin', ORCH_X: '1', ORCH_SOCKET: '/s', VEECLE_RUNTIME_ID: '1', NONE: undefined })).toEqual({
		PATH: '/bin',
		ORCH_SOCKET: '/s',
	});
});
