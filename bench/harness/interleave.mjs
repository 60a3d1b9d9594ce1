/** Runs that are compared lie next to each other in time, and take turns in going first. */
import { median } from './figures.mjs';

/**
 * Runs every variant once per round, in turning order. `variants`: name → async (round) => measurement.
 * Gives name → its measurements, one per round.
 */
export async function interleave(rounds, variants, { onRound } = {}) {
	const names = Object.keys(variants);
	const results = Object.fromEntries(names.map((name) => [name, []]));
	for (let round = 0; round < rounds; round++) {
		const order = round % 2 === 0 ? names : [...names].reverse();
		for (const name of order) results[name][round] = await variants[name](round);
		onRound?.(round, results);
	}
	return results;
}

/** The median of the ratios within each round: what the machine did meanwhile is the same for both. */
export const medianRatio = (ours, theirs) => median(ours.map((value, round) => value / theirs[round]));
