/** The port's verbs as prepared statements. `touched` is called by those that change a definition. */
import { bodyOf, textOf } from '../body.ts';
import type {
	Placed,
	StoredEvent,
	StoredEvents,
	StoredLink,
	StoredLinks,
	StoredProcess,
	StoredProcesses,
	StoredProject,
	StoredProjects,
	StoredRuntime,
	StoredRuntimes,
	StoredSettings,
} from '../ports.ts';
import type { Database } from './database.ts';
import type { Row } from './driver.ts';

/** Where a row is wanted, where it stands, or behind all others; takes the position and the id. */
const place = (table: string) =>
	`COALESCE(?, (SELECT position FROM ${table} WHERE id = ?), (SELECT MAX(0, COALESCE(MAX(position), 0)) + 1 FROM ${table}))`;

export function runtimesTable(database: Database, touched: () => void): StoredRuntimes {
	const put = database.prepare(
		`INSERT INTO runtimes (id, name, position, spec, added_at, project)
		VALUES (?, ?, ${place('runtimes')}, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, position = excluded.position, spec = excluded.spec,
			added_at = excluded.added_at, project = excluded.project`,
	);
	const putMemory = database.prepare('INSERT OR REPLACE INTO memories (runtime_id, body) VALUES (?, ?)');
	const changeMemory = database.prepare('UPDATE memories SET body = ? WHERE runtime_id = ?');
	const changeSpec = database.prepare('UPDATE runtimes SET spec = ? WHERE id = ?');
	const rename = database.prepare('UPDATE runtimes SET name = ? WHERE id = ?');
	const remove = database.prepare('DELETE FROM runtimes WHERE id = ?');
	const removeMemory = database.prepare('DELETE FROM memories WHERE runtime_id = ?');
	const removeHistory = database.prepare('DELETE FROM processes WHERE runtime_id = ?');
	const list = database.prepare(
		`SELECT id, name, position, spec, added_at, project, memories.body AS memory
		FROM runtimes JOIN memories ON runtime_id = id ORDER BY position, id`,
	);
	return {
		put({ id, name, position, spec, memory, addedAt, project }: Placed<StoredRuntime>) {
			const specText = textOf(spec);
			const memoryText = textOf(memory);
			touched();
			database.transaction(() => {
				put.run(id, name, position ?? null, id, specText, addedAt, project);
				putMemory.run(id, memoryText);
			});
		},
		putSpec(id, spec) {
			const text = textOf(spec);
			touched();
			return database.write(() => changed(changeSpec.run(text, id)));
		},
		putMemory(id, memory) {
			const text = textOf(memory);
			return database.write(() => changed(changeMemory.run(text, id)));
		},
		rename(id, name) {
			touched();
			return database.write(() => changed(rename.run(name, id)));
		},
		remove(id) {
			touched();
			return database.transaction(() => {
				removeMemory.run(id);
				removeHistory.run(id);
				return changed(remove.run(id));
			});
		},
		list: () => database.read(() => list.all().map(readRuntime)),
	};
}

const readRuntime = (row: Row): StoredRuntime => ({
	id: text(row['id']),
	name: text(row['name']),
	position: number(row['position']),
	spec: bodyOf(text(row['spec'])),
	memory: bodyOf(text(row['memory'])),
	addedAt: number(row['added_at']),
	project: textOrNull(row['project']),
});

export function processesTable(database: Database, kept: number): StoredProcesses {
	const columns = 'process_id, runtime_id, generation, pid, start_ticks, boot_id, started_at, ended_at, exit';
	const begun = database.prepare(
		`INSERT INTO processes (${columns}) SELECT ?, ?, ?, ?, ?, ?, ?, NULL, 'null' WHERE EXISTS (SELECT 1 FROM runtimes WHERE id = ?)
		ON CONFLICT (process_id) DO UPDATE SET runtime_id = excluded.runtime_id, generation = excluded.generation, pid = excluded.pid,
			start_ticks = excluded.start_ticks, boot_id = excluded.boot_id, started_at = excluded.started_at, ended_at = NULL, exit = 'null'`,
	);
	const prune = database.prepare(
		`DELETE FROM processes WHERE runtime_id = ?
			AND seq <= (SELECT seq FROM processes WHERE runtime_id = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)`,
	);
	const ended = database.prepare('UPDATE processes SET ended_at = ?, exit = ? WHERE process_id = ?');
	const history = database.prepare(`SELECT ${columns} FROM processes WHERE runtime_id = ? ORDER BY seq DESC LIMIT ?`);
	const unended = database.prepare(`SELECT ${columns} FROM processes WHERE ended_at IS NULL ORDER BY seq`);
	return {
		begun: ({ processId, runtimeId, generation, pid, startTicks, bootId, startedAt }) =>
			database.transaction(() => {
				if (!changed(begun.run(processId, runtimeId, generation, pid, startTicks, bootId, startedAt, runtimeId))) return false;
				prune.run(runtimeId, runtimeId, kept);
				return true;
			}),
		ended(processId, endedAt, exit) {
			const exitText = textOf(exit);
			return database.write(() => changed(ended.run(endedAt, exitText, processId)));
		},
		historyOf: (runtimeId, limit) => database.read(() => history.all(runtimeId, limit).map(readProcess)),
		unended: () => database.read(() => unended.all().map(readProcess)),
	};
}

const readProcess = (row: Row): StoredProcess => ({
	processId: text(row['process_id']),
	runtimeId: text(row['runtime_id']),
	generation: number(row['generation']),
	pid: number(row['pid']),
	startTicks: number(row['start_ticks']),
	bootId: text(row['boot_id']),
	startedAt: number(row['started_at']),
	endedAt: row['ended_at'] === null ? null : number(row['ended_at']),
	exit: bodyOf(text(row['exit'])),
});

export function linksTable(database: Database, touched: () => void): StoredLinks {
	const put = database.prepare(
		`INSERT INTO links (id, position, body) VALUES (?, ${place('links')}, ?)
		ON CONFLICT (id) DO UPDATE SET position = excluded.position, body = excluded.body`,
	);
	const remove = database.prepare('DELETE FROM links WHERE id = ?');
	const list = database.prepare('SELECT id, position, body FROM links ORDER BY position, id');
	return {
		put({ id, position, body }: Placed<StoredLink>) {
			const bodyText = textOf(body);
			touched();
			database.write(() => put.run(id, position ?? null, id, bodyText));
		},
		remove(id) {
			touched();
			return database.write(() => changed(remove.run(id)));
		},
		list: () =>
			database.read(() =>
				list.all().map((row) => ({ id: text(row['id']), position: number(row['position']), body: bodyOf(text(row['body'])) })),
			),
	};
}

export function eventsTable(database: Database, kept: number): StoredEvents {
	const append = database.prepare('INSERT INTO events (seq, at, kind, runtime_id, body) VALUES (?, ?, ?, ?, ?)');
	const prune = database.prepare('DELETE FROM events WHERE seq <= ?');
	const since = database.prepare('SELECT seq, at, kind, runtime_id, body FROM events WHERE seq > ? ORDER BY seq LIMIT ?');
	const bounds = database.prepare(
		`SELECT (SELECT MIN(seq) FROM events) AS first, COALESCE((SELECT MAX(seq) FROM events), (SELECT seq FROM events_base)) AS last`,
	);
	let known: { readonly rollbacks: number; readonly first: number; readonly last: number } | undefined;

	/** Remembered, for looking is slower than writing; looked up again whenever something was taken back. */
	const seqs = () => {
		if (known?.rollbacks === database.rollbacks) return known;
		const row = bounds.get();
		const last = number(row?.['last']);
		known = { rollbacks: database.rollbacks, first: number(row?.['first'] ?? last + 1), last };
		return known;
	};
	return {
		get firstSeq() {
			return database.read(() => seqs().first);
		},
		get lastSeq() {
			return database.read(() => seqs().last);
		},
		append({ at, kind, runtimeId, body }) {
			const bodyText = textOf(body);
			return database.transaction(() => {
				const { first, last, rollbacks } = seqs();
				const seq = last + 1;
				append.run(seq, at, kind, runtimeId, bodyText);
				const oldest = Math.max(first, seq + 1 - kept);
				if (oldest > first) prune.run(oldest - 1);
				known = { rollbacks, first: oldest, last: seq };
				return seq;
			});
		},
		since: (seq, limit) => database.read(() => since.all(seq, limit).map(readEvent)),
	};
}

const readEvent = (row: Row): StoredEvent => ({
	seq: number(row['seq']),
	at: number(row['at']),
	kind: text(row['kind']),
	runtimeId: textOrNull(row['runtime_id']),
	body: bodyOf(text(row['body'])),
});

export function settingsTable(database: Database, touched: () => void): StoredSettings {
	const get = database.prepare('SELECT value FROM settings WHERE key = ?');
	const set = database.prepare('INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)');
	const remove = database.prepare('DELETE FROM settings WHERE key = ?');
	return {
		get: (key) =>
			database.read(() => {
				const row = get.get(key);
				return row === undefined ? undefined : bodyOf(text(row['value']));
			}),
		set(key, value) {
			const valueText = textOf(value);
			touched();
			database.write(() => set.run(key, valueText));
		},
		delete(key) {
			touched();
			return database.write(() => changed(remove.run(key)));
		},
	};
}

export function projectsTable(database: Database, touched: () => void): StoredProjects {
	const put = database.prepare('INSERT OR REPLACE INTO projects (name, body) VALUES (?, ?)');
	const remove = database.prepare('DELETE FROM projects WHERE name = ?');
	const list = database.prepare('SELECT name, body FROM projects ORDER BY name');
	return {
		put({ name, body }: StoredProject) {
			const bodyText = textOf(body);
			touched();
			database.write(() => put.run(name, bodyText));
		},
		remove(name) {
			touched();
			return database.write(() => changed(remove.run(name)));
		},
		list: () => database.read(() => list.all().map((row) => ({ name: text(row['name']), body: bodyOf(text(row['body'])) }))),
	};
}

const changed = ({ changes }: { readonly changes: number | bigint }) => changes > 0;
const text = (value: Row[string] | undefined) => value as string;
const number = (value: Row[string] | undefined) => value as number;
const textOrNull = (value: Row[string] | undefined) => value as string | null;
