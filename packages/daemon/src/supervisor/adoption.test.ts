/** Records of an earlier daemon, and what is made of them: whatever stands in them, with real processes behind some. */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock, systemRandom } from '@orch/base';
import { ManualClock } from '@orch/base/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAdoption } from './adoption.ts';
import { bootId, readStat } from './proc-scan.ts';
import { createProcessTable } from './proc-table.ts';
import type { ProcessTable } from './process-table.ts';
import { isAlive } from './testing/real.ts';

describe.skipIf(process.platform !== 'linux')('what an earlier daemon wrote down', () => {
	let directory: string;
	const children: ChildProcess[] = [];
	beforeEach(() => {
		directory = mkdtempSync(join(tmpdir(), 'orch-adoption-'));
		mkdirSync(join(directory, 'processes'));
	});
	afterEach(() => {
		for (const child of children.splice(0)) child.kill('SIGKILL');
		rmSync(directory, { recursive: true, force: true });
	});

	/** One that counts as a shim here: what matters is that it lives. */
	function living(): number {
		const child = spawn('/bin/sleep', ['1000'], { detached: true, stdio: 'ignore', env: {} });
		children.push(child);
		return child.pid ?? 0;
	}
	function record(pid: number, lines: string, wish: object = {}): string {
		const processId = systemRandom.uuid();
		const text = {
			version: 1,
			processId,
			runtimeId: systemRandom.uuid(),
			runtimeName: 'recorded',
			generation: 1,
			pid,
			startTicks: readStat(pid)?.startTicks ?? 0,
			bootId: bootId(),
			program: '/bin/sleep',
			stop: { signal: 'SIGTERM', graceMs: 100 },
			outputDirectory: `${directory}/logs/none/`,
			launchedAt: 0,
			...wish,
		};
		writeFileSync(join(directory, 'processes', processId), `${JSON.stringify(text)}\n${lines}`);
		return processId;
	}
	function adoption() {
		const clock = new ManualClock();
		return {
			clock,
			adoption: createAdoption({ stateDirectory: directory, clock, log: silentLogger, table: createProcessTable() }),
		};
	}

	test('a shim that lives long after its daemon has got its word, though a full disk kept it from writing so', async () => {
		const lives = record(living(), '');
		const gone = record(2 ** 22, '', { startTicks: 1 });
		const { clock, adoption: adopting } = adoption();
		const found = adopting.recorded();
		await clock.advance(10_000);
		const byId = new Map((await found).map((one) => [one.record.processId, one]));
		expect(byId.get(lives)).toMatchObject({ rootLives: true, launch: { isLetGo: true, pid: undefined } });
		expect(byId.get(gone)).toMatchObject({ rootLives: false, launch: { isLetGo: false } });
	});

	test('an end that is written between the reading of a record and the look at its shim is known', async () => {
		const shim = living();
		const processId = record(shim, `pid ${shim}\ntold\n`);
		const table = createProcessTable();
		let looks = 0;
		const adopting = createAdoption({
			stateDirectory: directory,
			clock: new ManualClock(),
			log: silentLogger,
			table: {
				...table,
				identify: () => {
					if (looks++ === 0) appendFileSync(join(directory, 'processes', processId), 'Segmentation fault\nexit 139\n');
					return undefined;
				},
			} as ProcessTable,
		});
		const [recorded] = await adopting.recorded();
		expect(looks).toBeGreaterThan(0);
		expect(recorded).toMatchObject({ rootLives: false, launch: { hasEnded: true } });
		expect(recorded?.statusIf(false)).toEqual({ kind: 'signal', signal: 'SIGSEGV', coreDumped: false });
	});

	test('a pid is that of the program only as long as it is the shim’s child', async () => {
		const shim = living();
		const stranger = living();
		record(shim, `pid ${stranger}\ntold\n`);
		const { adoption: adopting } = adoption();
		const [recorded] = await adopting.recorded();
		if (!recorded) throw new Error('Nothing was found');
		expect(adopting.adopt(recorded).program).toEqual({ pid: stranger, startTicks: 0 });
	});

	test('what is nobody’s is ended by what was read when the rest was, and what is somebody’s is let be', async () => {
		const [nobodys, somebodys] = [living(), living()];
		const runtimeId = systemRandom.uuid();
		const paths = [record(nobodys, `pid ${nobodys}\ntold\n`), record(somebodys, `pid ${somebodys}\ntold\n`, { runtimeId })].map(
			(processId) => join(directory, 'processes', processId),
		);
		const adopting = createAdoption({
			stateDirectory: directory,
			clock: systemClock,
			log: silentLogger,
			table: createProcessTable(),
		});
		expect(await adopting.recorded()).toHaveLength(2);
		// who reads a second time finds nothing
		for (const path of paths) writeFileSync(path, '');
		expect(await adopting.settle(new Set([runtimeId]))).toMatchObject({
			stopped: [{ name: 'recorded', pid: nobodys }],
			escaped: [],
			gone: 0,
		});
		expect([isAlive(nobodys), isAlive(somebodys)]).toEqual([false, true]);
		expect(paths.map((path) => existsSync(path))).toEqual([false, true]);
	});

	test.each([
		['without its newline', '{"version":1,"processId":"'],
		['of a later version', '{"version":2}\n'],
		['without a generation', undefined],
		['a directory', null],
	])('one that is %s is not taken for a process', async (_, text) => {
		const name = join(directory, 'processes', systemRandom.uuid());
		if (text === null) mkdirSync(name);
		else if (text === undefined) record(living(), '', { generation: 'none' });
		else writeFileSync(name, text);
		const { adoption: adopting } = adoption();
		expect(await adopting.recorded()).toEqual([]);
		// what cannot be taken away stays, and keeps nobody from starting
		for (const processId of readdirSync(join(directory, 'processes'))) adopting.drop(processId);
		expect(readdirSync(join(directory, 'processes'))).toHaveLength(text === null ? 1 : 0);
	});
});
