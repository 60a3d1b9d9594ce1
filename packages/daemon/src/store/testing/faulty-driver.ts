/** A driver whose connections a test can reach into, and break at a call of its choice. */
import type { Connection, Driver, Statement, Value } from '../sqlite/driver.ts';

/** What a call does: `before` and `after` end everything, with the call undone or done; an Error is what this one call throws. */
export type Fault = 'before' | 'after' | Error;

export class Crash extends Error {
	override readonly name = 'Crash';
}

/** An error that the faulty driver takes for SQLite's. */
export class FakeFailure extends Error {
	readonly resultCode: number;

	constructor(resultCode: number, message: string) {
		super(message);
		this.resultCode = resultCode;
	}
}

export interface FaultyDriver extends Driver {
	/** Calls that may change something, so far. */
	readonly calls: number;
	/** The writing connection that was opened last, as it is. */
	readonly connection: Connection;
}

/** `faultAt` is asked for each call that may change something, by its number from 1 on and its statement. */
export function faultyDriver(
	real: Driver,
	faultAt: (call: number, sql: string, connection: Connection) => Fault | undefined,
): FaultyDriver {
	let calls = 0;
	let crashed = false;
	let last: Connection | undefined;
	const guarded = <Result>(connection: Connection, sql: string, work: () => Result): Result => {
		if (crashed) throw new Crash('crashed before');
		calls += 1;
		const fault = faultAt(calls, sql, connection);
		if (fault instanceof Error) throw fault;
		crashed = fault !== undefined;
		if (fault === 'before') throw new Crash(`before ${sql}`);
		const result = work();
		if (fault === 'after') throw new Crash(`after ${sql}`);
		return result;
	};
	const wrap = (connection: Connection): Connection => ({
		exec: (sql) => guarded(connection, sql, () => connection.exec(sql)),
		prepare(sql): Statement {
			const statement = connection.prepare(sql);
			const isPragma = sql.startsWith('PRAGMA');
			return {
				run: (...values: Value[]) => guarded(connection, sql, () => statement.run(...values)),
				get: (...values: Value[]) =>
					isPragma ? guarded(connection, sql, () => statement.get(...values)) : statement.get(...values),
				all: (...values: Value[]) => statement.all(...values),
			};
		},
		get inTransaction() {
			return connection.inTransaction;
		},
		close: () => connection.close(),
	});
	return {
		name: real.name,
		open(path, options) {
			const connection = real.open(path, options);
			if (options.readOnly) return connection;
			last = connection;
			return wrap(connection);
		},
		resultCode: (error) => (error instanceof FakeFailure ? error.resultCode : real.resultCode(error)),
		get calls() {
			return calls;
		},
		get connection() {
			if (last === undefined) throw new Error('nothing has been opened for writing');
			return last;
		},
	};
}
