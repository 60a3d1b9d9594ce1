/** Waits for a fact, never for time: the one poll that black-box tests may use. */

/** Resolves with the first value of `look` that is neither undefined nor false; fails after `withinMs`, saying what was awaited. */
export async function until<T>(
	what: string,
	look: () => T | undefined | false | Promise<T | undefined | false>,
	withinMs = 20_000,
): Promise<T> {
	const deadline = performance.now() + withinMs;
	for (;;) {
		const value = await look();
		if (value !== undefined && value !== false) return value;
		if (performance.now() > deadline) throw new Error(`Waited ${withinMs} ms in vain: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
}
