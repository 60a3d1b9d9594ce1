/** What a daemon finds of one that was killed: real processes, let go of without being stopped. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock, systemRandom } from '@orch/base';
import { until } from '@orch/base/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAdoption } from './adoption.ts';
import { createProcessTable } from './proc-table.ts';
import { bootId, readStat } from './proc-scan.ts';
import { isAlive, type Real, superviseReally } from './testing/real.ts';

/** As a daemon does it that knows no runtime of this state. */
async function settleIn(stateDirectory: string) {
	const adoption = createAdoption({ stateDirectory, clock: systemClock, log: silentLogger, table: createProcessTable() });
	await adoption.recorded();
	return adoption.settle(new Set());
}

describe.skipIf(process.platform !== 'linux')('what an earlier daemon left', () => {
	let real: Real;
	beforeEach(() => {
		real = superviseReally();
	});
	afterEach(() => real.close());
	const settle = () => settleIn(real.directory);
	const records = () => readdirSync(join(real.directory, 'processes'));

	test('is ended with all that it forked, and reported, and forgotten', async () => {
		const stop = { signal: 'SIGTERM', graceMs: 200 } as const;
		const families = ['leader-goes-first', 'escape-parent', 'escape-environment', 'graceful'].map((role) =>
			real.addFamily(role, '', { stop }),
		);
		for (const id of families) await real.supervisor.start(id);
		await Promise.all([real.noted('leader', 5), real.noted('child'), real.noted('escaped')]);
		const left = families.map((id) => real.supervisor.snapshot(id));
		await real.supervisor.close();
		const { stopped, escaped, gone } = await settle();
		expect({ escaped, gone }).toEqual({ escaped: [], gone: 0 });
		expect([...stopped].sort((a, b) => a.pid - b.pid)).toEqual(
			left.map(({ spec, pid }) => ({ runtimeId: spec.id, name: spec.name, pid })).sort((a, b) => (a.pid ?? 0) - (b.pid ?? 0)),
		);
		expect(real.notesOf().filter(({ pid }) => isAlive(pid))).toEqual([]);
		expect(records()).toEqual([]);
		expect(await settle()).toEqual({ stopped: [], escaped: [], gone: 0 });
	});

	test('has ended by itself meanwhile: nobody is signalled, and its record goes', async () => {
		const id = real.add('/bin/sleep', ['1000']);
		const { pid = 0 } = await real.supervisor.start(id);
		const shim = readStat(pid)?.parent ?? 0;
		await real.supervisor.close();
		process.kill(pid, 'SIGKILL');
		await until('its shim has ended', () => !isAlive(shim));
		expect(await settle()).toEqual({ stopped: [], escaped: [], gone: 1 });
		expect(records()).toEqual([]);
	});

	test('a process that was launched and never recorded is found by its cookie', async () => {
		const processId = systemRandom.uuid();
		writeFileSync(join(real.directory, 'processes', processId), '');
		const child = spawn('/bin/sleep', ['1000'], { detached: true, stdio: 'ignore', env: { ORCH_PROCESS: processId } });
		const pid = child.pid ?? 0;
		expect(await settle()).toEqual({ stopped: [{ runtimeId: '', name: processId, pid }], escaped: [], gone: 0 });
		expect(isAlive(pid)).toBe(false);
		expect(records()).toEqual([]);
	});

	describe('supervision 3.1.13: a record does not stand for whoever has its pid now', () => {
		const record = (pid: number, wish: object = {}) => {
			const processId = systemRandom.uuid();
			const text = {
				version: 1,
				processId,
				runtimeId: systemRandom.uuid(),
				runtimeName: 'recorded',
				generation: 1,
				pid,
				startTicks: readStat(pid)?.startTicks,
				bootId: bootId(),
				program: '/bin/sleep',
				stop: { signal: 'SIGTERM', graceMs: 100 },
				outputDirectory: `${real.directory}/logs/none/`,
				launchedAt: 0,
				...wish,
			};
			writeFileSync(join(real.directory, 'processes', processId), `${JSON.stringify(text)}\npid ${pid}\n`);
		};
		const stranger = () => spawn('/bin/sleep', ['1000'], { detached: true, stdio: 'ignore', env: {} });

		test.each([
			['another start time', { startTicks: 17 }],
			['another boot', { bootId: '00000000-0000-0000-0000-000000000000' }],
		])('of %s', async (_, wish) => {
			const child = stranger();
			try {
				const pid = child.pid ?? 0;
				record(pid, wish);
				expect(await settle()).toEqual({ stopped: [], escaped: [], gone: 1 });
				expect(isAlive(pid)).toBe(true);
				expect(records()).toEqual([]);
			} finally {
				child.kill('SIGKILL');
			}
		});

		test('while the one that it does stand for is ended', async () => {
			const child = stranger();
			const pid = child.pid ?? 0;
			record(pid);
			expect((await settle()).stopped).toMatchObject([{ name: 'recorded', pid }]);
			expect(isAlive(pid)).toBe(false);
		});
	});

	test.each([
		['empty', ''],
		['cut', '{"version":1,"processId":"'],
		['garbage', '\0\xff\n{"version":1,}\n'],
		['of a later version', '{"version":2}\n'],
	])('a record that is %s harms nobody and goes', async (_, text) => {
		writeFileSync(join(real.directory, 'processes', systemRandom.uuid()), text);
		writeFileSync(join(real.directory, 'processes', 'not a process'), text);
		expect(await settle()).toEqual({ stopped: [], escaped: [], gone: 1 });
		expect(records()).toEqual(['not a process']);
	});

	test('what is in the place of a record and cannot be taken away keeps nobody from starting', async () => {
		mkdirSync(join(real.directory, 'processes', systemRandom.uuid()));
		expect(await settle()).toEqual({ stopped: [], escaped: [], gone: 1 });
	});

	test('where there is no state yet there is nothing to settle', async () => {
		const directory = mkdtempSync(join(tmpdir(), 'orch-settle-'));
		mkdirSync(join(directory, 'sub'));
		expect(await settleIn(join(directory, 'sub/state'))).toEqual({ stopped: [], escaped: [], gone: 0 });
		rmSync(directory, { recursive: true });
	});
});
