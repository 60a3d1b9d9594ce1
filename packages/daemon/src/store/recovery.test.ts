/** What becomes of a state that is broken, missing, of another version or in other hands: never an empty one in silence. */
import {
	copyFileSync,
	cpSync,
	existsSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	truncateSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@orch/base';
import { ManualClock, seededRandom, until } from '@orch/base/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { createMemoryStore, openStore, type Store, type StoreOptions } from './index.ts';
import { loadableDrivers } from './sqlite/driver.ts';
import { migrations } from './sqlite/migrations.ts';
import { dump, numberedLimits, numberedVerb } from './testing/numbered-verbs.ts';

const clock = new ManualClock();

for (const driver of loadableDrivers()) {
	describe(`the state on the disk (${driver.name})`, () => {
		const directories: string[] = [];
		const stores: Store[] = [];
		const place = () => {
			const directory = mkdtempSync(join(tmpdir(), 'orch-store-'));
			directories.push(directory);
			return join(directory, 'orch.db');
		};
		const open = (path: string, more: Partial<StoreOptions> = {}) => {
			const opened = openStore({ path, clock, log: silentLogger, limits: numberedLimits, driver, busyMs: 0, ...more });
			stores.push(opened.store);
			return opened;
		};
		afterEach(async () => {
			for (const store of stores.splice(0)) await store.close();
			for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
		});
		const live = (store: Store, from: number, to: number) => {
			for (let n = from; n <= to; n++) numberedVerb(store, n);
			return dump(store);
		};
		/** A state of 60 verbs with a backup of it; and the same after 20 more, without one. */
		const backedUp = async () => {
			const path = place();
			const { store } = open(path);
			const before = live(store, 1, 60);
			await store.close();
			expect(existsSync(`${path}.1`)).toBe(true);
			copyFileSync(`${path}.1`, `${path}.kept`);
			const { store: later } = open(path);
			const after = live(later, 61, 80);
			await later.close();
			// as if the last daemon had been killed before its backup
			renameSync(`${path}.kept`, `${path}.1`);
			return { path, before, after };
		};
		const names = (path: string) => readdirSync(join(path, '..')).sort();
		const brokenOf = (path: string) => names(path).filter((name) => name.includes('.broken-'));

		it('makes a state where there is none, says nothing, and lets only the owner read it', async () => {
			const path = place();
			rmSync(join(path, '..'), { recursive: true });
			const { store, notices } = open(path);
			expect(notices).toEqual([]);
			store.settings.set('k', 1);
			expect(names(path)).toEqual(['orch.db', 'orch.db-wal', 'orch.db.open']);
			for (const name of names(path)) expect(statSync(join(path, '..', name)).mode & 0o777).toBe(0o600);
			await store.close();
			expect(names(path)).toEqual(['orch.db', 'orch.db.1']);
			expect(statSync(`${path}.1`).mode & 0o777).toBe(0o600);
		});

		const damages: readonly (readonly [string, (path: string) => void])[] = [
			['of zero length', (path) => truncateSync(path, 0)],
			['truncated in its first page', (path) => truncateSync(path, 1_000)],
			['truncated in the middle', (path) => truncateSync(path, (statSync(path).size >> 13) << 12)],
			['all zeros', (path) => writeFileSync(path, Buffer.alloc(statSync(path).size))],
			['garbage', (path) => writeFileSync(path, seededRandom(7).bytes(statSync(path).size))],
			['garbage behind its first page', (path) => damage(path, 4_096, statSync(path).size)],
			['zeros behind its header', (path) => damage(path, 100, statSync(path).size, 0)],
			['spoilt in an index alone', (path) => spoilIndex(path)],
			['a text', (path) => writeFileSync(path, '{"runtimes":[]}\n')],
			['another program’s database', (path) => makeForeign(path)],
			['gone', (path) => rmSync(path)],
		];
		for (const [what, spoil] of damages) {
			it(`takes the last good backup where the database is ${what}, keeps what was there, and says so`, async () => {
				const { path, before } = await backedUp();
				spoil(path);
				const spoilt = existsSync(path) ? readFileSync(path) : undefined;
				const { store, notices } = open(path);
				const { events, seqs, ...rest } = dump(store);
				const { events: eventsBefore, seqs: seqsBefore, ...restBefore } = before;
				expect(rest).toEqual(restBefore);
				expect(eventsBefore).not.toEqual([]);
				expect(events).toEqual([]);
				// behind every number that was ever given
				expect(seqs).toEqual([clock.now() + 1, clock.now()]);
				expect(seqsBefore[1]).toBeLessThan(clock.now());
				expect(notices).toHaveLength(1);
				expect(notices[0]).toContain('orch.db.1');
				expect(notices[0]).toContain('is used instead');
				if (spoilt !== undefined) {
					const [aside] = brokenOf(path);
					expect(aside).toMatch(/^orch\.db\.broken-20260101T\d{6}Z$/);
					expect(notices[0]).toContain(aside);
					expect(readFileSync(join(path, '..', aside ?? ''))).toEqual(spoilt);
				}
				await store.close();
				expect(open(path).notices).toEqual([]);
			});
		}

		it('takes the backup before the last where the last is broken as well', async () => {
			const { path } = await backedUp();
			renameSync(`${path}.1`, `${path}.2`);
			writeFileSync(`${path}.1`, 'no database');
			truncateSync(path, 0);
			const { store, notices } = open(path);
			expect(store.runtimes.list()).not.toEqual([]);
			expect(notices[0]).toMatch(/orch\.db\.1 could not be read either.*orch\.db\.2 of .* is used instead/);
		});

		it('begins anew only where there is no backup at all, and says that', () => {
			const path = place();
			writeFileSync(path, '');
			const { store, notices } = open(path);
			expect(store.runtimes.list()).toEqual([]);
			expect(notices).toEqual([
				expect.stringMatching(/could not be read \(it is empty\).*kept as orch\.db\.broken-.*no backup.*empty now/),
			]);
			expect(store.events.append({ at: 1, kind: 'e', runtimeId: null, body: 1 })).toBeGreaterThan(1_000_000_000_000);
		});

		it('finishes a recovery that was interrupted between any two of its steps', async () => {
			const { path, before } = await backedUp();
			const { store } = open(path);
			live(store, 81, 90);
			const log = readFileSync(`${path}-wal`);
			expect(log.length).toBeGreaterThan(0);
			await store.close();
			const without = ({ events: _events, seqs: _seqs, ...rest }: ReturnType<typeof dump>) => rest;
			const steps: readonly (() => void)[] = [
				// the copy is made, nothing is set aside
				() => {
					truncateSync(path, 0);
					writeFileSync(`${path}.new`, 'half a copy');
				},
				// the database is set aside, its log is not: it must not be played into the backup
				() => {
					renameSync(path, `${path}.broken-20250101T000000Z`);
					writeFileSync(`${path}-wal`, log);
				},
				// all is set aside, the copy has not got its name
				() => {
					renameSync(path, `${path}.broken-20250101T000000Z`);
					copyFileSync(`${path}.1`, `${path}.new`);
				},
			];
			copyFileSync(`${path}.1`, `${path}.kept`);
			for (const interrupt of steps) {
				copyFileSync(`${path}.kept`, `${path}.1`);
				interrupt();
				const { store: again, notices } = open(path);
				expect(notices).toHaveLength(1);
				expect(without(dump(again))).toEqual(without(await contentOf(`${path}.1`)));
				expect(names(path)).not.toContain('orch.db.new');
				await again.close();
			}
			expect(before.runtimes).not.toEqual([]);

			async function contentOf(backup: string) {
				const copy = place();
				copyFileSync(backup, copy);
				const { store: content } = open(copy);
				const told = dump(content);
				await content.close();
				return told;
			}
		});

		it('says so where a broken state was set aside and nothing took its place', () => {
			const path = place();
			writeFileSync(`${path}.broken-20250101T000000Z`, 'what was left');
			const { notices } = open(path);
			expect(notices).toEqual([expect.stringContaining('orch.db.broken-20250101T000000Z')]);
		});

		it('keeps five broken databases and no more', () => {
			const path = place();
			for (let day = 1; day <= 7; day++) writeFileSync(`${path}.broken-2025010${day}T000000Z`, '');
			writeFileSync(path, '');
			open(path);
			const kept = brokenOf(path);
			expect(kept).toHaveLength(5);
			expect(kept.at(-1)).toContain('broken-2026');
			expect(kept[0]).toContain('20250104');
		});

		it('shows a state between two whole verbs when half of the log is lost, whatever the half', async () => {
			const path = place();
			const { store } = open(path);
			const seen = new Set<string>();
			const model = createMemoryStore(numberedLimits);
			const content = (one: Store) => {
				const { events: _events, seqs: _seqs, ...rest } = dump(one);
				return JSON.stringify(rest);
			};
			seen.add(content(model));
			for (let n = 1; n <= 120; n++) {
				numberedVerb(store, n);
				numberedVerb(model, n);
				seen.add(content(model));
			}
			const last = content(model);
			const copy = { database: readFileSync(path), log: readFileSync(`${path}-wal`) };
			const random = seededRandom(11);
			for (let round = 0; round < 30; round++) {
				const other = place();
				writeFileSync(other, copy.database);
				const log = Buffer.from(copy.log);
				const at = Math.floor(random.float() * log.length);
				const isCut = round % 3 === 0;
				if (isCut) writeFileSync(`${other}-wal`, log.subarray(0, at));
				else writeFileSync(`${other}-wal`, log.fill(round % 3 === 1 ? 0 : 0xa5, at, at + 3_000));
				const { store: found, notices } = open(other);
				const text = content(found);
				expect(seen).toContain(text);
				await found.close();
				// an end that is cut off is what a kill leaves; behind a hole somebody had committed
				if (isCut || text === last || at > copy.log.length - 100_000) continue;
				expect(notices).toEqual([expect.stringContaining('changes of the state may be lost: its log orch.db-wal is not whole')]);
				expect(readFileSync(join(other, '..', `${brokenOf(other)[0]}-wal`)).equals(log)).toBe(true);
			}
		}, 120_000);

		it('tells of a log that a kill left and somebody took away or spoilt from its first byte, and gives no number of an event again', async () => {
			for (const spoil of [
				(log: string) => rmSync(log),
				(log: string) => truncateSync(log, 0),
				(log: string) => truncateSync(log, 20),
				(log: string) => damage(log, 0, 8, 0),
				(log: string) => damage(log, 16, 24),
				(log: string) => damage(log, 0, statSync(log).size, 0),
			]) {
				const path = place();
				const { store } = open(path);
				live(store, 1, 60);
				const killed = place();
				cpSync(join(path, '..'), join(killed, '..'), { recursive: true });
				await store.close();
				spoil(`${killed}-wal`);
				const { store: found, notices } = open(killed);
				expect(notices).toEqual([expect.stringContaining('changes of the state may be lost')]);
				expect(found.events.append({ at: 1, kind: 'e', runtimeId: null, body: 1 })).toBeGreaterThan(clock.now());
				await found.close();
				expect(open(killed).notices).toEqual([]);
			}
		});

		it('says nothing of a log that is whole: after a kill at once, after one that had begun its log again, after two kills', async () => {
			const path = place();
			const { store } = open(path);
			const killed: string[] = [];
			const kill = (from: string) => {
				const copy = place();
				cpSync(join(from, '..'), join(copy, '..'), { recursive: true });
				killed.push(copy);
			};
			kill(path);
			const salt = () => readFileSync(`${path}-wal`).subarray(16, 24).toString('hex');
			const first = salt();
			for (let n = 1; salt() === first; n++) {
				store.settings.set('k', n);
				if (n % 100 === 0) await store.settled();
				if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
			}
			live(store, 1, 20);
			kill(path);
			for (const one of killed.slice()) {
				const { store: next, notices } = open(one);
				expect(notices).toEqual([]);
				kill(one);
				await next.close();
			}
			const [early, late] = killed.slice(2).map((one) => open(one));
			expect([early?.notices, late?.notices]).toEqual([[], []]);
			expect([early?.store.settings.get('k'), late?.store.settings.get('k')]).toEqual([undefined, expect.any(Number)]);
		});

		it('refuses a state of a newer orch, names both versions, and touches nothing', async () => {
			const path = place();
			const newer = [...migrations, 'CREATE TABLE later (id)', 'CREATE TABLE still_later (id)'];
			const { store } = open(path, { migrations: newer });
			live(store, 1, 20);
			// with a log, as a newer orch leaves it that was killed
			const copy = place();
			copyFileSync(path, copy);
			copyFileSync(`${path}-wal`, `${copy}-wal`);
			await store.close();
			for (const one of [path, copy]) {
				const bytes = () =>
					['', '-wal'].map((end) => (existsSync(one + end) && statSync(one + end).size > 0 ? readFileSync(one + end) : null));
				const before = bytes();
				const refused = () => open(one);
				expect(refused).toThrow(expect.objectContaining({ name: 'StoreError', fault: 'newer' }));
				expect(refused).toThrow(`version ${newer.length}; this orch knows version ${migrations.length}`);
				expect(bytes()).toEqual(before);
				expect(brokenOf(one)).toEqual([]);
			}
			const { store: again } = open(path, { migrations: newer });
			expect(again.runtimes.list()).not.toEqual([]);
		});

		it('takes an older state through the steps that it lacks, and keeps it as it was', async () => {
			const path = place();
			const { store } = open(path);
			const before = live(store, 1, 40);
			await store.close();
			const next = [
				...migrations,
				`UPDATE runtimes SET name = name || '!'`,
				'CREATE TABLE later (id); INSERT INTO later VALUES (1)',
			];
			const { store: later, notices } = open(path, { migrations: next });
			expect(notices).toEqual([]);
			expect(later.runtimes.list().map(({ name }) => name)).toEqual(before.runtimes.map(({ name }) => `${name}!`));
			await later.close();
			const old = place();
			copyFileSync(`${path}.v${migrations.length}`, old);
			expect(dump(open(old).store)).toEqual(before);
		});

		it('stays at the step before one that fails, whole, and takes it when it can', async () => {
			const path = place();
			const { store } = open(path);
			const before = live(store, 1, 40);
			await store.close();
			const good = [...migrations, 'CREATE TABLE second (id)'];
			const bad = [...good, 'CREATE TABLE third (id); INSERT INTO second VALUES (1); INSERT INTO nowhere VALUES (1)'];
			expect(() => open(path, { migrations: bad })).toThrow('nowhere');
			const { store: later } = open(path, { migrations: [...good, 'CREATE TABLE third (id)'] });
			expect(dump(later)).toEqual(before);
		});

		it('refuses a state that another process has open, and leaves it to it', () => {
			const path = place();
			const { store } = open(path);
			live(store, 1, 10);
			const second = () => open(path);
			expect(second).toThrow(expect.objectContaining({ name: 'StoreError', fault: 'locked' }));
			expect(second).toThrow('another process has it open');
			const before = dump(store);
			store.settings.set('setting-0', 'still mine');
			expect(dump(store)).toEqual({ ...before, settings: ['still mine', ...before.settings.slice(1)] });
			expect(brokenOf(path)).toEqual([]);
		});

		it('says what refused where the path cannot be a database', () => {
			const path = place();
			writeFileSync(path, '');
			expect(() => open(join(path, 'orch.db'))).toThrow(expect.objectContaining({ name: 'StoreError', fault: 'io' }));
		});

		it('keeps its log short even when nothing else gets a turn', async () => {
			const path = place();
			const { store } = open(path);
			const body = 'x'.repeat(3_000);
			for (let n = 0; n < 3_000; n++) store.events.append({ at: n, kind: 'e', runtimeId: null, body });
			// some 36 MiB have gone through it
			expect(statSync(`${path}-wal`).size).toBeLessThan(10 * 1024 * 1024);
			await store.close();
			expect(existsSync(`${path}-wal`)).toBe(false);
		});

		it('backs up a minute after a definition has changed, once, and keeps yesterday’s', async () => {
			const path = place();
			const time = new ManualClock();
			const { store } = open(path, { clock: time });
			await time.advance(60_000);
			await until('a first backup', () => existsSync(`${path}.1`));
			for (let n = 1; n <= 100; n++) store.settings.set('k', n);
			const made = () => statSync(`${path}.1`).mtimeMs;
			expect(made()).toBe(time.now());
			await time.advance(59_999);
			expect(made()).toBe(time.now() - 59_999);
			await time.advance(1);
			await until('the backup after a change', () => made() === time.now());
			expect(existsSync(`${path}.2`)).toBe(true);
			const yesterday = statSync(`${path}.2`).mtimeMs;
			store.settings.set('k', 'x');
			await time.advance(60_000);
			await until('the backup after another change', () => made() === time.now());
			expect(statSync(`${path}.2`).mtimeMs).toBe(yesterday);
			store.events.append({ at: 1, kind: 'e', runtimeId: null, body: 1 });
			const last = made();
			await time.advance(60_000);
			expect(made()).toBe(last);
			await time.advance(24 * 3_600_000);
			await until('the backup of the day', () => made() > last);
			await until('the generation before it', () => statSync(`${path}.2`).mtimeMs === last);
			await store.close();
			expect(time.pending).toBe(0);
			expect(names(path)).toEqual(['orch.db', 'orch.db.1', 'orch.db.2']);
		});
	});
}

function damage(path: string, from: number, to: number, byte?: number): void {
	const bytes = readFileSync(path);
	const noise = seededRandom(3).bytes(to - from);
	for (let at = from; at < to; at++) bytes[at] = byte ?? noise[at - from] ?? 0;
	writeFileSync(path, bytes);
}

/** What no reading of a table would notice. */
function spoilIndex(path: string): void {
	const [driver] = loadableDrivers();
	const connection = driver?.open(path, { readOnly: true, busyMs: 0 });
	const page = Number(
		connection?.prepare(`SELECT rootpage FROM sqlite_schema WHERE name = 'processes_of_runtime'`).get()?.['rootpage'],
	);
	connection?.close();
	damage(path, (page - 1) * 4_096, page * 4_096, 0);
}

function makeForeign(path: string): void {
	rmSync(path);
	writeFileSync(path, '');
	const [driver] = loadableDrivers();
	const connection = driver?.open(path, { readOnly: false, busyMs: 0 });
	connection?.exec('CREATE TABLE pages (id); PRAGMA user_version = 3');
	connection?.close();
}
