/** Launches, ends and output of real processes: the scenarios of the study on supervision, by their numbers. */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@orch/base/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noCgroups } from './cgroups.ts';
import type { SupervisorFault } from './faults.ts';
import { readStat } from './proc-scan.ts';
import { defaultRestart } from './spec.ts';
import { fixture, isAlive, python, type Real, superviseReally } from './testing/real.ts';

const faultOf = (command: Promise<unknown>): Promise<SupervisorFault> =>
	command.then(
		() => {
			throw new Error('It was not refused');
		},
		(error: { fault: SupervisorFault }) => error.fault,
	);

/** Nothing of it is moved into segments while the test reads the file itself. */
const inOneFile = { maxBytes: 2 ** 30, segmentBytes: 2 ** 27 };

describe.skipIf(process.platform !== 'linux')('real processes', () => {
	let real: Real;
	beforeEach(() => {
		real = superviseReally((_id, { processId }) => ({
			env: { ORCH_IPC_TOKEN: `token of ${processId}`, 'odd.name': 'x' },
			ready: Promise.resolve(),
		}));
	});
	afterEach(() => real.close());

	test('a program gets its arguments, directory and environment as they are, and nothing of ours', async () => {
		const args = ['', 'a b', '$HOME', '"\'', 'é\n', '-n', '*'];
		const env = { HOME: '/nowhere', EMPTY: '', LINES: 'a\nb', 'with.dot': '1', LC_ALL: 'C', IFS: ':' };
		const id = real.add(python, ['-S', fixture('show-surroundings.py'), ...args], { env, cwd: '/usr' });
		const { pid, processId, stdoutPath, stderrPath } = await real.supervisor.start(id);
		const said = await until(
			'it has spoken',
			() => (existsSync(stdoutPath) ? readFileSync(stdoutPath, 'utf8') : '').trim() || undefined,
		);
		const seen = JSON.parse(said);
		const { PWD, OLDPWD, _, LC_CTYPE, ...seenEnv } = seen.env;
		// higher ones are what whoever runs these tests has left open for everybody
		const descriptors = Object.fromEntries(Object.entries(seen.descriptors).filter(([number]) => Number(number) < 10));
		expect({ ...seen, env: seenEnv, descriptors }).toEqual({
			args,
			cwd: '/usr',
			env: { ...env, ORCH_IPC_TOKEN: `token of ${processId}`, 'odd.name': 'x', ORCH_PROCESS: processId },
			descriptors: { 0: '/dev/null', 1: stdoutPath, 2: stderrPath },
			nice: expect.any(Number),
			// SIGPIPE and SIGXFSZ are what the interpreter itself ignores
			ignored: '0000000001001000',
			blocked: '0000000000000000',
			isLeader: false,
			pid,
		});
	});

	test('the process is recorded before its program runs, and the record goes with it', async () => {
		const id = real.add('/bin/sh', ['-c', `cat ${real.directory}/processes/*; exec sleep 1000`]);
		const { processId, stdoutPath, pid, generation } = await real.supervisor.start(id);
		const text = await until(
			'it has shown its record',
			() => readFileSync(stdoutPath, 'utf8').split('\npid ').length > 1 && readFileSync(stdoutPath, 'utf8'),
		);
		const record = JSON.parse(text.split('\n')[0] ?? '');
		expect(record).toEqual({
			version: 1,
			processId,
			runtimeId: id,
			runtimeName: real.supervisor.snapshot(id).spec.name,
			generation,
			pid: readStat(pid ?? 0)?.parent,
			startTicks: readStat(readStat(pid ?? 0)?.parent ?? 0)?.startTicks,
			bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
			program: '/bin/sh',
			stop: { signal: 'SIGTERM', graceMs: 150 },
			outputDirectory: `${real.directory}/logs/${id}/`,
			launchedAt: expect.any(Number),
			// all that a daemon needs that finds a state which has lost the runtime
			spec: JSON.parse(JSON.stringify(real.supervisor.snapshot(id).spec)),
		});
		await real.supervisor.stop(id);
		await until('the record is gone', () => readdirSync(join(real.directory, 'processes')).length === 0);
	});

	test.skipIf(process.getuid?.() !== 0)('the priority holds from the first instruction on', async () => {
		for (const [priority, nice] of [
			['high', -10],
			['low', 10],
		] as const) {
			const id = real.add(python, ['-S', fixture('show-surroundings.py')], { priority });
			const { stdoutPath, warnings } = await real.supervisor.start(id);
			const said = await until('it has spoken', () => readFileSync(stdoutPath, 'utf8').trim() || undefined);
			expect({ nice: JSON.parse(said).nice, warnings }).toEqual({ nice, warnings: [] });
		}
	});

	test('a start may change the priority for good', async () => {
		const id = real.add('/bin/sleep', ['1000']);
		expect((await real.supervisor.start(id, { priority: 'low' })).spec.priority).toBe('low');
		expect((await real.supervisor.restart(id)).spec.priority).toBe('low');
	});

	test('supervision 3.1.14: a program that fails at once is tried as often as its policy says, and then parked', async () => {
		const restart = { ...defaultRestart, when: 'on-failure', firstMs: 1, capMs: 4 } as const;
		const id = real.add('/bin/sh', ['-c', 'echo tried; exit 3'], { restart });
		await real.supervisor.start(id);
		const { reason, generation, restarts, lastExit, stdoutPath } = await real.status(id, 'failed');
		expect({ reason, generation, restarts, lastExit, tried: readFileSync(stdoutPath, 'utf8') }).toMatchObject({
			reason: 'gave up after 5 failures in 60s; last: exit code 3',
			generation: 5,
			restarts: 4,
			lastExit: { code: 3, signal: undefined, by: 'itself' },
			tried: 'tried\n'.repeat(5),
		});
		await until('every generation was told to be over', () => real.ended.length === 5);
		expect(real.ended.map(([, ended]) => ended)).toEqual([1, 2, 3, 4, 5]);
	});

	test.each([
		['SIGSEGV', 'signal'],
		['SIGKILL', 'signal'],
		['SIGINT', 'signal'],
		['SIGTERM', 'signal'],
	])('supervision 3.1.16: an end by %s is told as that signal', async (signal) => {
		const id = real.add('/bin/sh', ['-c', `ulimit -c 0; kill -${signal.slice(3)} $$`]);
		await real.supervisor.start(id);
		const { lastExit } = await real.status(id, 'exited');
		expect(lastExit).toMatchObject({ code: undefined, signal, coreDumped: false, by: 'itself' });
	});

	test.each([0, 1, 42, 126, 127, 139, 143, 255])('supervision 3.1.16: exit code %i is told as that code', async (code) => {
		const id = real.add('/bin/sh', ['-c', `exit ${code}`]);
		await real.supervisor.start(id);
		const { lastExit } = await real.status(id, 'exited');
		expect(lastExit).toMatchObject({ code, signal: undefined, by: 'itself', reason: undefined });
	});

	describe('supervision 3.1.17: a launch that fails has a fault of its own, counts, and harms nobody', () => {
		const script = (name: string, content: string, mode = 0o755): string => {
			const path = join(real.directory, name);
			writeFileSync(path, content);
			chmodSync(path, mode);
			return path;
		};
		test.each([
			['a missing program', () => real.add('/missing/program', []), 'not_found'],
			['one that may not be executed', () => real.add(script('plain', '#!/bin/sh\n', 0o644), []), 'not_executable'],
			['a directory', () => real.add('/usr', []), 'is_directory'],
			['a missing working directory', () => real.add('/bin/sh', [], { cwd: '/missing' }), 'cwd_missing'],
			['a bad interpreter', () => real.add(script('bad', '#!/missing/python\n'), []), 'missing_interpreter'],
			['neither binary nor script', () => real.add(script('text', 'hello\n'), []), 'wrong_format'],
			['too long an argument', () => real.add('/bin/sh', ['x'.repeat(200_000)]), 'too_big'],
			[
				'too many arguments',
				() =>
					real.add(
						'/bin/sh',
						Array.from({ length: 100 }, () => 'x'.repeat(120_000)),
					),
				'too_big',
			],
			['an argument that no program can get', () => real.add('/bin/sh', ['a\0b']), 'system'],
		])('%s', async (_, add, kind) => {
			const id = add();
			expect(await faultOf(real.supervisor.start(id))).toMatchObject({ kind: 'start_failed', fault: { kind } });
			expect(real.supervisor.snapshot(id)).toMatchObject({ status: 'failed', generation: 1, pid: undefined });
			const witness = real.add('/bin/sleep', ['1000']);
			expect((await real.supervisor.start(witness)).status).toBe('running');
			expect(readdirSync(join(real.directory, 'processes'))).toHaveLength(1);
		});

		test('a program that disappears after it was let go is told by its reason', async () => {
			const program = script('vanishing', '#!/missing/interpreter\n');
			// what is checked before the launch is fine: the shell finds out
			const id = real.add('/bin/sh', ['-c', 'rm "$0"; exit 127', program], { program });
			expect(await faultOf(real.supervisor.start(id))).toMatchObject({ fault: { kind: 'missing_interpreter' } });
			writeFileSync(program, '#!/bin/sh\nrm "$0"\nexit 127\n');
			await real.supervisor.start(id);
			expect((await real.status(id, 'exited')).lastExit).toMatchObject({ code: 127, reason: `${program} does not exist` });
		});
	});

	test('supervision 3.1.33: of 1,000,000 lines at full speed the file and a stream that follows have every one', async () => {
		const id = real.add(python, ['-S', fixture('count-lines.py'), '1000000'], { output: inOneFile });
		const expected = createHash('sha256');
		for (let number = 0; number < 1_000_000; number++) expected.update(`line ${number}\n`);
		const digest = expected.digest('hex');
		const following = (async () => {
			const hash = createHash('sha256');
			const chunks = real.supervisor.output(id, 'stdout', { follow: true });
			for await (const chunk of chunks) hash.update(chunk);
			return hash.digest('hex');
		})();
		await real.supervisor.start(id);
		const { stdoutPath, lastExit } = await real.status(id, 'exited');
		expect(lastExit).toMatchObject({ code: 0 });
		expect(createHash('sha256').update(readFileSync(stdoutPath)).digest('hex')).toBe(digest);
		let tail = '';
		for await (const chunk of real.supervisor.output(id, 'stdout', { follow: false, lines: 2 }))
			tail += Buffer.from(chunk).toString();
		expect(tail).toBe('line 999998\nline 999999\n');
		await real.supervisor.remove(id);
		expect(await following).toBe(digest);
	});

	test('supervision 3.1.34: awkward bytes come as they were written', async () => {
		const id = real.add(python, ['-S', fixture('awkward-bytes.py')], { output: inOneFile });
		const chunks: Uint8Array[] = [];
		let how: string | undefined;
		const following = (async () => {
			const stream = real.supervisor.output(id, 'stdout', { follow: true });
			for (let next = await stream.next(); ; next = await stream.next()) {
				if (next.done) {
					how = next.value;
					return;
				}
				chunks.push(next.value);
			}
		})();
		await real.supervisor.start(id);
		const { stdoutPath } = await real.status(id, 'exited');
		const written = readFileSync(stdoutPath);
		const head = Buffer.concat([
			Buffer.from('crlf\r\nnul \0 byte\ninvalid '),
			Buffer.from([0xff, 0xfe, 0xc3]),
			Buffer.from('( utf-8\n\x1b[2J\x1b[H\x1b[31mred\x1b[0m\n'),
		]);
		expect(written.equals(Buffer.concat([head, Buffer.alloc(10_000_000, 'x'), Buffer.from('\nélast')]))).toBe(true);
		await real.supervisor.remove(id);
		await following;
		expect({ same: Buffer.concat(chunks).equals(written), how }).toEqual({ same: true, how: 'removed' });
		expect(existsSync(stdoutPath)).toBe(false);
	});

	test('output of one process follows that of the one before in the same file', async () => {
		const id = real.add('/bin/sh', ['-c', 'echo $PPID >&2; echo out; exec sleep 1000']);
		const { stdoutPath } = await real.supervisor.start(id);
		await until('it has spoken', () => readFileSync(stdoutPath, 'utf8') === 'out\n');
		await real.supervisor.restart(id);
		await until('it has spoken again', () => readFileSync(stdoutPath, 'utf8') === 'out\nout\n');
	});

	test('supervision 3.1.44: a runtime whose group holds nothing but a zombie is not held up by it', async () => {
		await real.close();
		real = superviseReally(undefined, { cgroups: noCgroups() });
		// a child of which nothing tells any more keeps a dead child of its own in the group
		const script = [
			'import os, time',
			'reading, writing = os.pipe()',
			'if os.fork() == 0:',
			'  if os.fork() == 0: os._exit(0)',
			'  os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)',
			'  os.setsid()',
			`  open(${JSON.stringify(real.notes)}, "a").write("keeper %d\\n" % os.getpid())`,
			'  for number in (0, 1, 2): os.dup2(os.open("/dev/null", os.O_RDWR), number)',
			'  os.execve("/bin/sleep", ["sleep", "1000"], {})',
			'os.close(writing)',
			'os.read(reading, 1)',
			'os._exit(1)',
		].join('\n');
		const id = real.add(python, ['-S', '-c', script], {
			restart: { ...defaultRestart, when: 'on-failure', failures: 2, firstMs: 1 },
			stop: { signal: 'SIGTERM', graceMs: 60_000 },
		});
		await real.supervisor.start(id);
		const { generation } = await real.status(id, 'failed');
		expect(generation).toBe(2);
		// what supervision cannot see without a cgroup, the test has to end
		const keepers = await real.noted('keeper', 2);
		expect(keepers.map(isAlive)).toEqual([true, true]);
		for (const pid of keepers) process.kill(pid, 'SIGKILL');
		await until('the keepers are gone', () => keepers.filter(isAlive).length === 0);
	});

	test('logs that someone has taken away are made anew', async () => {
		const id = real.add('/bin/sh', ['-c', 'echo out']);
		const { stdoutPath } = await real.supervisor.start(id);
		await real.status(id, 'exited');
		rmSync(stdoutPath);
		await real.supervisor.start(id);
		await until('it is there', () => existsSync(stdoutPath) && readFileSync(stdoutPath, 'utf8') === 'out\n');
	});
});
