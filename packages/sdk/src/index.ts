/**
 * What a program supervised by orch links: typed messages, requests, readiness, shutdown.
 *
 * Guarantees: a message that `send` has accepted is delivered at most once, in the order of its sender and type, or counted
 * as lost with the reason; nothing that waits grows without bound; a broken connection is taken up again without being
 * asked. Deliberately not here: what the links are (that is wired from outside, by `orch link add`) and any schema library.
 */
export type { Codec, DroppedBody as Dropped, DropReason } from '@orch/protocol/data';
export { type ConnectOptions, connect } from './connect.ts';
export type {
	CallMap,
	CloseOptions,
	Connection,
	ConnectionLimits,
	Counters,
	MessageMap,
	ReplyOptions,
	Status,
	SubscribeOptions,
} from './connection.ts';
export { MessageRefused, OrchError, type OrchErrorCode } from './error.ts';
export type { ConnectionEvents, EventListener } from './events.ts';
export type { Handler, Message, Replier } from './message.ts';
export type { AskOptions } from './pending.ts';
export { version } from './version.ts';
