/** Supervision 3.1.39: a thousand processes come and go, and the daemon is as it was before. */
import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { until } from '@orch/base/testing';
import { expect, test } from 'vitest';
import { superviseReally } from '../../packages/daemon/src/supervisor/testing/real.ts';

const processes = 1_000;
const atOnce = 25;

test.skipIf(process.platform !== 'linux')(
	'supervision 3.1.39: after 1,000 processes descriptors, timers and records are exactly what they were, and the heap is no larger',
	async () => {
		setFlagsFromString('--expose-gc');
		const collect = runInNewContext('gc') as () => void;
		const real = superviseReally();
		const ids = Array.from({ length: atOnce }, (_, index) =>
			// half of them end by themselves, the others are stopped
			real.add('/bin/sh', ['-c', index % 2 === 0 ? 'exit 0' : 'exec sleep 1000']),
		);
		const round = async () => {
			await Promise.all(ids.map((id) => real.supervisor.start(id)));
			await Promise.all(ids.map((id) => real.supervisor.stop(id)));
		};
		const facts = async () => {
			await until('all records are gone', () => readdirSync(`${real.directory}/processes`).length === 0);
			collect();
			return {
				descriptors: readdirSync('/proc/self/fd').length,
				resources: countsOf(process.getActiveResourcesInfo()),
				living: real.living().length,
				statuses: [...new Set(real.supervisor.list().map(({ status }) => status))],
			};
		};
		// what is made once and kept: compiled code, pools, caches
		for (let warmUp = 0; warmUp < 4; warmUp++) await round();
		const before = await facts();
		real.events.length = 0;
		real.ended.length = 0;
		collect();
		const heapBefore = process.memoryUsage().heapUsed;
		for (let done = 0; done < processes; done += atOnce) await round();
		expect(real.supervisor.list().reduce((sum, { generation }) => sum + generation, 0)).toBe(processes + 4 * atOnce);
		const after = await until('everything is as before', async () => {
			const now = await facts();
			return JSON.stringify(now) === JSON.stringify(before) ? now : undefined;
		});
		expect(after).toEqual(before);
		real.events.length = 0;
		real.ended.length = 0;
		collect();
		expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(2 * 1024 * 1024);
		await real.close();
	},
);

function countsOf(names: readonly string[]): Record<string, number> {
	const counts: Record<string, number> = {};
	for (const name of [...names].sort()) counts[name] = (counts[name] ?? 0) + 1;
	return counts;
}
