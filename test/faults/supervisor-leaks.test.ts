/** Supervision 3.1.39: a thousand processes come and go (ten thousand in scripts/soak), and the daemon is as it was before. */
import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { until } from '@orch/base/testing';
import { expect, test } from 'vitest';
import { superviseReally } from '../../packages/daemon/src/supervisor/testing/real.ts';
import { countCollections, keptShims, spareShimsOf } from '../support/index.ts';

const processes = Number(process.env['ORCH_PROCESSES'] ?? 1_000);
const atOnce = 25;
const warmUps = 20;
/** So many processes of a runtime are remembered with what each has written: the one list that grows with what has been launched. */
const mostLives = 100;

test.skipIf(process.platform !== 'linux')(
	'supervision 3.1.39: after 1,000 processes descriptors, timers and records are exactly what they were, no map, set or list has an entry for each, and the heap is no larger',
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
		 * taken are replaced after a rest. A look at all processes that is under way has a file
		 * open.
		 */
		const restingFacts = async () => {
			let last = '';
			let same = 0;
			return until('nothing changes any more', () => {
				const now = facts();
				same = JSON.stringify(now) === last ? same + 1 : 0;
				last = JSON.stringify(now);
				const isLooking = 'FSReqPromise' in now.resources;
				return same >= 10 && !isLooking && spareShimsOf(real.directory) === keptShims ? now : undefined;
			});
		};
		/** What maps, sets and arrays hold, but for what the test itself has been told and what is kept of each process by design. */
		const entries = () => {
			for (const told of [real.events, real.ended, real.journal.lives]) told.length = 0;
			real.processIds.clear();
			const { Map: maps, Set: sets, Array: arrays } = countCollections();
			const lives = real.supervisor.list().reduce((sum, { generation }) => sum + Math.min(generation, mostLives), 0);
			return { maps: maps.entries, sets: sets.entries, arrays: arrays.entries - lives };
		};
		// what is made once and kept: compiled code, of which the engine makes most in the first hundreds of processes, pools, caches
		for (let warmUp = 0; warmUp < warmUps; warmUp++) await round();
		const before = await restingFacts();
		expect(before).toMatchObject({ records: 0, living: 0, statuses: ['stopped'] });
		const entriesBefore = entries();
		collect();
		const heapBefore = process.memoryUsage().heapUsed;
		for (let done = 0; done < processes; done += atOnce) await round();
		expect(real.supervisor.list().reduce((sum, { generation }) => sum + generation, 0)).toBe(processes + warmUps * atOnce);
		const after = await restingFacts();
		expect(after).toEqual(before);
		// a look at all processes may be between two of them, and have its lists; an entry for each launch, or each stop, is more
		const entriesAfter = entries();
		for (const kind of ['maps', 'sets', 'arrays'] as const)
			expect(entriesAfter[kind] - entriesBefore[kind], kind).toBeLessThan(processes * 0.4);
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
