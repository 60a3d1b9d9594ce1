/** Waiting without time: for the next turn of the event loop, and for all of what is under way. */

/** Everything else that is ready has its turn before. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What all of them give. Where some fail the first of those is thrown, and not before all are over. */
export async function settleAll<T>(all: readonly Promise<T>[]): Promise<T[]> {
	return (await Promise.allSettled(all)).map((outcome) => {
		if (outcome.status === 'rejected') throw outcome.reason;
		return outcome.value;
	});
}
