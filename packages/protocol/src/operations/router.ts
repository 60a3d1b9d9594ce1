/** What orchd asks of the router. Internal: on the router's own socket, not on orchd's. */
import { type Static, Type } from 'typebox';
import { operation, stream } from '../operation.ts';
import { Bytes, Empty, LinkCounters, nullable, Overflow, Sample, Uuid, WhileDown, WindowSeconds } from './shapes.ts';

/** As if `from` had sent it, or straight into `to`. */
const InjectedMessage = Type.Object({
	from: nullable(Uuid),
	to: nullable(Uuid),
	type: Type.String(),
	codec: Type.Union([Type.Literal('json'), Type.Literal('msgpack'), Type.Literal('raw')]),
	body: Bytes,
});

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
	/** Whose schemas hold for what it sends and gets. */
	project: Type.Optional(Type.String()),
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

/** What the runtimes of a project send of a type, and what they get of it, has to fit. */
export const RouterSchema = Type.Object({
	project: Type.String(),
	type: Type.String(),
	/** A JSON Schema, as JSON text. */
	schema: Type.String(),
});
export type RouterSchema = Static<typeof RouterSchema>;

export const RouterTable = Type.Object({
	/** Grows; an older table than the one in force is ignored. */
	version: Type.Integer(),
	ports: Type.Array(RouterPort),
	links: Type.Array(RouterLink),
	schemas: Type.Optional(Type.Array(RouterSchema)),
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
	/** All of them, where any is other than before. */
	schemas: Type.Optional(Type.Array(RouterSchema)),
});
export type RouterTableChange = Static<typeof RouterTableChange>;

/** What a link had counted when it was removed; what had been handed over and was not consumed yet is still in flight. */
export const RemovedLink = Type.Object({ id: Uuid, counters: LinkCounters });
export type RemovedLink = Static<typeof RemovedLink>;

export const Routed = Type.Object({
	/** Of the table that is in force now. */
	version: Type.Integer(),
	/** Runtimes whose sockets could not be listened on, with the reason. */
	problems: Type.Array(Type.Object({ runtime: Uuid, path: Type.String(), message: Type.String() })),
	/** Schemas that cannot be enforced, with the reason; where schemas were told. */
	schemas: Type.Optional(Type.Array(Type.Object({ project: Type.String(), type: Type.String(), message: Type.String() }))),
	/** The links that are gone by it, where there are any; an older router tells none. */
	removedLinks: Type.Optional(Type.Array(RemovedLink)),
});
export type Routed = Static<typeof Routed>;

export const LinkReport = Type.Object({
	id: Uuid,
	counters: LinkCounters,
	/** Over the seconds that were asked for, or less while there is less. */
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

/** What one runtime has sent of a type. */
export const ProducerReport = Type.Object({
	/** Its id, or `@cli`. */
	runtime: Type.String(),
	type: Type.String(),
	/** All, those refused among them. */
	messages: Type.Integer(),
	/** What did not fit a schema. */
	refused: Type.Integer(),
});
export type ProducerReport = Static<typeof ProducerReport>;

/** A message of a type that has passed, no older than a second when there was a later one. */
export const SampleReport = Type.Object({
	type: Type.String(),
	/** Name of the sender. */
	from: Type.String(),
	at: Type.Number({ description: 'Milliseconds since the Unix epoch' }),
	codec: Type.String(),
	/** Of the payload. */
	bytes: Type.Integer(),
	/** The beginning of the payload. */
	body: Bytes,
});
export type SampleReport = Static<typeof SampleReport>;

/** The last message of a type that was refused, and why. */
export const MisfitReport = Type.Object({
	type: Type.String(),
	/** Name of the sender. */
	from: Type.String(),
	at: Type.Number({ description: 'Milliseconds since the Unix epoch' }),
	/** As in `Ping.seq must be integer, got string "one"`. */
	reason: Type.String(),
	/** Whose schema it did not fit. */
	project: Type.String(),
});
export type MisfitReport = Static<typeof MisfitReport>;

export const TypesReport = Type.Object({
	producers: Type.Array(ProducerReport),
	samples: Type.Array(SampleReport),
	misfits: Type.Array(MisfitReport),
});
export type TypesReport = Static<typeof TypesReport>;

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
		params: Type.Object({ windowSeconds: Type.Optional(WindowSeconds) }),
		result: Type.Object({ links: Type.Array(LinkReport), unrouted: Type.Array(UnroutedReport), ports: Type.Array(PortReport) }),
		errors: [],
	}),
	'router.types': operation({
		summary: 'Report who has sent which types, a recent message of each, and what did not fit its schema',
		params: Empty,
		result: TypesReport,
		errors: [],
	}),
	'router.tap': stream({
		summary: 'Show messages as they pass: bounded, without touching them',
		params: Type.Object({
			/** Only these links; empty: all. */
			links: Type.Array(Uuid),
			bodyBytes: Type.Integer({ minimum: 0, maximum: 65_536 }),
			sample: Type.Optional(Sample),
		}),
		/** `skipped`: messages that passed unseen before this one because the reader was slow. */
		item: Type.Object({ messages: Type.Array(TapItem), skipped: Type.Integer() }),
		result: Type.Object({ skipped: Type.Integer() }),
		errors: [],
	}),
	'router.send': operation({
		summary: 'Inject a message: as if `from` had sent it, or straight into `to`',
		params: InjectedMessage,
		/** Into how many mailboxes it went, and what was dropped at once, by reason. */
		result: Type.Object({ accepted: Type.Integer(), dropped: Type.Record(Type.String(), Type.Integer()) }),
		errors: ['message.invalid', 'message.refused'],
	}),
	'router.request': operation({
		summary: 'Inject a request and wait for its reply, until this is cancelled',
		params: InjectedMessage,
		result: Type.Object({ from: Type.String(), codec: Type.String(), body: Bytes }),
		errors: ['message.invalid', 'message.refused', 'reply.missing', 'reply.error'],
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
