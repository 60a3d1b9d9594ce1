/** The promises of supervision, end to end: through orchd's socket, with real programs. Titles are those of the scenarios. */
import {
	existsSync,
	readFileSync,
	readlinkSync,
	rmSync,
	writeFileSync,
	chmodSync,
	chownSync,
	mkdirSync,
	readdirSync,
	statSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { connectUnix } from '@orch/base';
import { seededRandom } from '@orch/base/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import {
	bundles,
	changeDatabase,
	codeOf,
	descriptorKindsOf,
	keptShims,
	spareShimsOf,
	descriptorsOf,
	fixture,
	has,
	inSandbox,
	isAlive,
	niceOf,
	node,
	type Orchd,
	type Program,
	processAt,
	processesAbout,
	processesWith,
	sh,
	sleeper,
	until,
	useSandbox,
} from '../support/index.ts';

const sandbox = useSandbox();
let orchd: Orchd;
beforeAll(async () => {
	orchd = await sandbox.startDaemon();
});

/** A stop that is over before this was not a stop that waited for the default grace. */
const wellBelowDefaultGraceMs = 8_000;
const once = { restart: { when: 'no' } } as const;

/** The pid that a program writes to a file of this name. */
async function pidIn(name: string): Promise<number> {
	const file = sandbox.path(name);
	return until(`${name} holds a pid`, () => {
		const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
		return /^\d+\n/.test(text) && Number(text);
	});
}

async function timed<T>(work: Promise<T>): Promise<{ readonly ms: number; readonly result: T }> {
	const from = performance.now();
	const result = await work;
	return { result, ms: performance.now() - from };
}

const cookie = (id: string) => processesWith('ORCH_RUNTIME_ID', id);

describe('kill and stop', () => {
	it('supervision 3.1.1: a child that ignores SIGTERM is killed at the grace deadline, and its status says so', async () => {
		const runtime = await orchd.run(sh(`trap '' TERM; echo up; while :; do sleep 1000000; done`), { stop: { graceMs: 400 } });
		await orchd.writes(runtime, 'up');
		const { ms, result } = await timed(orchd.call('runtime.stop', { runtime: runtime.id }));
		expect(result).toMatchObject({
			status: 'stopped',
			desired: 'stopped',
			pid: null,
			lastExit: { signal: 'SIGKILL', code: null, by: 'kill' },
		});
		expect(ms).toBeGreaterThanOrEqual(395);
		expect(ms).toBeLessThan(wellBelowDefaultGraceMs);
		expect(cookie(runtime.id)).toEqual([]);
		const { stdout } = await sandbox.cli('status', runtime.name);
		expect(stdout).toContain('SIGKILL');
		await orchd.remove(runtime);
	});

	it('supervision 3.1.2: the leader exits 0 on SIGTERM, a child of its group ignores it: stop returns only after that child is dead', async () => {
		const runtime = await orchd.run(sh(`trap 'exit 0' TERM; (trap '' TERM; exec sleep 1000000) & echo $! > work/2.pid; wait`), {
			stop: { graceMs: 300 },
		});
		const child = await pidIn('2.pid');
		const stopped = await orchd.call('runtime.stop', { runtime: runtime.id });
		expect(isAlive(child)).toBe(false);
		// the leader itself ended well, whatever became of the rest
		expect(stopped).toMatchObject({ status: 'stopped', lastExit: { code: 0, signal: null }, escaped: [] });
		await orchd.remove(runtime);
	});

	it('supervision 3.1.3: a grandchild in a session of its own that ignores SIGTERM is dead after the stop', async () => {
		const runtime = await orchd.run(
			sh(`setsid sh -c 'trap "" TERM; echo $$ > work/3.pid; while :; do sleep 1000000; done' & wait`),
			{
				stop: { graceMs: 300 },
			},
		);
		const grandchild = await pidIn('3.pid');
		await orchd.call('runtime.stop', { runtime: runtime.id });
		expect(isAlive(grandchild)).toBe(false);
		expect(cookie(runtime.id)).toEqual([]);
		await orchd.remove(runtime);
	});

	it('supervision 3.1.4: a grandchild that was forked twice, without parent and in a session of its own, is found and dead after the stop', async () => {
		const script = `(setsid sh -c 'echo $$ > work/4.pid; exec sleep 1000000' </dev/null >/dev/null 2>&1 &) ; exec sleep 1000000`;
		const runtime = await orchd.run(sh(script), { stop: { graceMs: 300 } });
		const orphan = await pidIn('4.pid');
		await orchd.call('runtime.stop', { runtime: runtime.id });
		expect(isAlive(orphan)).toBe(false);
		await orchd.remove(runtime);
	});

	it('supervision 3.1.5: a grandchild that escaped and scrubbed its environment is found by the output that it holds', async () => {
		const script = `(setsid env -i /bin/sh -c 'echo $$ > work/5.pid; exec /bin/sleep 1000000' &) ; exec sleep 1000000`;
		const runtime = await orchd.run(sh(script), { stop: { graceMs: 300 } });
		const escapee = await pidIn('5.pid');
		const outcome = await orchd.call('runtime.stop', { runtime: runtime.id }).catch((error: unknown) => error);
		const named = JSON.stringify(outcome).includes(String(escapee));
		// gone, or named: never ignored in silence. On Linux with /proc it is gone
		expect({ alive: isAlive(escapee), named }).toEqual({ alive: false, named: false });
		await orchd.remove(runtime);
	});

	it('supervision 3.1.6: a grandchild keeps stdout open after the leader has died: the status is exited at once, and nobody waits for the output', async () => {
		const follower = await orchd.client();
		const runtime = await orchd.add(
			sh(
				`(setsid sh -c 'trap "" TERM; echo $$ > work/6.pid; exec sleep 1000000' &); while [ ! -s work/6.pid ]; do :; done; echo last words; exit 3`,
			),
			{
				...once,
				stop: { graceMs: 2_500 },
			},
		);
		const seen: Uint8Array[] = [];
		const following = (async () => {
			for await (const { bytes } of follower.stream('runtime.stdout', { runtime: runtime.id, follow: true })) seen.push(bytes);
		})();
		await orchd.call('runtime.start', { runtime: runtime.id });
		const grandchild = await pidIn('6.pid');
		const exited = await orchd.becomes(runtime, 'exited', ({ status }) => status === 'exited');
		expect(exited).toMatchObject({ lastExit: { code: 3, signal: null, by: 'itself' }, pid: null });
		// what is left is being ended meanwhile, within the grace; the status did not wait for that
		expect(isAlive(grandchild)).toBe(true);
		await until('the grandchild is gone', () => !isAlive(grandchild));
		await orchd.remove(runtime);
		await following;
		expect(Buffer.concat(seen).toString()).toBe('last words\n');
		follower.close();
	});

	it('supervision 3.1.7: a stopped process is woken by the stop, and may end well; one that will not is killed at the deadline', async () => {
		const polite = await orchd.run(sh(`trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done`));
		const rude = await orchd.run(sh(`trap '' TERM; echo up; while :; do sleep 0.05; done`), { stop: { graceMs: 400 } });
		for (const runtime of [polite, rude]) {
			await orchd.writes(runtime, 'up');
			await orchd.call('runtime.signal', { runtime: runtime.id, signal: 'SIGSTOP' });
		}
		const { ms, result } = await timed(orchd.call('runtime.stop', { runtime: polite.id }));
		expect(result).toMatchObject({ lastExit: { code: 0, by: 'stop' } });
		expect(ms).toBeLessThan(wellBelowDefaultGraceMs);
		expect((await orchd.output(polite)).toString()).toContain('bye');
		const killed = await timed(orchd.call('runtime.stop', { runtime: rude.id }));
		expect(killed.result).toMatchObject({ lastExit: { signal: 'SIGKILL', by: 'kill' } });
		expect(killed.ms).toBeLessThan(wellBelowDefaultGraceMs);
		await orchd.remove(polite, rude);
	});

	it('supervision 3.1.8: two hundred children forked during the stop: none is left', async () => {
		const bomb = `trap 'i=0; while [ $i -lt 200 ]; do (trap "" TERM; exec sleep 1000000) & i=$((i+1)); done; echo $i > work/8.count; exit 0' TERM; echo up; while :; do sleep 0.05; done`;
		const runtime = await orchd.run(sh(bomb), { stop: { graceMs: 1_500 } });
		await orchd.writes(runtime, 'up');
		await orchd.call('runtime.stop', { runtime: runtime.id });
		expect(cookie(runtime.id)).toEqual([]);
		expect(readFileSync(sandbox.path('8.count'), 'utf8')).toBe('200\n');
		await orchd.remove(runtime);
	});

	it('supervision 3.1.9: a stop in every state has a meaning, changes nothing twice, and is quick where nothing runs', async () => {
		const quickly = async (runtime: { readonly id: string }) => {
			const { ms, result } = await timed(orchd.call('runtime.stop', { runtime: runtime.id }));
			expect(ms).toBeLessThan(wellBelowDefaultGraceMs);
			expect(result).toMatchObject({ status: 'stopped', desired: 'stopped', pid: null });
			return result;
		};
		// stopped
		const idle = await orchd.add(sleeper());
		expect((await quickly(idle)).generation).toBe(0);
		// starting: the start says that it was overtaken, or was faster
		const start = orchd.call('runtime.start', { runtime: idle.id }).then(
			() => 'started',
			() => 'superseded',
		);
		await quickly(idle);
		expect(['started', 'superseded']).toContain(await start);
		expect(cookie(idle.id)).toEqual([]);
		// stopping: the second joins the first
		await orchd.call('runtime.start', { runtime: idle.id });
		const [first, second] = await Promise.all([quickly(idle), quickly(idle)]);
		expect(second.lastExit).toEqual(first.lastExit);
		// backoff
		const failing = await orchd.run(sh('exit 1'), { restart: { firstMs: 600_000, capMs: 600_000 } });
		await orchd.becomes(failing, 'in backoff', ({ status }) => status === 'backoff');
		await quickly(failing);
		expect((await orchd.show(failing)).backoff?.nextInMs ?? null).toBeNull();
		// exited
		const done = await orchd.run(sh('exit 0'));
		await orchd.becomes(done, 'exited', ({ status }) => status === 'exited');
		await quickly(done);
		// failed
		const parked = await orchd.run(sh('exit 1'), { restart: { failures: 1 } });
		await orchd.becomes(parked, 'failed', ({ status }) => status === 'failed');
		await quickly(parked);
		await orchd.remove(idle, failing, done, parked);
	});

	it('supervision 3.1.10: a thousand stops, starts and restarts at random: never two incarnations, and the last command holds', async () => {
		// the lock is the kernel's: it is held for exactly as long as a process of the incarnation lives
		const script = `exec 9>>work/10.lock; flock -n -E 77 9; [ $? -eq 77 ] && echo overlap >> work/10.overlaps; echo $$ >> work/10.starts; exec sleep 1000000`;
		const runtime = await orchd.add(sh(script));
		const random = seededRandom(10);
		const underWay = new Set<Promise<unknown>>();
		const outcomes: Record<string, number> = {};
		const commands = ['runtime.start', 'runtime.stop', 'runtime.restart'] as const;
		for (let count = 0; count < 1_000; count++) {
			const command = commands[Math.floor(random.float() * 3)] ?? 'runtime.start';
			const work: Promise<unknown> = orchd
				.call(command, { runtime: runtime.id })
				.then(
					() => 'done',
					(error: { code?: string }) => error.code ?? String(error),
				)
				.then((outcome) => {
					outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
					underWay.delete(work);
				});
			underWay.add(work);
			// now and then all of them, so that some commands meet a runtime at rest
			if (random.float() < 0.2) await Promise.all(underWay);
			while (underWay.size >= 1 + Math.floor(random.float() * 6)) await Promise.race(underWay);
		}
		await Promise.all(underWay);
		expect(Object.keys(outcomes).sort()).toEqual(['done', 'runtime.superseded']);
		for (const [last, status, alive] of [
			['runtime.restart', 'running', 1],
			['runtime.stop', 'stopped', 0],
			['runtime.start', 'running', 1],
		] as const) {
			const others = commands.map((command) => orchd.call(command, { runtime: runtime.id }).catch(() => {}));
			await orchd.call(last, { runtime: runtime.id });
			await Promise.all(others);
			expect((await orchd.show(runtime)).status).toBe(status);
			const sleeping = () => cookie(runtime.id).filter(({ command }) => command.startsWith('sleep')).length;
			if (alive === 0) expect(cookie(runtime.id)).toEqual([]);
			else await until('the program sleeps', () => sleeping() > 0);
			expect(sleeping()).toBe(alive);
		}
		expect(existsSync(sandbox.path('10.overlaps'))).toBe(false);
		const starts = readFileSync(sandbox.path('10.starts'), 'utf8').trim().split('\n');
		expect(starts.length).toBeGreaterThan(50);
		expect((await orchd.show(runtime)).generation).toBeGreaterThanOrEqual(starts.length);
		await orchd.remove(runtime);
	});

	it('supervision 3.1.12: fifty programs that ignore SIGTERM: clear takes about one grace, not fifty', async () => {
		await inSandbox(async (own) => {
			const daemon = await own.startDaemon();
			const graceMs = 1_000;
			const runtimes = await Promise.all(
				Array.from({ length: 50 }, (_, index) =>
					daemon.run(sh(`trap '' TERM; echo up; while :; do sleep 1000000; done`), { name: `rude-${index}`, stop: { graceMs } }),
				),
			);
			for (const runtime of runtimes) await daemon.writes(runtime, 'up');
			const { ms, result } = await timed(own.cli('clear', '--yes'));
			expect(result).toMatchObject({ code: 0 });
			expect(result.stderr).toContain('50 runtimes');
			expect(ms).toBeGreaterThanOrEqual(graceMs - 5);
			expect(ms).toBeLessThan(10 * graceMs);
			expect(processesWith('ORCH_SOCKET', own.socket).filter(({ command }) => /\b(sh|sleep)\b/.test(command))).toEqual([]);
			expect(await daemon.call('runtime.list', {})).toEqual([]);
		});
	});

	it('supervision 3.1.12: forty programs of a project that ignore SIGTERM: orch down takes about one grace, not forty', async () => {
		await inSandbox(async (own) => {
			const daemon = await own.startDaemon();
			const bystander = await daemon.run(sleeper(), { name: 'bystander' });
			const graceMs = 1_000;
			const rude = `[/bin/sh, -c, "trap '' TERM; echo up; while :; do sleep 1000000; done"]`;
			const names = Array.from({ length: 40 }, (_, index) => `rude-${index}`);
			const runtimes = names.map((name) => `  ${name}: { command: ${rude}, stop: { grace: ${graceMs}ms } }`);
			writeFileSync(own.path('orch.yaml'), `version: 1\nname: rude\nruntimes:\n${runtimes.join('\n')}\n`);
			expect(await own.cli('up')).toMatchObject({ code: 0 });
			const list = await daemon.call('runtime.list', {});
			expect(list).toHaveLength(41);
			for (const runtime of list) if (runtime.id !== bystander.id) await daemon.writes(runtime, 'up');
			const { ms, result } = await timed(own.cli('down'));
			expect(result, result.stderr).toMatchObject({ code: 0 });
			expect(ms).toBeGreaterThanOrEqual(graceMs - 5);
			expect(ms).toBeLessThan(10 * graceMs);
			expect((await daemon.call('runtime.list', {})).map(({ id, pid }) => [id, pid])).toEqual([[bystander.id, bystander.pid]]);
			expect(processesWith('ORCH_SOCKET', own.socket).filter(({ command }) => /\b(sh|sleep)\b/.test(command))).toHaveLength(1);
		});
	});

	it('supervision 3.1.13: a record whose pid belongs to somebody else by now: no signal is sent', async () => {
		await inSandbox(async (own) => {
			const first = await own.startDaemon();
			const runtime = await first.run(sleeper());
			const { pid } = runtime;
			await first.kill9();
			// shim and program; neither the router nor the shim has anything of this in its environment
			const old = processesWith('ORCH_SOCKET', own.socket).flatMap(({ pid: program, parent }) => [
				{ pid: program },
				{ pid: parent },
			]);
			for (const { pid: left } of old) kill(left);
			await until('all of the runtime is gone', () => old.every(({ pid: left }) => !isAlive(left)));
			// a stranger, who has nothing of ours: no cookie, no output, and now every pid in the records
			const stranger = own.add(
				spawn('/bin/sleep', ['1000000'], { stdio: 'ignore', detached: true, cwd: '/', env: {} }),
				(child) => child.kill('SIGKILL'),
			);
			const pids = new Set([pid, ...old.map(({ pid: left }) => left)]);
			const records = readdirSync(join(own.home, 'processes')).map((name) => join(own.home, 'processes', name));
			let forged = 0;
			for (const record of records) {
				const text = readFileSync(record, 'utf8');
				writeFileSync(
					record,
					text.replace(/\d+/g, (number) => {
						if (!pids.has(Number(number))) return number;
						forged++;
						return String(stranger.pid);
					}),
				);
			}
			// that of the shim in the record of the daemon, that of the program in the line of the shim
			expect([records.length, forged]).toEqual([1, 2]);
			changeDatabase(`${own.home}/orch.db`, `UPDATE processes SET pid = ${stranger.pid}`);
			const second = await own.startDaemon();
			// it has ended while nobody was there, in whatever way: so it is started again, as one that failed
			const again = await second.becomes(
				runtime,
				'running again',
				({ status, generation }) => status === 'running' && generation === 2,
			);
			expect(again.pid).not.toBe(stranger.pid);
			expect(pids).not.toContain(again.pid);
			expect((await second.call('runtime.list', {})).map(({ id }) => id)).toEqual([runtime.id]);
			expect(isAlive(stranger.pid ?? 0)).toBe(true);
			expect(stranger.signalCode).toBeNull();
			expect((await second.call('daemon.status', {})).notices).toEqual([]);
			await second.remove(runtime);
			expect(isAlive(stranger.pid ?? 0)).toBe(true);
		});
	});

	it('supervision 3.1.44: a zombie counts as gone: neither its status nor a stop waits for it', async () => {
		// the child's parent never reaps it; when the parent ends, whoever inherits the zombie may not either
		const runtime = await orchd.run(sh(`sh -c 'echo $$ > work/44.pid' & exec sleep 1000000`), { stop: { graceMs: 600_000 } });
		const child = await pidIn('44.pid');
		await until('the child is a zombie', () => /\) Z /.test(readFileSync(`/proc/${child}/stat`, 'utf8')));
		expect(() => process.kill(child, 0)).not.toThrow();
		const { ms, result } = await timed(orchd.call('runtime.stop', { runtime: runtime.id }));
		expect(result).toMatchObject({ status: 'stopped', lastExit: { signal: 'SIGTERM', by: 'stop' }, escaped: [] });
		expect(ms).toBeLessThan(wellBelowDefaultGraceMs);
		// a program that is itself a zombie for its shim is over, too: here the shim cannot reap it, and still the stop ends
		const held = await orchd.run(sleeper(), { stop: { graceMs: 300 } });
		const shim = processAt(held.pid ?? 0)?.parent ?? 0;
		process.kill(shim, 'SIGSTOP');
		kill(held.pid ?? 0);
		await until('the program is a zombie', () => !isAlive(held.pid ?? 0));
		const stop = await timed(orchd.call('runtime.stop', { runtime: held.id }));
		expect(stop.result).toMatchObject({ status: 'stopped', pid: null });
		expect(stop.ms).toBeLessThan(wellBelowDefaultGraceMs);
		expect(isAlive(shim)).toBe(false);
		await orchd.remove(runtime, held);
	});
});

describe('crash and restart', () => {
	it('supervision 3.1.16: killed by SIGSEGV is shown as the signal; exit 139 is shown as the code', async () => {
		const crashed = await orchd.run(sh('ulimit -c 0; kill -SEGV $$'), { ...once, name: 'crashed' });
		const exited = await orchd.run(sh('exit 139'), { ...once, name: 'exited139' });
		const ended = ({ status }: { status: string }) => status === 'exited';
		expect((await orchd.becomes(crashed, 'exited', ended)).lastExit).toMatchObject({
			signal: 'SIGSEGV',
			code: null,
			coreDumped: false,
			by: 'itself',
		});
		expect((await orchd.becomes(exited, 'exited', ended)).lastExit).toMatchObject({
			signal: null,
			code: 139,
			coreDumped: false,
			by: 'itself',
		});
		expect((await sandbox.cli('ps')).stdout).toMatch(/^crashed +.*SIGSEGV/m);
		expect((await sandbox.cli('ps')).stdout).toMatch(/^exited139 +.*139/m);
		await orchd.remove(crashed, exited);
	});

	it('supervision 3.1.17: what cannot be launched says why, each in its own words and by its own type, counts as a failure, and harms nobody', async () => {
		const program = (name: string, text = '#!/bin/sh\nexec sleep 1000000\n') => {
			writeFileSync(sandbox.path(name), text, { mode: 0o755 });
			return { program: sandbox.path(name), args: [] } satisfies Program;
		};
		const cases: readonly {
			readonly name: string;
			readonly cwd?: string;
			readonly args?: readonly string[];
			readonly spoil: () => void;
			readonly fault: string;
			readonly reason: RegExp;
		}[] = [
			{ name: 'missing', spoil: () => rmSync(sandbox.path('missing')), fault: 'not_found', reason: /missing does not exist/ },
			{
				name: 'replaced',
				spoil: () => {
					rmSync(sandbox.path('replaced'));
					mkdirSync(sandbox.path('replaced'));
				},
				fault: 'is_directory',
				reason: /replaced is a directory/,
			},
			{
				name: 'overwritten',
				spoil: () => writeFileSync(sandbox.path('overwritten'), 'just words\n'),
				fault: 'wrong_format',
				reason: /overwritten is neither a binary of this system nor a script/,
			},
			{
				name: 'forbidden',
				fault: 'not_executable',
				spoil: () => chmodSync(sandbox.path('forbidden'), 0o644),
				reason: /forbidden is not executable \(mode 0?644\)/,
			},
			{
				name: 'interpreted',
				fault: 'missing_interpreter',
				spoil: () => writeFileSync(sandbox.path('interpreted'), '#!/nowhere/python9\n'),
				reason: /\/nowhere\/python9, which does not exist/,
			},
			{
				name: 'homeless',
				fault: 'cwd_missing',
				cwd: sandbox.path('gone'),
				spoil: () => rmSync(sandbox.path('gone'), { recursive: true }),
				reason: /working directory .*gone does not exist/,
			},
			{
				name: 'talkative',
				fault: 'too_big',
				args: Array.from({ length: 40 }, () => 'x'.repeat(131_000)),
				spoil: () => {},
				reason: /larger than the system takes/,
			},
		];
		mkdirSync(sandbox.path('gone'));
		for (const { name, cwd = sandbox.path(), args = [], spoil, fault, reason } of cases) {
			const runtime = await orchd.add({ ...program(name), args }, { ...once, cwd });
			spoil();
			const failure = await orchd
				.call('runtime.start', { runtime: runtime.id })
				.catch((error: Error & { code?: string }) => error);
			expect(failure, name).toMatchObject({ code: 'runtime.start_failed', wire: { data: { fault } } });
			expect((failure as Error).message, name).toMatch(reason);
			expect(await orchd.show(runtime), name).toMatchObject({
				status: 'failed',
				pid: null,
				reason: expect.stringMatching(reason) as string,
			});
			await orchd.remove(runtime);
		}
		// by the restart policy it is a failure like any other
		const retried = await orchd.add(program('retried'), { restart: { firstMs: 1, capMs: 1, failures: 3, withinMs: 60_000 } });
		rmSync(sandbox.path('retried'));
		expect(await codeOf(orchd.call('runtime.start', { runtime: retried.id }))).toBe('runtime.start_failed');
		const parked = await orchd.becomes(retried, 'failed', ({ status }) => status === 'failed');
		expect(parked.reason).toMatch(/gave up after 3 failures in 60s; last: .*does not exist/);
		expect(parked.generation).toBe(3);
		// mended, it starts
		program('retried');
		expect(await orchd.call('runtime.start', { runtime: retried.id })).toMatchObject({ status: 'running' });
		await orchd.remove(retried);
	});

	it.skipIf(process.getuid?.() !== 0 || !has('setpriv') || !has('prlimit'))(
		'supervision 3.1.17: a user who may have no more processes: EAGAIN is said, harms nobody, and is over when he may',
		async () => {
			await inSandbox(async (own) => {
				// no limit of processes binds root: so orchd is somebody who is nobody else here
				const uid = 61_000 + (process.pid % 1_000);
				const as = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--'];
				for (const path of [own.directory, own.path(), `${own.directory}/user`]) chownSync(path, uid, uid);
				const daemon = await own.startDaemon({
					wrapper: ['setpriv', ...as],
				});
				const runtime = await daemon.add(sleeper(), { ...once, name: 'one-more' });
				const limit = (most: number) =>
					execFileSync('setpriv', [...as, 'prlimit', '--pid', String(daemon.pid), `--nproc=${most}:`]);
				limit(1);
				const failure = await daemon
					.call('runtime.start', { runtime: runtime.id })
					.catch((error: Error & { code?: string }) => error);
				expect(failure).toMatchObject({ code: 'runtime.start_failed', wire: { data: { fault: 'no_processes' } } });
				expect((failure as Error).message).toMatch(/EAGAIN|processes/);
				expect(await daemon.show(runtime)).toMatchObject({ status: 'failed', pid: null });
				limit(1_000);
				expect(await daemon.call('runtime.start', { runtime: runtime.id })).toMatchObject({ status: 'running' });
				await daemon.remove(runtime);
			});
		},
	);

	it('supervision 3.1.18: when a program is restarted, by policy and by how it ended', async () => {
		const again = 'restarted';
		const table = [
			['no', 'exit 0', 'exited'],
			['no', 'exit 1', 'exited'],
			['no', 'kill -KILL $$', 'exited'],
			['on-failure', 'exit 0', 'exited'],
			['on-failure', 'exit 1', again],
			['on-failure', 'kill -TERM $$', again],
			['always', 'exit 0', again],
			['always', 'exit 1', again],
		] as const;
		const runtimes = await Promise.all(
			table.map(async ([when, end, expected], index) => {
				// the first life ends, the second stays
				const script = `[ -e work/18.${index} ] && exec sleep 1000000; : > work/18.${index}; ${end}`;
				const runtime = await orchd.run(sh(script), { name: `policy-${index}`, restart: { when } });
				const settled =
					expected === again
						? await orchd.becomes(
								runtime,
								'restarted and running',
								({ status, generation }) => status === 'running' && generation === 2,
							)
						: await orchd.becomes(runtime, 'exited', ({ status }) => status === 'exited');
				expect(settled, `${when}, ${end}`).toMatchObject({
					restarts: expected === again ? 1 : 0,
					generation: expected === again ? 2 : 1,
				});
				return runtime;
			}),
		);
		// a stop by command is not a failure: even `always` stays stopped
		const stopped = runtimes.at(-1);
		if (!stopped) throw new Error('no runtime');
		await orchd.call('runtime.stop', { runtime: stopped.id });
		expect(await orchd.show(stopped)).toMatchObject({ status: 'stopped', desired: 'stopped', generation: 2 });
		await orchd.remove(...runtimes);
	});
});

describe('launch', () => {
	it('a program finds its environment, its directory and its arguments, an empty input, default signals, and no descriptor of ours', async () => {
		await inSandbox(async (own) => {
			const daemon = await own.startDaemon({ env: own.env({ SECRET_OF_ORCHD: '1', ORCH_SECRET: '2', NODE_OPTIONS: '' }) });
			mkdirSync(own.path('place'));
			const script = `tr '\\0' '\\n' </proc/$$/environ | sort >env; pwd >cwd; printf '<%s>' "$0" "$@" >args; cat >input; ls -l /proc/self/fd >fds; grep ^Sig /proc/self/status >signals; echo written`;
			const added = await own.cliWith(
				{ env: { TZ: 'Europe/Berlin', NOT_FOR_IT: '1', HERE: 'taken' } },
				...[
					'runtime',
					'add',
					'sh',
					'--name',
					'look',
					'--cwd',
					'./place',
					'--env',
					'GIVEN=a b=c',
					'--env',
					'HERE',
					'--env',
					'DASH-ED=x',
					'--restart',
					'no',
				],
				...['--', '-c', script, 'zero', '', 'two words', '"quoted" $HOME *', 'é'],
			);
			expect(added).toMatchObject({ code: 0 });
			await own.cli('start', 'look');
			const look = { id: added.stdout.trim(), name: 'look' };
			await daemon.writes(look, 'written');
			const found = (name: string) => readFileSync(own.path(`place/${name}`), 'utf8');
			const environment = Object.fromEntries(
				found('env')
					.trim()
					.split('\n')
					.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
			);
			const { env, socket, veecleSocket } = await daemon.show(look);
			expect(env).toEqual({
				PATH: own.env()['PATH'],
				HOME: own.env()['HOME'],
				LANG: 'C.UTF-8',
				TZ: 'Europe/Berlin',
				GIVEN: 'a b=c',
				HERE: 'taken',
				'DASH-ED': 'x',
			});
			expect(environment).toMatchObject({
				...env,
				ORCH_RUNTIME_ID: look.id,
				ORCH_RUNTIME_NAME: 'look',
				ORCH_SOCKET: own.socket,
				ORCH_IPC_SOCKET: socket,
				VEECLE_IPC_SOCKET: veecleSocket,
				VEECLE_RUNTIME_ID: look.id,
			});
			const ours = [
				'ORCH_IPC_SOCKET',
				'ORCH_IPC_TOKEN',
				'ORCH_PROCESS',
				'ORCH_RUNTIME_ID',
				'ORCH_RUNTIME_NAME',
				'ORCH_SOCKET',
				'VEECLE_IPC_SOCKET',
				'VEECLE_RUNTIME_ID',
			];
			// PWD is the shell's own doing
			expect(
				Object.keys(environment)
					.filter((name) => name !== 'PWD' && name !== '_')
					.sort(),
			).toEqual([...Object.keys(env), ...ours].sort());
			expect(found('cwd').trim()).toBe(own.path('place'));
			expect(found('args')).toBe('<zero><><two words><"quoted" $HOME *><é>');
			expect(found('input')).toBe('');
			const descriptors = found('fds')
				.trim()
				.split('\n')
				.flatMap((line) => / (\d+) -> (.*)$/.exec(line)?.slice(1, 3).join(' ') ?? []);
			// what whoever started these tests left open for everybody is not ours
			const inherited = new Set(
				readdirSync('/proc/self/fd').flatMap((fd) =>
					existsSync(`/proc/self/fd/${fd}`) ? `${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}` : [],
				),
			);
			// 3 is the directory that ls reads, 1 the file that it writes to
			expect(descriptors.filter((line) => !line.includes('/proc/') && !line.startsWith('1 ') && !inherited.has(line))).toEqual([
				'0 /dev/null',
				`2 ${(await daemon.show(look)).stderrPath}`,
			]);
			const ignored = /^SigIgn:\s+([0-9a-f]+)$/m.exec(found('signals'))?.[1];
			expect(Number.parseInt(ignored ?? '1', 16)).toBe(0);
			expect(Number.parseInt(/^SigBlk:\s+([0-9a-f]+)$/m.exec(found('signals'))?.[1] ?? '1', 16)).toBe(0);
		});
	});

	it.skipIf(process.getuid?.() !== 0)('--priority is the nice value of the program, whatever it forks included', async () => {
		for (const [priority, nice] of [
			['high', -10],
			['normal', 0],
			['low', 10],
		] as const) {
			const runtime = await orchd.run(sh(`sleep 1000000 & echo $! > work/nice.${priority}; wait`), { priority, name: priority });
			expect([niceOf(runtime.pid ?? 0), niceOf(await pidIn(`nice.${priority}`))]).toEqual([nice, nice]);
			await orchd.remove(runtime);
		}
	});
});

describe('output', () => {
	const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

	it('supervision 3.1.33: a million lines at full speed, then the exit: the same in file and stream, live and afterwards', async () => {
		const expected = Buffer.from(`${Array.from({ length: 1_000_000 }, (_, index) => index + 1).join('\n')}\n`);
		const runtime = await orchd.add({ program: '/usr/bin/seq', args: ['1', '1000000'] }, once);
		const follower = await orchd.client();
		const live: Uint8Array[] = [];
		const following = (async () => {
			for await (const { bytes } of follower.stream('runtime.stdout', { runtime: runtime.id, follow: true })) live.push(bytes);
		})();
		const terminal = sandbox.running('runtime', 'stdout', runtime.name);
		await orchd.call('runtime.start', { runtime: runtime.id });
		await orchd.becomes(runtime, 'exited', ({ status }) => status === 'exited');
		expect(sha256(readFileSync((await orchd.show(runtime)).stdoutPath))).toBe(sha256(expected));
		expect(sha256(await orchd.output(runtime))).toBe(sha256(expected));
		await until('the terminal has shown all', () => terminal.bytes.length >= expected.length);
		const tail = await sandbox.cli('runtime', 'stdout', runtime.name, '-n', '3', '--no-follow');
		expect(tail.stdout).toBe('999998\n999999\n1000000\n');
		await orchd.remove(runtime);
		await following;
		expect(sha256(Buffer.concat(live))).toBe(sha256(expected));
		expect(await terminal.ended).toMatchObject({ code: 0 });
		expect(sha256(terminal.bytes)).toBe(sha256(expected));
		follower.close();
	});

	it('supervision 3.1.34: NUL, broken UTF-8, a letter in two writes, CRLF, escapes, a line of 10 MB, no last newline: byte for byte', async () => {
		const runtime = await orchd.run(node(fixture('bytes.mjs')), once);
		const terminal = sandbox.running('runtime', 'stdout', runtime.name);
		await orchd.becomes(runtime, 'exited', ({ status }) => status === 'exited');
		const expected = Buffer.concat([
			Buffer.from('plain\r\nwith NUL \0 inside\n'),
			Buffer.from([0x66, 0xff, 0xfe, 0xc0, 0x0a]),
			Buffer.from('é\n\x1b[2J\x1b[H\x1b[31mred\x1b[0m\n'),
			Buffer.alloc(10 * 1024 * 1024, 'L'),
			Buffer.from('\nlast line, and no newline'),
		]);
		expect(sha256(await orchd.output(runtime))).toBe(sha256(expected));
		await until('the terminal has shown all', () => terminal.bytes.length >= expected.length);
		const last = await sandbox.cli('runtime', 'stdout', runtime.name, '-n', '1', '--no-follow');
		expect(last.stdout).toBe('last line, and no newline');
		const lastTwo: Uint8Array[] = [];
		for await (const { bytes } of orchd.stream('runtime.stdout', { runtime: runtime.id, follow: false, lines: 2 }))
			lastTwo.push(bytes);
		expect(Buffer.concat(lastTwo).length).toBe(10 * 1024 * 1024 + '\nlast line, and no newline'.length);
		await orchd.remove(runtime);
		expect(await terminal.ended).toMatchObject({ code: 0 });
		expect(sha256(terminal.bytes)).toBe(sha256(expected));
	});

	it('a reader that never reads costs nothing and holds up nobody: not the program, not the next reader', async () => {
		const runtime = await orchd.run(sh('exec seq 1 3000000'), once);
		const lazy = await orchd.client();
		const stream = lazy.stream('runtime.stdout', { runtime: runtime.id, follow: true }, { window: 1 });
		await stream.next();
		await orchd.becomes(runtime, 'exited', ({ status }) => status === 'exited');
		const { stdoutPath } = await orchd.show(runtime);
		expect((await orchd.output(runtime)).length).toBe(statSync(stdoutPath).size);
		lazy.close();
		await orchd.remove(runtime);
	});
});

describe('the end of orchd, and its limits', () => {
	it.each(['SIGTERM', 'SIGINT'] as const)(
		'supervision 3.1.30: %s to orchd stops everything gracefully, exits 0 and leaves nothing behind',
		async (signal) => {
			await inSandbox(async (own) => {
				const daemon = await own.startDaemon();
				const polite = await daemon.run(
					sh(`trap 'echo bye > ${own.path('bye')}; exit 0' TERM; echo up; while :; do sleep 0.05; done`),
				);
				const rude = await daemon.run(
					sh(`trap '' TERM; (setsid sh -c 'trap "" TERM; exec sleep 1000000' &); echo up; while :; do sleep 0.05; done`),
					{
						stop: { graceMs: 500 },
					},
				);
				const failing = await daemon.run(sh('exit 1'), { restart: { firstMs: 600_000, capMs: 600_000 } });
				await daemon.writes(polite, 'up');
				await daemon.writes(rude, 'up');
				await daemon.becomes(failing, 'in backoff', ({ status }) => status === 'backoff');
				const { ms, result } = await timed(daemon.stop(signal));
				expect(result).toBe(0);
				expect(ms).toBeLessThan(wellBelowDefaultGraceMs);
				expect(readFileSync(own.path('bye'), 'utf8')).toBe('bye\n');
				expect(processesAbout(own.directory)).toEqual([]);
				expect(existsSync(own.socket)).toBe(false);
				expect(existsSync(`${own.socket}.d`)).toBe(false);
			});
		},
	);

	it('supervision 3.1.27: a second daemon on the same socket or the same state refuses at once and names the first', async () => {
		for (const args of [
			['--socket', sandbox.socket, '--home', `${sandbox.directory}/other`],
			['--socket', `${sandbox.directory}/o`, '--home', sandbox.home],
		]) {
			const { ms, result } = await timed(sandbox.cliWith({ program: bundles.orchd }, ...args));
			expect(result).toMatchObject({ code: 7, stdout: '' });
			expect(result.stderr).toContain(`orchd is already running: `);
			expect(result.stderr).toContain(`(pid ${orchd.pid})`);
			expect(ms).toBeLessThan(5_000);
		}
		expect((await orchd.call('daemon.version', {})).pid).toBe(orchd.pid);
	});

	it.each([2, 6, 10, 14])(
		'supervision 3.1.32: with %d descriptors to spare a launch is refused cleanly, or works; the daemon goes on either way',
		async (spare) => {
			const needed = descriptorsOf(orchd.pid) - 1;
			await inSandbox(async (own) => {
				const daemon = await own.startDaemon({ wrapper: ['prlimit', `--nofile=${needed + spare}`, '--'] });
				const runtimes = await Promise.all(
					Array.from({ length: 40 }, (_, index) => daemon.add(sleeper(), { name: `many-${index}`, restart: { when: 'no' } })),
				);
				const outcomes = await Promise.all(
					runtimes.map(({ id }) =>
						daemon.call('runtime.start', { runtime: id }).then(
							({ status }) => status as string,
							(error: Error) => error.message,
						),
					),
				);
				for (const outcome of outcomes) expect(outcome).toMatch(/^running$|the system allows no more open files/);
				// what has been started is stopped all the same, and nothing is kept open for what was not
				await daemon.remove(...runtimes);
				expect(await daemon.call('runtime.list', {})).toEqual([]);
				// a spare shim on its way has for a moment the environment of orchd, which forks it
				const left = () => processesWith('ORCH_SOCKET', own.socket).map(({ pid }) => pid);
				await until('only orchd is left', () => left().join() === String(daemon.pid));
				expect((await daemon.call('daemon.version', {})).pid).toBe(daemon.pid);
			});
		},
	);

	it('supervision 3.1.39: three hundred short processes through the daemon: descriptors of daemon and router, timers and files are back where they were, and the heap has not grown by 5 MiB', async () => {
		await inSandbox(async (own) => {
			const probe = `${own.directory}/probe`;
			const daemon = await own.startDaemon({
				nodeArgs: ['--expose-gc', '--require', fixture('probe.cjs')],
				env: own.env({ ORCH_TEST_PROBE: probe }),
			});
			const router = await daemon.routerPid();
			// the descriptors first: the question is one itself
			const hold = async () => ({
				router: descriptorKindsOf(router),
				...(await ask(probe)),
			});
			const lives = async (count: number) => {
				const work = Array.from({ length: 16 }, async (_, worker) => {
					for (let index = worker; index < count; index += 16) {
						const runtime = await daemon.run(sh('echo hello'), { name: `short-${index}`, ...once });
						await daemon.becomes(runtime, 'exited', ({ status }) => status === 'exited');
						await daemon.remove(runtime);
					}
				});
				await Promise.all(work);
			};
			// the spare shims are back, and have what they get later
			const rest = () =>
				until('orchd rests', async () => spareShimsOf(own.home) === keptShims && !('Timeout' in (await ask(probe)).kinds));
			// what is made once is made by these
			await lives(64);
			await rest();
			const before = await settled(hold);
			await lives(300);
			await rest();
			const after = await settled(hold);
			expect(after.kinds).toEqual(before.kinds);
			expect(after.descriptors).toEqual(before.descriptors);
			expect(after.router).toEqual(before.router);
			// of maps and sets no exact count: orchd keeps thousands of written times, and looks at all that runs on the machine; what a
			// launch leaves in one is looked for in test/faults/supervisor-leaks.test.ts
			expect(after.heapBytes - before.heapBytes).toBeLessThan(5 * 1024 * 1024);
			expect(readdirSync(`${own.home}/processes`)).toEqual([]);
			expect(filesUnder(`${own.home}/logs`)).toEqual([]);
			expect(readdirSync(`${own.socket}.d`).filter((name) => name !== 'router.sock')).toEqual([]);
		});
	});
});

function kill(pid: number): void {
	try {
		process.kill(pid, 'SIGKILL');
	} catch {
		// gone already
	}
}

function filesUnder(directory: string): string[] {
	if (!existsSync(directory)) return [];
	return readdirSync(directory, { recursive: true, withFileTypes: true }).flatMap((entry) =>
		entry.isFile() ? join(entry.parentPath, entry.name) : [],
	);
}

interface Held {
	readonly descriptors: Readonly<Record<string, number>>;
	readonly kinds: Readonly<Record<string, number>>;
	readonly heapBytes: number;
}

async function ask(probe: string): Promise<Held> {
	const socket = await connectUnix(probe);
	let text = '';
	for await (const bytes of socket) text += String(bytes);
	return JSON.parse(text) as Held;
}

/** The same ten times in a row: what closes in the background has closed. */
async function settled<T>(look: () => Promise<T>): Promise<T> {
	let last = '';
	let same = 0;
	return until('what is held stays the same', async () => {
		const now = await look();
		const text = JSON.stringify(now, (key, value: unknown) => (key === 'heapBytes' ? 0 : value));
		same = text === last ? same + 1 : 0;
		last = text;
		return same >= 10 && now;
	});
}
