/** What the store needs of SQLite, and the two libraries that have it: Node's own from 24 on, else better-sqlite3. */
import { createRequire } from 'node:module';
import { StoreError } from '../errors.ts';

export type Value = string | number | null;
export type Row = Readonly<Record<string, Value>>;

export interface Statement {
	run(...values: Value[]): { readonly changes: number | bigint };
	get(...values: Value[]): Row | undefined;
	all(...values: Value[]): Row[];
}

export interface Connection {
	exec(sql: string): void;
	prepare(sql: string): Statement;
	/** False as well after SQLite itself has taken a transaction back, as it does on a full disk. */
	readonly inTransaction: boolean;
	close(): void;
}

export interface Driver {
	readonly name: DriverName;
	/** The file must exist. */
	open(path: string, options: { readonly readOnly: boolean; readonly busyMs: number }): Connection;
	/** SQLite's primary result code, where the error is one of SQLite's. */
	resultCode(error: unknown): number | undefined;
}

export type DriverName = 'node:sqlite' | 'better-sqlite3';

/** Primary result codes that the store tells apart. */
export const resultCodes = {
	BUSY: 5,
	LOCKED: 6,
	READONLY: 8,
	IOERR: 10,
	CORRUPT: 11,
	FULL: 13,
	CANTOPEN: 14,
	NOTADB: 26,
} as const;

/** From this one on Node's own SQLite is no experiment. */
const firstNodeWithSqlite = 24;

const loaders: readonly (readonly [DriverName, () => Driver])[] = [
	['node:sqlite', loadNodeSqlite],
	['better-sqlite3', loadBetterSqlite],
];

/** The first driver that can be loaded; StoreError 'no_driver' says why none can. */
export function loadDriver(): Driver {
	const reasons: string[] = [];
	for (const [name, load] of loaders) {
		try {
			return load();
		} catch (error) {
			reasons.push(`${name}: ${(error as Error).message.split('\n')[0]}`);
		}
	}
	throw new StoreError(
		'no_driver',
		`Cannot open the state: this Node (${process.version}) offers no SQLite (${reasons.join('; ')}). ` +
			`Run orch on Node ${firstNodeWithSqlite} or later, or install it again with the install script of better-sqlite3 allowed`,
	);
}

/** Every driver that can be loaded here: for tests of both. */
export function loadableDrivers(): Driver[] {
	return loaders.flatMap(([, load]) => {
		try {
			return [load()];
		} catch {
			return [];
		}
	});
}

interface NodeSqlite {
	readonly DatabaseSync: new (
		path: string,
		options: { readonly readOnly: boolean; readonly timeout: number },
	) => {
		exec(sql: string): void;
		prepare(sql: string): Statement;
		readonly isTransaction: boolean;
		close(): void;
	};
}

function loadNodeSqlite(): Driver {
	const major = Number.parseInt(process.versions.node, 10);
	if (major < firstNodeWithSqlite) throw new Error(`not before Node ${firstNodeWithSqlite}`);
	const sqlite = withoutExperimentalWarning(() => process.getBuiltinModule?.('node:sqlite')) as NodeSqlite | undefined;
	if (sqlite === undefined) throw new Error('this Node was built without it');
	return {
		name: 'node:sqlite',
		open(path, { readOnly, busyMs }) {
			const database = new sqlite.DatabaseSync(path, { readOnly, timeout: busyMs });
			return {
				exec: (sql) => database.exec(sql),
				prepare: (sql) => database.prepare(sql),
				get inTransaction() {
					return database.isTransaction;
				},
				close: () => database.close(),
			};
		},
		resultCode(error) {
			// the extended code holds the primary one in its low byte
			const code = (error as { readonly errcode?: unknown } | null)?.errcode;
			return typeof code === 'number' ? code & 0xff : undefined;
		},
	};
}

interface BetterSqlite {
	new (
		path: string,
		options: { readonly readonly: boolean; readonly fileMustExist: boolean; readonly timeout: number },
	): {
		exec(sql: string): unknown;
		prepare(sql: string): Statement;
		readonly inTransaction: boolean;
		close(): unknown;
	};
}

function loadBetterSqlite(): Driver {
	// not by import: it is optional, and a bundle must leave it where it is
	const Database = createRequire(import.meta.url)('better-sqlite3') as BetterSqlite;
	// the library loads its binary with the first database only
	new Database(':memory:', { readonly: false, fileMustExist: false, timeout: 0 }).close();
	return {
		name: 'better-sqlite3',
		open(path, { readOnly, busyMs }) {
			const database = new Database(path, { readonly: readOnly, fileMustExist: true, timeout: busyMs });
			return {
				exec: (sql) => void database.exec(sql),
				prepare: (sql) => database.prepare(sql),
				get inTransaction() {
					return database.inTransaction;
				},
				close: () => void database.close(),
			};
		},
		resultCode(error) {
			const code = (error as { readonly code?: unknown } | null)?.code;
			if (typeof code !== 'string' || !code.startsWith('SQLITE_')) return undefined;
			const name = code.split('_')[1] as keyof typeof resultCodes;
			return resultCodes[name] ?? 1;
		},
	};
}

/** Loads what early versions of Node 24 still announce as experimental, on a user's terminal, at every start. */
function withoutExperimentalWarning<Result>(load: () => Result): Result {
	const emitWarning = process.emitWarning;
	process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
		const [type] = rest;
		const kind = typeof type === 'object' && type !== null && 'type' in type ? type.type : type;
		if (kind === 'ExperimentalWarning') return;
		Reflect.apply(emitWarning, process, [warning, ...rest]);
	}) as typeof process.emitWarning;
	try {
		return load();
	} finally {
		process.emitWarning = emitWarning;
	}
}
