/** The connection of a program that does not run under orch: it takes everything, and nothing comes of it. */
import type { AnyConnection, Counters, Status } from './connection.ts';
import { checkTypeName } from './sender.ts';
import { OrchError } from './error.ts';
import { Shutdown } from './shutdown.ts';

const nothing = (): void => {};
const done = Promise.resolve();

export class DetachedConnection implements AnyConnection {
	readonly connected = false;
	readonly runtime: { readonly id: string; readonly name: string };
	readonly opened = done;
	readonly #shutdown = new Shutdown();
	readonly closed: Promise<void>;
	#resolveClosed: () => void = nothing;
	#status: Status = 'detached';
	#discarded = 0;

	constructor(runtime: { readonly id: string; readonly name: string }) {
		this.runtime = runtime;
		this.closed = new Promise((resolve) => {
			this.#resolveClosed = resolve;
		});
	}

	get status(): Status {
		return this.#status;
	}

	get counters(): Counters {
		return { sent: 0, received: 0, waiting: 0, parkedBytes: 0, asking: 0, late: 0, discarded: this.#discarded };
	}

	get shutdown(): AbortSignal {
		return this.#shutdown.signal;
	}

	send(type: string): Promise<void> {
		try {
			this.trySend(type);
			return done;
		} catch (error) {
			return Promise.reject(error);
		}
	}

	trySend(type: string): boolean {
		checkTypeName(type);
		if (this.#status === 'closed') throw new OrchError('closed', 'The connection is closed: close() was called');
		this.#discarded += 1;
		return true;
	}

	on(): () => void {
		return nothing;
	}

	onAny(): () => void {
		return nothing;
	}

	request(type: string): Promise<never> {
		return Promise.reject(
			new OrchError(
				'detached',
				`The request of type "${type}" has nobody to go to: this program does not run under orch (ORCH_IPC_SOCKET is not set)`,
			),
		);
	}

	reply(): () => void {
		return nothing;
	}

	ready(): Promise<void> {
		return done;
	}

	control(operation: string): Promise<never> {
		return Promise.reject(
			new OrchError(
				'detached',
				`The control request "${operation}" has nobody to go to: this program does not run under orch (ORCH_IPC_SOCKET is not set)`,
			),
		);
	}

	onEvent(): () => void {
		return nothing;
	}

	close(): Promise<void> {
		this.#status = 'closed';
		this.#shutdown.close();
		this.#resolveClosed();
		return done;
	}
}
