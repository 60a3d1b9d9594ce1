/** The system's request to end, as an abort signal. */
import { OrchError } from './error.ts';

const signals = ['SIGTERM', 'SIGINT'] as const;

/**
 * Aborted by the first SIGTERM or SIGINT. Only a program that asks for it has its default end taken away, and only once:
 * a second signal ends the process as if nothing had been here.
 */
export class Shutdown {
	#controller: AbortController | undefined;

	get signal(): AbortSignal {
		if (!this.#controller) {
			this.#controller = new AbortController();
			for (const name of signals) process.on(name, this.#onSignal);
		}
		return this.#controller.signal;
	}

	/** Listens no more. */
	close(): void {
		for (const name of signals) process.off(name, this.#onSignal);
	}

	readonly #onSignal = (name: NodeJS.Signals): void => {
		this.close();
		this.#controller?.abort(new OrchError('shutdown', `The process was asked to end by ${name}`));
	};
}
