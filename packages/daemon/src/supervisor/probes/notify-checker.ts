/** Waits for the program to say so: a newline on its descriptor, or ready() of the SDK. */
import { follow } from './follow.ts';
import type { Checker, ProbeTarget } from './checker.ts';
import { Latch } from './latch.ts';

const newline = 0x0a;

export function createNotifyChecker({ notes }: Pick<ProbeTarget, 'notes'>): Checker {
	const latch = new Latch();
	const closing = new AbortController();
	const reading = follow({
		source: () => notes(closing.signal),
		onChunk: (bytes) => void (bytes.includes(newline) && latch.set('it said so')),
		onFault: () => latch.fail(),
	});
	return {
		async look(signal) {
			reading.begin();
			const said = await latch.take(signal);
			if (said !== undefined) return { ok: true, text: said };
			return reading.fault ?? { ok: false, text: 'it has not said so' };
		},
		said: () => latch.set('it said so'),
		close: () => closing.abort(),
	};
}
