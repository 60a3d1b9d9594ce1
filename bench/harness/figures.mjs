/** Medians, quantiles, and numbers as people read them. */

const sorted = (values) => [...values].sort((a, b) => a - b);

export function median(values) {
	if (values.length === 0) return Number.NaN;
	const order = sorted(values);
	const middle = order.length >> 1;
	return order.length % 2 === 1 ? order[middle] : (order[middle - 1] + order[middle]) / 2;
}

/** The smallest value that at least `share` of all are not above. */
export function quantile(values, share) {
	if (values.length === 0) return Number.NaN;
	const order = sorted(values);
	return order[Math.min(order.length - 1, Math.max(0, Math.ceil(order.length * share) - 1))];
}

/** Three digits that count, and a unit. */
export function readable(value, unit = '') {
	if (!Number.isFinite(value)) return '–';
	const [scaled, prefix] =
		unit === '/s' && Math.abs(value) >= 1e6
			? [value / 1e6, ' M']
			: unit === '/s' && Math.abs(value) >= 1e4
				? [value / 1e3, ' k']
				: [value, ' '];
	const digits = Math.abs(scaled) >= 100 ? 0 : Math.abs(scaled) >= 10 ? 1 : Math.abs(scaled) >= 1 ? 2 : 3;
	return `${scaled.toFixed(digits)}${unit === '' ? '' : prefix}${unit}`;
}
