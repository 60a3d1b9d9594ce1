/**
 * Figures: what the processes of each runtime use, and the limits on that.
 *
 * Guarantees: one listing of processes a tick for all runtimes; every second only while somebody looks or for what has a limit;
 * while nobody looks, ever rarer, and with work that hardly grows with the number of runtimes. Deliberately not here: what
 * becomes of a runtime above its limit, which its policy decides.
 */
export type { Census } from './census.ts';
export { createCensus } from './system-census.ts';
export { Figures, type Subject } from './figures.ts';
export { sizeText, type Usage } from './usage.ts';
