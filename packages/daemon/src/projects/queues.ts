/** One command at a time for each project, in the order in which they came. */
import { ProjectError } from './refusal.ts';

/** Commands on one project that wait for each other. */
const maxWaiting = 32;

export class Queues {
	readonly #queues = new Map<string, { tail: Promise<unknown>; waiting: number }>();

	async run<T>(name: string, work: () => Promise<T>): Promise<T> {
		const queue = this.#queues.get(name) ?? { tail: Promise.resolve(), waiting: 0 };
		this.#queues.set(name, queue);
		if (queue.waiting >= maxWaiting) throw new ProjectError({ kind: 'busy', limit: maxWaiting });
		queue.waiting++;
		const turn = queue.tail.then(work);
		queue.tail = turn.then(
			() => {},
			() => {},
		);
		try {
			return await turn;
		} finally {
			queue.waiting--;
			if (queue.waiting === 0) this.#queues.delete(name);
		}
	}

	/** When the turn of all of them has come. A project takes those of its runners while it has its own, and no other way round. */
	runAll<T>(names: readonly string[], work: () => Promise<T>): Promise<T> {
		const [first, ...rest] = [...new Set(names)].sort();
		return first === undefined ? work() : this.run(first, () => this.runAll(rest, work));
	}

	/** Resolves once what is in the middle of something now has come to its end. */
	async idle(): Promise<void> {
		await Promise.all([...this.#queues.values()].map(({ tail }) => tail));
	}
}
