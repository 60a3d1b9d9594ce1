/** A disk that is full, or refuses: nothing by halves, a fault that says so, and life goes on when there is space again. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@orch/base';
import { ManualClock } from '@orch/base/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { createMemoryStore, openStore, type Store, StoreError } from './index.ts';
import { type Driver, loadableDrivers, resultCodes } from './sqlite/driver.ts';
import { FakeFailure, faultyDriver } from './testing/faulty-driver.ts';
import { dump, numberedLimits, numberedVerb } from './testing/numbered-verbs.ts';

const clock = new ManualClock();
const open = (driver: Driver, path: string) =>
	openStore({ path, clock, log: silentLogger, limits: numberedLimits, driver, busyMs: 0 });
const big = (kibibytes: number) => ({ text: 'x'.repeat(kibibytes * 1024) });

/** A file system of 3 MiB in memory, where we may mount one. */
function mountSmallDisk(): { readonly directory: string; unmount(): void } | undefined {
	const directory = mkdtempSync(join(tmpdir(), 'orch-disk-'));
	const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m,mode=0700', 'orch-test', directory]);
	const unmount = () => {
		if (mounted.status === 0) spawnSync('umount', [directory]);
		rmSync(directory, { recursive: true, force: true });
	};
	if (mounted.status === 0) return { directory, unmount };
	unmount();
	return undefined;
}

const thrownBy = (work: () => unknown): unknown => {
	try {
		work();
	} catch (error) {
		return error;
	}
	return undefined;
};

for (const driver of loadableDrivers()) {
	describe(`a full disk (${driver.name})`, () => {
		const cleanups: (() => unknown)[] = [];
		afterEach(async () => {
			for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
		});
		const place = () => {
			const directory = mkdtempSync(join(tmpdir(), 'orch-store-'));
			cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
			return join(directory, 'orch.db');
		};

		/** What holds for every store that is out of space, and after. */
		const suffer = async (store: Store, fill: () => void, free: () => void) => {
			const model = createMemoryStore(numberedLimits);
			for (let n = 1; n <= 50; n++) for (const one of [store, model]) numberedVerb(one, n);
			fill();
			const failures: unknown[] = [];
			for (let n = 1; failures.length < 3 && n < 500; n++) {
				const body = big(64);
				const failure = thrownBy(() => store.links.put({ id: `big-${n}`, body }));
				if (failure) failures.push(failure);
				else model.links.put({ id: `big-${n}`, body });
			}
			expect(failures).toHaveLength(3);
			for (const failure of failures) {
				expect(failure).toBeInstanceOf(StoreError);
				expect(failure).toMatchObject({ fault: 'full', message: expect.stringContaining('Free some') });
			}
			expect(dump(store)).toEqual(dump(model));
			// all or nothing, however it is nested and whoever catches what
			const whole = thrownBy(() =>
				store.transaction(() => {
					store.events.append({ at: 1, kind: 'lost', runtimeId: null, body: 1 });
					try {
						for (let n = 0; n < 200; n++) store.transaction(() => store.settings.set(`setting-${n}`, big(64)));
					} catch {
						// as if nothing were wrong
					}
					store.events.append({ at: 2, kind: 'lost as well', runtimeId: null, body: 1 });
				}),
			);
			expect(whole).toBeInstanceOf(StoreError);
			expect(dump(store)).toEqual(dump(model));
			free();
			for (let n = 51; n <= 150; n++) for (const one of [store, model]) numberedVerb(one, n);
			expect(dump(store)).toEqual(dump(model));
			return model;
		};

		it('is told as such, harms nothing, and is over when there is space', async () => {
			const path = place();
			const faulty = faultyDriver(driver, () => undefined);
			const { store } = open(faulty, path);
			// SQLite’s own limit of pages fails as a disk does, with SQLITE_FULL, and needs no disk of ours
			const limit = (pages: number) => faulty.connection.prepare(`PRAGMA max_page_count = ${pages}`).get();
			const model = await suffer(
				store,
				() => limit(100),
				() => limit(1_000_000),
			);
			await store.close();
			const { store: again, notices } = open(driver, path);
			expect(notices).toEqual([]);
			expect(dump(again)).toEqual(dump(model));
			await again.close();
		});

		const disk = mountSmallDisk();
		disk?.unmount();
		it.skipIf(disk === undefined)('on a real file system of 3 MiB (skipped where we may not mount one)', async () => {
			const small = mountSmallDisk();
			if (small === undefined) throw new Error('could be mounted a moment ago');
			cleanups.push(() => small.unmount());
			const path = join(small.directory, 'orch.db');
			const { store } = open(driver, path);
			const filler = join(small.directory, 'filler');
			const model = await suffer(
				store,
				() => thrownBy(() => writeFileSync(filler, Buffer.alloc(8 * 1024 * 1024))),
				() => rmSync(filler),
			);
			await store.settled();
			await store.close();
			const { store: again, notices } = open(driver, path);
			expect(notices).toEqual([]);
			expect(dump(again)).toEqual(dump(model));
			// even with no space at all a state that is there is opened, read and closed
			thrownBy(() => writeFileSync(filler, Buffer.alloc(8 * 1024 * 1024)));
			await again.close();
			const { store: full } = open(driver, path);
			expect(dump(full)).toEqual(dump(model));
			await full.close();
			rmSync(filler);
			const { store: last } = open(driver, path);
			expect(dump(last)).toEqual(dump(model));
			await last.close();
		});

		it.skipIf(disk === undefined)(
			'refuses to make a state on a full file system, and leaves no half one (skipped where we may not mount)',
			async () => {
				const small = mountSmallDisk();
				if (small === undefined) throw new Error('could be mounted a moment ago');
				cleanups.push(() => small.unmount());
				const path = join(small.directory, 'orch.db');
				const filler = join(small.directory, 'filler');
				thrownBy(() => writeFileSync(filler, Buffer.alloc(8 * 1024 * 1024)));
				expect(() => open(driver, path)).toThrow(expect.objectContaining({ name: 'StoreError', fault: 'full' }));
				expect(existsSync(path)).toBe(false);
				rmSync(filler);
				const { store, notices } = open(driver, path);
				expect(notices).toEqual([]);
				await store.close();
			},
		);

		it('tells a disk that refuses from one that is full, and goes on when it no longer does', async () => {
			let broken = false;
			const faulty = faultyDriver(driver, (_call, sql) =>
				broken && !sql.startsWith('ROLLBACK') ? new FakeFailure(resultCodes.IOERR, 'disk I/O error') : undefined,
			);
			const { store } = open(faulty, place());
			store.settings.set('setting-1', 1);
			const before = dump(store);
			broken = true;
			for (const verb of [
				() => store.settings.set('setting-1', 2),
				() => store.events.append({ at: 1, kind: 'e', runtimeId: null, body: 1 }),
				() => store.transaction(() => store.links.put({ id: 'l', body: 1 })),
			]) {
				expect(verb).toThrow(expect.objectContaining({ fault: 'io', message: expect.stringContaining('disk I/O error') }));
			}
			broken = false;
			expect(dump(store)).toEqual(before);
			store.settings.set('setting-1', 3);
			expect(store.settings.get('setting-1')).toBe(3);
			await store.close();
		});

		it('lets nothing pass after a failure that took a whole transaction back', async () => {
			let failing = false;
			// as SQLite does it itself on a full disk and on an I/O error
			const faulty = faultyDriver(driver, (_call, sql, connection) => {
				if (!failing || !sql.startsWith('INSERT INTO links')) return undefined;
				connection.exec('ROLLBACK');
				return new FakeFailure(resultCodes.FULL, 'database or disk is full');
			});
			const { store } = open(faulty, place());
			const before = dump(store);
			failing = true;
			const told: unknown[] = [];
			const work = () =>
				store.transaction(() => {
					store.settings.set('setting-0', 'before');
					store.events.append({ at: 1, kind: 'e', runtimeId: null, body: 1 });
					told.push(thrownBy(() => store.transaction(() => store.links.put({ id: 'l', body: 1 }))));
					told.push(thrownBy(() => store.settings.set('setting-1', 'behind')));
					told.push(thrownBy(() => store.settings.get('setting-0')));
					told.push(thrownBy(() => store.transaction(() => undefined)));
				});
			expect(work).toThrow(expect.objectContaining({ fault: 'full' }));
			expect(told).toMatchObject([{ fault: 'full' }, { fault: 'aborted' }, { fault: 'aborted' }, { fault: 'aborted' }]);
			expect(dump(store)).toEqual(before);
			failing = false;
			expect(store.events.append({ at: 1, kind: 'e', runtimeId: null, body: 1 })).toBe(1);
			await store.close();
		});
	});
}
