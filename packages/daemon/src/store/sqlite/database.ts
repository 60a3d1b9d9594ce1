/** One open database: transactions that nest, failures by their names, and a count of what has been committed. */
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { StoreError } from '../errors.ts';
import { isThenable } from '../thenable.ts';
import { type Connection, type Driver, resultCodes, type Statement } from './driver.ts';

/** With less than this left, a write that the disk refused was refused for want of space. */
const fullBytes = 1024 * 1024;

export class Database {
	readonly path: string;
	readonly #driver: Driver;
	readonly #connection: Connection;
	readonly #begin: Statement;
	readonly #commit: Statement;
	readonly #rollback: Statement;
	readonly #savepoint: Statement;
	readonly #release: Statement;
	readonly #rollbackTo: Statement;
	readonly #committed: () => void;
	#depth = 0;
	#failure: StoreError | undefined;
	#closed = false;
	#rollbacks = 0;

	/** `committed` is called after each commit, when it has happened. */
	constructor(driver: Driver, connection: Connection, path: string, committed: () => void) {
		this.path = path;
		this.#driver = driver;
		this.#connection = connection;
		this.#committed = committed;
		this.#begin = connection.prepare('BEGIN IMMEDIATE');
		this.#commit = connection.prepare('COMMIT');
		this.#rollback = connection.prepare('ROLLBACK');
		this.#savepoint = connection.prepare('SAVEPOINT part');
		this.#release = connection.prepare('RELEASE part');
		this.#rollbackTo = connection.prepare('ROLLBACK TO part');
	}

	/** Grows whenever something has been taken back: what was remembered of the content may be wrong then. */
	get rollbacks(): number {
		return this.#rollbacks;
	}

	prepare(sql: string): Statement {
		return this.#connection.prepare(sql);
	}

	checkOpen(): void {
		if (this.#closed) throw new StoreError('closed', `Cannot use the state (${this.path}): it is closed`);
	}

	/** Runs statements that change nothing. */
	read<Result>(work: () => Result): Result {
		this.#check();
		try {
			return work();
		} catch (error) {
			throw this.fault(error, 'read');
		}
	}

	/** Runs one statement: whole by itself. More than one go into a `transaction`. */
	write<Result>(work: () => Result): Result {
		this.#check();
		let result: Result;
		try {
			result = work();
		} catch (error) {
			throw this.#afterFailure(error);
		}
		if (this.#depth === 0) this.#committed();
		return result;
	}

	transaction<Result>(work: () => Result): Result {
		this.#check();
		return this.#depth === 0 ? this.#outermost(work) : this.#inner(work);
	}

	/** Every verb from now on throws 'closed'. */
	refuse(): void {
		this.#closed = true;
	}

	/** An error of SQLite as one that the reader can do something about; every other error as it is. */
	fault(error: unknown, verb: 'read' | 'write' | 'open'): unknown {
		if (error instanceof StoreError) return error;
		return faultOf(this.#driver, error, verb, this.path) ?? error;
	}

	#outermost<Result>(work: () => Result): Result {
		try {
			this.#begin.run();
		} catch (error) {
			throw this.fault(error, 'write');
		}
		this.#depth = 1;
		try {
			const result = work();
			refuseAsynchronous(result);
			// whoever caught the error of a verb has not saved the transaction that it took with it
			if (this.#failure) throw this.#failure;
			this.#commit.run();
			this.#committed();
			return result;
		} catch (error) {
			this.#rollbacks += 1;
			if (this.#connection.inTransaction) this.#rollback.run();
			throw this.fault(error, 'write');
		} finally {
			this.#depth = 0;
			this.#failure = undefined;
		}
	}

	#inner<Result>(work: () => Result): Result {
		try {
			this.#savepoint.run();
		} catch (error) {
			throw this.#afterFailure(error);
		}
		this.#depth += 1;
		try {
			const result = work();
			refuseAsynchronous(result);
			if (this.#failure) throw this.#failure;
			this.#release.run();
			return result;
		} catch (error) {
			this.#rollbacks += 1;
			const fault = this.#afterFailure(error);
			if (this.#failure === undefined) {
				this.#rollbackTo.run();
				this.#release.run();
			}
			throw fault;
		} finally {
			this.#depth -= 1;
		}
	}

	/** Remembers it where SQLite has taken back the whole transaction: what followed would be written without what went before. */
	#afterFailure(error: unknown): unknown {
		this.#rollbacks += 1;
		const fault = this.fault(error, 'write');
		if (this.#depth > 0 && this.#failure === undefined && !this.#connection.inTransaction) {
			this.#failure =
				fault instanceof StoreError ? fault : new StoreError('aborted', 'Cannot go on: the transaction failed', { cause: fault });
		}
		return fault;
	}

	#check(): void {
		this.checkOpen();
		if (this.#failure) {
			throw new StoreError('aborted', `Cannot go on with a transaction that has failed: ${this.#failure.message}`, {
				cause: this.#failure,
			});
		}
	}
}

function refuseAsynchronous(result: unknown): void {
	if (isThenable(result)) throw new TypeError('Cannot hold a transaction across turns: its work must not be asynchronous');
}

/** Undefined where the error is none of SQLite's. */
export function faultOf(driver: Driver, error: unknown, verb: 'read' | 'write' | 'open', path: string): StoreError | undefined {
	const code = driver.resultCode(error);
	if (code === undefined) return undefined;
	const { message } = error as Error;
	const fault = (name: ConstructorParameters<typeof StoreError>[0], text: string) =>
		new StoreError(name, `Cannot ${verb} the state (${path}): ${text}`, { cause: error });
	switch (code) {
		case resultCodes.FULL:
			return fault('full', 'no space left on the disk. Free some: it works again then');
		case resultCodes.BUSY:
		case resultCodes.LOCKED:
			return fault('locked', `another process has it open (fuser ${path} tells which). End that one first`);
		case resultCodes.CORRUPT:
		case resultCodes.NOTADB:
			return fault('corrupt', `it is no longer whole (${message}). The next start of the daemon takes the last good backup`);
		case resultCodes.IOERR:
		case resultCodes.CANTOPEN:
		case resultCodes.READONLY:
			if (code === resultCodes.IOERR && freeBytes(path) < fullBytes) {
				return fault('full', `no space left on the disk (${message}). Free some: it works again then`);
			}
			return fault('io', `the disk refused (${message}). Look at the file’s permissions and at the kernel’s log`);
		default:
			return undefined;
	}
}

function freeBytes(path: string): number {
	try {
		const { bavail, bsize } = statfsSync(dirname(path));
		return bavail * bsize;
	} catch {
		return Number.POSITIVE_INFINITY;
	}
}
