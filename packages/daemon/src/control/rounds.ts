/** Does the same look again and again, one at a time, until its end. */
import type { Clock, Timer } from '@orch/base';

/** The next look comes so long after the one before. Returns how to end it. */
export function everySoOften(clock: Clock, everyMs: number, look: () => Promise<unknown>): () => void {
	let timer: Timer | undefined;
	let isOver = false;
	const next = () => {
		if (isOver) return;
		timer = clock.setTimer(everyMs, () => void look().then(next, next), { background: true });
	};
	next();
	return () => {
		isOver = true;
		timer?.cancel();
	};
}
