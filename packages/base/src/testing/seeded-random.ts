/** Chance that is the same in every run: mulberry32 (Tommy Ettinger, public domain) over a given seed. */
import type { Random } from '../random.ts';

export function seededRandom(seed: number): Random {
	let state = seed >>> 0;
	let made = 0;
	const float = () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
	const hex = (digits: number) => Array.from({ length: digits }, () => Math.floor(float() * 16).toString(16)).join('');
	return {
		float,
		uuid: () => `01900000-0000-7${(made++).toString(16).padStart(3, '0').slice(-3)}-8${hex(3)}-${hex(12)}`,
		bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(float() * 256)),
	};
}
