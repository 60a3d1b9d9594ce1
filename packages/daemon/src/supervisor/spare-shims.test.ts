/** Shims spawned ahead, with real shells: that they are there, that launches use them, and that none is left. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock, systemRandom } from '@orch/base';
import { canTakeDescriptors, ManualClock, takeDescriptors, until } from '@orch/base/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLauncher } from './launcher.ts';
import type { Launched, Launcher, LaunchRequest } from './ports.ts';
import { isDead, listPids, readStat } from './proc-scan.ts';
import { createProcessTable } from './proc-table.ts';
import { keptSpares } from './spare-shims.ts';
import { requestOf } from './testing/request.ts';

describe.skipIf(process.platform !== 'linux')('spare shims', () => {
	let directory: string;
	let launcher: Required<Launcher>;
	let launched: Launched[];
	beforeEach(() => {
		directory = mkdtempSync(join(tmpdir(), 'orch-spares-'));
		const table = createProcessTable();
		launcher = createLauncher({ clock: systemClock, log: silentLogger, stateDirectory: directory, table });
		launched = [];
	});
	afterEach(async () => {
		for (const { root } of launched) if (isAlive(root.pid)) process.kill(-root.pid, 'SIGKILL');
		await launcher.endSpares();
		await until('nothing of this test is left', () => ours().length === 0);
		rmSync(directory, { recursive: true, force: true });
	});

	const isAlive = (pid: number): boolean => {
		const stat = readStat(pid);
		return stat !== undefined && !isDead(stat);
	};
	/** Without a look at it, which takes a descriptor. */
	const isThere = (pid: number): boolean => {
		try {
			return process.kill(pid, 0);
		} catch {
			return false;
		}
	};
	/** Shims and their parents have in their arguments where they are told what to launch. */
	const isOurs = (pid: number): boolean => {
		try {
			return isAlive(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${directory}/launches/`);
		} catch {
			return false;
		}
	};
	const ours = () => listPids().filter(isOurs);
	const childrenOf = (pid: number): number[] => {
		try {
			return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
		} catch {
			return [];
		}
	};
	/** Those that wait: leaders of a session, whose child in it is no program yet; the children of a brood's parent lead their own. */
	const spares = () =>
		ours().filter((pid) => {
			const [child, ...others] = childrenOf(pid);
			return child !== undefined && others.length === 0 && isOurs(child) && readStat(child)?.session === pid;
		});
	const launch = async (args: readonly string[], wish: Partial<LaunchRequest> = {}) => {
		const one = await launcher.launch(requestOf(directory, args, wish), new AbortController().signal);
		launched.push(one);
		return one;
	};
	const ended = (one: Launched) => new Promise((resolve) => one.onExit(() => false, resolve));

	test('there are none before the first launch, and some after it, which the next ones take', async () => {
		expect(ours()).toEqual([]);
		await launch(['-c', 'exec sleep 1000']);
		const waiting = await until('spares wait', () => (spares().length === keptSpares ? spares() : undefined));
		for (let used = 1; used <= 2; used++) {
			const { root } = await launch(['-c', 'exec sleep 1000']);
			expect(waiting).toContain(root.pid);
		}
		await until('there are as many again', () => spares().length === keptSpares);
	});

	test('many launches at once are all launched, each in a session of its own, and each end is told', async () => {
		const all = await Promise.all(
			Array.from({ length: 40 }, (_, code) => launch(['-c', `read -r _ </proc/self/stat; exit ${code}`])),
		);
		expect(new Set(all.map(({ root }) => root.pid)).size).toBe(40);
		expect(await Promise.all(all.map(ended))).toEqual(all.map((_, code) => ({ kind: 'code', code })));
	});

	test('many launches at once are all launched, and there are as many spares after them, also where all that is due comes before their shims', async () => {
		const clock = new ManualClock();
		launcher = createLauncher({ clock, log: silentLogger, stateDirectory: directory, table: createProcessTable() });
		const all = Array.from({ length: 28 }, () => launch(['-c', 'exec sleep 1000']));
		// as after a turn of the event loop that took long
		await clock.advance(1_000);
		await Promise.all(all);
		await until('there are as many as ever', async () => {
			await clock.advance(1_000);
			return spares().length === keptSpares;
		});
	});

	test('spares that were killed harm no launch', async () => {
		await launch(['-c', 'exec sleep 1000']);
		for (let round = 0; round < 5; round++) {
			const waiting = await until('spares wait', () => (spares().length === keptSpares ? spares() : undefined));
			for (const pid of waiting) process.kill(pid, 'SIGKILL');
			// a signal takes its time; who gets the word before it comes launches
			await until('they are dead', () => !waiting.some(isAlive));
			const one = await launch(['-c', `exit ${round}`]);
			expect(waiting).not.toContain(one.root.pid);
			expect(await ended(one)).toEqual({ kind: 'code', code: round });
		}
	});

	test('spares whose children were killed while they waited harm no launch', async () => {
		await launch(['-c', 'exec sleep 1000']);
		for (let round = 0; round < 5; round++) {
			const waiting = await until('spares wait', () => (spares().length === keptSpares ? spares() : undefined));
			const children = waiting.flatMap(childrenOf);
			for (const child of children) process.kill(child, 'SIGKILL');
			await until('they are dead', () => !children.some(isAlive));
			const one = await launch(['-c', `exit ${round}`]);
			expect(waiting).not.toContain(one.root.pid);
			expect(await ended(one)).toEqual({ kind: 'code', code: round });
		}
	});

	test('the end of a shim that somebody killed is told, whether it waits alone or not', async () => {
		for (let round = 0; round < 2; round++) {
			const one = await launch(['-c', 'exec sleep 1000']);
			const end = ended(one);
			process.kill(one.root.pid, 'SIGKILL');
			expect(await end).toEqual({ kind: 'unknown', reason: '' });
			process.kill(one.program.pid, 'SIGKILL');
			await until('spares wait', () => spares().length === keptSpares);
		}
	});

	test.skipIf(!canTakeDescriptors)(
		'shims are spawned together also after one of them could not be seen for want of a descriptor',
		async () => {
			const clock = new ManualClock();
			const table = createProcessTable();
			const ignored = vi.spyOn(table, 'ignore');
			launcher = createLauncher({ clock, log: silentLogger, stateDirectory: directory, table });
			await launch(['-c', 'exec sleep 1000']);
			await clock.advance(1_000);
			// whom nobody looks at is known, not only there
			const areKnown = () => spares().every((spare) => ignored.mock.calls.some(([pid]) => pid === spare));
			await until('spares wait', () => spares().length === keptSpares && areKnown());
			await launch(['-c', 'exec sleep 1000']);
			const before = new Set(childrenOf(process.pid));
			// in the turn of the spawn: what is spawned has said nothing yet
			await clock.advance(1_000);
			const [parent = 0] = childrenOf(process.pid).filter((pid) => !before.has(pid));
			const giveBack = takeDescriptors();
			try {
				await until('the one that could not be seen is gone', () => !isThere(parent));
			} finally {
				giveBack();
			}
			expect(spares().length).toBe(keptSpares - 1);
			await launch(['-c', 'exec sleep 1000']);
			await clock.advance(1_000);
			await until('there are as many again', () => spares().length === keptSpares);
			expect(spares().map((pid) => readStat(pid)?.parent)).not.toContain(process.pid);
		},
	);

	test('shims are spawned together also after one of them has ended before it came to life, and the others have launched', async () => {
		const shell = join(directory, 'shell');
		// the second of the first brood does not become a shim
		writeFileSync(shell, '#!/bin/sh\ncase $4 in *-2) exec sleep 1000;; esac\nexec /bin/sh "$@"\n', { mode: 0o755 });
		const table = createProcessTable();
		launcher = createLauncher({ clock: systemClock, log: silentLogger, stateDirectory: directory, table, shell });
		await launch(['-c', 'exec sleep 1000']);
		const first = await until('the others wait', () => (spares().length === keptSpares - 1 ? spares() : undefined));
		const parent = readStat(first[0] ?? 0)?.parent ?? 0;
		const unborn = await until('the second sleeps', () => childrenOf(parent).find((pid) => readStat(pid)?.name === 'sleep'));
		for (const _ of first) await ended(await launch(['-c', 'exit 0']));
		process.kill(unborn, 'SIGKILL');
		await until('their parent is gone', () => !isThere(parent));
		for (let used = 0; used < keptSpares; used++) await launch(['-c', 'exec sleep 1000']);
		await until('there are as many again', () => spares().length === keptSpares);
		expect(spares().map((pid) => readStat(pid)?.parent)).not.toContain(process.pid);
	});

	test('nothing of what a shim was told stays on the disk', async () => {
		const secret = systemRandom.uuid();
		await Promise.all(
			['short', 'x'.repeat(20_000), 'y'.repeat(70_000)].map((text) =>
				launch(['-c', 'exec sleep 1000', text], { env: { SECRET: secret } }),
			),
		);
		const files = readdirSync(join(directory, 'launches'));
		expect(files.length).toBeGreaterThan(0);
		for (const file of files) expect(readFileSync(join(directory, 'launches', file), 'utf8').trim()).toBe('');
	});

	test('no launch is written where a shim of an earlier daemon may still come to read its own', async () => {
		const files = () => {
			const path = `${directory}/launches/`;
			return ours().flatMap((pid) =>
				readFileSync(`/proc/${pid}/cmdline`, 'utf8')
					.split('\0')
					.filter((word) => word.startsWith(path)),
			);
		};
		await launch(['-c', 'exec sleep 1000']);
		await until('spares wait', () => spares().length === keptSpares);
		const before = new Set(files());
		await launcher.endSpares();
		await until('none waits any more', () => spares().length === 0);
		launcher = createLauncher({ clock: systemClock, log: silentLogger, stateDirectory: directory, table: createProcessTable() });
		const { root } = await launch(['-c', 'exec sleep 1000']);
		const read = readFileSync(`/proc/${root.pid}/cmdline`, 'utf8').split('\0');
		expect(read.filter((word) => before.has(word))).toEqual([]);
		expect(before.size).toBeGreaterThan(0);
	});

	test('the output is for its owner only, and the program has the umask of the daemon', async () => {
		const one = await launch(['-c', 'umask; stat -c %a out err']);
		await ended(one);
		const umask = process.umask().toString(8).padStart(4, '0');
		expect(readFileSync(join(directory, 'out'), 'utf8')).toBe(`${umask}\n600\n600\n`);
	});

	test.each([
		['an alias of the directory', '/usr/../usr', '/usr', '/usr/../usr'],
		['another directory', '/tmp', '/usr', '/usr'],
	])('PWD that names %s is what a shell would make of it', async (_what, given, cwd, seen) => {
		const one = await launch(['-c', 'tr "\\0" "\\n" </proc/$$/environ | grep ^PWD='], {
			cwd,
			env: { PATH: '/usr/bin:/bin', PWD: given },
		});
		await ended(one);
		expect(readFileSync(join(directory, 'out'), 'utf8')).toBe(`PWD=${seen}\n`);
	});
});
