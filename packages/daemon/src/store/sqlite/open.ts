/** Opens the state: finds the database or makes it, falls back on a backup, takes the lock, brings the tables up to date. */
import { constants, copyFileSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Clock, Logger } from '@orch/base';
import { StoreError } from '../errors.ts';
import { defaultLimits, type Store, type StoreLimits } from '../ports.ts';
import { Database, faultOf } from './database.ts';
import { type Connection, type Driver, loadDriver } from './driver.ts';
import { Backups } from './backups.ts';
import {
	generationPath,
	generationTime,
	hasRemains,
	isMarkedOpen,
	keepCopy,
	keptGenerations,
	listBroken,
	makeUnfinished,
	markClosed,
	markOpen,
	removeUnfinished,
	setAside,
	syncDirectory,
	syncFile,
	unfinishedPath,
} from './generations.ts';
import { hasLog, whatLogLost } from './lost-log.ts';
import { migrate, migrations } from './migrations.ts';
import { probe } from './probe.ts';
import { eventsTable, linksTable, processesTable, projectsTable, runtimesTable, settingsTable } from './tables.ts';
import { WriteAheadLog } from './write-ahead-log.ts';

export interface StoreOptions {
	/** The database: `<home>/orch.db`. Its directory is made where it is missing. */
	readonly path: string;
	readonly clock: Clock;
	readonly log: Logger;
	readonly limits?: StoreLimits;
	/** The first that can be loaded, unless a test wants another. */
	readonly driver?: Driver;
	/** The tables; for tests of migrations. */
	readonly migrations?: readonly string[];
	/** How long opening waits for another process to let go of the database. It holds up the event loop meanwhile. */
	readonly busyMs?: number;
}

export interface OpenedStore {
	readonly store: Store;
	/** What the user should know: that a backup had to be used, and what has been kept of the broken database. */
	readonly notices: readonly string[];
}

const defaultBusyMs = 1_000;

/** Throws StoreError: 'no_driver', 'newer' and 'locked' with nothing touched; 'full' and 'io' where the disk does not let it. */
export function openStore(options: StoreOptions): OpenedStore {
	const { path } = options;
	const driver = options.driver ?? loadDriver();
	const steps = options.migrations ?? migrations;
	const busyMs = options.busyMs ?? defaultBusyMs;
	try {
		mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
		const notices = prepare({ ...options, driver, migrations: steps, busyMs });
		return { store: connect({ ...options, driver, migrations: steps, busyMs }), notices };
	} catch (error) {
		throw error instanceof StoreError ? error : (faultOf(driver, error, 'open', path) ?? diskFault(error, path) ?? error);
	}
}

type Settled = StoreOptions & Required<Pick<StoreOptions, 'driver' | 'migrations' | 'busyMs'>>;

/** Makes sure that there is a whole database; gives what there is to say about it. */
function prepare({ path, clock, log, driver, busyMs, migrations: steps }: Settled): string[] {
	// before anybody opens it, who might tidy up
	const hadLog = hasLog(path);
	const wasOpen = isMarkedOpen(path);
	const found = probe(driver, path, busyMs, steps);
	if (found.kind === 'whole') {
		const lost = hadLog ? whatLogLost(path) : wasOpen ? 'it is not there, though the last orchd did not close it' : undefined;
		return lost === undefined ? [] : [goOnWithout({ path, clock, log, driver, busyMs }, lost)];
	}
	const generations = Array.from({ length: keptGenerations }, (_, index) => index + 1).filter(
		(one) => generationTime(path, one) !== undefined,
	);
	const broken = listBroken(path);
	if (found.kind === 'missing' && generations.length === 0 && broken.length === 0 && !wasOpen && !hasRemains(path)) {
		create(driver, path, busyMs, steps, 0);
		return [];
	}

	const why = found.kind === 'missing' ? 'was missing' : `could not be read (${found.why})`;
	const rejected: string[] = [];
	const from = generations.find((generation) => {
		const backup = probe(driver, generationPath(path, generation), busyMs, steps);
		if (backup.kind === 'broken')
			rejected.push(`${basename(generationPath(path, generation))} could not be read either (${backup.why})`);
		return backup.kind === 'whole';
	});
	// whatever may fail for want of space comes before the broken database loses its name
	if (from === undefined) {
		make(driver, makeUnfinished(path), busyMs, steps, clock.now());
	} else {
		copyGeneration(path, from);
		skipSeqs(driver, unfinishedPath(path), busyMs, clock.now());
	}
	// its log must not be played into the new one
	const aside = setAside(path, clock.now()) ?? broken.at(-1);
	nameFinished(path);
	const kept = aside === undefined ? '' : `; what was left of it is kept as ${basename(aside)}`;
	const used =
		from === undefined
			? 'There was no backup to use: the state is empty now'
			: `The backup ${basename(generationPath(path, from))} of ${new Date(generationTime(path, from) ?? 0).toISOString()} is used instead: later changes are lost`;
	log.error('state restored', { path, why, aside, from: from ?? null });
	return [`the state ${basename(path)} ${why}${kept}. ${[...rejected, used].join('. ')}`];
}

/**
 * The beginning of the log is whole, or there is none: what SQLite makes of it is newer than any backup. What is there is kept first, since
 * opening it to write plays in that beginning and drops the rest.
 */
function goOnWithout(
	{ path, clock, log, driver, busyMs }: Pick<Settled, 'path' | 'clock' | 'log' | 'driver' | 'busyMs'>,
	why: string,
): string {
	const kept = keepCopy(path, clock.now());
	// should we die now, the next one finds the same log
	skipSeqs(driver, path, busyMs, clock.now());
	log.error('changes of the state lost', { path, why, kept });
	return (
		`changes of the state may be lost: its log ${basename(path)}-wal is not whole: ${why}. What came before is used; ` +
		`state and log as they were found are kept as ${basename(kept)}`
	);
}

/** A new database appears whole under its name or not at all: a file without tables is always a broken one. */
function create(driver: Driver, path: string, busyMs: number, steps: readonly string[], baseSeq: number): void {
	make(driver, makeUnfinished(path), busyMs, steps, baseSeq);
	nameFinished(path);
}

function make(driver: Driver, path: string, busyMs: number, steps: readonly string[], baseSeq: number): void {
	const connection = driver.open(path, { readOnly: false, busyMs });
	try {
		connection.prepare('PRAGMA journal_mode = WAL').get();
		migrate(connection, 0, steps);
		if (baseSeq > 0) connection.prepare('UPDATE events_base SET seq = ?').run(Math.floor(baseSeq));
	} finally {
		connection.close();
	}
}

/**
 * The events behind the backup are lost, their numbers were given: to be certain not to give one again the count goes on from the clock,
 * which is ahead of any count of events. The events before are dropped, so that what is kept stays without gaps.
 */
function skipSeqs(driver: Driver, path: string, busyMs: number, now: number): void {
	const connection = driver.open(path, { readOnly: false, busyMs });
	try {
		connection.prepare('PRAGMA journal_mode = WAL').get();
		connection.exec('BEGIN IMMEDIATE');
		connection
			.prepare(`UPDATE events_base SET seq = MAX(?, seq, (SELECT COALESCE(MAX(seq), 0) FROM events))`)
			.run(Math.floor(now));
		connection.exec('DELETE FROM events');
		connection.exec('COMMIT');
	} finally {
		connection.close();
	}
}

function copyGeneration(path: string, generation: number): void {
	removeUnfinished(path);
	copyFileSync(generationPath(path, generation), unfinishedPath(path), constants.COPYFILE_EXCL);
}

function nameFinished(path: string): void {
	syncFile(unfinishedPath(path));
	renameSync(unfinishedPath(path), path);
	syncDirectory(path);
}

function connect({ path, clock, log, driver, migrations: steps, busyMs, limits = defaultLimits }: Settled): Store {
	const connection = driver.open(path, { readOnly: false, busyMs });
	let isOurs = false;
	try {
		takeForOurselves(connection, path);
		isOurs = true;
		removeUnfinished(path);
		// only after an earlier look from outside: we keep the index of the log in memory
		rmSync(`${path}-shm`, { force: true });
		const version = Number(connection.prepare('PRAGMA user_version').get()?.['user_version']);
		if (version < steps.length) {
			keepBefore(connection, path, version);
			migrate(connection, version, steps);
		}
		expectLog({ driver, connection, path, log, version: steps.length });
		syncDirectory(path);
		return assemble(driver, connection, { path, clock, log, limits });
	} catch (error) {
		// closing drops the log
		if (isOurs) markClosed(path);
		connection.close();
		throw error;
	}
}

/**
 * In exclusive mode nobody else can open the database while we have it. It also keeps the index of the log in our memory: writes are faster, and
 * a full disk cannot end us through a mapped file.
 */
function takeForOurselves(connection: Connection, path: string): void {
	connection.prepare('PRAGMA locking_mode = EXCLUSIVE').get();
	const mode = connection.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode'];
	if (mode !== 'wal')
		throw new StoreError('io', `Cannot open the state (${path}): its file system does not take a write-ahead log`);
	connection.exec('PRAGMA synchronous = NORMAL; PRAGMA cache_size = -2000; PRAGMA foreign_keys = OFF');
	// what we do ourselves in good time; this is for a flood within one turn
	connection.prepare('PRAGMA wal_autocheckpoint = 2000').get();
	connection.prepare(`PRAGMA journal_size_limit = ${8 * 1024 * 1024}`).get();
}

/** From here on there is something in the log until it is closed: one that is not there then was lost. */
function expectLog({
	driver,
	connection,
	path,
	log,
	version,
}: {
	readonly driver: Driver;
	readonly connection: Connection;
	readonly path: string;
	readonly log: Logger;
	readonly version: number;
}): void {
	try {
		// nothing changes, and its page is written all the same, which a row that stays as it is would not bring about
		connection.exec(`PRAGMA user_version = ${version}`);
		markOpen(path);
	} catch (error) {
		if (faultOf(driver, error, 'write', path) === undefined && diskFault(error, path) === undefined) throw error;
		log.warn('a loss of the log would not be noticed', { error });
	}
}

/** The state as the older orch left it, for who wants to go back: `orch.db.v<version>`. */
function keepBefore(connection: Connection, path: string, version: number): void {
	connection.prepare('VACUUM INTO ?').run(makeUnfinished(path));
	syncFile(unfinishedPath(path));
	renameSync(unfinishedPath(path), `${path}.v${version}`);
}

interface Parts {
	readonly path: string;
	readonly clock: Clock;
	readonly log: Logger;
	readonly limits: StoreLimits;
}

function assemble(driver: Driver, connection: Connection, { path, clock, log, limits }: Parts): Store {
	const backups = new Backups(connection, { path, clock, log });
	const passiveCheckpoint = connection.prepare('PRAGMA wal_checkpoint(PASSIVE)');
	const checkpoint = () => {
		try {
			passiveCheckpoint.get();
		} catch (error) {
			throw database.fault(error, 'write');
		}
	};
	const writeAheadLog = new WriteAheadLog({ path, clock, log, checkpoint });
	const database: Database = new Database(driver, connection, path, () => {
		writeAheadLog.committed();
		backups.changed();
	});
	const touched = () => backups.touched();
	const ours = inodeOf(path);
	let closing: Promise<void> | undefined;
	const close = async () => {
		database.refuse();
		try {
			await writeAheadLog.settled();
		} catch (error) {
			log.error('state not certain to survive a power cut', { error });
		}
		await backups.close();
		await writeAheadLog.close();
		// closing drops the log
		markClosed(path);
		connection.close();
	};
	const store: Store = {
		runtimes: runtimesTable(database, touched),
		processes: processesTable(database, limits.processesPerRuntime),
		links: linksTable(database, touched),
		events: eventsTable(database, limits.events),
		settings: settingsTable(database, touched),
		projects: projectsTable(database, touched),
		transaction: (work) => database.transaction(work),
		async settled() {
			database.checkOpen();
			await writeAheadLog.settled();
		},
		isThere: () => inodeOf(path) === ours,
		backUp: () => backups.refresh(),
		close() {
			closing ??= close();
			return closing;
		},
	};
	backups.start();
	return store;
}

function inodeOf(path: string): string | undefined {
	const stat = statSync(path, { throwIfNoEntry: false });
	return stat && `${stat.dev}:${stat.ino}`;
}

function diskFault(error: unknown, path: string): StoreError | undefined {
	const { code, message } = error as NodeJS.ErrnoException;
	if (code === undefined) return undefined;
	const isFull = code === 'ENOSPC' || code === 'EDQUOT';
	const text = isFull ? 'no space left on the disk. Free some' : `${message}. Look at the permissions of its directory`;
	return new StoreError(isFull ? 'full' : 'io', `Cannot open the state (${path}): ${text}`, { cause: error });
}
