/**
 * Links: who is linked to whom, what their messages have to be like, and the router that carries their messages.
 *
 * Guarantees: the router routes by the newest table, swapped at once, and is sent no more of it than has changed; a lost router
 * is found or started anew; a runtime's sockets exist before its program is launched. Deliberately not here: queues and forwarding (they are
 * the router's), names and prefixes of runtimes (ids only), any wire (the router is a port).
 */
export type { DeclaredType } from './declared-types.ts';
export { groupEnd, groupOfEnd } from './groups.ts';
export {
	anySender,
	defaultMailbox,
	type Link,
	type LinkChange,
	type LinkJournal,
	Links,
	type LinksOptions,
	type LinkWish,
	type RemovedLink,
	type RouterLoss,
} from './links.ts';
export type {
	Injection,
	LinkCounts,
	LinkFigures,
	LinkRow,
	Overflow,
	PortRow,
	RouterConnection,
	RouterEvent,
	RouterFigures,
	RouterGate,
	RoutingTable,
	SchemaRow,
	TappedMessage,
	TypeFigures,
	WhileDown,
} from './ports.ts';
export { type RouterChange, RouterUnavailable } from './router-keeper.ts';
