/** Death at any instruction: by kill -9 of a process that writes, at each call of SQLite in turn, and by a power cut. */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLogger, systemClock } from '@orch/base';
import { ManualClock, seededRandom } from '@orch/base/testing';
import { build } from 'esbuild';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createMemoryStore, openStore, type Store, type StoreOptions } from './index.ts';
import { type Driver, loadableDrivers } from './sqlite/driver.ts';
import { migrations } from './sqlite/migrations.ts';
import { Crash, type Fault, faultyDriver } from './testing/faulty-driver.ts';
import { dump, numberedLimits, numberedVerb } from './testing/numbered-verbs.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const directories: string[] = [];
const place = () => {
	const directory = mkdtempSync(join(tmpdir(), 'orch-store-'));
	directories.push(directory);
	return join(directory, 'orch.db');
};
afterEach(() => {
	for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});
const open = (driver: Driver, path: string, more: Partial<StoreOptions> = {}) =>
	openStore({ path, clock: new ManualClock(), log: silentLogger, limits: numberedLimits, driver, ...more });
const text = (store: Store) => JSON.stringify(dump(store));

for (const driver of loadableDrivers()) {
	describe(`a process that is killed while it writes (${driver.name})`, () => {
		let writer = '';
		let bundles = '';
		beforeAll(async () => {
			bundles = mkdtempSync(join(tmpdir(), 'orch-writer-'));
			writer = join(bundles, 'writer.cjs');
			await build({
				entryPoints: [join(root, 'packages/daemon/src/store/testing/writer.ts')],
				outfile: writer,
				bundle: true,
				platform: 'node',
				format: 'cjs',
				alias: {
					'@orch/base/testing': join(root, 'packages/base/src/testing/index.ts'),
					'@orch/base': join(root, 'packages/base/src/index.ts'),
				},
				// as in the bundle of orchd
				define: { 'import.meta.url': 'programUrl' },
				banner: { js: `const programUrl = require('node:url').pathToFileURL(__filename).href;` },
			});
			return () => rmSync(bundles, { recursive: true, force: true });
		});

		/** Kills it after `acknowledgements`, 0 being while it opens the store; gives the last number that it said to have done. */
		const run = (path: string, first: number, acknowledgements: number, meanwhile = () => {}) =>
			new Promise<number>((resolve, reject) => {
				const child = spawn(process.execPath, [writer, path, driver.name, String(first)], {
					stdio: ['ignore', 'pipe', 'pipe'],
					env: { ...process.env, NODE_PATH: join(root, 'node_modules'), NODE_EXTRA_CA_CERTS: '' },
				});
				let rest = '';
				let seen = -1;
				let last = first - 1;
				let errors = '';
				child.stderr.on('data', (bytes: Buffer) => {
					errors += bytes.toString();
				});
				child.stdout.on('data', (bytes: Buffer) => {
					const lines = (rest + bytes.toString('latin1')).split('\n');
					rest = lines.pop() ?? '';
					for (const line of lines) {
						if (line !== 'opening') last = Number(line);
						seen += 1;
						if (seen !== acknowledgements) continue;
						meanwhile();
						child.kill('SIGKILL');
					}
				});
				child.on('error', reject);
				child.on('close', (_code, signal) => {
					if (signal === 'SIGKILL' && errors === '') resolve(last);
					else reject(new Error(`the writer ended by itself: ${errors}`));
				});
			});

		it('leaves all that it acknowledged, and at most the one in flight: 100 times in a row', { timeout: 300_000 }, async () => {
			const path = place();
			const random = seededRandom(20_261_121);
			const model = createMemoryStore(numberedLimits);
			let done = 0;
			let inFlight = 0;
			for (let round = 0; round < 100; round++) {
				const acknowledgements = round % 10 === 0 ? 0 : 1 + Math.floor(random.float() * 400);
				const acknowledged = await run(path, done + 1, acknowledgements);
				const { store, notices } = open(driver, path);
				expect(notices).toEqual([]);
				while (done < acknowledged) numberedVerb(model, ++done);
				if (text(store) !== text(model)) {
					numberedVerb(model, ++done);
					inFlight += 1;
				}
				expect(dump(store)).toEqual(dump(model));
				// half of the rounds begin with what a kill left, not with what a close tidied up
				if (round % 2 === 0) await store.close();
				else await abandon(store, path);
			}
			expect(done).toBeGreaterThan(5_000);
			expect(inFlight).toBeLessThanOrEqual(100);
		});

		it('holds the database against every other process, and lets go of it with its life', async () => {
			const path = place();
			let refused: unknown;
			await run(path, 1, 5, () => {
				try {
					open(driver, path, { busyMs: 0 });
				} catch (error) {
					refused = error;
				}
			});
			expect(refused).toMatchObject({ name: 'StoreError', fault: 'locked' });
			await open(driver, path).store.close();
		});
	});

	describe(`a crash at each call of SQLite in turn (${driver.name})`, () => {
		/** What is on the disk when the process dies at this call. */
		const crashAt = async (call: number, fault: Fault, before: string | undefined, steps: readonly string[], verbs: number) => {
			const path = place();
			if (before !== undefined) cpSync(join(before, '..'), join(path, '..'), { recursive: true });
			const faulty = faultyDriver(driver, (one) => (one === call ? fault : undefined));
			let done = 0;
			let store: Store | undefined;
			let crashed = false;
			const left = () => {
				const copy = place();
				cpSync(join(path, '..'), join(copy, '..'), { recursive: true });
				return copy;
			};
			let copy: string | undefined;
			try {
				store = open(faulty, path, { migrations: steps }).store;
				for (let n = 1; n <= verbs; n++) {
					numberedVerb(store, 1_000 + n);
					done = n;
				}
			} catch (error) {
				if (!(error instanceof Crash)) throw error;
				crashed = true;
				copy = left();
			}
			await store?.close();
			return { crashed, done, copy: copy ?? left(), calls: faulty.calls };
		};

		const states = (from: string | undefined, verbs: number) => {
			const model = createMemoryStore(numberedLimits);
			if (from !== undefined) for (let n = 1; n <= 40; n++) numberedVerb(model, n);
			const all = [text(model)];
			for (let n = 1; n <= verbs; n++) {
				numberedVerb(model, 1_000 + n);
				all.push(text(model));
			}
			return all;
		};

		const scenarios: readonly (readonly [string, boolean, readonly string[]])[] = [
			['a new state is made and used', false, migrations],
			['a state is used that is there', true, migrations],
			['a state is taken to the next version', true, [...migrations, 'CREATE TABLE one (id); CREATE TABLE two (id)']],
		];
		for (const [what, exists, steps] of scenarios) {
			it(`leaves a state between two whole verbs while ${what}`, { timeout: 240_000 }, async () => {
				const verbs = 20;
				let before: string | undefined;
				if (exists) {
					before = place();
					const { store } = open(driver, before);
					for (let n = 1; n <= 40; n++) numberedVerb(store, n);
					await store.close();
				}
				const wanted = states(before, verbs);
				let crashes = 0;
				for (let call = 1; ; call++) {
					let more = false;
					for (const fault of ['before', 'after'] as const) {
						const { crashed, done, copy } = await crashAt(call, fault, before, steps, verbs);
						const { store, notices } = open(driver, copy, { migrations: steps });
						expect(notices).toEqual([]);
						expect([wanted[done], wanted[done + 1]]).toContain(text(store));
						await store.close();
						more ||= crashed;
						crashes += Number(crashed);
					}
					if (!more) break;
				}
				expect(crashes).toBeGreaterThan(verbs);
			});
		}
	});

	describe(`a power cut (${driver.name})`, () => {
		it('loses nothing that had settled, and nothing by halves, whatever of the rest has reached the disk', {
			timeout: 120_000,
		}, async () => {
			const path = place();
			const faulty = faultyDriver(driver, () => undefined);
			const { store } = open(faulty, path, { clock: systemClock });
			// NORMAL: SQLite syncs whenever the log is played in or begins again, which is what the rest stands on
			expect(faulty.connection.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 1 });
			const model = createMemoryStore(numberedLimits);
			const random = seededRandom(99);
			let n = 0;
			const write = (count: number) => {
				const told: string[] = [];
				for (let one = 0; one < count; one++) {
					n += 1;
					numberedVerb(store, n);
					numberedVerb(model, n);
					told.push(text(model));
				}
				return told;
			};
			const salt = () => readFileSync(`${path}-wal`).subarray(16, 24).toString('hex');
			write(1);
			// once with the first log, once with one that begins again over what has been played into the database
			for (const begunAgain of [false, true]) {
				const first = salt();
				while (begunAgain && salt() === first) {
					write(60);
					await store.settled();
					await new Promise((resolve) => setImmediate(resolve));
				}
				write(20);
				await store.settled();
				const settled = text(model);
				const database = readFileSync(path);
				const certain = readFileSync(`${path}-wal`);
				const later = write(40);
				const possible = readFileSync(`${path}-wal`);
				expect(readFileSync(path).equals(database)).toBe(true);
				for (let round = 0; round < 30; round++) {
					const other = place();
					writeFileSync(other, database);
					writeFileSync(`${other}-wal`, mixture(certain, possible, random));
					const { store: found, notices } = open(driver, other);
					// where a later commit is whole behind one that is not, that is told
					expect(notices.filter((notice) => !notice.startsWith('changes of the state may be lost'))).toEqual([]);
					const told = notices.length > 0 ? withoutEvents : (state: string) => state;
					expect([settled, ...later].map(told)).toContain(told(text(found)));
					await found.close();
				}
			}
			await store.close();
		});
	});
}

/** A state of which changes were lost begins its events anew. */
function withoutEvents(state: string): string {
	const { events: _events, seqs: _seqs, ...rest } = JSON.parse(state) as ReturnType<typeof dump>;
	return JSON.stringify(rest);
}

/** What a disk may hold that was told to keep `certain` and was given `possible` since: any of its sectors, in any order. */
function mixture(certain: Buffer, possible: Buffer, random: { float(): number }): Buffer {
	const sector = 512;
	const mixed = Buffer.alloc(possible.length);
	certain.copy(mixed);
	const share = random.float();
	let end = certain.length;
	for (let at = 0; at < possible.length; at += sector) {
		if (random.float() > share) continue;
		end = Math.max(end, Math.min(at + sector, possible.length));
		possible.copy(mixed, at, at, at + sector);
	}
	return mixed.subarray(0, random.float() < 0.5 ? end : possible.length);
}

/** As if this process had died as well: what is on the disk stays as it is while the store is closed elsewhere. */
async function abandon(store: Store, path: string): Promise<void> {
	const kept = ['', '-wal', '.1', '.2']
		.filter((end) => existsSync(path + end))
		.map((end) => [end, readFileSync(path + end)] as const);
	await store.close();
	for (const end of ['', '-wal', '-shm', '.1', '.2', '.new']) rmSync(path + end, { force: true });
	for (const [end, bytes] of kept) writeFileSync(path + end, bytes);
}
