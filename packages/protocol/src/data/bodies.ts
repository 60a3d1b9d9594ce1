/** The bodies of the data plane's control frames, as MessagePack maps. Unknown keys are ignored by both sides. */
import type { Codec } from './frame.ts';

export const dataProtocol = { min: 1, max: 1 } as const;

export interface HelloBody {
	readonly protoMin: number;
	readonly protoMax: number;
	/** `ORCH_IPC_TOKEN` of this process. */
	readonly token: string;
	/** Name and version of the client library. */
	readonly agent: string;
	readonly pid: number;
	readonly maxFrame: number;
	/** On a reconnection: what this process was and had done before. */
	readonly resume?: {
		readonly port: number;
		/** Of data frames: [typeId, last seq sent]. */
		readonly sent: readonly (readonly [number, number])[];
		/** Of data frames: [src, typeId, last seq seen]. */
		readonly seen: readonly (readonly [number, number, number])[];
	};
}

export interface WelcomeBody {
	readonly proto: number;
	/** The port id to send as: the same again when a process reconnects. */
	readonly port: number;
	readonly runtime: { readonly id: string; readonly name: string };
	readonly maxFrame: number;
	/** False: the client need not report what it consumes. */
	readonly reports: boolean;
	/** Bytes per type that the router lets be unconsumed at a client: report well before. */
	readonly windowBytes: number;
	/**
	 * Type ids that links into or out of this runtime use already; more follow in typedef frames. For reading only: what is
	 * to be sent must be declared on each connection, because credit comes with the answer to that.
	 */
	readonly types: readonly TypeEntry[];
	/** On a reconnection: how many frames sent before it never reached a mailbox, by type name. */
	readonly lost?: readonly { readonly type: string; readonly count: number }[];
}

export interface TypeEntry {
	readonly id: number;
	readonly name: string;
	readonly codec: Codec;
	/**
	 * To a receiver: report each message of this type as soon as it is consumed, because one of its links lets only a few
	 * be on their way. A later typedef of the same id may change it.
	 */
	readonly prompt?: boolean;
}

/** Answered by one typedef with those accepted, one credit frame with an entry for each, and one error for each refused. */
export interface DeclareBody {
	readonly types: readonly { readonly name: string; readonly codec: Codec }[];
}

export interface TypedefBody {
	readonly types: readonly TypeEntry[];
}

export interface PeerBody {
	readonly peers: readonly { readonly port: number; readonly runtime: string; readonly name: string }[];
}

/** Why a message was not delivered. */
export const dropReasons = [
	/** The mailbox was full and the link drops its oldest message. */
	'drop_oldest',
	/** The mailbox was full and the link drops what arrives. */
	'drop_newest',
	/** A newer message took its place. */
	'latest',
	/** The mailbox was full while the receiver was not there. */
	'receiver_down',
	/** The mailbox was full and the sender speaks a codec without credits. */
	'no_credit_sender',
	/** The sender sent more than it was allowed to. */
	'credit_exceeded',
	/** Longer than what the receiver's codec takes. */
	'too_large',
	/** The receiver's codec cannot carry it. */
	'codec',
	/** Does not fit the JSON Schema of its type. */
	'schema',
	/** Was on its way when the router or a connection died. */
	'router_lost',
	/** Was handed to a receiver that ended without saying that it had consumed it. */
	'unconfirmed',
	/** Was waiting when its link or its receiver was removed. */
	'link_removed',
] as const;
export type DropReason = (typeof dropReasons)[number];

export interface DroppedBody {
	readonly type: string;
	/** The sender's runtime name. */
	readonly from: string;
	readonly count: number;
	readonly reason: DropReason;
	/** Of the messages dropped, as far as it is known: 0 where it is not. */
	readonly firstSeq: number;
	readonly lastSeq: number;
}

export const dataErrorCodes = [
	'protocol',
	'version',
	'bad_token',
	'already_connected',
	'spoof',
	'too_large',
	'unknown_type',
	'too_many_types',
	'invalid_type',
	'no_route',
	'target_down',
	'target_restarted',
	'denied',
	'hello_timeout',
	'schema',
	'busy',
] as const;
export type DataErrorCode = (typeof dataErrorCodes)[number];

export interface ErrorBody {
	readonly code: DataErrorCode;
	readonly message: string;
	/** Nothing of what follows is taken: the router ends its side, and closes the connection once the client has ended its own. */
	readonly fatal: boolean;
	/** The request that fails by this, when it is about one. */
	readonly corr?: number;
	readonly type?: string;
	/** With code `schema`: where in the message, as in `.items[0].name`; empty for the whole of it. */
	readonly path?: string;
	/** With code `schema`: how many messages of the type this is about; the other words are of the last one. 1 where absent. */
	readonly count?: number;
}

/** The payload of a reply with FrameFlag.error, in MessagePack whatever the codec of the type. */
export interface ReplyErrorBody {
	readonly code: string;
	readonly message: string;
}

/** What a ping may carry. */
export const maxPingBytes = 64;

/** Type names: 1 to 255 bytes of UTF-8 without control characters. Anything else goes: `::`, `.`, spaces, `/`. */
export const maxTypeNameBytes = 255;
export const maxTypes = 65_536;
/** Types that a connection may send; and as many a runtime may bring about that nobody used before, over all its connections. */
export const maxTypesPerRuntime = 16_384;
