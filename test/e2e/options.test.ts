/** Instances, labels, ports, live files and schedules, as a user types them. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { expect, it } from 'vitest';
import { inSandbox, type Sandbox, until } from '../support/index.ts';

interface Shown {
	readonly id: string;
	readonly name: string;
	readonly status: string;
	readonly pid: number | null;
	readonly socket: string;
	readonly stdoutPath: string;
	readonly group: { readonly name: string; readonly index: number } | null;
}

const goesOn = 'while :; do sleep 0.05; done';

async function orch(sandbox: Sandbox, ...words: string[]): Promise<string> {
	const { code, stdout, stderr } = await sandbox.cli(...words);
	if (code !== 0) throw new Error(`orch ${words.join(' ')}: ${code}\n${stderr}`);
	return stdout;
}
const list = async (sandbox: Sandbox, ...words: string[]) => JSON.parse(await orch(sandbox, 'ps', ...words, '--json')) as Shown[];
const namesOf = (runtimes: readonly Shown[]) => runtimes.map(({ name }) => name);

it('supervision 3.1.38: instances have their own output and sockets; a group is scaled, and what is scaled down leaves its output', () =>
	inSandbox(async (sandbox) => {
		await sandbox.startDaemon();
		const script = `echo "I am $ORCH_INSTANCE, $ORCH_RUNTIME_NAME"; ${goesOn}`;
		const ids = await orch(sandbox, 'runtime', 'add', 'sh', '--name', 'w', '--instances', '3', '--start', '--', '-c', script);
		expect(ids.trim().split('\n')).toHaveLength(3);
		const three = await list(sandbox, 'w');
		expect(three.map(({ name, group, status }) => [name, group, status])).toEqual([
			['w-1', { name: 'w', index: 1 }, 'running'],
			['w-2', { name: 'w', index: 2 }, 'running'],
			['w-3', { name: 'w', index: 3 }, 'running'],
		]);
		const shown = await Promise.all(
			three.map(async ({ name }) => JSON.parse(await orch(sandbox, 'runtime', 'show', name, '--json')) as Shown),
		);
		expect(new Set(shown.flatMap(({ id, socket, stdoutPath }) => [id, socket, stdoutPath])).size).toBe(9);
		for (const [at, { stdoutPath, name }] of shown.entries())
			await until(`${name} has written`, () => readFileSync(stdoutPath, 'utf8') === `I am ${at + 1}, w-${at + 1}\n`);

		// a link of the group follows it
		await orch(sandbox, 'link', 'add', '--from', 'w', '--type', 'Job', '--to', 'w-1');
		await orch(sandbox, 'runtime', 'scale', 'w', '4');
		const four = await list(sandbox, 'w');
		expect(four.map(({ name, status }) => [name, status]).at(-1)).toEqual(['w-4', 'running']);
		const down = await sandbox.cli('runtime', 'scale', 'w', '2');
		expect(down.stderr).toContain('removed w-4; its output stays in ');
		expect(namesOf(await list(sandbox))).toEqual(['w-1', 'w-2']);
		const third = shown[2];
		expect(third && readFileSync(third.stdoutPath, 'utf8')).toBe('I am 3, w-3\n');

		const before = (await list(sandbox, 'w')).map(({ pid }) => pid);
		expect((await sandbox.cli('restart', 'w')).stderr).toMatch(/restarted w-1 .*\nrestarted w-2 /);
		const after = (await list(sandbox, 'w')).map(({ pid }) => pid);
		expect(after.filter((pid) => before.includes(pid))).toEqual([]);
		const one = await sandbox.cli('status', 'w');
		expect({ code: one.code, text: one.stderr }).toMatchObject({
			code: 7,
			text: expect.stringContaining("'w' matches 2 runtimes"),
		});
		for (const name of ['w', 'w-2']) expect((await sandbox.cli('runtime', 'add', 'sh', '--name', name)).code).toBe(7);
		expect((await sandbox.cli('runtime', 'scale', 'w-1', '2')).stderr).toContain("cannot scale 'w-1'");
		expect((await sandbox.cli('runtime', 'remove', 'w', '--force')).code).toBe(0);
		expect(JSON.parse(await orch(sandbox, 'link', 'list', '--json'))).toEqual([]);
		expect(await list(sandbox)).toEqual([]);
	}));

it('a group outlives the daemon, and so does its link', () =>
	inSandbox(async (sandbox) => {
		const orchd = await sandbox.startDaemon();
		await orch(sandbox, 'runtime', 'add', 'sh', '--name', 'w', '--instances', '2', '--start', '--', '-c', goesOn);
		await orch(sandbox, 'link', 'add', '--from', '*', '--type', 'Job', '--to', 'w');
		const before = await list(sandbox, 'w');
		await orchd.kill9();
		await sandbox.startDaemon();
		expect((await list(sandbox, 'w')).map(({ name, pid }) => [name, pid])).toEqual(before.map(({ name, pid }) => [name, pid]));
		const links = JSON.parse(await orch(sandbox, 'link', 'list', '--json')) as { readonly to: { readonly name: string } }[];
		expect(links.map(({ to }) => to.name)).toEqual(['w']);
		await orch(sandbox, 'runtime', 'scale', 'w', '3');
		expect(namesOf(await list(sandbox, 'w'))).toEqual(['w-1', 'w-2', 'w-3']);
	}));

it('labels choose; a port that is taken is named with its holder; a live file is read at every start', () =>
	inSandbox(async (sandbox) => {
		await sandbox.startDaemon();
		const server = createServer();
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		const { port } = server.address() as { port: number };
		try {
			const refused = await sandbox.cli(
				...[
					'runtime',
					'add',
					'sh',
					'--name',
					'api',
					'--port',
					String(port),
					'--label',
					'tier=web',
					'--start',
					'--',
					'-c',
					goesOn,
				],
			);
			expect(refused.code).toBe(7);
			expect(refused.stderr).toContain(`cannot start 'api': port ${port} is in use by pid ${process.pid} (`);
		} finally {
			await new Promise((resolve) => server.close(resolve));
		}
		const live = sandbox.path('live.env');
		writeFileSync(live, 'WORD=one\n');
		const script = `echo "$WORD" >>words; ${goesOn}`;
		await orch(
			sandbox,
			'runtime',
			'add',
			'sh',
			'--name',
			'job',
			'--env-file-live',
			live,
			'--label',
			'tier=back',
			'--',
			'-c',
			script,
		);
		expect(namesOf(await list(sandbox, '--label', 'tier=web'))).toEqual(['api']);
		expect(namesOf(await list(sandbox, '--label', 'tier'))).toEqual(['api', 'job']);
		const words = sandbox.path('words');
		const wordsAre = (text: string) =>
			until(`words are ${text}`, () => existsSync(words) && readFileSync(words, 'utf8') === text);
		await orch(sandbox, 'start', 'job');
		await wordsAre('one\n');
		writeFileSync(live, 'WORD=two\n');
		await orch(sandbox, 'restart', 'job');
		await wordsAre('one\ntwo\n');
		await orch(sandbox, 'stop', 'job');
		writeFileSync(live, 'nothing of the kind\n');
		const broken = await sandbox.cli('start', 'job');
		expect(broken.code).toBe(1);
		expect(broken.stderr).toContain(`its environment file ${live} cannot be read: line 1: expected NAME=VALUE`);
	}));

it('a schedule starts what nobody has started, and is refused where it is none; a watch restarts', () =>
	inSandbox(async (sandbox) => {
		await sandbox.startDaemon();
		const bad = await sandbox.cli('runtime', 'add', 'sh', '--cron', '61 * * * *');
		expect({ code: bad.code, text: bad.stderr }).toMatchObject({
			code: 2,
			text: expect.stringContaining("'61 * * * *' is no cron expression: invalid value for minute: 61"),
		});
		await orch(
			sandbox,
			'runtime',
			'add',
			'sh',
			'--name',
			'tick',
			'--cron',
			'* * * * * *',
			'--restart',
			'no',
			'--',
			'-c',
			'echo tick >>ticks',
		);
		await until(
			'it has run twice',
			() => existsSync(sandbox.path('ticks')) && readFileSync(sandbox.path('ticks'), 'utf8').length > 5,
		);
		expect(await orch(sandbox, 'runtime', 'show', 'tick')).toMatch(/next due +\d{4}-/);

		mkdirSync(sandbox.path('src'));
		writeFileSync(sandbox.path('src/a'), 'one\n');
		const script = `cat src/a >>seen; ${goesOn}`;
		await orch(sandbox, 'runtime', 'add', 'sh', '--name', 'dev', '--watch', 'src', '--start', '--', '-c', script);
		let written = 0;
		await until('it was restarted', async () => {
			writeFileSync(sandbox.path('src/a'), `two ${written++}\n`);
			return until('it sees it', () => readFileSync(sandbox.path('seen'), 'utf8').includes('two'), 2_000).catch(() => false);
		});
	}));

it.runIf(process.getuid?.() === 0)('a runtime of another user reaches its own socket, and nobody else’s', () =>
	inSandbox(async (sandbox) => {
		const orchd = await sandbox.startDaemon();
		const speak = `require('node:net').connect(process.env.ORCH_IPC_SOCKET).write('{"hello":{}}\\n'); console.log(process.getuid())`;
		const options = ['--name', 'guest', '--user', 'nobody', '--cwd', '/', '--start'];
		await orch(sandbox, 'runtime', 'add', process.execPath, ...options, '--', '-e', speak);
		const guest = await orchd.show('guest');
		expect(await until('it is connected', async () => (await orchd.show('guest')).connected ?? undefined)).toBe('json');
		expect(await orchd.writes(guest, '\n')).toBe('65534\n');
		expect(statSync(guest.socket)).toMatchObject({ uid: 65_534 });
		expect(statSync(guest.socket).mode & 0o777).toBe(0o600);
		expect(statSync(dirname(guest.socket)).mode & 0o777).toBe(0o700);
		const other = await orchd.run({ program: '/bin/sh', args: ['-c', goesOn] }, { name: 'other' });
		expect(dirname((await orchd.show(other)).socket)).not.toBe(dirname(guest.socket));
		await orch(sandbox, 'runtime', 'remove', 'guest', '--force');
		expect(existsSync(dirname(guest.socket))).toBe(false);
	}),
);

it('how much output is kept and when it is healthy is shown as it was given', () =>
	inSandbox(async (sandbox) => {
		await sandbox.startDaemon();
		await orch(sandbox, 'runtime', 'add', 'true', '--name', 'a', '--max-output', '128k', '--healthy', '90s');
		const shown = JSON.parse(await orch(sandbox, 'runtime', 'show', 'a', '--json')) as {
			options: { output?: unknown };
			restart: { healthyMs: number };
		};
		expect(shown.options.output).toEqual({ maxBytes: 131_072 });
		expect(shown.restart.healthyMs).toBe(90_000);
		const text = await orch(sandbox, 'runtime', 'show', 'a');
		expect(text).toMatch(/^ *restart +on-failure: .*; healthy after 1m 30s$/m);
		expect(text).toMatch(/^ *max output +128 KiB$/m);
		const refused = await sandbox.cli('runtime', 'add', 'true', '--max-output', '1k');
		expect(refused).toMatchObject({ code: 2, stderr: "orch: --max-output is '1k'; it must be a size of 64k or more\n" });
	}));
