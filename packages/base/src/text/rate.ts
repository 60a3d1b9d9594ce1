/** So many in a second, as people read it. */

/** One decimal while it is small, thousands with k and M. */
export function rate(perSecond: number): string {
	if (perSecond < 99.95) return perSecond.toFixed(1);
	if (perSecond < 9_999.5) return String(Math.round(perSecond));
	return perSecond < 999_500 ? `${Number((perSecond / 1000).toFixed(1))}k` : `${Number((perSecond / 1_000_000).toFixed(2))}M`;
}
