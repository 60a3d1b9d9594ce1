/** Asks one after the other and keeps every time: the same for every transport. */
import { config, cpuMicros, say, told } from './talk.mjs';

export async function roundTrips({ send, onReply }) {
	const { size, warm, count } = config;
	const payload = new Uint8Array(size).fill(0x61);
	const micros = new Float64Array(count);
	say('ready');
	await told('go');
	await new Promise((resolve) => {
		let done = -warm;
		let startedAt = process.hrtime.bigint();
		onReply((length) => {
			// the echo's own first message is no answer
			if (length !== size) return;
			const now = process.hrtime.bigint();
			if (done >= 0) micros[done] = Number(now - startedAt) / 1000;
			done += 1;
			if (done === count) {
				resolve();
				return;
			}
			startedAt = process.hrtime.bigint();
			send(payload);
		});
		send(payload);
	});
	const order = micros.sort();
	const at = (share) => order[Math.min(count - 1, Math.ceil(count * share) - 1)];
	say('done', { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: order[count - 1], count, cpuMicros: cpuMicros() });
}
