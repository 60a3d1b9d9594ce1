/**
 * Triggers: what starts and restarts runtimes without a command.
 *
 * Guarantees: a time of a schedule is due once, whatever becomes of the clock; what changes together is one restart; a
 * program that writes into what is watched is not restarted for ever. Deliberately not here: times that were missed while
 * no daemon ran (nobody makes up for them), and how a runtime is started (the supervisor's commands are passed in).
 */
export { cronFault } from './cron.ts';
export type { TriggerFacts } from './facts.ts';
export { type Triggered, Triggers } from './triggers.ts';
export type { OpenWatch } from './watch.ts';
