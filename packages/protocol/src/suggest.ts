/** Did-you-mean: the known names nearest to a mistyped one. */

/** At most three names, nearest first: within two edits, or a third of the length, or one being the start of the other. */
export function suggest(wrong: string, known: Iterable<string>, most = 3): string[] {
	const word = wrong.toLowerCase();
	const limit = Math.max(1, Math.min(2, Math.ceil(word.length / 3)));
	const near: { readonly name: string; readonly distance: number }[] = [];
	for (const name of known) {
		// worker-2 is as near as worker, after it: the number was given by us, not typed by anybody
		const other = name.toLowerCase().replace(/-\d+$/, (number) => (/-\d+$/.test(word) ? number : ''));
		if (other === word && name !== wrong) near.push({ name, distance: 0 });
		else if (word.length >= 3 && (other.startsWith(word) || other.includes(word))) near.push({ name, distance: limit });
		else {
			const distance = editDistance(word, other, limit);
			if (distance <= limit && distance < Math.max(word.length, other.length)) near.push({ name, distance });
		}
	}
	return near
		.sort((a, b) => a.distance - b.distance || a.name.localeCompare(b.name))
		.slice(0, most)
		.map(({ name }) => name);
}

/** Optimal string alignment distance (insert, delete, replace, swap of neighbours); anything above `limit` is `limit + 1`. */
export function editDistance(from: string, to: string, limit: number): number {
	if (Math.abs(from.length - to.length) > limit) return limit + 1;
	let beforeLast: number[] = [];
	let last = Array.from({ length: to.length + 1 }, (_, column) => column);
	for (let row = 1; row <= from.length; row++) {
		const current = [row];
		for (let column = 1; column <= to.length; column++) {
			const same = from[row - 1] === to[column - 1];
			let best = Math.min((last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (last[column - 1] ?? 0) + (same ? 0 : 1));
			const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
			if (swapped) best = Math.min(best, (beforeLast[column - 2] ?? 0) + 1);
			current.push(best);
		}
		beforeLast = last;
		last = current;
	}
	return Math.min(last[to.length] ?? 0, limit + 1);
}
