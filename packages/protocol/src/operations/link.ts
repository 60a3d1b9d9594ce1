/** Operations on links. */
import { Type } from 'typebox';
import { maxTypeNameBytes, tooManyBytes, typeNameBytes, typeNamePattern } from '../data/index.ts';
import { operation, stream } from '../operation.ts';
import { Bytes, LinkCounters, nullable, Overflow, Ref, Sample, Time, Uuid, WhileDown, WindowSeconds } from './shapes.ts';

/** Its length is counted in characters where schemas are read, and in bytes here. */
export const TypeName = Type.Refine(
	Type.String({
		minLength: 1,
		maxLength: maxTypeNameBytes,
		pattern: typeNamePattern,
		description: 'A message type: 1 to 255 bytes without control characters',
	}),
	(name) => typeNameBytes(name) <= maxTypeNameBytes,
	(name) => tooManyBytes(typeNameBytes(name)),
);
const Sender = Type.String({ minLength: 1, maxLength: 255, description: 'A runtime, or * for any' });
/** Too short or too long to mean one is no fault of form: there is no such link. */
const LinkRef = Type.String({
	minLength: 1,
	maxLength: 255,
	description: 'A link: its id, or a unique prefix of 4 digits or more',
});
const Party = Type.Object({ id: Type.String({ description: 'A runtime’s id, * or group/NAME' }), name: Type.String() });

export const LinkInfo = Type.Object({
	id: Uuid,
	shortId: Type.String(),
	from: Party,
	/** Also one that an earlier orchd took, and that is refused now: it can be looked at, and removed by its id. */
	type: Type.String(),
	to: Party,
	queueMessages: Type.Integer(),
	queueBytes: Type.Integer(),
	overflow: Overflow,
	whileDown: WhileDown,
	addedAt: Time,
	/** What its user should know: that `block` acts as `drop-newest` for a sender without credits, who blocks whom. */
	notices: Type.Array(Type.String()),
});

export const RemovedLinkInfo = Type.Object({
	...LinkInfo.properties,
	/** In the end: `link_removed` of what was dropped is what waited in its mailbox. Null where the router does not tell it within 5 s. */
	counters: nullable(LinkCounters),
});

export const LinkStats = Type.Object({
	...LinkInfo.properties,
	counters: LinkCounters,
	messagesPerSecond: Type.Number(),
	bytesPerSecond: Type.Number(),
	latencyP50Ms: nullable(Type.Number()),
	latencyP99Ms: nullable(Type.Number()),
	lastAt: nullable(Time),
	blocking: Type.Boolean(),
});

export const UnroutedType = Type.Object({
	from: Party,
	type: Type.String(),
	count: Type.Integer(),
	messagesPerSecond: Type.Number(),
	lastAt: Time,
});

/** What was wrong with the connections of a runtime, or with what came by them. */
export const ConnectionFaults = Type.Object({
	runtime: Party,
	counts: Type.Record(Type.String(), Type.Integer(), {
		description:
			'By code: refused connections, refused lines and frames, late replies. truncated: what was not whole when a connection ended; discarded_bytes: bytes behind a fault that ended a connection, or behind a good-bye',
	}),
});

export const TappedMessage = Type.Object({
	at: Time,
	from: Type.String(),
	to: Type.String(),
	type: Type.String(),
	link: Uuid,
	seq: Type.Integer(),
	bytes: Type.Integer({ description: 'Of the payload' }),
	codec: Type.String(),
	body: Bytes,
});

export const TypeInfo = Type.Object({
	name: Type.String(),
	producers: Type.Array(
		Type.Object({
			...Party.properties,
			messages: Type.Integer({ description: 'Sent, those refused among them' }),
			refused: Type.Integer({ description: 'Did not fit a schema' }),
		}),
		{ description: 'Who has sent it since the router was started, or is linked to send it' },
	),
	consumers: Type.Array(Party, { description: 'Who is linked to get it' }),
	messages: Type.Integer(),
	refused: Type.Integer(),
	/** One for each project that says something of the type. */
	schemas: Type.Array(
		Type.Object({
			project: Type.String(),
			/** Why it is not enforced, where it is not. */
			problem: nullable(Type.String()),
			/** Only where one type was asked for. */
			schema: Type.Optional(Type.Unknown()),
		}),
	),
	/** A message of late: no older than a second when there was a later one. */
	last: nullable(
		Type.Object({
			at: Time,
			from: Type.String(),
			codec: Type.String(),
			bytes: Type.Integer({ description: 'Of the payload' }),
			body: Bytes,
		}),
	),
	/** The last message that was refused. */
	lastRefused: nullable(Type.Object({ at: Time, from: Type.String(), reason: Type.String(), project: Type.String() })),
});

/** A timer takes no more. */
const longestWaitMs = 2 ** 31 - 1;

const refErrors = ['runtime.not_found', 'runtime.ambiguous'] as const;

const messageByHand = {
	type: TypeName,
	from: Type.Optional(Ref),
	to: Type.Optional(Ref),
	/** JSON text, unless `codec` says otherwise. */
	body: Bytes,
	codec: Type.Union([Type.Literal('json'), Type.Literal('msgpack'), Type.Literal('raw')], { default: 'json' }),
};

export const linkOperations = {
	'link.add': operation({
		summary: 'Route messages of a type from one runtime to another',
		notes:
			'`*` as sender takes the type from anybody; an exact link beats it. The name of a group of instances, as sender or receiver, means each of them, those to come as well, with a mailbox for each pair. Overflow says what happens when the mailbox is full: block (back-pressure to the sender), drop-oldest, drop-newest, latest.',
		params: Type.Object({
			from: Sender,
			type: TypeName,
			to: Ref,
			queue: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000_000, description: 'Messages, 1024 unless said' })),
			queueBytes: Type.Optional(Type.Integer({ minimum: 1, maximum: 4_294_967_296, description: '8 MiB unless said' })),
			overflow: Type.Optional(Overflow),
			whileDown: Type.Optional(WhileDown),
		}),
		result: LinkInfo,
		errors: [...refErrors, 'link.exists', 'daemon.stopping'],
		http: { method: 'POST', path: '/links' },
	}),
	'link.list': operation({
		summary: 'List the links, in the order in which they were added',
		params: Type.Object({ from: Type.Optional(Sender), to: Type.Optional(Ref), type: Type.Optional(TypeName) }),
		result: Type.Array(LinkInfo),
		errors: refErrors,
		http: { method: 'GET', path: '/links' },
	}),
	'link.remove': operation({
		summary: 'Remove a link; what waits in its mailbox is dropped and counted',
		notes: 'Named by its id (or a prefix), or by sender, type and receiver.',
		params: Type.Union([Type.Object({ link: LinkRef }), Type.Object({ from: Sender, type: TypeName, to: Ref })]),
		result: RemovedLinkInfo,
		errors: [...refErrors, 'link.not_found', 'link.ambiguous'],
		http: { method: 'DELETE', path: '/links/{link}' },
	}),
	'link.tap': stream({
		summary: 'Show messages live as they pass, without touching them',
		notes: 'Bounded: what the reader is too slow for is skipped and said. Costs nothing while nobody taps.',
		params: Type.Object({
			link: Type.Optional(LinkRef),
			from: Type.Optional(Sender),
			type: Type.Optional(TypeName),
			to: Type.Optional(Ref),
			bodyBytes: Type.Integer({ minimum: 0, maximum: 65_536, default: 1024 }),
			sample: Type.Optional(Sample),
		}),
		item: Type.Object({ messages: Type.Array(TappedMessage), skipped: Type.Integer() }),
		result: Type.Object({ skipped: Type.Integer() }),
		errors: [...refErrors, 'link.not_found', 'link.ambiguous', 'router.unavailable'],
	}),
	'link.send': operation({
		summary: 'Send a message by hand',
		notes:
			'With `to` it goes straight in, as @cli, no link needed; with `from` it goes by the links of that runtime, as if it had sent it.',
		params: Type.Object(messageByHand),
		result: Type.Object({
			accepted: Type.Integer({ description: 'Into how many mailboxes it went' }),
			dropped: Type.Record(Type.String(), Type.Integer()),
		}),
		errors: [...refErrors, 'link.not_linked', 'message.invalid', 'message.refused', 'request.invalid', 'router.unavailable'],
		http: { method: 'POST', path: '/links/send' },
	}),
	'link.request': operation({
		summary: 'Send a request by hand, and wait for its reply',
		notes:
			'As `link.send`, but to one runtime only: with `to` to that one, with `from` to the first that a link leads to and that answers requests. A request that is not answered in time is not taken back.',
		params: Type.Object({
			...messageByHand,
			timeoutMs: Type.Integer({
				minimum: 1,
				maximum: longestWaitMs,
				default: 10_000,
				description: 'How long the reply may take',
			}),
		}),
		result: Type.Object({
			from: Type.String({ description: 'Name of the runtime that has replied' }),
			codec: Type.String({ description: 'Of the request, and of the reply' }),
			body: Bytes,
		}),
		errors: [
			...refErrors,
			'link.not_linked',
			'message.invalid',
			'message.refused',
			'reply.error',
			'reply.late',
			'reply.missing',
			'request.invalid',
			'router.unavailable',
		],
		http: { method: 'POST', path: '/links/request' },
	}),
	'link.types': operation({
		summary: 'Show every type that is declared, linked or has been sent: who sends and gets it, its schemas, a recent message',
		notes:
			'Bodies are cut to their first 512 bytes, and looked at once a second for each sender. Schemas are told where one type is asked for.',
		params: Type.Object({ type: Type.Optional(TypeName) }),
		result: Type.Array(TypeInfo),
		errors: ['type.not_found', 'router.unavailable'],
		http: { method: 'GET', path: '/links/types' },
	}),
	'link.stats': operation({
		summary: 'Show rates, latencies, queues and drops of the links, what no link takes, and faults of connections',
		notes: 'Faults are of a runtime, whatever it sends and to whom: with a type or a receiver none are told.',
		params: Type.Object({
			from: Type.Optional(Sender),
			to: Type.Optional(Ref),
			type: Type.Optional(TypeName),
			windowSeconds: Type.Optional(WindowSeconds),
		}),
		result: Type.Object({
			links: Type.Array(LinkStats),
			unrouted: Type.Array(UnroutedType),
			faults: Type.Array(ConnectionFaults),
		}),
		errors: [...refErrors, 'router.unavailable'],
		http: { method: 'GET', path: '/links/stats' },
	}),
} as const;
