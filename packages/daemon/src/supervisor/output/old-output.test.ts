import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@orch/base';
import { ManualClock } from '@orch/base/testing';
import { expect, test } from 'vitest';
import { keepOutputMs, listOldOutput, noteOldOutput, removeOldestOutput, removeOldOutput } from './old-output.ts';

test('output of runtimes that nobody knows is kept for a week after its last line, then removed; that of others is not touched', async () => {
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
	expect(await removeOldOutput(options)).toBe(1);
	expect([existsSync(old), existsSync(young), existsSync(known)]).toEqual([false, true, true]);
	expect(await removeOldOutput({ ...options, stateDirectory: join(stateDirectory, 'nowhere') })).toBe(0);
	// where room is needed the young ones go as well, the oldest first
	const younger = write('younger', 1000);
	const removals = removeOldestOutput(options);
	expect((await removals.next()).value).toBeGreaterThan(0);
	expect([existsSync(young), existsSync(younger), existsSync(known)]).toEqual([false, true, true]);
	expect((await removals.next()).value).toBeGreaterThan(0);
	expect((await removals.next()).done).toBe(true);
	expect([existsSync(younger), existsSync(known)]).toEqual([false, true]);
	rmSync(stateDirectory, { recursive: true });
});

test('output of a runtime that comes back while room is made is not touched', async () => {
	const stateDirectory = mkdtempSync(join(tmpdir(), 'orch-old-output-'));
	const directoryOf = (id: string) => join(stateDirectory, 'logs', id);
	for (const [at, id] of ['first', 'back', 'last'].entries()) {
		mkdirSync(directoryOf(id), { recursive: true });
		utimesSync(directoryOf(id), at + 1, at + 1);
	}
	const known = new Set<string>();
	const options = { stateDirectory, clock: new ManualClock(), log: silentLogger, isKnown: (id: string) => known.has(id) };
	for await (const _bytes of removeOldestOutput(options)) known.add('back');
	expect(['first', 'back', 'last'].map((id) => existsSync(directoryOf(id)))).toEqual([false, true, false]);
	rmSync(stateDirectory, { recursive: true });
});

test('kept output is known by the name that was noted; whatever else stands there stands for nobody', () => {
	const stateDirectory = mkdtempSync(join(tmpdir(), 'orch-old-output-'));
	const make = (runtime: string) => {
		const directory = join(stateDirectory, 'logs', runtime);
		mkdirSync(directory, { recursive: true });
		return directory;
	};
	for (const id of ['one', 'back']) noteOldOutput(make(id), `worker-${id}`);
	make('unnamed');
	writeFileSync(join(make('torn'), 'removed.json'), '{"na');
	writeFileSync(join(make('other'), 'removed.json'), '{"name":7}');
	expect(listOldOutput(stateDirectory, (id) => id === 'back')).toEqual([{ id: 'one', name: 'worker-one' }]);
	expect(listOldOutput(join(stateDirectory, 'nowhere'), () => false)).toEqual([]);
	rmSync(stateDirectory, { recursive: true });
});
