/** Supervision 3.1.39: a thousand processes come and go (ten thousand in scripts/soak), and the daemon is as it was before. */
import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { until } from '@orch/base/testing';
import { expect, test } from 'vitest';
import { superviseReally } from '../../packages/daemon/src/supervisor/testing/real.ts';
import { keptShims, spareShimsOf } from '../support/index.ts';

const processes = Number(process.env['ORCH_PROCESSES'] ?? 1_000);
const atOnce = 25;
const warmUps = 20;

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
		const facts = () => ({
			records: readdirSync(`${real.directory}/processes`).length,
			descriptors: readdirSync('/proc/self/fd').length,
			resources: countsOf(process.getActiveResourcesInfo()),
			living: real.living().length,
			statuses: [...new Set(real.supervisor.list().map(({ status }) => status))],
		});
		/**
		 * The facts once they no longer change: pipes and files are closed a moment after what closes them, and shims that were
		 * taken are replaced after a rest.
		 */
		const restingFacts = async () => {
			let last = '';
			let same = 0;
			return until('nothing changes any more', () => {
				const now = facts();
				same = JSON.stringify(now) === last ? same + 1 : 0;
				last = JSON.stringify(now);
				return same >= 10 && spareShimsOf(real.directory) === keptShims ? now : undefined;
			});
		};
		// what is made once and kept: compiled code, of which the engine makes most in the first hundreds of processes, pools, caches
		for (let warmUp = 0; warmUp < warmUps; warmUp++) await round();
		const before = await restingFacts();
		expect(before).toMatchObject({ records: 0, living: 0, statuses: ['stopped'] });
		real.events.length = 0;
		real.ended.length = 0;
		real.journal.lives.length = 0;
		collect();
		const heapBefore = process.memoryUsage().heapUsed;
		for (let done = 0; done < processes; done += atOnce) await round();
		expect(real.supervisor.list().reduce((sum, { generation }) => sum + generation, 0)).toBe(processes + warmUps * atOnce);
		const after = await restingFacts();
		expect(after).toEqual(before);
		real.events.length = 0;
		real.ended.length = 0;
		real.journal.lives.length = 0;
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
