/** Tells one connection what was refused to it: the first ones word by word, more of them put together, and never without end. */
import type { Timer } from '@orch/base';
import { type Misfit, misfitText } from './admission.ts';
import { maxRefusals, maxRefusedTypes, refusalsMs } from './limits.ts';
import type { RouterClock } from './router-clock.ts';
import type { Turn } from './turn.ts';

export interface TypeRefused {
	/** Absent where there are too many to name. */
	readonly type?: string;
	readonly path: string;
	readonly message: string;
	/** How many messages; the words are about the last one. */
	readonly count: number;
}

export interface RefusalsOptions {
	readonly clock: RouterClock;
	readonly turn: Turn;
	readonly tell: (refused: TypeRefused) => void;
}

interface More {
	misfit: Misfit;
	count: number;
}

/** Stands for the types that are too many to name. */
const others = '';

export class Refusals {
	readonly #options: RefusalsOptions;
	#told = 0;
	#window: Timer | undefined;
	readonly #more = new Map<string, More>();

	constructor(options: RefusalsOptions) {
		this.#options = options;
	}

	add(misfit: Misfit): void {
		const { clock, turn, tell } = this.#options;
		this.#window ??= clock.clock.setTimer(refusalsMs, () => turn.run(() => this.#close()), { background: true });
		if (this.#told < maxRefusals) {
			this.#told += 1;
			tell({ type: misfit.type, path: misfit.path, message: misfitText(misfit), count: 1 });
			return;
		}
		const known = this.#more.get(misfit.type) ?? (this.#more.size < maxRefusedTypes ? undefined : this.#more.get(others));
		if (known !== undefined) {
			known.misfit = misfit;
			known.count += 1;
			return;
		}
		this.#more.set(this.#more.size < maxRefusedTypes - 1 ? misfit.type : others, { misfit, count: 1 });
	}

	/** The connection is gone. */
	end(): void {
		this.#window?.cancel();
		this.#window = undefined;
		this.#more.clear();
	}

	#close(): void {
		this.#window = undefined;
		this.#told = 0;
		const more = [...this.#more];
		this.#more.clear();
		for (const [type, { misfit, count }] of more) {
			const message = count === 1 ? misfitText(misfit) : `${misfitText(misfit)}; it is the last of ${count} that were refused`;
			this.#options.tell({ ...(type === others ? {} : { type }), path: misfit.path, message, count });
		}
	}
}
