/** Records of processes: on a disk that takes only a part of what it is given, and with control groups that come early, late or never. */
import { execFileSync } from 'node:child_process';
import {
	appendFileSync,
	closeSync,
	constants,
	existsSync,
	mkdtempSync,
	openSync,
	rmSync,
	writeFileSync,
	writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ProcessRecords } from './process-record.ts';
import { defaultStop } from './spec.ts';

test.skipIf(process.platform !== 'linux')(
	'a record that was not written as a whole is an error, for its process would be unknown',
	() => {
		const directory = mkdtempSync(join(tmpdir(), 'orch-record-'));
		// a pipe that nobody reads takes 64 KiB of a longer text
		const pipe = join(directory, 'pipe');
		execFileSync('mkfifo', [pipe]);
		const descriptor = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
		try {
			const write = () =>
				new ProcessRecords(directory).write(descriptor, {
					version: 1,
					processId: 'a process',
					runtimeId: 'a runtime',
					runtimeName: 'ping',
					generation: 1,
					pid: 2,
					startTicks: 3,
					bootId: '',
					program: `/${'x'.repeat(100_000)}`,
					stop: defaultStop,
					outputDirectory: '/output/',
					launchedAt: 0,
				});
			expect(write).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
		} finally {
			closeSync(descriptor);
			rmSync(directory, { recursive: true, force: true });
		}
	},
);

test('a control group is read from the record, from a line of its own, or not at all, and never from half a line', async () => {
	const directory = mkdtempSync(join(tmpdir(), 'orch-record-'));
	try {
		const records = new ProcessRecords(directory);
		const cgroup = { path: '/sys/fs/cgroup/orch-1', inode: 7 };
		const write = (processId: string, wish: { readonly cgroup?: unknown } = {}, after = '') => {
			const file = join(directory, 'of-a-shim');
			writeFileSync(file, '');
			const record = {
				version: 1,
				processId,
				runtimeId: 'a runtime',
				runtimeName: 'ping',
				generation: 1,
				pid: 2,
				startTicks: 3,
			} as const;
			const rest = { bootId: '', program: '/bin/true', stop: defaultStop, outputDirectory: '/output/', launchedAt: 0 };
			// as the shim does, which has opened its file long before
			const descriptor = openSync(file, 'a');
			records.begin(file, { ...record, ...rest, ...(wish as object) });
			expect(existsSync(file)).toBe(false);
			writeSync(descriptor, after);
			closeSync(descriptor);
		};
		write('old', {}, 'pid 5\ntold\n');
		expect(records.read('old')).toMatchObject({ record: { pid: 2, cgroup: undefined }, shim: 'pid 5\ntold\n' });
		write('early', { cgroup });
		expect(records.read('early').record?.cgroup).toEqual(cgroup);
		write('late', {}, 'pid 5\ntold\n');
		await records.addCgroup('late', cgroup);
		expect(records.read('late')).toMatchObject({ record: { cgroup }, shim: 'pid 5\ntold\n' });
		write('cut', {}, 'pid 5\ntold\nexit 1');
		await records.addCgroup('cut', cgroup);
		expect(records.read('cut')).toMatchObject({ record: { cgroup: undefined }, shim: 'pid 5\ntold\n' });
		for (const wrong of [{ path: 'relative', inode: 7 }, { path: '/a', inode: -1 }, { path: 1, inode: 7 }, null, 'x']) {
			records.drop('early');
			write('early', { cgroup: wrong });
			expect(records.read('early').record).toMatchObject({ pid: 2, cgroup: undefined });
		}
		await expect(records.addCgroup('forgotten', cgroup)).rejects.toMatchObject({ code: 'ENOENT' });
		expect(existsSync(records.path('forgotten'))).toBe(false);
	} finally {
		rmSync(directory, { recursive: true, force: true });
	}
});

test('a record that is disowned says so from then on, and what its shim writes counts as before', () => {
	const directory = mkdtempSync(join(tmpdir(), 'orch-record-'));
	try {
		const records = new ProcessRecords(directory);
		const file = join(directory, 'of-a-shim');
		writeFileSync(file, '');
		records.begin(file, {
			version: 1,
			processId: 'one',
			runtimeId: 'a runtime',
			runtimeName: 'ping',
			generation: 1,
			pid: 2,
			startTicks: 3,
			bootId: '',
			program: '/bin/true',
			stop: defaultStop,
			outputDirectory: '/output/',
			launchedAt: 0,
		});
		appendFileSync(records.path('one'), 'pid 5\ntold\n');
		expect(records.read('one').record?.isDisowned).toBe(false);
		records.disown('one');
		appendFileSync(records.path('one'), 'exit 0\n');
		expect(records.read('one')).toMatchObject({ record: { pid: 2, isDisowned: true }, shim: 'pid 5\ntold\nexit 0\n' });
		// nobody can be taken for alive by a record that is gone
		records.disown('forgotten');
		expect(existsSync(records.path('forgotten'))).toBe(false);
	} finally {
		rmSync(directory, { recursive: true, force: true });
	}
});
