/** Stops of real processes: the scenarios on stopping of the study on supervision, by their numbers. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom, until } from '@orch/base/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Cgroups } from './cgroups.ts';
import { listPids, readStat, readVariable } from './proc-scan.ts';
import { createProcessTable } from './proc-table.ts';
import { cookieName } from './process-set.ts';
import { isAlive, type Real, superviseReally } from './testing/real.ts';

describe.skipIf(process.platform !== 'linux')('real processes', () => {
	let real: Real;
	beforeEach(() => {
		real = superviseReally();
	});
	afterEach(() => real.close());

	/** Starts a family, waits for its members, and gives their pids. */
	const begin = async (id: string, ...members: readonly string[]): Promise<number[]> => {
		await real.supervisor.start(id);
		return (await Promise.all(members.map((who) => real.noted(who)))).flat();
	};

	test('supervision 3.1.1: a program that ignores SIGTERM is killed when its grace is over', async () => {
		const id = real.addFamily('stubborn');
		const [leader = 0] = await begin(id, 'leader');
		expect(real.supervisor.snapshot(id).pid).toBe(leader);
		const stopped = await real.supervisor.stop(id);
		expect(stopped).toMatchObject({ status: 'stopped', escaped: [], lastExit: { signal: 'SIGKILL', by: 'kill' } });
		expect(isAlive(leader)).toBe(false);
	});

	test('supervision 3.1.2: a stop returns only after a child that ignores SIGTERM is gone, though its leader exits with 0', async () => {
		const id = real.addFamily('leader-goes-first');
		const pids = await begin(id, 'leader', 'child');
		const stopped = await real.supervisor.stop(id);
		expect(pids.map(isAlive)).toEqual([false, false]);
		expect(stopped).toMatchObject({ status: 'stopped', escaped: [], lastExit: { code: 0, by: 'stop' } });
	});

	test.each([
		['3.1.3: a stubborn grandchild in a session of its own', 'escape-session', 'escaped'],
		['3.1.4: a stubborn grandchild that the first process has adopted', 'escape-parent', 'escaped'],
		['3.1.5: one that has scrubbed its environment as well, but holds its output', 'escape-environment', 'leader'],
	])('supervision %s is dead after the stop', async (_, role, escaped) => {
		const id = real.addFamily(role);
		await real.supervisor.start(id);
		// the last one is executed anew, as a leader of its own
		const pids = await real.noted(escaped, escaped === 'leader' ? 2 : 1);
		await real.noted('leader');
		expect(pids.map(isAlive)).not.toContain(false);
		const stopped = await real.supervisor.stop(id);
		expect(stopped).toMatchObject({ status: 'stopped', escaped: [] });
		expect(real.notesOf().filter(({ pid }) => isAlive(pid))).toEqual([]);
	});

	describe('where a cgroup is writable', () => {
		const directory = new Cgroups().directory;
		const told = (title: string) =>
			directory === undefined ? `${title} (skipped: no cgroup can be made below that of this test)` : title;
		const placesOf = () => (directory === undefined ? [] : readdirSync(directory).filter((name) => name.startsWith('orch-')));
		const inCgroup = (pid: number) => readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes('/orch-');

		/** Has in its arguments where it is told what to launch, and has launched nothing. */
		const isSpare = (pid: number): boolean => {
			try {
				const isShim = readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${real.directory}/launches/`);
				return isShim && readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8') === '';
			} catch {
				return false;
			}
		};

		test.skipIf(directory === undefined)(
			told('supervision 3.1.5: one that hides in every other way is dead after the stop'),
			async () => {
				const before = new Set(placesOf());
				// not before it is in its group, which the first program does not wait for
				const ready = join(real.directory, 'ready');
				const id = real.addFamily('escape-everything', ready);
				const [leader = 0] = await begin(id, 'waiting');
				await until('it is in its cgroup', () => inCgroup(leader));
				writeFileSync(ready, '');
				const [hidden = 0] = await real.noted('hidden');
				expect(readStat(hidden)).toMatchObject({ group: hidden, session: hidden });
				expect(readVariable(hidden, cookieName)).toBeUndefined();
				expect(real.living()).not.toContain(hidden);
				const stopped = await real.supervisor.stop(id);
				expect(stopped).toMatchObject({ status: 'stopped', escaped: [] });
				expect([leader, hidden].map(isAlive)).toEqual([false, false]);
				await until('no cgroup but those of spares is left', () => {
					const made = placesOf().filter((name) => !before.has(name));
					return made.every((name) => readFileSync(join(directory ?? '', name, 'cgroup.procs'), 'utf8') !== '');
				});
			},
		);

		test.skipIf(directory === undefined)(
			told('one of a restarted runtime is in its cgroup from its first instruction'),
			async () => {
				const id = real.add('/bin/sh', ['-c', 'cat /proc/self/cgroup; exec sleep 1000']);
				await real.supervisor.start(id);
				await until('spares wait in cgroups', () => listPids().some((pid) => isSpare(pid) && inCgroup(pid)));
				const { stdoutPath } = await real.supervisor.restart(id);
				const said = await until('both have spoken', () => {
					const lines = readFileSync(stdoutPath, 'utf8').split('\n');
					const own = lines.filter((line) => line.startsWith('0::'));
					return own.length === 2 ? own : undefined;
				});
				expect(said[1]).toMatch(/\/orch-[0-9a-f-]{36}$/);
			},
		);
	});

	test('one of which only its parent tells is dead after the stop too', async () => {
		const id = real.addFamily('escape-all-but-parent');
		const pids = await begin(id, 'leader');
		await until('it is executed anew', async () => (await real.noted('leader', 2)).every(isAlive));
		await real.supervisor.stop(id);
		expect([...pids, ...real.notesOf().map(({ pid }) => pid)].filter(isAlive)).toEqual([]);
	});

	test('supervision 3.1.6: a child that keeps the output open does not keep the runtime from being exited', async () => {
		const id = real.addFamily('leave-writer', '', { stop: { signal: 'SIGTERM', graceMs: 60_000 } });
		const [child = 0] = await begin(id, 'child');
		const { lastExit, pid } = await real.status(id, 'exited');
		expect({ code: lastExit?.code, by: lastExit?.by, pid, child: isAlive(child) }).toEqual({
			code: 0,
			by: 'itself',
			pid: undefined,
			child: true,
		});
		expect(await real.supervisor.stop(id, { graceMs: 0 })).toMatchObject({ status: 'stopped', escaped: [] });
		expect(isAlive(child)).toBe(false);
	});

	test('supervision 3.1.7: a suspended program is continued, so that it can end as it wants to', async () => {
		const id = real.addFamily('graceful', '', { stop: { signal: 'SIGTERM', graceMs: 60_000 } });
		const [leader = 0] = await begin(id, 'leader');
		real.supervisor.signal(id, 'SIGSTOP');
		await until('it is suspended', () => readStat(leader)?.state === 'T');
		expect((await real.supervisor.stop(id)).lastExit).toMatchObject({ code: 7, by: 'stop' });
	});

	test('supervision 3.1.7: a suspended program that ignores SIGTERM is killed', async () => {
		const id = real.addFamily('stubborn');
		const [leader = 0] = await begin(id, 'leader');
		real.supervisor.signal(id, 'SIGSTOP');
		await until('it is suspended', () => readStat(leader)?.state === 'T');
		expect((await real.supervisor.stop(id)).lastExit).toMatchObject({ signal: 'SIGKILL', by: 'kill' });
		expect(isAlive(leader)).toBe(false);
	});

	test('supervision 3.1.8: of 200 children that are forked during the stop none is left', async () => {
		const id = real.addFamily('bomb', '200', { stop: { signal: 'SIGTERM', graceMs: 1_500 } });
		await begin(id, 'leader');
		const stopped = await real.supervisor.stop(id);
		expect(stopped).toMatchObject({ status: 'stopped', escaped: [] });
		expect(real.living()).toEqual([]);
		const children = real.notesOf().filter(({ who }) => who === 'child');
		expect(children.length).toBeGreaterThan(0);
		expect(children.filter(({ pid }) => isAlive(pid))).toEqual([]);
	});

	test('supervision 3.1.9: a stop right after a start, or twice, or of what has ended leaves nothing', async () => {
		const id = real.addFamily('graceful');
		const started = real.supervisor.start(id).then(
			() => 'started',
			(error: { fault: { kind: string } }) => error.fault.kind,
		);
		const stops = await Promise.all([real.supervisor.stop(id), real.supervisor.stop(id), real.supervisor.stop(id)]);
		expect(stops.map(({ status }) => status)).toEqual(['stopped', 'stopped', 'stopped']);
		expect(await started).toBe('superseded');
		expect(real.living()).toEqual([]);
		expect((await real.supervisor.stop(id)).status).toBe('stopped');
		const short = real.add('/bin/sh', ['-c', 'exit 3']);
		await real.supervisor.start(short);
		await real.status(short, 'exited');
		expect(await real.supervisor.stop(short)).toMatchObject({ status: 'stopped', lastExit: { code: 3, by: 'itself' } });
	});

	test('supervision 3.1.10: of commands at random the last one holds, and never do two processes live at once', async () => {
		const id = real.addFamily('exclusive', join(real.directory, 'lock'), { stop: { signal: 'SIGTERM', graceMs: 20_000 } });
		const random = seededRandom(10);
		const outcomes: Promise<string>[] = [];
		let last: 'start' | 'stop' | 'restart' = 'stop';
		for (let sent = 0; sent < 60; sent++) {
			last = (['start', 'stop', 'restart'] as const)[Math.floor(random.float() * 3)] ?? 'stop';
			const outcome = real.supervisor[last](id).then(
				() => 'done',
				(error: { fault: { kind: string } }) => error.fault.kind,
			);
			outcomes.push(outcome);
			// sometimes one after the other, mostly many at once
			if (random.float() < 0.25) await outcome;
		}
		const settled = new Set(await Promise.all(outcomes));
		expect([...settled].filter((outcome) => outcome !== 'done' && outcome !== 'superseded')).toEqual([]);
		const { status } = real.supervisor.snapshot(id);
		expect(status).toBe(last === 'stop' ? 'stopped' : 'running');
		expect(real.notesOf().filter(({ who }) => who === 'overlap')).toEqual([]);
		await real.supervisor.stop(id);
		expect(real.living()).toEqual([]);
	});

	test('supervision 3.1.12: fifty that ignore SIGTERM are stopped together', async () => {
		const ids = Array.from({ length: 50 }, () => real.add('/bin/sh', ['-c', 'trap "" TERM; exec sleep 1000']));
		await Promise.all(ids.map((id) => real.supervisor.start(id)));
		await until('all of them sleep', () => real.living().filter((pid) => readStat(pid)?.name === 'sleep').length === 50);
		expect(await real.supervisor.stopAll({ graceMs: 100 })).toEqual([]);
		expect(real.living()).toEqual([]);
		const ends = ids.map((id) => real.supervisor.snapshot(id).lastExit);
		expect(new Set(ends.map((end) => `${end?.signal} ${end?.by}`))).toEqual(new Set(['SIGKILL kill']));
	});

	test('supervision 3.1.13: nobody is signalled whose start is not the one that was recorded', async () => {
		const id = real.add('/bin/sleep', ['1000']);
		const { pid = 0 } = await real.supervisor.start(id);
		const stat = readStat(pid);
		if (!stat) throw new Error('It is not there');
		const table = createProcessTable();
		const stranger = { pid, startTicks: stat.startTicks - 1 };
		expect(table.signal(stranger, 'SIGKILL')).toBe(false);
		table.kill([{ ...stranger, group: stat.group, stopped: false, name: 'sleep' }]);
		for (const unsafe of [1, 0, -1, process.pid]) expect(table.signal({ pid: unsafe, startTicks: 0 }, 'SIGKILL')).toBe(false);
		expect(isAlive(pid)).toBe(true);
		expect(table.signal({ pid, startTicks: stat.startTicks }, 'SIGKILL')).toBe(true);
		expect((await real.status(id, 'exited')).lastExit).toMatchObject({ signal: 'SIGKILL', by: 'itself' });
	});

	test('a stop signal of its own reaches the program, and one that the shim would not outlive spares the shim', async () => {
		for (const signal of ['SIGINT', 'SIGQUIT', 'SIGBUS'] as const) {
			const id = real.add('/bin/sh', ['-c', `ulimit -c 0; exec sleep 1000`], { stop: { signal, graceMs: 60_000 } });
			const { pid = 0 } = await real.supervisor.start(id);
			await until('it sleeps', () => readStat(pid)?.name === 'sleep');
			expect((await real.supervisor.stop(id)).lastExit).toMatchObject({ signal, by: 'stop' });
		}
	});

	test('a restart ends everything of the process before', async () => {
		const id = real.addFamily('escape-parent');
		const before = await begin(id, 'leader', 'escaped');
		const { generation } = await real.supervisor.restart(id);
		expect({ generation, before: before.map(isAlive) }).toEqual({ generation: 2, before: [false, false] });
	});

	test('after a crash what has escaped is ended, beside the process that runs since', async () => {
		const id = real.addFamily('escape-parent', '', {
			restart: { when: 'always', firstMs: 1, capMs: 1, failures: 0, withinMs: 1_000, retryEveryMs: null, healthyMs: 1_000 },
		});
		const [leader = 0, escaped = 0] = await begin(id, 'leader', 'escaped');
		real.supervisor.signal(id, 'SIGKILL');
		const [, second = 0] = await real.noted('leader', 2);
		await until('the escapee is ended', () => !isAlive(escaped));
		expect({ leader: isAlive(leader), second: isAlive(second) }).toEqual({ leader: false, second: true });
		expect(real.supervisor.snapshot(id)).toMatchObject({ status: 'running', generation: 2, pid: second });
	});

	test('leaves nothing behind: no record, no descriptor', async () => {
		const id = real.addFamily('leader-goes-first');
		await begin(id, 'leader', 'child');
		await real.supervisor.stop(id);
		await until('the record is gone', () => readdirSync(join(real.directory, 'processes')).length === 0);
		expect(readFileSync(real.supervisor.snapshot(id).stdoutPath, 'utf8')).toBe('');
	});
});
