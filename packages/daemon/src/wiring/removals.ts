/** One removal of a runtime at a time: whoever wants the same meanwhile waits for it, and does it himself where nothing came of it. */

export class Removals {
	readonly #underWay = new Map<string, Promise<unknown>>();

	/** Undefined where none of these is being removed: whoever asks is in the same turn then. */
	over(ids: Iterable<string>, signal: AbortSignal): Promise<unknown> | undefined {
		const underWay = [...ids].flatMap((id) => this.#underWay.get(id) ?? []);
		return underWay.length === 0 ? undefined : Promise.all(underWay.map((one) => hasSucceeded(one, signal)));
	}

	/** What came of it, or undefined where somebody else has done it. `signal` ends the waiting for that. */
	async do<Result>(id: string, remove: () => Promise<Result>, signal: AbortSignal): Promise<Result | undefined> {
		for (let other = this.#underWay.get(id); other; other = this.#underWay.get(id)) {
			if (await hasSucceeded(other, signal)) return undefined;
		}
		const removing = remove();
		this.#underWay.set(id, removing);
		try {
			return await removing;
		} finally {
			this.#underWay.delete(id);
		}
	}
}

function hasSucceeded(work: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
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
