/** Probes of real programs: what they say on their descriptor, what they print, what a command finds. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@orch/base/testing';
import { afterEach, expect, test } from 'vitest';
import { defaultRestart, type Probes } from './spec.ts';
import { type Real, superviseReally } from './testing/real.ts';

const open: Real[] = [];
afterEach(async () => {
	for (const real of open.splice(0).reverse()) await real.close();
});

function begin(before?: Real): Real {
	const real = superviseReally(undefined, before && { directory: before.directory, journal: before.journal });
	open.push(real);
	return real;
}

/** The supervisor after `before`, which lets go of everything. */
async function after(before: Real): Promise<Real> {
	await before.supervisor.close();
	open.splice(open.indexOf(before), 1);
	const next = begin(before);
	await next.supervisor.restore();
	next.supervisor.resume();
	return next;
}

const sh = (text: string) => ['/bin/sh', ['-c', text]] as const;
/** Goes on when the file is there. */
const waitFor = (file: string) => `until [ -e ${file} ]; do sleep 0.02; done`;
const readyBy = (probes: Probes): { probes: Probes } => ({ probes });
const ready = (real: Real, id: string) => until('it is ready', () => real.supervisor.snapshot(id).ready === true);

test('a newline on the descriptor that ORCH_NOTIFY_FD names makes a program ready, and nothing else does', async () => {
	const real = begin();
	const script = `printf 'not yet' >&"$ORCH_NOTIFY_FD"; touch begun; ${waitFor('go')}; echo >&"$ORCH_NOTIFY_FD"; sleep 1000`;
	const id = real.add(...sh(script), readyBy({ ready: { check: { kind: 'notify' } } }));
	await real.supervisor.start(id);
	await until('it has begun', () => existsSync(join(real.directory, 'begun')));
	expect(real.supervisor.snapshot(id).ready).toBe(false);
	writeFileSync(join(real.directory, 'go'), '');
	await ready(real, id);
	expect(real.events.filter(({ kind }) => kind === 'ready')).toHaveLength(1);
});

test('a program has no descriptor for notes where no probe wants one', async () => {
	const real = begin();
	const id = real.add(...sh('env | grep -c ORCH_NOTIFY_FD >found; touch done; sleep 1000'));
	await real.supervisor.start(id);
	await until('it is done', () => existsSync(join(real.directory, 'done')));
	expect(readFileSync(join(real.directory, 'found'), 'utf8')).toBe('0\n');
	expect(real.supervisor.snapshot(id).ready).toBeUndefined();
});

test('what an adopted program says on its descriptor is heard by the daemon that has adopted it', async () => {
	const first = begin();
	const probes: Probes = { ready: { check: { kind: 'notify' } } };
	const id = first.add(...sh(`touch begun; ${waitFor('go')}; echo >&"$ORCH_NOTIFY_FD"; sleep 1000`), { probes });
	const early = first.add(...sh('echo >&"$ORCH_NOTIFY_FD"; sleep 1000'), { probes });
	await first.supervisor.start(id);
	await first.supervisor.start(early);
	await until('it has begun', () => existsSync(join(first.directory, 'begun')));
	await ready(first, early);
	const next = await after(first);
	expect([next.supervisor.snapshot(id).ready, next.supervisor.snapshot(early).ready]).toEqual([false, true]);
	writeFileSync(join(next.directory, 'go'), '');
	await ready(next, id);
	expect(next.supervisor.snapshot(id).generation).toBe(1);
});

test('a line counts only for the process that has printed it, also after an adoption', async () => {
	const first = begin();
	// the first process says it, the second waits before it does
	const script = `if [ -e said ]; then ${waitFor('go')}; fi; echo "listening on 3000"; touch said; ${waitFor('end')}; sleep 1000`;
	const id = first.add(...sh(script), readyBy({ ready: { check: { kind: 'log', pattern: '^listening on \\d+$' } } }));
	await first.supervisor.start(id);
	await ready(first, id);
	await first.supervisor.restart(id);
	expect(first.supervisor.snapshot(id)).toMatchObject({ generation: 2, ready: false });
	const next = await after(first);
	expect(next.supervisor.snapshot(id).ready).toBe(false);
	writeFileSync(join(next.directory, 'go'), '');
	await ready(next, id);
	expect(next.supervisor.snapshot(id).probes).toMatchObject([{ role: 'ready', good: true, answer: '"listening on 3000"' }]);
});

test('a command sees what the program sees; a live one that fails restarts it, with what it said', async () => {
	const first = begin();
	const probes: Probes = {
		ready: { check: { kind: 'exec', command: ['sh', '-c', 'test "$GREETING" = hello && test -e up'] }, everyMs: 20 },
		live: {
			check: { kind: 'exec', command: ['sh', '-c', 'test ! -e ill || { echo "it is ill"; rm ill; exit 1; }'] },
			everyMs: 20,
			failures: 1,
		},
	};
	const id = first.add(...sh('touch up; sleep 1000'), {
		probes,
		env: { PATH: '/usr/local/bin:/usr/bin:/bin', GREETING: 'hello' },
		restart: { ...defaultRestart, firstMs: 10 },
	});
	await first.supervisor.start(id);
	await ready(first, id);
	// the environment of an adopted program is its own, too
	const next = await after(first);
	writeFileSync(join(next.directory, 'ill'), '');
	const again = await until('a second process', () => {
		const now = next.supervisor.snapshot(id);
		return now.generation === 2 && now.status === 'running' ? now : undefined;
	});
	expect(again).toMatchObject({ restarts: 1, lastExit: { by: 'stop', signal: 'SIGTERM' } });
	expect(again.lastExit?.reason).toContain('live probe failed: exec sh -c');
	expect(again.lastExit?.reason).toContain('exit code 1: it is ill');
	await ready(next, id);
});

test('a kill by somebody else says who may have done it', async () => {
	const real = begin();
	const id = real.add(...sh('sleep 1000'));
	const { pid = 0 } = await real.supervisor.start(id);
	process.kill(pid, 'SIGKILL');
	const { lastExit } = await real.status(id, 'exited');
	expect(lastExit).toMatchObject({ signal: 'SIGKILL', by: 'itself' });
	expect(lastExit?.reason).toMatch(/^killed by (someone else|the kernel)|^killed, very likely by the kernel/);
});
