import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@orch/base';
import { ManualClock } from '@orch/base/testing';
import { expect, test } from 'vitest';
import { keepOutputMs, removeOldOutput } from './old-output.ts';

test('output of runtimes that nobody knows is kept for a week after its last line, then removed; that of others is not touched', () => {
	const stateDirectory = mkdtempSync(join(tmpdir(), 'orch-old-output-'));
	const clock = new ManualClock();
	const write = (runtime: string, ageMs: number) => {
		const directory = join(stateDirectory, 'logs', runtime);
		mkdirSync(directory, { recursive: true });
		writeFileSync(join(directory, 'stdout.log'), 'x');
		const seconds = (clock.now() - ageMs) / 1000;
		utimesSync(join(directory, 'stdout.log'), seconds, seconds);
		utimesSync(directory, seconds - 1000, seconds - 1000);
		return directory;
	};
	const old = write('old', keepOutputMs);
	const young = write('young', keepOutputMs - 1000);
	const known = write('known', 10 * keepOutputMs);
	const options = { stateDirectory, clock, log: silentLogger, isKnown: (id: string) => id === 'known' };
	expect(removeOldOutput(options)).toBe(1);
	expect([existsSync(old), existsSync(young), existsSync(known)]).toEqual([false, true, true]);
	expect(removeOldOutput({ ...options, stateDirectory: join(stateDirectory, 'nowhere') })).toBe(0);
	rmSync(stateDirectory, { recursive: true });
});
