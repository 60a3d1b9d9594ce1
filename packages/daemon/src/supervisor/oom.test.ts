import { ManualClock } from '@orch/base/testing';
import { expect, test } from 'vitest';
import { createOomWitness, type OomCounts } from './oom.ts';

const witness = (counts: OomCounts, log: readonly string[] | undefined = undefined) =>
	createOomWitness(new ManualClock(), {
		readText: (path) => {
			if (path === '/proc/self/cgroup') return '1:cpu:/\n0::/user.slice/orch\n';
			const count =
				path === '/proc/vmstat'
					? counts.machine
					: path === '/sys/fs/cgroup/user.slice/orch/memory.events'
						? counts.group
						: undefined;
			return count === undefined ? undefined : `low 0\noom 9\noom_kill ${count}\noom_group_kill 0\n`;
		},
		readKernelLog: () => log,
	});

const line = (pid: number) =>
	`3,1290,5140900,-;Memory cgroup out of memory: Killed process ${pid} (node) total-vm:104857kB, anon-rss:99kB\n`;
const none: OomCounts = { group: undefined, machine: undefined };

test.each([
	[
		'the kernel’s log names it',
		{ group: 0, machine: 0 },
		{ group: 0, machine: 1 },
		[line(99), line(4711)],
		'killed by the kernel: out of memory',
	],
	[
		'the kernel has killed in this control group',
		{ group: 1, machine: 5 },
		{ group: 2, machine: 6 },
		undefined,
		'killed by the kernel: out of memory',
	],
	[
		'the kernel has killed in this control group, and its log names another',
		{ group: 1, machine: 5 },
		{ group: 2, machine: 6 },
		[line(99)],
		'killed by someone else, possibly by the kernel for lack of memory',
	],
	[
		'the kernel has killed somewhere',
		{ group: undefined, machine: 5 },
		{ group: undefined, machine: 6 },
		undefined,
		'killed, very likely by the kernel for lack of memory',
	],
	['the kernel has killed nobody', { group: 1, machine: 5 }, { group: 1, machine: 5 }, undefined, 'killed by someone else'],
	[
		'nothing is known from before',
		undefined,
		{ group: 1, machine: 5 },
		[],
		'killed by someone else, possibly by the kernel for lack of memory',
	],
	['the kernel does not tell', none, none, undefined, 'killed by someone else, possibly by the kernel for lack of memory'],
] as const)('a process that somebody has killed, where %s', (_title, before, now, log, expected) => {
	expect(witness(now, log).explainKill(4711, before)).toBe(expected);
});

test('the counts of this machine can be sampled, and a kill by hand is not taken for the kernel’s where it has killed nobody', async () => {
	const system = createOomWitness(new ManualClock());
	const before = await system.sample();
	const said = system.explainKill(process.pid, before);
	const after = await createOomWitness(new ManualClock()).sample();
	// where something else was killed in between nothing can be said of it
	if (before.machine !== undefined && after.machine === before.machine) expect(said).toBe('killed by someone else');
	else expect(said).toMatch(/^killed/);
});

test('the kernel’s log is read only where it has killed somebody since', () => {
	let reads = 0;
	const counts = { machine: 5 };
	const careful = createOomWitness(new ManualClock(), {
		readText: (path) => (path === '/proc/vmstat' ? `oom_kill ${counts.machine}\n` : undefined),
		readKernelLog: () => {
			reads++;
			return [line(4711)];
		},
	});
	const before = { group: undefined, machine: 5 };
	careful.explainKill(4711, before);
	expect(reads).toBe(0);
	counts.machine = 6;
	expect(careful.explainKill(4711, before)).toBe('killed by the kernel: out of memory');
	expect(reads).toBe(1);
});

test('processes that begin within a second share one look', async () => {
	const clock = new ManualClock();
	let reads = 0;
	const busy = createOomWitness(clock, {
		readText: (path) => {
			if (path === '/proc/vmstat') reads++;
			return 'oom_kill 0\n';
		},
		readKernelLog: () => undefined,
	});
	for (let begun = 0; begun < 200; begun++) await busy.sample();
	expect(reads).toBe(1);
	await clock.advance(1_001);
	await busy.sample();
	expect(reads).toBe(2);
});

test('a process that begins in the place of one that the kernel has killed is not told to have been killed for the same', async () => {
	const clock = new ManualClock();
	const counts = { machine: 5 };
	const careful = createOomWitness(clock, {
		readText: (path) => {
			if (path === '/proc/self/cgroup') return '0::/orch\n';
			return path === '/proc/vmstat' || path.endsWith('/orch/memory.events') ? `oom_kill ${counts.machine}\n` : undefined;
		},
		readKernelLog: () => undefined,
	});
	const first = await careful.sample();
	counts.machine = 6;
	await clock.advance(100);
	expect(careful.explainKill(4711, first)).toBe('killed by the kernel: out of memory');
	const next = await careful.sample();
	await clock.advance(100);
	expect(careful.explainKill(4712, next)).toBe('killed by someone else');
});
