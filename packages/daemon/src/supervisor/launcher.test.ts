/** Launches that do not go as they should, with real shells. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock } from '@orch/base';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLauncher } from './launcher.ts';
import type { ExitStatus } from './exit-record.ts';
import type { Launched, Launcher } from './ports.ts';
import { createProcessTable } from './proc-table.ts';
import { ProcessRecords } from './process-record.ts';
import { requestOf } from './testing/request.ts';

/** A shell whose shims never tell the pid of their program: what they write down is all there is. */
const silentShell = `#!/bin/sh
script=$(printf %s "$2" | sed 's/; echo "$orch_shim_pid" >&3; echo told/; echo told/')
shift 2
exec /bin/sh -c "$script" "$@"
`;

describe.skipIf(process.platform !== 'linux')('a launch', () => {
	let directory: string;
	let launcher: Required<Launcher>;
	beforeEach(() => {
		directory = mkdtempSync(join(tmpdir(), 'orch-launcher-'));
		const shell = join(directory, 'shell');
		writeFileSync(shell, silentShell, { mode: 0o755 });
		const table = createProcessTable();
		launcher = createLauncher({ clock: systemClock, log: silentLogger, stateDirectory: directory, table, shell });
	});
	afterEach(async () => {
		vi.restoreAllMocks();
		await launcher.endSpares();
		rmSync(directory, { recursive: true, force: true });
	});

	const launch = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
		launcher.launch(requestOf(directory, args, { env: { PATH: '/usr/bin:/bin', ...env } }), new AbortController().signal);
	const ended = (one: Launched) => new Promise<ExitStatus>((resolve) => one.onExit(() => false, resolve));
	const texts = (folder: string) =>
		readdirSync(join(directory, folder)).map((name) => readFileSync(join(directory, folder, name), 'utf8'));

	test('of a program that has ended before its pid was heard is known by its record', async () => {
		const one = await launch(['-c', 'exit 7']);
		expect(await ended(one)).toEqual({ kind: 'code', code: 7 });
	});

	test('is not taken for failed because its record cannot be read now: it is read later, and nothing it was told stays', async () => {
		const read = vi.spyOn(ProcessRecords.prototype, 'readShim');
		for (let time = 0; time < 2; time++) {
			read.mockImplementationOnce(() => {
				throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
			});
		}
		const one = await launch(['-c', 'exit 7'], { SECRET: 'hidden' });
		expect(read).toHaveBeenCalledTimes(3);
		expect(await ended(one)).toEqual({ kind: 'code', code: 7 });
		expect(texts('processes').filter((text) => text.includes('exit 7'))).toHaveLength(1);
		expect(texts('launches').join('').trim()).toBe('');
	});
});
