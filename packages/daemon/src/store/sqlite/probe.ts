/** Looks at a database without changing a byte of it: is it ours, whole, and not of a later version? */
import { statSync } from 'node:fs';
import { bodyOf } from '../body.ts';
import { StoreError } from '../errors.ts';
import { faultOf } from './database.ts';
import { type Connection, type Driver, resultCodes } from './driver.ts';
import { applicationId, migrations } from './migrations.ts';

export type Finding =
	| { readonly kind: 'missing' }
	/** `version` is the step of the migrations that it has reached. */
	| { readonly kind: 'whole'; readonly version: number }
	| { readonly kind: 'broken'; readonly why: string };

/** What cannot be done without: a body that is not JSON here makes the whole database useless. */
const bodies = [
	['runtimes', 'spec'],
	['memories', 'body'],
	['links', 'body'],
	['settings', 'value'],
	['projects', 'body'],
] as const;

/** Throws StoreError 'newer', 'locked' or 'io': none of these is for a backup to cure. */
export function probe(driver: Driver, path: string, busyMs: number, steps: readonly string[] = migrations): Finding {
	const size = statSync(path, { throwIfNoEntry: false })?.size;
	if (size === undefined) return { kind: 'missing' };
	// SQLite would take it for a new database
	if (size === 0) return { kind: 'broken', why: 'it is empty' };
	try {
		return lookReadOnly(driver, path, busyMs, steps.length);
	} catch (error) {
		if (error instanceof StoreError && error.fault !== 'corrupt') throw error;
		const code = driver.resultCode(error);
		if (error instanceof StoreError || code === resultCodes.CORRUPT || code === resultCodes.NOTADB) {
			return { kind: 'broken', why: (error as Error).message };
		}
		throw faultOf(driver, error, 'open', path) ?? error;
	}
}

function lookReadOnly(driver: Driver, path: string, busyMs: number, known: number): Finding {
	try {
		return lookWith(driver.open(path, { readOnly: true, busyMs }), path, known);
	} catch (error) {
		if (driver.resultCode(error) !== resultCodes.IOERR) throw error;
	}
	// a log is read by an index in a file beside it, for which a full disk has no room; in exclusive mode it is in our memory
	const connection = driver.open(path, { readOnly: false, busyMs });
	return lookWith(connection, path, known, 'PRAGMA locking_mode = EXCLUSIVE');
}

function lookWith(connection: Connection, path: string, known: number, first?: string): Finding {
	try {
		if (first !== undefined) connection.prepare(first).get();
		return look(connection, path, known);
	} finally {
		connection.close();
	}
}

function look(connection: Connection, path: string, known: number): Finding {
	const pragma = (name: string) => Object.values(connection.prepare(`PRAGMA ${name}`).get() ?? {})[0];
	if (pragma('application_id') !== applicationId) return { kind: 'broken', why: 'it is no database of orch' };
	const version = Number(pragma('user_version'));
	if (version > known) {
		throw new StoreError(
			'newer',
			`Cannot open the state (${path}): a newer orch wrote it (version ${version}; this orch knows version ${known}). ` +
				'Nothing was changed. Run that newer orch, or give this one another ORCH_HOME',
		);
	}
	const found = connection.prepare('PRAGMA quick_check(1)').get();
	const words = Object.values(found ?? {})[0];
	if (words !== 'ok') return { kind: 'broken', why: String(words).split('\n').join(' ') };
	for (const [table, column] of bodies) {
		for (const row of connection.prepare(`SELECT ${column} FROM ${table}`).all()) bodyOf(String(row[column]));
	}
	return { kind: 'whole', version };
}
