/** The reading side of a stream: items wait here for their reader, never more than the window that was granted. */
import { OrchError } from '../errors.ts';

export interface OutgoingStreamOptions {
	readonly window: number;
	/** Grants so many more items. */
	readonly grant: (more: number) => void;
	/** Asks the other side to end. */
	readonly cancel: () => void;
}

export class OutgoingStream {
	readonly #options: OutgoingStreamOptions;
	readonly #waiting: unknown[] = [];
	#consumed = 0;
	#end: { readonly kind: 'summary'; readonly summary: unknown } | { readonly kind: 'error'; readonly error: Error } | undefined;
	#wake: (() => void) | undefined;

	constructor(options: OutgoingStreamOptions) {
		this.#options = options;
	}

	push(items: readonly unknown[]): void {
		if (this.#end) return;
		for (const item of items) this.#waiting.push(item);
		this.#wake?.();
	}

	end(summary: unknown): void {
		this.#end ??= { kind: 'summary', summary };
		this.#wake?.();
	}

	fail(error: Error): void {
		this.#end ??= { kind: 'error', error };
		this.#wake?.();
	}

	async *items(signal?: AbortSignal): AsyncGenerator<unknown, unknown, undefined> {
		const { window, grant, cancel } = this.#options;
		const aborted = () => {
			cancel();
			this.fail(new OrchError('cancelled', {}));
		};
		if (signal?.aborted) aborted();
		signal?.addEventListener('abort', aborted, { once: true });
		try {
			for (;;) {
				if (this.#waiting.length > 0) {
					const item = this.#waiting.shift();
					this.#consumed++;
					if (this.#consumed * 2 >= window) {
						grant(this.#consumed);
						this.#consumed = 0;
					}
					yield item;
				} else if (this.#end) {
					if (this.#end.kind === 'error') throw this.#end.error;
					return this.#end.summary;
				} else {
					await new Promise<void>((resolve) => {
						this.#wake = resolve;
					});
					this.#wake = undefined;
				}
			}
		} finally {
			signal?.removeEventListener('abort', aborted);
			// the reader left early: the other side is told, once
			if (!this.#end) {
				this.fail(new OrchError('cancelled', {}));
				cancel();
			}
		}
	}
}
