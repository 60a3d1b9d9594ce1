/** Questions that wait for their answers: each ends exactly once, and what has ended leaves no trace. */
import type { Clock, Timer } from './clock.ts';
import { OrchError } from './error.ts';

export interface AskOptions {
	/** How long to wait for the answer. */
	readonly timeoutMs?: number | undefined;
	readonly signal?: AbortSignal | undefined;
}

interface Question {
	readonly name: string;
	/** False while it waits for credit: then a broken connection is no reason to give up. */
	sent: boolean;
	/** Takes it back, when it was not sent yet. */
	cancel: (() => void) | undefined;
	readonly resolve: (value: unknown) => void;
	readonly reject: (error: Error) => void;
}

/** More questions than this may not wait at once; the router has the same limit. */
const maxPending = 8192;

export class PendingTable {
	readonly #clock: Clock;
	readonly #asked: () => void;
	readonly #questions = new Map<number, Question>();
	#lastId = 0;
	#late = 0;

	/** `asked` is called with each question that begins to wait for its answer. */
	constructor(clock: Clock, asked: () => void) {
		this.#clock = clock;
		this.#asked = asked;
	}

	get size(): number {
		return this.#questions.size;
	}

	/** Answers that came when nobody waited for them any more. */
	get late(): number {
		return this.#late;
	}

	/**
	 * Calls `send` with a fresh id; it calls `sent` once the question is on its way, `failed` if it never will be, and may
	 * return what takes it back. `name` is for sentences: `request of type "Add"`.
	 */
	ask(
		name: string,
		{ timeoutMs = 30_000, signal }: AskOptions,
		send: (id: number, sent: () => void, failed: (error: Error) => void) => (() => void) | undefined,
	): Promise<unknown> {
		return new Promise((resolve, reject) => {
			if (signal?.aborted) {
				reject(aborted(name, signal));
				return;
			}
			if (this.#questions.size >= maxPending) {
				reject(new OrchError('busy', `Cannot send the ${name}: ${maxPending} others wait for their answers`));
				return;
			}
			const id = this.#freshId();
			let timer: Timer | undefined;
			const finish = () => {
				this.#questions.delete(id);
				timer?.cancel();
				signal?.removeEventListener('abort', onAbort);
			};
			const question: Question = {
				name,
				sent: false,
				cancel: undefined,
				resolve(value) {
					finish();
					resolve(value);
				},
				reject(error) {
					finish();
					question.cancel?.();
					reject(error);
				},
			};
			const onAbort = () => question.reject(aborted(name, signal as AbortSignal));
			this.#questions.set(id, question);
			this.#asked();
			signal?.addEventListener('abort', onAbort, { once: true });
			timer = this.#clock.setTimer(timeoutMs, () => {
				const where = question.sent ? 'no answer came' : 'it could not be sent';
				question.reject(new OrchError('timeout', `The ${name} timed out: ${where} within ${timeoutMs} ms`));
			});
			const sent = () => {
				question.sent = true;
				question.cancel = undefined;
			};
			try {
				question.cancel = send(id, sent, question.reject);
			} catch (error) {
				question.reject(error as Error);
			}
		});
	}

	answer(id: number, value: unknown): void {
		const question = this.#questions.get(id);
		if (question) question.resolve(value);
		else this.#late += 1;
	}

	fail(id: number, error: Error): void {
		const question = this.#questions.get(id);
		if (question) question.reject(error);
		else this.#late += 1;
	}

	/** What was sent is not answered any more. */
	disconnected(): void {
		for (const question of [...this.#questions.values()]) {
			if (!question.sent) continue;
			const sentence = `The ${question.name} got no answer: the connection broke after it had been sent, so it may or may not have been carried out`;
			question.reject(new OrchError('disconnected', sentence));
		}
	}

	end(error: Error): void {
		for (const question of [...this.#questions.values()]) question.reject(error);
	}

	#freshId(): number {
		do {
			this.#lastId = (this.#lastId + 1) >>> 0;
		} while (this.#lastId === 0 || this.#questions.has(this.#lastId));
		return this.#lastId;
	}
}

const aborted = (name: string, signal: AbortSignal): OrchError =>
	new OrchError('aborted', `The ${name} was given up by its caller`, { cause: signal.reason });
