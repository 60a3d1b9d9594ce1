import { spawn } from 'node:child_process';
import { until } from '@orch/base/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { parseUsage, readUsage, type UsageStat } from '../proc-scan.ts';
import { createProcessSet } from '../process-set.ts';
import { Census } from './census.ts';
import { createCensus } from './system-census.ts';

/** Processes that exist only here. */
function world() {
	const processes = new Map<number, UsageStat>();
	const cookies = new Map<number, string>();
	const reads: number[] = [];
	const looked: number[] = [];
	const census = new Census({
		pids: () => [...processes.keys()],
		usage(pid) {
			reads.push(pid);
			return processes.get(pid);
		},
		cookie(pid) {
			looked.push(pid);
			return cookies.get(pid);
		},
		pageBytes: 4096,
		self: 1,
		breathe: async () => {},
	});
	let startTicks = 100;
	const born = (pid: number, wish: Partial<UsageStat> = {}) => {
		const { parent = 1, group = pid, session = group } = wish;
		const stat = { pid, name: 'x', state: 'S', parent, group, session, startTicks: startTicks++, cpuTicks: 0, residentPages: 10 };
		processes.set(pid, { ...stat, ...wish });
	};
	const change = (pid: number, wish: Partial<UsageStat>) => processes.set(pid, { ...(processes.get(pid) as UsageStat), ...wish });
	/** A runtime as it is launched: the shim, which leads group and session, and the program below it. */
	const launch = (pid: number) => {
		const set = createProcessSet({ processId: `p-${pid}`, root: { pid, startTicks }, outputDirectory: undefined });
		born(pid);
		born(pid + 1, { parent: pid, group: pid, session: pid });
		return set;
	};
	return { census, processes, cookies, reads, looked, born, change, launch };
}

describe('a census', () => {
	it('sums the whole tree and leaves out the shim', async () => {
		const { census, launch, born, change } = world();
		const set = launch(10);
		born(12, { parent: 11, group: 10, session: 10, residentPages: 5 });
		born(13, { parent: 12, group: 13, session: 13, residentPages: 7 });
		born(50, { residentPages: 1000 });
		change(11, { cpuTicks: 3 });
		change(13, { cpuTicks: 4 });
		const sums = await census.look(new Set([set]), new Set([set]));
		expect(sums.get(set)).toEqual({ ticks: 7, memoryBytes: (10 + 5 + 7) * 4096, processes: 3 });
	});

	it('counts time once, whoever ends and is waited for', async () => {
		const { census, launch, born, change, processes } = world();
		const set = launch(10);
		const all = new Set([set]);
		born(12, { parent: 11, group: 10, session: 10 });
		born(13, { parent: 12, group: 10, session: 10, cpuTicks: 5 });
		expect((await census.look(all, all)).get(set)?.ticks).toBe(5);
		// a grandchild ends after two more ticks, and its parent, which has waited for it, as well
		processes.delete(13);
		processes.delete(12);
		change(11, { cpuTicks: 7 });
		expect((await census.look(all, all)).get(set)?.ticks).toBe(2);
		// one that nobody here waits for takes its time with it
		born(14, { parent: 1, group: 10, session: 10, cpuTicks: 4 });
		expect((await census.look(all, all)).get(set)?.ticks).toBe(4);
		processes.delete(14);
		expect((await census.look(all, all)).get(set)?.ticks).toBe(0);
	});

	it('finds by the cookie whoever left group and session, and asks each stranger for it once', async () => {
		const { census, launch, born, cookies, looked } = world();
		const set = launch(10);
		const all = new Set([set]);
		born(60, { parent: 1 });
		born(61, { parent: 1 });
		born(62, { parent: 60, residentPages: 3 });
		cookies.set(60, 'p-10');
		expect((await census.look(all, all)).get(set)).toMatchObject({ processes: 3, memoryBytes: (10 + 10 + 3) * 4096 });
		await census.look(all, all);
		// a stranger's child among strangers is not asked
		born(63, { parent: 61 });
		born(64, { parent: 63 });
		await census.look(all, all);
		expect(looked.sort()).toEqual([60, 61, 63]);
		expect([...set.known.keys()].sort()).toEqual([10, 11, 60, 62]);
	});

	it('does not count what one had used before it was found out to belong here', async () => {
		const { census, launch, born, change, processes } = world();
		const set = launch(10);
		const all = new Set([set]);
		born(60, { parent: 1, cpuTicks: 900 });
		await census.look(all, all);
		const stat = processes.get(60) as UsageStat;
		// the same process, as far as anybody can tell, is now known by another's look
		set.known.set(60, { pid: 60, startTicks: stat.startTicks });
		await census.look(all, all);
		change(60, { cpuTicks: 903 });
		for (let look = 0; look < 61; look++) await census.look(all, all);
		expect((await census.look(all, all)).get(set)?.processes).toBe(2);
		expect((await census.look(all, all)).get(set)?.ticks).toBe(0);
	});

	it('reads only what is new and who is asked about', async () => {
		const { census, launch, born, reads } = world();
		const [one, other] = [launch(10), launch(20)];
		for (let pid = 100; pid < 200; pid++) born(pid);
		const all = new Set([one, other]);
		await census.look(all, all);
		reads.length = 0;
		await census.look(all, new Set());
		expect(reads).toEqual([]);
		await census.look(all, new Set([other]));
		expect(reads).toEqual([21]);
		reads.length = 0;
		born(30, { parent: 11, group: 10, session: 10 });
		await census.look(all, new Set());
		expect(reads).toEqual([30]);
		expect(census.sizes()).toEqual(
			new Map([
				[one, 2],
				[other, 1],
			]),
		);
	});

	it('takes up what ran before it looked, with all it has used', async () => {
		const { census, launch, change } = world();
		const set = launch(10);
		await census.look(new Set(), new Set());
		change(11, { cpuTicks: 50 });
		expect((await census.look(new Set([set]), new Set([set]))).get(set)).toMatchObject({ processes: 1, ticks: 50 });
	});

	it('takes a pid that became another process for that, and a dead one for nobody', async () => {
		const { census, launch, change, processes } = world();
		const set = launch(10);
		const all = new Set([set]);
		await census.look(all, all);
		change(11, { startTicks: 5000, group: 999, session: 999, parent: 1 });
		expect((await census.look(all, all)).get(set)?.processes).toBe(0);
		processes.set(12, { ...(processes.get(11) as UsageStat), pid: 12, group: 10, state: 'Z', residentPages: 0, cpuTicks: 2 });
		expect((await census.look(all, all)).get(set)).toEqual({ ticks: 2, memoryBytes: 0, processes: 0 });
	});
});

describe.skipIf(!readUsage(process.pid))('the census of this machine', () => {
	const children: ReturnType<typeof spawn>[] = [];
	afterEach(() => {
		for (const child of children.splice(0)) if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
	});

	it('sees the memory of a whole tree, and the time it takes', async () => {
		const work = 'const b = Buffer.alloc(64 * 2 ** 20, 1); for (;;) b[0]++';
		const child = spawn('sh', ['-c', `"$0" -e '${work}' & wait`, process.execPath], { detached: true, stdio: 'ignore' });
		children.push(child);
		const root = await until('it runs', () => (child.pid === undefined ? undefined : readUsage(child.pid)));
		const set = createProcessSet({ processId: 'test', root, outputDirectory: undefined });
		const census = createCensus();
		const all = new Set([set]);
		let ticks = 0;
		await until('it has its memory and has used the processor', async () => {
			const sum = (await census?.look(all, all))?.get(set);
			ticks += sum?.ticks ?? 0;
			return sum?.processes === 1 && sum.memoryBytes > 64 * 2 ** 20 && sum.memoryBytes < 1024 * 2 ** 20 && ticks > 10;
		});
		expect(readUsage(root.pid)?.name).toBe('sh');
	});
});

it('a stat line is read whatever the name', () => {
	const line = '7 (a ) b (c) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23';
	expect(parseUsage(line)).toMatchObject({ pid: 7, name: 'a ) b (c', parent: 1, cpuTicks: 11 + 12 + 13 + 14, residentPages: 21 });
	expect(parseUsage('7 (a) R 1 2')).toBeUndefined();
});
