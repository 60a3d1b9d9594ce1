import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@orch/base/testing';
import { describe, expect, test } from 'vitest';
import { filesWritten, isDead, isStopped, listPids, parseStat, readCommand, readStat, readVariable } from './proc-scan.ts';

const tail =
	'1 41 41 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 0 0 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0';

test.each([
	['a plain name', `41 (sleep) S ${tail}`, 'sleep', 'S'],
	['a name with spaces and parentheses', `41 (a) R 1 (b c)) Z ${tail}`, 'a) R 1 (b c)', 'Z'],
	['a name with a newline', `41 (x\ny) T ${tail}`, 'x\ny', 'T'],
	['an empty name', `41 () D ${tail}`, '', 'D'],
])('a stat line with %s is counted from its last parenthesis', (_, text, name, state) => {
	expect(parseStat(text)).toEqual({ pid: 41, name, state, parent: 1, group: 41, session: 41, startTicks: 987654 });
});

test.each(['', '41', '41 (sleep', '41 (sleep) ', '41 (sleep) S 1 41'])('%j is no stat line', (text) => {
	expect(parseStat(text)).toBeUndefined();
});

describe.skipIf(process.platform !== 'linux')('of real processes', () => {
	test('reads ourselves, and nothing of a process that does not exist', () => {
		expect(readStat(process.pid)).toMatchObject({ pid: process.pid, parent: process.ppid });
		expect(listPids()).toContain(process.pid);
		expect([readStat(4_194_304), readVariable(4_194_304, 'HOME'), filesWritten(4_194_304, '/')]).toEqual([
			undefined,
			undefined,
			[],
		]);
		expect(readCommand({ pid: 4_194_304, name: 'gone' })).toBe('[gone]');
	});

	test('supervision 3.1.44: a zombie answers signals, and is dead', async () => {
		// it never waits for its child, which it names
		const script = 'import os, sys, time\npid = os.fork()\nif pid == 0: os._exit(0)\nprint(pid, flush=True)\ntime.sleep(100)';
		const parent = spawn('python3', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
		try {
			const pid = await until('the child is named', () => (parent.stdout.read() as Buffer | null)?.toString().trim());
			const stat = await until('the child is a zombie', () => {
				const found = readStat(Number(pid));
				return found && isDead(found) ? found : undefined;
			});
			expect(stat.state).toBe('Z');
			expect(process.kill(stat.pid, 0)).toBe(true);
		} finally {
			parent.kill('SIGKILL');
		}
	});

	test('finds a variable and the files that a process writes, not those that it reads', async () => {
		const directory = `${mkdtempSync(join(tmpdir(), 'orch-scan-'))}/`;
		const written = openSync(`${directory}written`, 'a');
		const readable = openSync(`${directory}written`, 'r');
		const child = spawn('/bin/sleep', ['100'], {
			stdio: ['ignore', written, readable],
			env: { ORCH_PROCESS: 'x=1', OTHER_ORCH_PROCESS: 'no' },
		});
		try {
			const pid = child.pid ?? 0;
			expect({
				cookie: readVariable(pid, 'ORCH_PROCESS'),
				other: readVariable(pid, 'OTHER_ORCH_PROCESS'),
				none: readVariable(pid, 'PROCESS'),
				written: filesWritten(pid, directory),
				command: readCommand({ pid, name: 'sleep' }),
			}).toEqual({ cookie: 'x=1', other: 'no', none: undefined, written: [`${directory}written`], command: '/bin/sleep 100' });
			child.kill('SIGSTOP');
			await until('it is stopped', () => isStopped(readStat(pid) ?? ({ state: '?' } as never)));
		} finally {
			child.kill('SIGKILL');
			closeSync(written);
			closeSync(readable);
			rmSync(directory, { recursive: true });
		}
	});
});
