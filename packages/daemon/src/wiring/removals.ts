/** One removal of a runtime at a time: whoever wants the same meanwhile waits for it, and does it himself where nothing came of it. */

export class Removals {
	readonly #underWay = new Map<string, Promise<void>>();

	/** Undefined where none of these is being removed: whoever asks is in the same turn then. */
	over(ids: Iterable<string>, signal: AbortSignal): Promise<unknown> | undefined {
		const underWay = [...ids].flatMap((id) => this.#underWay.get(id) ?? []);
		return underWay.length === 0 ? undefined : Promise.all(underWay.map((one) => hasSucceeded(one, signal)));
	}

	/** `signal` ends the waiting for somebody else's removal. */
	async do(id: string, remove: () => Promise<void>, signal: AbortSignal): Promise<void> {
		for (let other = this.#underWay.get(id); other; other = this.#underWay.get(id)) {
			if (await hasSucceeded(other, signal)) return;
		}
		const removing = remove();
		this.#underWay.set(id, removing);
		try {
			await removing;
		} finally {
			this.#underWay.delete(id);
		}
	}
}

function hasSucceeded(work: Promise<void>, signal: AbortSignal): Promise<boolean> {
	return new Promise((resolve, reject) => {
		const aborted = () => reject(signal.reason);
		const settle = (succeeded: boolean) => {
			signal.removeEventListener('abort', aborted);
			resolve(succeeded);
		};
		signal.addEventListener('abort', aborted, { once: true });
		work.then(
			() => settle(true),
			() => settle(false),
		);
		if (signal.aborted) aborted();
	});
}
