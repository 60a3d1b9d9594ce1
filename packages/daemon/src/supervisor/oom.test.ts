import { expect, test } from 'vitest';
import { createOomWitness, type OomCounts } from './oom.ts';

const witness = (counts: OomCounts, log: readonly string[] | undefined = undefined) =>
	createOomWitness({
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
		{ group: 0, machine: 0 },
		[line(99), line(4711)],
		'killed by the kernel: out of memory',
	],
	[
		'the kernel has killed in this control group',
		{ group: 1, machine: 5 },
		{ group: 2, machine: 6 },
		[line(99)],
		'killed by the kernel: out of memory',
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
	const system = createOomWitness();
	const before = await system.sample();
	const said = system.explainKill(process.pid, before);
	// where something else was killed in between nothing can be said of it
	if (before.machine !== undefined && (await system.sample()).machine === before.machine)
		expect(said).toBe('killed by someone else');
	else expect(said).toMatch(/^killed/);
});
