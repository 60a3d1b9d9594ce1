/** What was opened is closed: in reverse, each within a deadline, all of them even when one fails. */
import { type Clock, withDeadline } from './clock.ts';
import type { Logger } from './log.ts';

export interface ScopeOptions {
	readonly clock: Clock;
	readonly log: Logger;
	/** How long one part may take to close before the scope goes on without it. */
	readonly closeMs: number;
}

export class Scope {
	readonly #options: ScopeOptions;
	readonly #parts: { readonly name: string; readonly close: () => unknown }[] = [];
	#closing: Promise<void> | undefined;

	constructor(options: ScopeOptions) {
		this.#options = options;
	}

	/** Registers how to close what has just been opened. */
	add(name: string, close: () => unknown): void {
		if (this.#closing !== undefined) throw new Error(`Cannot open ${name}: its scope is closing`);
		this.#parts.push({ name, close });
	}

	/** Closes everything once; calling it again waits for the same closing. */
	close(): Promise<void> {
		this.#closing ??= this.#closeAll();
		return this.#closing;
	}

	async #closeAll(): Promise<void> {
		const { clock, log, closeMs } = this.#options;
		for (let part = this.#parts.pop(); part; part = this.#parts.pop()) {
			const { name, close } = part;
			try {
				await withDeadline(
					clock,
					closeMs,
					async () => close(),
					() => new Error(`Cannot close ${name} within ${closeMs} ms`),
				);
			} catch (error) {
				log.error('part did not close', { part: name, error });
			}
		}
	}
}
