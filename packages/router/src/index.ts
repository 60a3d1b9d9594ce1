/**
 * The data plane: carries typed messages between runtimes, by the table that orchd gives it.
 *
 * Guarantees: whole messages or nothing, in order within a link; a receiver that is slow, stopped or dead harms no link
 * but its own; every message is delivered or counted with the reason; memory is bounded by the mailboxes; nothing that a
 * client sends ends the router. It goes on by its last table when orchd is gone.
 *
 * Deliberately not here: which links there are, who may connect, what a type means (orchd decides); anything durable but
 * the numbers of types and ports.
 */
export { type Injected, InvalidMessage, type Message, MessageRefused } from './injection.ts';
export { Router, type RouterOptions, type RouterStats } from './router.ts';
export { type RouterProcess, type RouterProcessOptions, startRouter } from './router-process.ts';
export type { LoadCompiler } from './schemas.ts';
