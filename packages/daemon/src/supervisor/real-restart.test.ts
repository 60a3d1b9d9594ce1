/** Restarts of real processes by policy, as quick as they can be. */
import { until } from '@orch/base/testing';
import { expect, test } from 'vitest';
import { defaultRestart } from './spec.ts';
import { superviseReally } from './testing/real.ts';

const restarts = 150;
const longMs = 60_000;

test(
	'a process that is being launched is never taken for a leftover of the one before it',
	async () => {
		const real = superviseReally();
		try {
			const restart = { ...defaultRestart, when: 'always', firstMs: 0, capMs: 0, failures: 0 } as const;
			const ids = [1, 2, 3].map(() => real.add('/bin/sh', ['-c', 'exit 3'], { restart }));
			for (const id of ids) await real.supervisor.start(id);
			for (const id of ids) {
				await until('its restarts', () => real.supervisor.snapshot(id).generation > restarts, longMs);
				await real.supervisor.stop(id);
			}
			const ends = real.journal.lives.flatMap(({ end }) => (end && end.exit.by === 'itself' ? [end.exit] : []));
			expect(ends.filter(({ code }) => code !== 3)).toEqual([]);
			expect(ends.length).toBeGreaterThan(3 * (restarts - 1));
		} finally {
			await real.close();
		}
	},
	4 * longMs,
);
