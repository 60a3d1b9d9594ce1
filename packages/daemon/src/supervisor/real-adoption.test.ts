/** Adoption of real processes: a supervisor that lets go of everything, and one that comes after it. */
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeWhole, until } from '@orch/base/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { Cgroups } from './cgroups.ts';
import { ProcessRecords } from './process-record.ts';
import { defaultRestart, defaultStop } from './spec.ts';
import { isAlive, type Real, superviseReally } from './testing/real.ts';

const open: Real[] = [];
afterEach(async () => {
	for (const real of open.splice(0).reverse()) await real.close();
});

function begin(): Real {
	const real = superviseReally();
	open.push(real);
	return real;
}

/** The supervisor after `before`, on the same state. Children stay children of this test, which nothing here depends on. */
async function after(before: Real): Promise<Real> {
	await before.supervisor.close();
	open.splice(open.indexOf(before), 1);
	const next = superviseReally(undefined, { directory: before.directory, journal: before.journal });
	open.push(next);
	await next.supervisor.restore();
	next.supervisor.resume();
	return next;
}

const sh = (text: string) => ['/bin/sh', ['-c', text]] as const;
const onFailure = { ...defaultRestart, firstMs: 50 };

describe('a supervisor whose state was removed', () => {
	for (const seen of ['before the next one came', 'by the next one alone'])
		test(`has what runs adopted all the same, its end included: noticed ${seen}`, async () => {
			const first = begin();
			const id = first.add(...sh('trap "exit 7" USR1; echo up; while :; do sleep 0.05; done'), { cwd: '/' });
			const { pid } = await first.supervisor.start(id);
			await until('the trap is set', () => readdirSync(join(first.directory, 'logs', id)).includes('stdout.log'));
			removeWhole(first.directory);
			if (seen.startsWith('before')) {
				expect([first.supervisor.recoverRecords(), first.supervisor.recoverRecords()]).toEqual([1, 0]);
				expect(readdirSync(join(first.directory, 'processes'))).toHaveLength(1);
			}
			const next = await after(first);
			expect(next.supervisor.snapshot(id)).toMatchObject({ status: 'running', pid, generation: 1 });
			const last = await after(next);
			expect(last.supervisor.snapshot(id)).toMatchObject({ status: 'running', pid, generation: 1 });
			expect(last.supervisor.signal(id, 'SIGUSR1')).toBe(pid);
			expect(await last.status(id, 'exited').catch(() => last.status(id, 'failed'))).toMatchObject({ lastExit: { code: 7 } });
		});

	test('has what runs taken back where the journal is lost as well', async () => {
		const first = begin();
		const id = first.add('/bin/sleep', ['1000'], { cwd: '/' });
		const { pid } = await first.supervisor.start(id);
		removeWhole(first.directory);
		await first.supervisor.close();
		open.splice(open.indexOf(first), 1);
		const next = superviseReally(undefined, { directory: first.directory });
		open.push(next);
		expect(await next.supervisor.restore()).toMatchObject([{ spec: { id }, became: 'adopted', wasLost: true }]);
		next.supervisor.resume();
		expect(next.supervisor.snapshot(id)).toMatchObject({ status: 'running', pid });
	});
});

describe('a supervisor that comes after another', () => {
	test('adopts what runs, signals it, hears of its end by its record, and restarts it by policy', async () => {
		const first = begin();
		const id = first.add(...sh('trap "exit 7" USR1; echo up; while :; do sleep 0.05; done'), { restart: onFailure });
		const { pid } = await first.supervisor.start(id);
		const next = await after(first);
		expect(next.supervisor.snapshot(id)).toMatchObject({ status: 'running', pid, generation: 1 });
		await until('the trap is set', () => first.supervisor !== next.supervisor);
		expect(next.supervisor.signal(id, 'SIGUSR1')).toBe(pid);
		const snapshot = await until('a second process', () => {
			const now = next.supervisor.snapshot(id);
			return now.generation === 2 && now.status === 'running' ? now : undefined;
		});
		expect(snapshot).toMatchObject({ restarts: 1, lastExit: { code: 7, by: 'itself' } });
		expect(isAlive(pid ?? 0)).toBe(false);
		expect(await next.supervisor.stop(id)).toMatchObject({ status: 'stopped' });
	});

	test('stops an adopted one with all it forked', async () => {
		const first = begin();
		const id = first.addFamily('leader-goes-first');
		await first.supervisor.start(id);
		for (const who of ['leader', 'child']) await first.noted(who);
		const next = await after(first);
		expect(await next.supervisor.stop(id, { graceMs: 0 })).toMatchObject({ status: 'stopped', escaped: [] });
		expect(next.notesOf().filter(({ pid }) => isAlive(pid))).toEqual([]);
	});

	test('ends what a removed runtime has left behind, as its record says, and does not take it back', async () => {
		const first = begin();
		const id = first.add(...sh('trap "" TERM; while :; do sleep 0.05; done'));
		const { pid = 0, processId = '' } = await first.supervisor.start(id);
		new ProcessRecords(first.directory).disown(processId);
		first.journal.removed(id);
		const next = await after(first);
		expect(next.supervisor.list()).toEqual([]);
		expect(await next.supervisor.settle()).toMatchObject({ stopped: [{ runtimeId: id, pid }], escaped: [] });
		expect(isAlive(pid)).toBe(false);
		expect(readdirSync(join(next.directory, 'processes'))).toEqual([]);
	});

	test.skipIf(new Cgroups().directory === undefined)('finds in its cgroup what hides in every other way', async () => {
		const first = begin();
		const ready = join(first.directory, 'ready');
		const id = first.addFamily('escape-everything', ready);
		await first.supervisor.start(id);
		const [record = ''] = readdirSync(join(first.directory, 'processes'));
		await until('its cgroup is written down', () =>
			readFileSync(join(first.directory, 'processes', record), 'utf8').includes('"cgroup":'),
		);
		await first.noted('waiting');
		writeFileSync(ready, '');
		const [hidden = 0] = await first.noted('hidden');
		const next = await after(first);
		expect(isAlive(hidden)).toBe(true);
		expect(await next.supervisor.stop(id, { graceMs: 0 })).toMatchObject({ status: 'stopped', escaped: [] });
		expect(isAlive(hidden)).toBe(false);
	});

	test('learns of the end of an adopted one whose shim was killed along with it', async () => {
		const first = begin();
		const id = first.add('/bin/sleep', ['1000']);
		await first.supervisor.start(id);
		const next = await after(first);
		const [record] = readdirSync(join(next.directory, 'processes'));
		expect(record).toBeDefined();
		const pid = next.supervisor.snapshot(id).pid ?? 0;
		process.kill(-groupOf(pid), 'SIGKILL');
		expect(await next.status(id, 'exited')).toMatchObject({ lastExit: { code: undefined, signal: undefined } });
	});

	test('is not misled by a record that ends in the middle of a line', async () => {
		const first = begin();
		const id = first.add('/bin/sleep', ['1000']);
		await first.supervisor.start(id);
		const [record = ''] = readdirSync(join(first.directory, 'processes'));
		await until('the launch is written down', () =>
			readFileSync(join(first.directory, 'processes', record), 'utf8').includes('told\n'),
		);
		appendFileSync(join(first.directory, 'processes', record), 'exit 1');
		const next = await after(first);
		expect(next.supervisor.snapshot(id).status).toBe('running');
	});

	test('supervision 3.1.13: signals nobody whose pid has become another’s', async () => {
		const first = begin();
		const id = first.add('/bin/sleep', ['1000']);
		const { pid } = await first.supervisor.start(id);
		const victim = first.add('/bin/sleep', ['1000']);
		const stranger = (await first.supervisor.start(victim)).pid ?? 0;
		await first.supervisor.signal(id, 'SIGKILL');
		await first.status(id, 'exited');
		const next = await after(first);
		expect(await next.supervisor.stop(id)).toMatchObject({ status: 'stopped' });
		expect([isAlive(stranger), pid === stranger]).toEqual([true, false]);
	});

	test('goes on ending what a process has left that had ended before, and launches the next after that', async () => {
		const first = begin();
		const id = first.add(
			...sh(
				'trap "" TERM; (until [ -e go ]; do sleep 0.02; done) & echo $! >worker; trap - TERM; echo >started; wait; exec sleep 1000',
			),
			{ stop: { ...defaultStop, graceMs: 60_000 } },
		);
		const { pid = 0 } = await first.supervisor.start(id);
		await until('its worker is there', () => existsSync(join(first.directory, 'started')));
		const worker = Number(readFileSync(join(first.directory, 'worker'), 'utf8'));
		first.supervisor.restart(id).catch(() => {});
		await until('its end is judged', () => !isAlive(pid) && first.journal.load()[0]?.memory.settled === 1);
		expect(isAlive(worker)).toBe(true);
		const next = await after(first);
		expect(next.supervisor.snapshot(id).status).toBe('stopping');
		writeFileSync(join(first.directory, 'go'), '');
		expect(await next.status(id, 'running')).toMatchObject({ generation: 2 });
		expect(isAlive(worker)).toBe(false);
	});

	test('gives the true exit code of one that ended between the two', async () => {
		const first = begin();
		const id = first.add(...sh('trap "exit 42" TERM; echo up; while :; do sleep 0.02; done'), {
			restart: { ...defaultRestart, when: 'no' },
		});
		const { pid = 0 } = await first.supervisor.start(id);
		await until('its trap is set', async () => {
			for await (const bytes of first.supervisor.output(id, 'stdout', { follow: false })) if (bytes.length > 0) return true;
			return false;
		});
		await first.supervisor.close();
		process.kill(pid, 'SIGTERM');
		await until('its end', () => !isAlive(pid));
		const next = await after(first);
		expect(await next.status(id, 'exited')).toMatchObject({ lastExit: { code: 42, by: 'itself' } });
		await until('its record is taken away', () => readdirSync(join(next.directory, 'processes')).length === 0);
	});
});

/** Of the shim, which leads it. */
function groupOf(pid: number): number {
	const stat = readStatText(pid);
	return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
}

function readStatText(pid: number): string {
	return readFileSync(`/proc/${pid}/stat`, 'latin1');
}
