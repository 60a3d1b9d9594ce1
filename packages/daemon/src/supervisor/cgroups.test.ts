/** Control groups in a directory that only looks like them: what is made, what is looked at, and what is never killed. */
import {
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ManualClock, until } from '@orch/base/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Cgroup } from './cgroup.ts';
import type { Directories } from './cgroup-place.ts';
import { Cgroups, type CgroupsOptions } from './cgroups.ts';
import type { Identity } from './ports.ts';

const name = 'orch-0b9fb12f-ac15-4bd6-8a34-6dcbc4d2b1a7';
const shim: Identity = { pid: 70_001, startTicks: 500 };

describe.skipIf(process.platform !== 'linux')('control groups', () => {
	let root: string;
	let living: Map<number, number>;
	beforeEach(() => {
		root = mkdtempSync(join(tmpdir(), 'orch-cgroups-'));
		living = new Map([[shim.pid, shim.startTicks]]);
		put('proc/self/cgroup', '5:cpu:/elsewhere\n0::/a.slice/my unit\n');
		put(
			'proc/self/mountinfo',
			'31 23 0:28 / /sys rw - tmpfs tmpfs rw\n38 31 0:38 / /sys/fs/two\\040trees rw shared:1 - cgroup2 none rw\n',
		);
		makeLike(mount('a.slice'));
		makeLike(mount('a.slice/my unit'));
	});
	afterEach(() => rmSync(root, { recursive: true, force: true }));

	const put = (path: string, text: string): undefined => {
		mkdirSync(join(root, path, '..'), { recursive: true });
		writeFileSync(join(root, path), text);
	};
	const mount = (path: string) => join(root, 'sys/fs/two trees', path);
	const makeLike = (path: string) => {
		mkdirSync(path, { recursive: true });
		for (const file of ['cgroup.procs', 'cgroup.kill']) writeFileSync(join(path, file), '');
		writeFileSync(join(path, 'cgroup.events'), 'populated 1\nfrozen 0\n');
	};
	const removeLike = (path: string) => {
		if (!existsSync(path)) throw Object.assign(new Error('gone'), { code: 'ENOENT' });
		const hasBelow = readdirSync(path, { withFileTypes: true }).some((entry) => entry.isDirectory());
		if (hasBelow || membersOf(path) !== '') throw Object.assign(new Error('busy'), { code: 'EBUSY' });
		rmSync(path, { recursive: true });
	};
	const directories: Directories = {
		make: async (path) => makeLike(path),
		remove: async (path) => removeLike(path),
		probe(path, check) {
			makeLike(path);
			try {
				check();
			} finally {
				rmSync(path, { recursive: true });
			}
		},
	};
	const membersOf = (path: string) => readFileSync(join(path, 'cgroup.procs'), 'latin1');
	const begin = (wish: Partial<Directories> = {}, calm: Pick<CgroupsOptions, 'clock' | 'calmMs'> = {}) =>
		new Cgroups({
			...calm,
			root,
			directories: { ...directories, ...wish },
			identify: (pid) => (living.has(pid) ? { pid, startTicks: living.get(pid) ?? 0 } : undefined),
		});
	/** One with these members, made by hand. */
	const made = (path: string, pids: readonly number[] = [shim.pid]): Cgroup => {
		makeLike(path);
		writeFileSync(join(path, 'cgroup.procs'), pids.map((pid) => `${pid}\n`).join(''));
		return { path, inode: statSync(path).ino };
	};
	const ours = () => made(mount(`a.slice/my unit/${name}`));
	const wasKilled = ({ path }: Cgroup) => readFileSync(join(path, 'cgroup.kill'), 'latin1') === '1';

	test('are made below that of orchd, by the mount that shows it, one for each shim, which is moved into it', async () => {
		const cgroups = begin();
		expect(cgroups.directory).toBe(mount('a.slice/my unit'));
		const held = cgroups.hold(shim);
		await held?.settled;
		const { cgroup, hasEntered } = held ?? {};
		expect(cgroup?.path).toMatch(/my unit\/orch-[0-9a-f-]{36}$/);
		expect([hasEntered, membersOf(cgroup?.path ?? '')]).toEqual([true, `${shim.pid}`]);
		expect(cgroups.pids(cgroup ?? ours())).toEqual([shim.pid]);
	});

	test('are made when no other shim has come for a while, but for those that have ended by then', async () => {
		const clock = new ManualClock();
		const cgroups = begin({}, { clock, calmMs: 300 });
		const first = cgroups.hold(shim);
		await clock.advance(200);
		const second = cgroups.hold(shim);
		await clock.advance(200);
		expect([first?.hasEntered, second?.hasEntered]).toEqual([false, false]);
		first?.release();
		await clock.advance(1_000);
		await Promise.all([first?.settled, second?.settled]);
		expect([first?.hasEntered, second?.hasEntered]).toEqual([false, true]);
		expect(clock.pending).toBe(0);
	});

	test('are made at last however many shims come, and none when orchd ends', async () => {
		const clock = new ManualClock();
		const cgroups = begin({}, { clock, calmMs: 300 });
		const first = cgroups.hold(shim);
		for (let come = 0; come < 30; come++) {
			cgroups.hold(shim)?.release();
			await clock.advance(120);
		}
		await first?.settled;
		expect(first?.hasEntered).toBe(true);
		const last = cgroups.hold(shim);
		await cgroups.rest();
		await last?.settled;
		expect(last?.hasEntered).toBe(false);
	});

	test('are found in a mount that shows only a part of the hierarchy', () => {
		put('proc/self/mountinfo', '38 31 0:38 /a.slice /sys/part rw - cgroup2 none rw\n');
		makeLike(join(root, 'sys/part/my unit'));
		expect(begin().directory).toBe(join(root, 'sys/part/my unit'));
		put('proc/self/mountinfo', '38 31 0:38 /b.slice /sys/part rw - cgroup2 none rw\n');
		expect(begin().directory).toBeUndefined();
	});

	test.each<[string, () => Partial<Directories> | undefined]>([
		['there is no cgroup v2', () => put('proc/self/mountinfo', '31 23 0:28 / /sys rw - tmpfs tmpfs rw\n')],
		['orchd is above what may be seen', () => put('proc/self/cgroup', '0::/../other\n')],
		[
			'no directory can be made',
			() => ({
				probe() {
					throw Object.assign(new Error('read-only'), { code: 'EROFS' });
				},
			}),
		],
		[
			'the kernel knows no cgroup.kill',
			() => ({
				probe(path, check) {
					mkdirSync(path);
					check();
				},
			}),
		],
	])('are none where %s', (_, arrange) => {
		const cgroups = begin(arrange() ?? {});
		expect([cgroups.directory, cgroups.hold(shim)]).toEqual([undefined, undefined]);
	});

	test('an orchd that a runtime has started leaves the cgroup of that runtime, and makes its own beside it', () => {
		put('proc/self/cgroup', `0::/a.slice/my unit/${name}/deeper\n`);
		expect(begin().directory).toBe(mount('a.slice/my unit'));
		expect(membersOf(mount('a.slice/my unit'))).toBe(`${process.pid}`);
	});

	test('a pid that is somebody else’s by now is not moved', async () => {
		const cgroups = begin();
		living.set(shim.pid, 501);
		const held = cgroups.hold(shim);
		await held?.settled;
		expect([held?.hasEntered, membersOf(held?.cgroup?.path ?? '')]).toEqual([false, '']);
	});

	test('one into which a stranger came by a pid that was given away meanwhile counts for nothing', async () => {
		let asked = 0;
		const cgroups = new Cgroups({ root, directories, identify: (pid) => ({ pid, startTicks: asked++ === 0 ? 500 : 501 }) });
		const one = ours();
		await cgroups.enter(one, shim);
		expect([cgroups.pids(one), cgroups.kill(one, shim), wasKilled(one)]).toEqual([[], false, false]);
	});

	test('everybody in it and below it is seen, and ended at once', () => {
		const cgroups = begin();
		const one = ours();
		made(join(one.path, 'inner'), [70_002]);
		living.set(70_002, 600);
		expect(cgroups.pids(one)).toEqual([shim.pid, 70_002]);
		expect([cgroups.kill(one, shim), wasKilled(one)]).toEqual([true, true]);
	});

	test('nobody is looked for in one that says that it is empty', () => {
		const one = ours();
		writeFileSync(join(one.path, 'cgroup.events'), 'populated 0\nfrozen 0\n');
		expect([begin().pids(one), begin().kill(one, shim)]).toEqual([[], false]);
	});

	test.each<[string, () => Cgroup]>([
		['of another name', () => made(mount('a.slice/my unit/somebody-elses'))],
		['that somebody else made under its name', () => ({ ...ours(), inode: 1 })],
		[
			'that was moved away',
			() => {
				const one = ours();
				renameSync(one.path, mount('a.slice/moved'));
				return one;
			},
		],
		['of orchd itself', () => made(mount(`a.slice/my unit/${name}`), [shim.pid, process.pid])],
		[
			'above that of orchd',
			() => {
				const one = ours();
				made(join(one.path, 'runtimes'), [process.pid]);
				return one;
			},
		],
		[
			'not all of which can be seen',
			() => {
				const one = ours();
				mkdirSync(join(one.path, 'threaded'));
				return one;
			},
		],
	])('never is one killed, or looked into, %s', (_, arrange) => {
		const one = arrange();
		const cgroups = begin();
		expect([cgroups.pids(one), cgroups.kill(one, shim)]).toEqual([[], false]);
		if (existsSync(one.path)) expect(wasKilled(one)).toBe(false);
	});

	test('never is one killed in which somebody started before its shim, or whom we cannot see', () => {
		const cgroups = begin();
		living.set(70_003, 499);
		const stranger = made(mount(`a.slice/my unit/${name}`), [shim.pid, 70_003]);
		expect([cgroups.kill(stranger, shim), wasKilled(stranger)]).toEqual([false, false]);
		writeFileSync(join(stranger.path, 'cgroup.procs'), `${shim.pid}\n0\n`);
		expect([cgroups.kill(stranger, shim), wasKilled(stranger)]).toEqual([false, false]);
	});

	test('one is recorded by an orchd of another place, and counts where it is still the same', () => {
		const one = made(mount(name));
		expect([begin().kill(one, shim), wasKilled(one)]).toEqual([true, true]);
	});

	test('one is taken away when its shim has ended, with what was made in it, but never with anybody in it', async () => {
		const cgroups = begin();
		const held = cgroups.hold(shim);
		await held?.settled;
		const path = held?.cgroup?.path ?? '';
		held?.release();
		const next = cgroups.hold(shim);
		await next?.settled;
		expect(existsSync(path)).toBe(true);
		// tried again with the next one that is made
		writeFileSync(join(path, 'cgroup.procs'), '');
		made(join(path, 'inner'), []);
		await until('it is gone', async () => {
			await cgroups.hold(shim)?.settled;
			return !existsSync(path);
		});
	});

	test('a shim that ended before its cgroup was there leaves none', async () => {
		const held = begin().hold(shim);
		held?.release();
		await held?.settled;
		await until('it is gone', () => readdirSync(mount('a.slice/my unit')).every((entry) => !entry.startsWith('orch-')));
	});

	test('what is left over and empty is removed at the start, and nothing that was made just now', async () => {
		const own = mount('a.slice/my unit');
		const names = ['0', '1', '2'].map((digit) => `orch-${digit}b9fb12f-ac15-4bd6-8a34-6dcbc4d2b1a7`);
		const [old = '', used = '', other = ''] = names.map((one) => made(join(own, one), []).path);
		writeFileSync(join(used, 'cgroup.procs'), '70001\n');
		renameSync(other, join(own, 'somebody-elses'));
		const later = new ManualClock(Date.now() + 61_000);
		const first = begin();
		await first.hold(shim)?.settled;
		expect(existsSync(old)).toBe(true);
		new Cgroups({ root, directories, clock: later });
		await until('it is gone', () => !existsSync(old));
		expect([existsSync(used), existsSync(join(own, 'somebody-elses')), basename(used)]).toEqual([true, true, names[1]]);
	});
});
