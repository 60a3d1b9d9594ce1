/** Checkers that answer when and what a test says. */
import type { ProbeCheck } from '../../spec.ts';
import type { Answer, Checker, CheckerOf } from '../checker.ts';

export class FakeChecker implements Checker {
	readonly check: ProbeCheck;
	/** How many looks were begun, and how many were called off. */
	looks = 0;
	abandoned = 0;
	isClosed = false;
	saidCount = 0;
	/** What was said before anybody looked. */
	#said = false;
	#answer: ((answer: Answer) => void) | undefined;
	/** Answers every look at once, where it is set. */
	always: Answer | undefined;

	constructor(check: ProbeCheck) {
		this.check = check;
	}

	get isLooking(): boolean {
		return this.#answer !== undefined;
	}

	look(signal: AbortSignal): Promise<Answer> {
		if (this.isLooking) throw new Error('two looks at a time');
		this.looks++;
		if (this.always) return Promise.resolve(this.always);
		if (this.#said) {
			this.#said = false;
			return Promise.resolve({ ok: true, text: 'it said so' });
		}
		return new Promise((resolve) => {
			const settle = (answer: Answer) => {
				this.#answer = undefined;
				resolve(answer);
			};
			this.#answer = settle;
			signal.addEventListener('abort', () => {
				this.abandoned++;
				settle({ ok: false, text: 'no answer' });
			});
		});
	}

	answer(ok: boolean, text = ok ? 'status 200' : 'status 503'): void {
		if (!this.#answer) throw new Error('nobody looks');
		this.#answer({ ok, text });
	}

	said(): void {
		this.saidCount++;
		if (this.check.kind !== 'notify') return;
		if (this.isLooking) this.answer(true, 'it said so');
		else this.#said = true;
	}

	close(): void {
		this.isClosed = true;
	}
}

/** Keeps what it made, by the kind of check. */
export class FakeCheckers {
	readonly made: FakeChecker[] = [];
	/** Answers every look of checkers that are made from now on. */
	always: Answer | undefined;

	readonly of: CheckerOf = (check) => {
		const checker = new FakeChecker(check);
		checker.always = this.always;
		this.made.push(checker);
		return checker;
	};

	/** The last one that was made for such a check. */
	last(kind: ProbeCheck['kind']): FakeChecker {
		const found = this.made.findLast(({ check }) => check.kind === kind);
		if (!found) throw new Error(`no ${kind} checker was made`);
		return found;
	}
}
