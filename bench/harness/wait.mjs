/** Waiting for facts, never longer than a deadline. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Rejects when `promise` has not settled in time: a bench that hangs says on what. */
export function within(promise, ms, what) {
	let timer;
	const late = new Promise((_, reject) => {
		timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
	});
	return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Looks again and again until `look` gives something other than undefined or false. */
export async function until(look, ms, what, everyMs = 5) {
	const deadline = performance.now() + ms;
	for (;;) {
		const found = await look();
		if (found !== undefined && found !== false) return found;
		if (performance.now() > deadline) throw new Error(`${what}: not within ${ms} ms`);
		await sleep(everyMs);
	}
}
