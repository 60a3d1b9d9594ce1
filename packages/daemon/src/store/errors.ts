/** What can go wrong with the store, each for the reader: what could not be done, why, what would do. */

export type StoreFault =
	/** Neither node:sqlite nor better-sqlite3 can be loaded. */
	| 'no_driver'
	/** The database was written by a newer orch; nothing has been touched. */
	| 'newer'
	/** Another process has the database open. */
	| 'locked'
	/** No space left. The verb has not happened; the store works again once there is space. */
	| 'full'
	/** The disk refused for another reason. The verb has not happened; the next may. */
	| 'io'
	/** What was read is no database, or no longer whole. */
	| 'corrupt'
	/** A verb of a transaction that has already failed as a whole. */
	| 'aborted'
	/** The store has been closed. */
	| 'closed';

export class StoreError extends Error {
	override readonly name = 'StoreError';
	readonly fault: StoreFault;

	constructor(fault: StoreFault, message: string, options?: ErrorOptions) {
		super(message, options);
		this.fault = fault;
	}
}
