/** The tables, as numbered steps: each is one transaction, and `user_version` is the number of the last one. */
import type { Connection } from './driver.ts';

/** `orch` in ASCII: tells our databases from everybody else's. */
export const applicationId = 0x6f726368;

/**
 * Never changed once released: the next change is the next step. Times are REAL, since a clock may tell fractions; what only the
 * domains understand is JSON in TEXT.
 */
export const migrations: readonly string[] = [
	`PRAGMA application_id = ${applicationId};

	CREATE TABLE runtimes (
		id TEXT PRIMARY KEY NOT NULL,
		name TEXT NOT NULL,
		position REAL NOT NULL,
		spec TEXT NOT NULL,
		added_at REAL NOT NULL,
		project TEXT
	) STRICT;

	-- apart from the spec: it changes often, and a large spec would be written again each time
	CREATE TABLE memories (runtime_id TEXT PRIMARY KEY NOT NULL, body TEXT NOT NULL) STRICT, WITHOUT ROWID;

	CREATE TABLE processes (
		seq INTEGER PRIMARY KEY,
		process_id TEXT NOT NULL UNIQUE,
		runtime_id TEXT NOT NULL,
		generation INTEGER NOT NULL,
		pid INTEGER NOT NULL,
		start_ticks INTEGER NOT NULL,
		boot_id TEXT NOT NULL,
		started_at REAL NOT NULL,
		ended_at REAL,
		exit TEXT NOT NULL
	) STRICT;
	CREATE INDEX processes_of_runtime ON processes (runtime_id, seq);
	CREATE INDEX processes_unended ON processes (seq) WHERE ended_at IS NULL;

	CREATE TABLE links (id TEXT PRIMARY KEY NOT NULL, position REAL NOT NULL, body TEXT NOT NULL) STRICT;

	CREATE TABLE events (
		seq INTEGER PRIMARY KEY,
		at REAL NOT NULL,
		kind TEXT NOT NULL,
		runtime_id TEXT,
		body TEXT NOT NULL
	) STRICT;
	-- the last seq that was given when the log of events was empty
	CREATE TABLE events_base (seq INTEGER NOT NULL) STRICT;
	INSERT INTO events_base VALUES (0);

	CREATE TABLE settings (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
	CREATE TABLE projects (name TEXT PRIMARY KEY NOT NULL, body TEXT NOT NULL) STRICT, WITHOUT ROWID;`,
];

/** Takes the steps from `version` on. A step that fails leaves the version before it, whole. */
export function migrate(connection: Connection, version: number, steps: readonly string[] = migrations): void {
	for (const [index, step] of steps.entries()) {
		if (index < version) continue;
		connection.exec('BEGIN IMMEDIATE');
		try {
			connection.exec(step);
			connection.exec(`PRAGMA user_version = ${index + 1}`);
			connection.exec('COMMIT');
		} catch (error) {
			if (connection.inTransaction) connection.exec('ROLLBACK');
			throw error;
		}
	}
}
