/** Keeps one router running and routing by the newest table, for as long as the daemon lives. */
import { type Backoff, backoffMs, type Clock, type Logger, type Random } from '@orch/base';
import type { PortRow, Routed, RouterConnection, RouterEvent, RouterGate, RoutingTable } from './ports.ts';
import { changeOf } from './table-change.ts';

export interface RouterKeeperOptions {
	readonly gate: RouterGate;
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	/** The table as it is now; asked for when it is about to be sent, so that many changes make one sending. */
	readonly table: () => RoutingTable;
	readonly onEvent: (event: RouterEvent) => void;
	/** Its connection was lost, or is there again: to the same router, or to the next. */
	readonly onChange?: ((change: RouterChange) => void) | undefined;
	/** What the router says of a table that it took, and for which ports it has tried to listen. */
	readonly onRouted: (routed: Routed, tried: readonly PortRow[]) => void;
}

export type RouterChange =
	| { readonly kind: 'lost'; readonly pid: number }
	| { readonly kind: 'back'; readonly pid: number; readonly before: number };

export class RouterUnavailable extends Error {
	override readonly name = 'RouterUnavailable';
}

const reconnect: Backoff = { firstMs: 20, factor: 2, capMs: 5_000, jitter: 0.2 };

interface Waiter {
	readonly version: number;
	readonly resolve: () => void;
}

export class RouterKeeper {
	readonly #options: RouterKeeperOptions;
	readonly #stop = new AbortController();
	#connection: RouterConnection | undefined;
	#keeping: Promise<void> | undefined;
	#released = false;
	#sending = false;
	#sentVersion = -1;
	#ackedVersion = -1;
	/** The table that the present router has taken; undefined while it has none. */
	#routed: RoutingTable | undefined;
	/** Whether it has taken a change: an older one knows none. */
	#takesChanges = false;
	/** The present router lives and tells no more of what happens. */
	#isDeaf = false;
	#waiters: Waiter[] = [];
	#connects = 0;
	/** The router that was lost, until one is reached again. */
	#lostPid: number | undefined;

	constructor(options: RouterKeeperOptions) {
		this.#options = options;
	}

	start(): void {
		this.#keeping ??= this.#keep();
	}

	get connection(): RouterConnection | undefined {
		return this.#connection;
	}

	/** How often a router had to be found anew. */
	get restarts(): number {
		return Math.max(0, this.#connects - 1);
	}

	/** The living connection, or RouterUnavailable. */
	require(): RouterConnection {
		if (!this.#connection) throw new RouterUnavailable('it is being started');
		return this.#connection;
	}

	/** The table has changed: send it as soon as the last one is acknowledged. */
	changed(): void {
		void this.#send(false);
	}

	/** The same at once. Gives whether the router has it before anything that happens after this, though its answer is still to come. */
	changedNow(version: number): boolean {
		void this.#send(true);
		return this.#sentVersion >= version && this.#connection?.isClear === true;
	}

	/** Whether the present router routes by table `version`, nothing newer is on its way, and what is new may be told as a change. */
	isAt(version: number): boolean {
		return this.#takesChanges && this.#routed?.version === version && this.#sentVersion === version;
	}

	/** Resolves once a router routes by table `version` or a newer one. */
	async routed(version: number, signal: AbortSignal): Promise<void> {
		if (this.#ackedVersion >= version) return;
		await new Promise<void>((resolve, reject) => {
			const aborted = () => {
				this.#waiters = this.#waiters.filter((other) => other !== waiter);
				reject(signal.reason);
			};
			const waiter: Waiter = {
				version,
				resolve: () => {
					signal.removeEventListener('abort', aborted);
					resolve();
				},
			};
			if (signal.aborted) {
				reject(signal.reason);
				return;
			}
			signal.addEventListener('abort', aborted, { once: true });
			this.#waiters.push(waiter);
		});
	}

	/** Ends the keeping, and leaves the router as it is. */
	async release(): Promise<void> {
		this.#stop.abort(new Error('the daemon is closing'));
		this.#released = true;
		this.#connection?.close();
		await this.#keeping;
	}

	/** Ends the keeping and, with it, the router. */
	async close(): Promise<void> {
		this.#stop.abort(new Error('the daemon is closing'));
		const connection = this.#connection;
		if (connection) await stopRouter(connection);
		await this.#keeping;
	}

	async #keep(): Promise<void> {
		const { gate, clock, random, log } = this.#options;
		const { signal } = this.#stop;
		let failures = 0;
		while (!signal.aborted) {
			try {
				const connection = await gate.connect(signal);
				if (this.#released) {
					connection.close();
					return;
				}
				if (signal.aborted) {
					// it came to life while we were closing: it goes with us
					await stopRouter(connection);
					return;
				}
				this.#connects++;
				this.#connection = connection;
				this.#sentVersion = -1;
				this.#ackedVersion = -1;
				this.#routed = undefined;
				this.#takesChanges = false;
				this.#isDeaf = false;
				log.info('router connected', { router: connection.pid });
				if (this.#lostPid !== undefined) this.#options.onChange?.({ kind: 'back', pid: connection.pid, before: this.#lostPid });
				this.#lostPid = undefined;
				void this.#send(false);
				void this.#listen(connection);
				await connection.closed;
				this.#connection = undefined;
				if (signal.aborted) return;
				log.warn('router lost', { router: connection.pid });
				this.#lostPid = connection.pid;
				this.#options.onChange?.({ kind: 'lost', pid: connection.pid });
				// one that takes no table or tells nothing is not to be asked again and again without a pause
				if (!this.#routed) throw new RouterUnavailable('it was lost before it had taken a table');
				if (this.#isDeaf) throw new RouterUnavailable('it told no more of what happens');
				failures = 0;
			} catch (error) {
				if (signal.aborted) return;
				log.error('router not reached', { error, failures });
				try {
					await clock.sleep(backoffMs(reconnect, failures++, random.float()), signal);
				} catch {
					// aborted: the loop ends
				}
			}
		}
	}

	async #listen(connection: RouterConnection): Promise<void> {
		let failure: unknown;
		try {
			for await (const event of connection.events(this.#stop.signal)) this.#options.onEvent(event);
		} catch (error) {
			failure = error;
		}
		// the end of the connection is told by `closed`
		if (this.#connection !== connection || this.#stop.signal.aborted) return;
		// what happens meanwhile, and what runtimes ask, would be lost: only a new connection begins with how things are
		this.#options.log.warn('router events ended', { error: failure });
		this.#isDeaf = true;
		connection.close();
	}

	async #send(now: boolean): Promise<void> {
		if (this.#sending) return;
		this.#sending = true;
		try {
			// a turn's changes go out together
			if (!now) await Promise.resolve();
			for (let connection = this.#connection; connection; connection = this.#connection) {
				const table = this.#options.table();
				if (table.version <= this.#sentVersion) return;
				this.#sentVersion = table.version;
				await this.#route(connection, table);
				this.#ackedVersion = table.version;
				this.#routed = table;
				const done = this.#waiters.filter(({ version }) => version <= table.version);
				this.#waiters = this.#waiters.filter(({ version }) => version > table.version);
				for (const waiter of done) waiter.resolve();
			}
		} catch (error) {
			this.#options.log.warn('router did not take the table', { error });
			this.#connection?.close();
		} finally {
			this.#sending = false;
		}
	}

	/** Tells what has changed where that is enough, in the turn in which this is called. */
	async #route(connection: RouterConnection, table: RoutingTable): Promise<void> {
		const change = this.#routed && changeOf(this.#routed, table);
		const changed = change && (await connection.change(change));
		if (change) this.#takesChanges = changed !== undefined;
		if (change && changed) this.#options.onRouted(changed, change.ports);
		else this.#options.onRouted(await connection.route(table), table.ports);
	}
}

async function stopRouter(connection: RouterConnection): Promise<void> {
	try {
		await connection.stop();
	} catch {
		// it is gone already, which is what was wanted
	}
	await connection.closed;
}
