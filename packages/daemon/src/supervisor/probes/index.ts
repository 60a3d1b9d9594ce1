/**
 * Probes: whether a process has started up, is ready, and still lives, as it says itself or as is seen from outside.
 *
 * Guarantees: one look at a time; every look of a socket or a command has an end, and nothing of it is left behind; what is
 * asked of one process is never taken for another's. Deliberately not here: what becomes of the runtime; any state that
 * outlives the process.
 */
export type { Answer, Checker, CheckerOf, ProbeTarget } from './checker.ts';
export { followNotes, notesDescriptor, notesVariable } from './notes.ts';
export { describeCheck, probeFault, wantsNotes } from './plan.ts';
export type { ProbeRole } from './probe.machine.ts';
export { ProcessProbes } from './process-probes.ts';
export type { ProbeReport } from './report.ts';
export { createCheckers } from './system-checkers.ts';
