/** How long to wait before the next try: exponential, capped, with jitter. */

export interface Backoff {
	readonly firstMs: number;
	readonly factor: number;
	readonly capMs: number;
	/** The share by which a wait may differ to either side: 0.2 is ±20 %. */
	readonly jitter: number;
}

/** The wait before try number `attempt` (0 is the first), with `chance` from 0 up to 1 choosing within the jitter. */
export function backoffMs({ firstMs, factor, capMs, jitter }: Backoff, attempt: number, chance: number): number {
	const plain = Math.min(capMs, firstMs * factor ** Math.max(0, attempt));
	return Math.round(plain * (1 - jitter + 2 * jitter * chance));
}
