import { silentLogger } from '@orch/base';
import { ManualClock, settle } from '@orch/base/testing';
import { expect, it } from 'vitest';
import { createProcessSet } from './process-set.ts';
import type { ProcessTable } from './process-table.ts';
import { RuntimeSets } from './runtime-sets.ts';

/** Where nothing is left of anybody. */
const emptyTable: ProcessTable = {
	identify: () => undefined,
	register: () => {},
	unregister: () => {},
	members: async () => [],
	hasGroup: () => false,
	signalGroup: () => false,
	signal: () => false,
	kill: () => {},
	describe: () => {
		throw new Error('nobody is there');
	},
};

function rig() {
	const clock = new ManualClock();
	const gone: string[] = [];
	const sets = new RuntimeSets({
		clock,
		log: silentLogger,
		table: emptyTable,
		stop: () => ({ signal: 'SIGTERM', graceMs: 1_000 }),
		stopCommand: () => undefined,
		onGone: ({ processId }) => gone.push(processId),
		onEscaped: () => {},
		onEmptied: () => {},
	});
	const ends = (processId: string) => {
		const set = createProcessSet({ processId, root: { pid: 1_000_000, startTicks: 1 }, outputDirectory: undefined });
		sets.add(set);
		set.exited = true;
		sets.sweepSoon();
	};
	return { clock, gone, sets, ends };
}

it('what a runtime has left is swept, also of one that keeps ending', async () => {
	const { clock, gone, sets, ends } = rig();
	for (let round = 0; round < 10; round++) {
		ends(`process ${round}`);
		await clock.advance(100);
		await settle();
	}
	expect(gone.length).toBeGreaterThanOrEqual(6);
	expect(sets.all.length).toBeLessThanOrEqual(4);
	await clock.advance(250);
	await settle();
	expect(sets.isEmpty).toBe(true);
});

it('a stop in between does not keep what comes later from being swept', async () => {
	const { clock, sets, ends } = rig();
	ends('before');
	sets.endAll(1_000);
	await settle();
	ends('after');
	await clock.advance(250);
	await settle();
	expect(sets.isEmpty).toBe(true);
});
