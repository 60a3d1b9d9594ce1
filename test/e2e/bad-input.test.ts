/** What people do wrong, and what they are told: the texts and exit codes of the errors, by the real CLI and over the socket. */
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { connectUnix } from '@orch/base';
import { createMsgpackCodec, framed, type Message, ourHello, pack, preface, type WireError } from '@orch/protocol/wire';
import { beforeAll, describe, expect, it } from 'vitest';
import {
	bundles,
	changeDatabase,
	type CliResult,
	codeOf,
	inSandbox,
	isAlive,
	LineClient,
	type Orchd,
	type Sandbox,
	sh,
	sleeper,
	until,
	useSandbox,
} from '../support/index.ts';

const sandbox = useSandbox();
let orchd: Orchd;
beforeAll(async () => {
	orchd = await sandbox.startDaemon();
	const program = (name: string, text: string | Uint8Array, mode = 0o755) => {
		writeFileSync(sandbox.path(name), text);
		chmodSync(sandbox.path(name), mode);
	};
	program('ping', '#!/bin/sh\nexec sleep 1000000\n');
	program('plain', '#!/bin/sh\n', 0o644);
	program('gibberish', 'just words\n');
	program('empty', '');
	program('ancient', '#!/usr/bin/python0.9\nprint\n');
	program('foreign', elf(0xf3));
	program('other-library', withLoader(elf(process.arch === 'arm64' ? 0xb7 : 0x3e), '/lib/ld-none.so.1'));
	mkdirSync(sandbox.path('folder'));
	await orchd.add(sleeper(), { name: 'worker' });
	await orchd.add(sleeper(), { name: 'worker-2' });
});

/** The first bytes of a 64-bit little-endian ELF program for `machine`: 0xf3 is RISC-V. */
function elf(machine: number): Uint8Array {
	const header = Buffer.alloc(64);
	header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
	header.writeUInt16LE(2, 16);
	header.writeUInt16LE(machine, 18);
	header.writeUInt32LE(1, 20);
	header.writeUInt16LE(64, 52);
	return header;
}

/** One table entry, PT_INTERP: the loader that the program asks for. */
function withLoader(header: Uint8Array, loader: string): Uint8Array {
	const binary = Buffer.concat([header, Buffer.alloc(56), Buffer.from(`${loader}\0`)]);
	binary.writeBigUInt64LE(64n, 32);
	binary.writeUInt16LE(56, 54);
	binary.writeUInt16LE(1, 56);
	binary.writeUInt32LE(3, 64);
	binary.writeBigUInt64LE(120n, 64 + 8);
	binary.writeBigUInt64LE(BigInt(loader.length + 1), 64 + 32);
	return binary;
}

const here = () => sandbox.path().replace(/\/$/, '');

/** What every refusal has in common: nothing on standard output, one sentence that begins with who speaks, no stack. */
function refused(result: CliResult, code: number): string {
	expect(result).toMatchObject({ code, stdout: '' });
	expect(result.stderr).toMatch(/^orch: /);
	expect(result.stderr).not.toMatch(/^\s+at .*\(.*:\d+:\d+\)/m);
	return result.stderr;
}

describe('on the command line', () => {
	it.each([
		[['statsu'], `orch: 'statsu' is not a command of 'orch'\n  did you mean: status\nhint: orch help\n`],
		[
			['runtime', 'strat', 'x'],
			`orch: 'strat' is not a command of 'orch runtime'\n  did you mean: start\nhint: orch help runtime\n`,
		],
		[['ps', '--jsno'], `orch: 'orch ps' has no option --jsno\n  did you mean: --json\nhint: orch help ps\n`],
		[['runtime', 'add'], `orch: 'orch runtime add' needs PROGRAM\nhint: orch help runtime add\n`],
		[
			['runtime', 'add', './ping', '--restart', 'alway'],
			`orch: --restart is 'alway'; it must be one of: no, on-failure, always\n  did you mean: always\n`,
		],
		[['runtime', 'add', './ping', '--grace', 'soon'], /^orch: --grace is 'soon'; it must be /],
		[
			['link', 'add', '--from', 'worker', '--to', 'worker-2'],
			`orch: 'orch link add' needs --type TYPE\nhint: orch help link add\n`,
		],
		[
			['link', 'add', '--from', 'worker', '--type', 'T', '--to', 'worker-2', '--overflow', 'blok'],
			/^orch: --overflow is 'blok'; it must be one of: block, drop-oldest, drop-newest, latest\n {2}did you mean: block\n/,
		],
		[
			['link', 'send', '--to', 'worker', '--type', 'T', '{"seq":1,"t":'],
			/^orch: message body is not JSON: .* at line 1, column 14\n {4}\{"seq":1,"t":\n {4} +\^\nhint: quote it for the shell/,
		],
		[
			['clear'],
			`orch: stopping and forgetting everything asks for confirmation, and there is no terminal to ask on\nhint: orch clear --yes\n`,
		],
		[['call', 'runtime.lst'], /^orch: no operation 'runtime\.lst'\n {2}did you mean: runtime\.list\n/],
		[['call', 'runtime.show', '{}'], /^orch: cannot read the request: params lacks runtime\n/],
	] as const)('%j: exit code 2', async (args, text) => {
		const stderr = refused(await sandbox.cli(...args), 2);
		if (typeof text === 'string') expect(stderr).toBe(text);
		else expect(stderr).toMatch(text);
	});

	it('E104: a name that is not there, with those that may have been meant: exit code 4', async () => {
		const stderr = refused(await sandbox.cli('stop', 'wroker'), 4);
		expect(stderr).toBe(`orch: no runtime 'wroker'\n  did you mean: worker, worker-2\nhint: orch ps\n`);
		const unknown = refused(await sandbox.cli('runtime', 'show', '0195fc7b-33e6-70e3-bee1-ac515185fac7'), 4);
		expect(unknown).toContain(`no runtime '0195fc7b-33e6-70e3-bee1-ac515185fac7'`);
	});

	it('E104 with --json: one object on standard error that holds code, number, exit, hint and candidates', async () => {
		const { code, stdout, stderr } = await sandbox.cli('status', 'wroker', '--json');
		expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
		expect(JSON.parse(stderr)).toMatchObject({
			error: {
				code: 'runtime.not_found',
				number: 'E104',
				exit: 4,
				hint: 'orch ps',
				message: expect.stringContaining(`no runtime 'wroker'`) as string,
				data: { ref: 'wroker', candidates: ['worker', 'worker-2'] },
			},
		});
	});

	it('E105: a prefix of two ids: exit code 7, and both are shown', async () => {
		const first = await orchd.add(sleeper(), { name: 'twin-1', id: '01900000-0000-7000-8000-a3f19c020001' });
		const second = await orchd.add(sleeper(), { name: 'twin-2', id: '01900000-0000-7000-8000-a3f1e7710002' });
		const stderr = refused(await sandbox.cli('start', 'a3f1'), 7);
		expect(stderr).toBe(
			`orch: 'a3f1' matches 2 runtimes\n  a3f19c02  twin-1  stopped\n  a3f1e771  twin-2  stopped\nhint: use the name, or one more digit\n`,
		);
		// three digits are too few to mean an id at all; five are enough to mean one
		expect(refused(await sandbox.cli('start', 'a3f'), 4)).toContain(`no runtime 'a3f'`);
		expect(await sandbox.cli('runtime', 'show', 'a3f19', '-q')).toMatchObject({ code: 0 });
		await orchd.remove(first, second);
	});

	it.each([
		[
			'E107: a program that is not there',
			'./pign',
			`orch: cannot add runtime: ./pign does not exist (looked in HERE)\n  did you mean: ./ping\nhint: check the path; for a command on PATH write: orch runtime add -- node server.js\n`,
		],
		[
			'E107: a command that is not on PATH',
			'no-such-command-here',
			/^orch: cannot add runtime: 'no-such-command-here' is not on PATH\n/,
		],
		[
			'E108: not executable',
			'./plain',
			`orch: ./plain is not executable (mode 0644)\n  path: HERE/plain\nhint: chmod +x ./plain\n`,
		],
		['E108: a directory', './folder', `orch: ./folder is a directory, not a program\n  path: HERE/folder\n`],
		[
			'E109: words instead of a program',
			'./gibberish',
			`orch: ./gibberish is neither a binary of this system nor a script with a #! line\n  path: HERE/gibberish\nhint: name its interpreter: orch runtime add -- sh ./gibberish\n`,
		],
		['E109: nothing instead of a program', './empty', /^orch: \.\/empty is neither a binary/],
		[
			'E109: its interpreter is not there',
			'./ancient',
			`orch: ./ancient: its first line names /usr/bin/python0.9, which does not exist here\n  path: HERE/ancient\nhint: fix the #! line, or: orch runtime add -- python3 ./ancient\n`,
		],
		[
			'E109: a binary of another machine',
			'./foreign',
			/^orch: \.\/foreign is a riscv64 binary; this machine is (x86_64|arm64)\n {2}path: HERE\/foreign\n$/,
		],
		[
			'E109: a binary for another C library',
			'./other-library',
			`orch: ./other-library asks for the loader /lib/ld-none.so.1, which does not exist here
  path: HERE/other-library
hint: it was built for another C library: take a build for the one of this system\n`,
		],
	] as const)('%s: exit code 8', async (_title, program, text) => {
		const stderr = refused(await sandbox.cli('runtime', 'add', program), 8).replaceAll(here(), 'HERE');
		if (typeof text === 'string') expect(stderr).toBe(text);
		else expect(stderr).toMatch(text);
	});

	it('E109, E110: what the hint says can be run as it stands', async () => {
		for (const refusal of [
			['runtime', 'add', './gibberish'],
			['runtime', 'add', './ping', '--name', 'worker'],
		]) {
			const { stderr } = await sandbox.cli(...refusal);
			const [, words = ''] = /hint: .*(?<=orch )(runtime add .*)\n/.exec(stderr) ?? [];
			const { code, stdout } = await sandbox.cli(...words.split(' '));
			expect(code, words).toBe(0);
			await sandbox.cli('runtime', 'remove', stdout.trim());
		}
	});

	it('E139: a working directory that is not there: exit code 8', async () => {
		expect(refused(await sandbox.cli('runtime', 'add', './ping', '--cwd', './nowhere'), 8)).toBe(
			`orch: the working directory ${here()}/nowhere does not exist, or is not a directory that may be entered\n`,
		);
	});

	it('E110: a name that is taken: exit code 7; without a name the next free one is taken', async () => {
		const stderr = refused(await sandbox.cli('runtime', 'add', './ping', '--name', 'worker'), 7);
		expect(stderr).toMatch(
			/^orch: a runtime 'worker' already exists \(stopped, added \d+[sm] ago\)\nhint: orch runtime add \.\/ping --name worker-3\n$/,
		);
		const names = [];
		for (let count = 0; count < 2; count++)
			names.push((JSON.parse((await sandbox.cli('runtime', 'add', './ping', '--json')).stdout) as { name: string }).name);
		expect(names).toEqual(['ping', 'ping-2']);
		await sandbox.cli('runtime', 'remove', ...names);
	});

	it('E118, E119, E143: links that are not there, or there already', async () => {
		expect((await sandbox.cli('link', 'add', '--from', 'worker', '--type', 'Ping', '--to', 'worker-2')).code).toBe(0);
		expect(refused(await sandbox.cli('link', 'add', '--from', 'worker', '--type', 'Ping', '--to', 'worker-2'), 7)).toMatch(
			/^orch: worker ─Ping→ worker-2 is already linked \(id ([0-9a-f]{8}), \d+s ago\)\nhint: orch link show \1\n$/,
		);
		expect(refused(await sandbox.cli('link', 'send', '--from', 'worker', '--type', 'Pnig', '1'), 4)).toBe(
			`orch: no link takes 'Pnig' from worker\n  links take from worker: Ping\n  did you mean: Ping\nhint: orch link add --from worker --type Pnig --to NAME\n`,
		);
		expect(refused(await sandbox.cli('link', 'remove', '--from', 'worker', '--type', 'Pong', '--to', 'worker-2'), 4)).toBe(
			`orch: no link worker ─Pong→ worker-2\n  did you mean: worker ─Ping→ worker-2\nhint: orch link list\n`,
		);
		const [link] = await orchd.call('link.list', {});
		for (const action of ['remove', 'show', 'tap']) {
			// too short for an id is no other fault than none of an id
			expect(refused(await sandbox.cli('link', action, 'zz'), 4)).toBe(`orch: no link 'zz'\nhint: orch link list\n`);
			expect(refused(await sandbox.cli('link', action, 'Ping'), 4)).toBe(
				`orch: no link 'Ping'\n  did you mean: ${link?.shortId}\nhint: orch link list\n`,
			);
		}
		expect(refused(await sandbox.cli('runtime', 'scale', 'wor ker', '2'), 4)).toContain(`no runtime 'wor ker'`);
		expect((await sandbox.cli('link', 'remove', '--from', 'worker', '--type', 'Ping', '--to', 'worker-2')).code).toBe(0);
	});

	it('E123: what cannot start: exit code 1 with the reason', async () => {
		writeFileSync(sandbox.path('fragile'), '#!/bin/sh\n', { mode: 0o755 });
		const id = (await sandbox.cli('runtime', 'add', './fragile', '--restart', 'no')).stdout.trim();
		chmodSync(sandbox.path('fragile'), 0o600);
		expect(refused(await sandbox.cli('start', 'fragile'), 1)).toBe(
			`orch: cannot start 'fragile': ${here()}/fragile is not executable (mode 0600)\nhint: orch why fragile\n`,
		);
		expect((await sandbox.cli('runtime', 'remove', id)).code).toBe(0);
	});

	it('E135, E136: what runs is not removed without --force, what does not run is not signalled', async () => {
		const runtime = await orchd.run(sleeper(), { name: 'busy' });
		expect(refused(await sandbox.cli('runtime', 'remove', 'busy'), 7)).toBe(
			`orch: cannot remove 'busy': it is running with pid ${runtime.pid}\nhint: orch runtime remove busy --force\n`,
		);
		expect((await sandbox.cli('runtime', 'remove', 'busy', '--force')).code).toBe(0);
		expect(refused(await sandbox.cli('runtime', 'signal', 'worker', 'HUP'), 3)).toBe(
			`orch: cannot signal 'worker': it is stopped\nhint: orch start worker\n`,
		);
		expect(refused(await sandbox.cli('runtime', 'signal', 'worker', 'HPU'), 2)).toMatch(
			/^orch: \S+ is 'HPU'; it must be a signal/,
		);
	});

	it('with -v: the number of the error, its code and the exit code', async () => {
		expect((await sandbox.cli('-v', 'stop', 'wroker')).stderr).toContain('E104 runtime.not_found, exit 4');
	});
});

describe('where no orchd answers', () => {
	it('E101: none runs: exit code 5, and a reading command starts none', async () => {
		await inSandbox(async (own) => {
			expect(refused(await own.cli('ps'), 5)).toBe(
				`orch: orchd is not running (no socket at ${own.socket})\nhint: orch daemon start        (reading commands do not start it; orch up and orch runtime add do)\n`,
			);
			for (const args of [
				['status', 'x'],
				['link', 'stats'],
				['runtime', 'stdout', 'x'],
			])
				expect((await own.cli(...args)).code).toBe(5);
			// what it knows of itself it shows
			const version = await own.cli('version');
			expect(version).toMatchObject({ code: 5, stdout: expect.stringContaining('orch') as string });
			expect(version.stderr).toContain('orchd is not running');
			expect(await own.cli('daemon', 'stop')).toMatchObject({ code: 0, stderr: 'orch: orchd is not running\n' });
			expect(statSync(own.socket, { throwIfNoEntry: false })).toBeUndefined();
		});
	});

	it('E102: a socket is left but nothing answers: exit code 5 with the last words of the log; the next orchd takes it over', async () => {
		await inSandbox(async (own) => {
			const first = await own.startDaemon({ log: `${own.directory}/first.log` });
			await first.kill9();
			mkdirSync(own.home, { recursive: true });
			writeFileSync(`${own.home}/orchd.log`, `{"name":"orchd","pid":${first.pid}}\nfatal: out of memory\n`);
			expect(refused(await own.cli('ps'), 5)).toBe(
				`orch: a socket is left at ${own.socket} but nothing answers (orchd, pid ${first.pid}, is gone)\n  last line of ${own.home}/orchd.log: fatal: out of memory\nhint: orch daemon start        (removes the stale socket; runtimes still alive are adopted)\n`,
			);
			const started = await own.cli('daemon', 'start');
			expect(started.code).toBe(0);
			expect((await own.cli('ps')).code).toBe(0);
			expect((await own.cli('daemon', 'stop')).code).toBe(0);
		});
	});

	it.skipIf(process.getuid?.() !== 0)('E103: a socket of somebody else: exit code 6 with the owner', async () => {
		await inSandbox(async (own) => {
			// root may connect to anything: so it is the user nobody who tries, and a socket of root that is refused
			const daemon = await own.startDaemon();
			chmodSync(own.directory, 0o755);
			expect(statSync(own.socket).mode & 0o777).toBe(0o600);
			const result = await own.cliWith({ env: { HOME: '/' }, uid: 65_534, cwd: '/' }, 'ps');
			expect(refused(result, 6)).toMatch(
				new RegExp(
					`^orch: permission denied: ${own.socket} belongs to root \\(mode 0600\\), you are nobody\nhint: sudo -u root orch ps\n$`,
				),
			);
			expect((await daemon.call('daemon.version', {})).pid).toBe(daemon.pid);
		});
	});

	it('E155: what is there is no socket: exit code 8', async () => {
		expect(refused(await sandbox.cli('--socket', sandbox.path('ping'), 'ps'), 8)).toBe(
			`orch: ${sandbox.path('ping')} is a file, not the socket of an orchd\nhint: check ORCH_SOCKET\n`,
		);
	});

	it('E132: a socket path that is too long is refused by both, never cut: exit code 8', async () => {
		const path = `${sandbox.directory}/${'long'.repeat(30)}/s`;
		expect(refused(await sandbox.cli('--socket', path, 'ps'), 8)).toMatch(
			new RegExp(`^orch: socket path is ${path.length} bytes, the system allows 107: ${path}\nhint: export ORCH_SOCKET=`),
		);
		// long enough for itself, too long for the sockets of its runtimes
		const tight = `${sandbox.directory}/${'t'.repeat(100 - sandbox.directory.length)}`;
		for (const each of [path, tight]) {
			const result = await sandbox.cliWith({ program: bundles.orchd }, '--socket', each, '--home', `${sandbox.directory}/none`);
			expect(result).toMatchObject({ code: 8, stdout: '' });
			expect(result.stderr).toMatch(/^orchd: socket path is \d+ bytes, the system allows 107: /);
		}
	});
});

describe('orchd itself', () => {
	it('E2: options that it does not know: exit code 2 with what may have been meant', async () => {
		const result = await sandbox.cliWith({ program: bundles.orchd }, '--sokcet', 'x');
		expect(result.code).toBe(2);
		expect(result.stderr).toMatch(/^orchd: Unknown option '--sokcet'\n {2}did you mean: --socket\nhint: orchd --help\n/);
		expect((await sandbox.cliWith({ program: bundles.orchd }, '--log-level', 'loud')).stderr).toContain(
			`the log level is one of debug, info, warn, error, silent, not 'loud'`,
		);
	});

	it('a second daemon: exit code 7 naming the pid of the first, fast, and the first goes on', async () => {
		const from = performance.now();
		const result = await sandbox.cliWith({ program: bundles.orchd });
		expect(performance.now() - from).toBeLessThan(5_000);
		expect(result).toMatchObject({ code: 7, stdout: '' });
		expect(result.stderr).toBe(
			`orchd: orchd is already running: socket ${sandbox.socket} is held by another orchd (pid ${orchd.pid})\nhint: orch daemon status\n`,
		);
		expect((await orchd.call('daemon.version', {})).pid).toBe(orchd.pid);
		expect((await sandbox.cli('daemon', 'start')).stderr).toBe(`orch: orchd is running already (pid ${orchd.pid})\n`);
	});

	it('E133: a state of a newer orch: refused with both versions, exit code 8, nothing touched, and what runs goes on', async () => {
		await inSandbox(async (own) => {
			const first = await own.startDaemon();
			const { id, pid } = await first.run(sleeper(), { name: 'steady' });
			await first.kill9();
			const path = `${own.home}/orch.db`;
			// the version is in the header of the database, and as yet only in its log
			changeDatabase(path, 'PRAGMA user_version = 99');
			const contents = () =>
				['', '-wal', '.open'].map((end) =>
					createHash('sha256')
						.update(readFileSync(`${path}${end}`))
						.digest('hex'),
				);
			const before = contents();
			const refusal = new RegExp(
				`^Cannot open the state \\(${path}\\): a newer orch wrote it \\(version 99; this orch knows version \\d+\\)\\. Nothing was changed\\. Run that newer orch, or give this one another ORCH_HOME\n$`,
			);
			const result = await own.cliWith({ program: bundles.orchd });
			expect(result).toMatchObject({ code: 8, stdout: '' });
			expect(result.stderr.split('orchd: ').at(-1)).toMatch(refusal);
			expect(result.stderr).not.toMatch(/^ {4}at /m);
			// whoever starts it by a command is told the same
			const started = await own.cli('daemon', 'start');
			expect(started.code).toBe(5);
			expect(started.stderr).toContain('orchd did not start: it ended with exit code 8');
			expect(started.stderr).toContain('a newer orch wrote it (version 99;');
			expect(contents()).toEqual(before);
			expect(readdirSync(own.home).filter((name) => name.includes('broken'))).toEqual([]);
			expect(isAlive(pid ?? 0)).toBe(true);
			// the newer one is there again
			changeDatabase(path, `PRAGMA user_version = ${/knows version (\d+)/.exec(result.stderr)?.[1]}`);
			const again = await own.startDaemon();
			expect(await again.show(id)).toMatchObject({ pid, generation: 1, status: 'running' });
			expect((await again.call('daemon.status', {})).notices).toEqual([]);
		});
	});

	it('a socket path that another program listens on, or that is a file: refused, and left as it is', async () => {
		const path = `${sandbox.directory}/theirs`;
		const theirs = sandbox.add(createServer((socket) => socket.end()).listen(path), (server) => void server.close());
		await until('it listens', () => theirs.listening);
		const busy = await sandbox.cliWith({ program: bundles.orchd }, '--socket', path, '--home', `${sandbox.directory}/none`);
		expect(busy).toMatchObject({ code: 7, stderr: `orchd: ${path} is in use by another program\n` });
		writeFileSync(`${sandbox.directory}/file`, 'precious');
		const file = await sandbox.cliWith(
			{ program: bundles.orchd },
			'--socket',
			`${sandbox.directory}/file`,
			'--home',
			`${sandbox.directory}/none`,
		);
		expect(file.code).toBe(8);
		expect(file.stderr).toContain(`${sandbox.directory}/file exists and is not a socket`);
		expect(readFileSync(`${sandbox.directory}/file`, 'utf8')).toBe('precious');
	});

	it.skipIf(process.getuid?.() !== 0)('a directory of somebody else is not listened in: exit code 6', async () => {
		const directory = `${sandbox.directory}/trap`;
		mkdirSync(directory);
		const { chownSync } = await import('node:fs');
		chownSync(directory, 65_534, 65_534);
		const result = await sandbox.cliWith(
			{ program: bundles.orchd },
			'--socket',
			`${directory}/s`,
			'--home',
			`${sandbox.directory}/none`,
		);
		expect(result).toMatchObject({
			code: 6,
			stderr: `orchd: permission denied: ${directory} belongs to uid 65534, you are uid 0\n`,
		});
		symlinkSync(directory, `${sandbox.directory}/link`);
		expect(
			(
				await sandbox.cliWith(
					{ program: bundles.orchd },
					'--socket',
					`${sandbox.directory}/link/s`,
					'--home',
					`${sandbox.directory}/none`,
				)
			).code,
		).toBe(6);
	});
});

describe('another version of the protocol', () => {
	/** A daemon of another version, as far as a client gets to see it. */
	async function fakeDaemon(own: Sandbox, proto: readonly [number, number]): Promise<Server> {
		const server = createServer((socket) => {
			socket.on('error', () => {});
			const codec = createMsgpackCodec();
			socket.write(codec.encode({ kind: 'hello', hello: { ...ourHello('orchd/9.9.9', process.pid), proto } }));
		});
		server.listen(own.socket);
		await until('it listens', () => server.listening);
		return own.add(server, () => void server.close());
	}

	it.each([
		[
			'older',
			[0, 0],
			'0',
			(pid: number) => `kill -USR2 ${pid} ends that orchd and keeps its runtimes running; once it is gone: orch`,
		],
		['newer', [7, 9], '7–9', () => 'use the orch that came with that orchd, or a newer one'],
	] as const)(
		'E122: an %s orchd: the CLI says both versions, where they are, and which to replace; exit code 9',
		async (_title, proto, range, hint) => {
			await inSandbox(async (own) => {
				await fakeDaemon(own, proto);
				expect(refused(await own.cli('ps'), 9)).toMatch(
					new RegExp(
						`^orch: this client \\(orch[ /]0\\.1\\.0, protocol 1\\) cannot talk to orchd \\(orchd/9\\.9\\.9, protocol ${range}\\)\n  client ${bundles.cli}\n  daemon \\S+ \\(pid ${process.pid}, up \\d+[smh]\\)\nhint: ${hint(process.pid)}`,
					),
				);
				// it is there, and of another version: to start one more would not help
				expect((await own.cli('runtime', 'add', 'sleep', '--', '1')).code).toBe(9);
			});
		},
	);

	it.each([
		['older', [0, 0]],
		['newer', [2, 5]],
	] as const)('E122: an %s client: orchd says both versions and closes; others go on', async (_title, proto) => {
		const socket = await connectUnix(sandbox.socket);
		const messages: Message[] = [];
		const codec = createMsgpackCodec();
		socket.on('data', (bytes) => codec.decode(bytes, (message) => messages.push(message as Message)));
		let closed = false;
		socket.on('close', () => {
			closed = true;
		});
		socket.write(preface);
		socket.write(codec.encode({ kind: 'hello', hello: { ...ourHello('orch/9.9.9', 1), proto } }));
		await until('orchd closes the connection', () => closed);
		const error = messages.find((message) => message.kind === 'error')?.error as WireError;
		expect(error).toMatchObject({ code: 'protocol.version', number: 'E122', exit: 9 });
		expect(error.message).toContain('cannot talk to orchd (orchd/0.1.0, protocol 1)');
		expect((await orchd.call('daemon.version', {})).pid).toBe(orchd.pid);
	});
});

describe('over the socket', () => {
	it('an operation that is not there, params that do not fit, an id in use: each a typed error, and the connection goes on', async () => {
		const client = await LineClient.connect(sandbox.socket);
		client.send(
			{ id: 1, op: 'runtime.lst', params: {} },
			{ id: 2, op: 'runtime.show', params: { runtime: 7 } },
			{ id: 3, op: 'link.add', params: { from: 'worker', type: 'T', to: 'worker-2', overflow: 'blok' } },
		);
		expect(await client.next('an answer')).toMatchObject({
			id: 1,
			error: { code: 'operation.unknown', data: { candidates: ['runtime.list'] } },
		});
		expect(await client.next('an answer')).toMatchObject({
			id: 2,
			error: { code: 'request.invalid', message: 'cannot read the request: runtime must be string' },
		});
		expect(await client.next('an answer')).toMatchObject({
			id: 3,
			error: { code: 'request.invalid', message: expect.stringContaining('must be one of "block"') as string },
		});
		const body = { b64: Buffer.from('{"seq":1,"t":').toString('base64') };
		client.send({ id: 6, op: 'link.send', params: { to: 'worker', type: 'T', body } });
		expect(await client.next('an answer')).toMatchObject({
			id: 6,
			error: {
				code: 'message.invalid',
				message: 'message body is not JSON: unexpected end at line 1, column 14\n    {"seq":1,"t":\n                 ^',
				data: { reason: 'unexpected end at line 1, column 14' },
			},
		});
		client.send({ id: 4, op: 'runtime.stdout', params: { runtime: 'worker' } }, { id: 4, op: 'daemon.version', params: {} });
		expect(await client.next('an answer')).toMatchObject({ id: 4, error: { code: 'protocol.malformed' } });
		client.send('not JSON\n', { id: 5, op: 'daemon.version' });
		expect(await client.next('an answer')).toMatchObject({ error: { code: 'protocol.malformed' } });
		expect(await client.next('an answer')).toMatchObject({ id: 5, ok: { pid: orchd.pid } });
		client.close();
	});

	it('what is longer than a frame may be is refused before it is kept; a body that is no message is answered', async () => {
		const socket = await connectUnix(sandbox.socket);
		const messages: Message[] = [];
		const codec = createMsgpackCodec();
		socket.on('data', (bytes) => codec.decode(bytes, (message) => messages.push(message as Message)));
		let closed = false;
		socket.on('close', () => {
			closed = true;
		});
		socket.write(preface);
		socket.write(framed(pack({ not: 'an array' })));
		socket.write(framed(pack([0, 9, 'daemon.version', {}, {}])));
		await until('the request is answered', () => messages.some((message) => message.kind === 'ok' && message.id === 9));
		expect(messages.some((message) => message.kind === 'error' && message.error.code === 'protocol.malformed')).toBe(true);
		const long = Buffer.alloc(4);
		long.writeUInt32LE(0xffff_ffff);
		socket.write(long);
		await until('orchd closes the connection', () => closed);
		expect(messages.at(-1)).toMatchObject({
			kind: 'error',
			error: { code: 'protocol.malformed', message: expect.stringContaining('4294967295 bytes') as string },
		});
	});

	it('a signal that this system does not have, an id that is no UUID, a name with a slash: request.invalid', async () => {
		const worker = { runtime: 'worker' };
		expect(await codeOf(orchd.call('runtime.signal', { ...worker, signal: 'SIGNOTHING' }))).toBe('request.invalid');
		expect(await codeOf(orchd.add(sh('true'), { id: 'no-uuid' }))).toBe('request.invalid');
		expect(await codeOf(orchd.add(sh('true'), { name: 'a/b' }))).toBe('request.invalid');
		expect(await codeOf(orchd.add(sh('true'), { cwd: 'relative' }))).toBe('request.invalid');
		expect(await codeOf(orchd.add(sh('true'), { stop: { signal: 'SIGNOTHING' } }))).toBe('request.invalid');
		expect((await orchd.call('runtime.list', {})).map(({ name }) => name)).toEqual(['worker', 'worker-2']);
	});
});
