/** What orchd asks of the router. Internal: on the router's own socket, not on orchd's. */
import { type Static, Type } from 'typebox';
import { operation, stream } from '../operation.ts';
import { Bytes, Empty, LinkCounters, nullable, Overflow, Uuid, WhileDown } from './shapes.ts';

export const RouterPort = Type.Object({
	runtime: Uuid,
	name: Type.String(),
	/** Where the router listens for this runtime: our codecs, and Veecle's dialect. */
	socket: Type.String(),
	veecleSocket: Type.String(),
	privileged: Type.Boolean(),
	/** The process that may connect now; an older one is refused. */
	generation: Type.Integer(),
	/** Secret of that process: what a binary hello must carry. */
	token: Type.String(),
});
export type RouterPort = Static<typeof RouterPort>;

export const RouterLink = Type.Object({
	id: Uuid,
	/** A runtime's id, or `*`. */
	from: Type.String(),
	type: Type.String(),
	to: Uuid,
	messages: Type.Integer({ minimum: 1 }),
	bytes: Type.Integer({ minimum: 1 }),
	overflow: Overflow,
	whileDown: WhileDown,
});
export type RouterLink = Static<typeof RouterLink>;

export const RouterTable = Type.Object({
	/** Grows; an older table than the one in force is ignored. */
	version: Type.Integer(),
	ports: Type.Array(RouterPort),
	links: Type.Array(RouterLink),
});
export type RouterTable = Static<typeof RouterTable>;

/** What makes table `version` of table `base`: rows that are new or other than before, and ids of those that are gone. */
export const RouterTableChange = Type.Object({
	base: Type.Integer(),
	version: Type.Integer(),
	ports: Type.Array(RouterPort),
	removedPorts: Type.Array(Uuid),
	links: Type.Array(RouterLink),
	removedLinks: Type.Array(Uuid),
});
export type RouterTableChange = Static<typeof RouterTableChange>;

export const Routed = Type.Object({
	/** Of the table that is in force now. */
	version: Type.Integer(),
	/** Runtimes whose sockets could not be listened on, with the reason. */
	problems: Type.Array(Type.Object({ runtime: Uuid, path: Type.String(), message: Type.String() })),
});
export type Routed = Static<typeof Routed>;

export const LinkReport = Type.Object({
	id: Uuid,
	counters: LinkCounters,
	/** Over the last ten seconds, or less while there is less. */
	messagesPerSecond: Type.Number(),
	bytesPerSecond: Type.Number(),
	/** From the sender's stamp to the handing over, milliseconds. */
	latencyP50Ms: nullable(Type.Number()),
	latencyP99Ms: nullable(Type.Number()),
	lastAt: nullable(Type.Number({ description: 'Milliseconds since the Unix epoch' })),
	/** A sender waits for credit because of this link. */
	blocking: Type.Boolean(),
});
export type LinkReport = Static<typeof LinkReport>;

export const UnroutedReport = Type.Object({
	from: Uuid,
	type: Type.String(),
	count: Type.Integer(),
	messagesPerSecond: Type.Number(),
	lastAt: Type.Number(),
});
export type UnroutedReport = Static<typeof UnroutedReport>;

export const PortReport = Type.Object({
	runtime: Uuid,
	connected: Type.Boolean(),
	codec: nullable(Type.Union([Type.Literal('binary'), Type.Literal('json'), Type.Literal('veecle')])),
	/** Protocol errors, refused connections, truncated frames, late replies: by code. */
	faults: Type.Record(Type.String(), Type.Integer()),
});
export type PortReport = Static<typeof PortReport>;

export const TapItem = Type.Object({
	/** Milliseconds since the Unix epoch. */
	at: Type.Number(),
	link: Uuid,
	from: Type.String({ description: 'Name of the sending runtime' }),
	to: Type.String(),
	type: Type.String(),
	seq: Type.Integer(),
	/** Of the payload. */
	bytes: Type.Integer(),
	codec: Type.String(),
	/** At most `bodyBytes` of the payload. */
	body: Bytes,
});
export type TapItem = Static<typeof TapItem>;

export const RouterEvent = Type.Union([
	Type.Object({ kind: Type.Literal('connected'), runtime: Uuid, generation: Type.Integer(), codec: Type.String() }),
	Type.Object({ kind: Type.Literal('disconnected'), runtime: Uuid, generation: Type.Integer() }),
	Type.Object({ kind: Type.Literal('ready'), runtime: Uuid, generation: Type.Integer() }),
	/** A privileged runtime asks for an operation: to be answered by `router.answer` with the same request number. */
	Type.Object({
		kind: Type.Literal('control'),
		request: Type.Integer(),
		runtime: Uuid,
		operation: Type.String(),
		params: Type.Unknown(),
	}),
	Type.Object({ kind: Type.Literal('spoof'), runtime: Uuid, claimed: Type.Integer() }),
]);
export type RouterEvent = Static<typeof RouterEvent>;

export const routerOperations = {
	'router.status': operation({
		summary: 'Tell who this router is and which table it routes by',
		params: Empty,
		result: Type.Object({
			version: Type.String(),
			pid: Type.Integer(),
			startedAt: Type.Number(),
			tableVersion: Type.Integer(),
			memoryBytes: Type.Number(),
			types: Type.Integer(),
		}),
		errors: [],
	}),
	'router.table': operation({
		summary: 'Route by this table from now on, all of it at once',
		params: RouterTable,
		result: Routed,
		errors: [],
	}),
	'router.change': operation({
		summary: 'Change the table; nothing happens where another one than `base` is in force, as the version in the answer tells',
		params: RouterTableChange,
		result: Routed,
		errors: [],
	}),
	'router.ended': operation({
		summary: 'Close what the ended process of a runtime has left connected, once what it had sent is read',
		params: Type.Object({ runtime: Uuid, generation: Type.Integer() }),
		result: Empty,
		errors: [],
	}),
	'router.stats': operation({
		summary: 'Report the counters of all links, ports and unrouted types',
		params: Empty,
		result: Type.Object({ links: Type.Array(LinkReport), unrouted: Type.Array(UnroutedReport), ports: Type.Array(PortReport) }),
		errors: [],
	}),
	'router.tap': stream({
		summary: 'Show messages as they pass: bounded, without touching them',
		params: Type.Object({
			/** Only these links; empty: all. */
			links: Type.Array(Uuid),
			bodyBytes: Type.Integer({ minimum: 0, maximum: 65_536 }),
		}),
		/** `skipped`: messages that passed unseen before this one because the reader was slow. */
		item: Type.Object({ messages: Type.Array(TapItem), skipped: Type.Integer() }),
		result: Type.Object({ skipped: Type.Integer() }),
		errors: [],
	}),
	'router.send': operation({
		summary: 'Inject a message: as if `from` had sent it, or straight into `to`',
		params: Type.Object({
			from: nullable(Uuid),
			to: nullable(Uuid),
			type: Type.String(),
			codec: Type.Union([Type.Literal('json'), Type.Literal('msgpack'), Type.Literal('raw')]),
			body: Bytes,
		}),
		/** Into how many mailboxes it went, and what was dropped at once, by reason. */
		result: Type.Object({ accepted: Type.Integer(), dropped: Type.Record(Type.String(), Type.Integer()) }),
		errors: ['message.invalid'],
	}),
	'router.answer': operation({
		summary: 'Answer the control request of a privileged runtime',
		params: Type.Object({
			request: Type.Integer(),
			ok: Type.Optional(Type.Unknown()),
			error: Type.Optional(Type.Unknown()),
		}),
		result: Empty,
		errors: [],
	}),
	'router.events': stream({
		summary: 'Tell what happens at the ports; one reader at a time, the newest',
		params: Empty,
		item: RouterEvent,
		result: Empty,
		errors: [],
	}),
	'router.stop': operation({
		summary: 'Say goodbye to the clients and end',
		params: Empty,
		result: Empty,
		errors: [],
	}),
} as const;
export type RouterApi = typeof routerOperations;
