/** The shapes that several operations share. */
import { type Static, Type } from 'typebox';
import { givenNamePattern, maxGivenNameLength, maxRuntimeNameLength, runtimeNamePattern } from '../given-name.ts';

export const Ref = Type.String({
	minLength: 1,
	maxLength: 255,
	description:
		'A runtime: its name, its id, or a unique prefix (4 digits or more) of its id or short id. Where that is said, the name of a group of instances means all of them',
});
export const Uuid = Type.String({ pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' });
/** A name that somebody gives: to a runtime, a project. */
export const GivenName = Type.String({
	pattern: givenNamePattern,
	maxLength: maxGivenNameLength,
	description: 'Letters, digits, _ . + -, at most 64, not starting with . + or -',
});
/** A runtime's name; that of a project's runtime is `project/name`. */
export const RuntimeName = Type.String({
	pattern: runtimeNamePattern,
	maxLength: maxRuntimeNameLength,
	description: 'Letters, digits, _ . + -, not starting with . + or -; of a project PROJECT/NAME',
});
export const Time = Type.String({ description: 'RFC 3339, UTC' });
export const nullable = <T extends import('typebox').TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
export const Empty = Type.Object({});
/** Binary data: bin in MessagePack, `{"b64": "…"}` in JSON Lines. The keyword is for whoever describes the operations. */
export const Bytes = Type.Refine(
	Type.Unsafe<Uint8Array>({ 'x-bytes': true, description: 'Bytes' }),
	(value) => value instanceof Uint8Array,
	() => 'must be bytes',
);

export const Priority = Type.Union([Type.Literal('high'), Type.Literal('normal'), Type.Literal('low')], {
	description: 'nice -10, 0, 10',
});
export const RestartWhen = Type.Union([Type.Literal('no'), Type.Literal('on-failure'), Type.Literal('always')]);
export const SignalName = Type.String({ pattern: '^SIG[A-Z0-9+-]{2,12}$' });
export const Milliseconds = Type.Integer({ minimum: 0, maximum: 2_147_483_647 });

export const RestartPolicy = Type.Object({
	when: RestartWhen,
	/** Waits: the first restart at once, then `firstMs` doubled up to `capMs`, ±20 %. */
	firstMs: Milliseconds,
	capMs: Milliseconds,
	/** Give up after this many failures within `withinMs`; 0 never gives up. */
	failures: Type.Integer({ minimum: 0, maximum: 100_000 }),
	withinMs: Milliseconds,
	/** After giving up: null parks, a number tries again every so many milliseconds. */
	retryEveryMs: nullable(Milliseconds),
	/** A process that lived this long resets back-off and count. */
	healthyMs: Milliseconds,
	successExitCodes: Type.Optional(
		Type.Array(Type.Integer({ minimum: 0, maximum: 255 }), {
			maxItems: 256,
			description: 'Exit codes beside 0 that are no failure',
		}),
	),
});
export type RestartPolicy = Static<typeof RestartPolicy>;

export const StopPolicy = Type.Object({
	signal: SignalName,
	/** From the signal to SIGKILL. */
	graceMs: Milliseconds,
	command: Type.Optional(Type.Array(Type.String(), { minItems: 1, maxItems: 1000, description: 'Run before the signal' })),
	commandMs: Type.Optional(Milliseconds),
});
export type StopPolicy = Static<typeof StopPolicy>;

const Command = Type.Array(Type.String({ maxLength: 131_071 }), { minItems: 1, maxItems: 1000 });
const AbsolutePath = Type.String({ pattern: '^/', maxLength: 4096 });
const Port = Type.Integer({ minimum: 1, maximum: 65_535 });

export const ProbeCheck = Type.Union([
	Type.Object({
		kind: Type.Literal('http'),
		url: Type.String({ pattern: '^https?://', maxLength: 2048 }),
		headers: Type.Optional(Type.Record(Type.String(), Type.String())),
		statuses: Type.Optional(Type.Array(Type.Integer({ minimum: 100, maximum: 599 }), { minItems: 1, maxItems: 100 })),
	}),
	Type.Object({ kind: Type.Literal('tcp'), port: Port, host: Type.Optional(Type.String({ maxLength: 255 })) }),
	Type.Object({ kind: Type.Literal('exec'), command: Command }),
	Type.Object({
		kind: Type.Literal('log'),
		pattern: Type.String({ minLength: 1, maxLength: 1000 }),
		stream: Type.Optional(Type.Union([Type.Literal('stdout'), Type.Literal('stderr')])),
	}),
	Type.Object({ kind: Type.Literal('notify') }),
]);

export const Probe = Type.Object({
	check: ProbeCheck,
	everyMs: Type.Optional(Type.Integer({ minimum: 10, maximum: 2_147_483_647 })),
	timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_147_483_647 })),
	delayMs: Type.Optional(Milliseconds),
	failures: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
	successes: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
});

export const Need = Type.Object({
	runtime: RuntimeName,
	condition: Type.Union([Type.Literal('started'), Type.Literal('ready'), Type.Literal('succeeded')]),
	/** What becomes of the one in need when the needed one is restarted. */
	onRestart: Type.Optional(Type.Union([Type.Literal('keep'), Type.Literal('restart'), Type.Literal('stop')])),
});

export const Schedule = Type.Object({
	cron: Type.String({ minLength: 1, maxLength: 200 }),
	timeZone: Type.Optional(Type.String({ maxLength: 64 })),
	action: Type.Union([Type.Literal('start'), Type.Literal('restart')]),
	overlap: Type.Optional(Type.Union([Type.Literal('skip'), Type.Literal('queue'), Type.Literal('replace')])),
});

export const Labels = Type.Record(Type.String({ pattern: '^[A-Za-z0-9_./-]{1,100}$' }), Type.String({ maxLength: 1000 }));

/** What a runtime may be given beside its program: all of it optional, absent is the default. */
export const runtimeOptions = {
	autostart: Type.Optional(Type.Boolean({ description: 'A daemon that starts, starts it too, where it was wanted to run' })),
	labels: Type.Optional(Labels),
	envFiles: Type.Optional(
		Type.Array(AbsolutePath, { maxItems: 100, description: 'Files of NAME=value lines, read at each start' }),
	),
	user: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'The user it runs as, where the daemon is root' })),
	umask: Type.Optional(Type.String({ pattern: '^0?[0-7]{3}$' })),
	probes: Type.Optional(Type.Object({ startup: Type.Optional(Probe), ready: Type.Optional(Probe), live: Type.Optional(Probe) })),
	needs: Type.Optional(Type.Array(Need, { maxItems: 1000 })),
	ports: Type.Optional(Type.Array(Port, { maxItems: 1000, description: 'Checked to be free before each start' })),
	limits: Type.Optional(
		Type.Object({ memoryBytes: Type.Optional(Type.Integer({ minimum: 1, description: 'Beyond it is restarted' })) }),
	),
	schedule: Type.Optional(Schedule),
	watch: Type.Optional(
		Type.Object({
			paths: Type.Array(AbsolutePath, { minItems: 1, maxItems: 1000 }),
			ignore: Type.Optional(Type.Array(Type.String({ maxLength: 1000 }), { maxItems: 1000 })),
			quietMs: Type.Optional(Milliseconds),
		}),
	),
	output: Type.Optional(
		Type.Object({
			maxBytes: Type.Integer({ minimum: 65_536 }),
			segmentBytes: Type.Optional(Type.Integer({ minimum: 16_384 })),
		}),
	),
	project: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
} as const;
export const RuntimeOptions = Type.Object(runtimeOptions);
export type RuntimeOptions = Static<typeof RuntimeOptions>;

export const RuntimeStatus = Type.Union([
	Type.Literal('stopped'),
	Type.Literal('waiting'),
	Type.Literal('starting'),
	Type.Literal('running'),
	Type.Literal('stopping'),
	Type.Literal('backoff'),
	Type.Literal('exited'),
	Type.Literal('failed'),
]);
export type RuntimeStatus = Static<typeof RuntimeStatus>;

export const LastExit = Type.Object({
	code: nullable(Type.Integer()),
	signal: nullable(Type.String()),
	coreDumped: Type.Boolean(),
	/** Where `notBefore` is there: at the latest. */
	at: Time,
	/** Where nobody was there to see the end, and nothing tells of it: that came between this and `at`. */
	notBefore: Type.Optional(Time),
	/** Who ended it: itself, or a stop (with or without SIGKILL). */
	by: Type.Union([Type.Literal('itself'), Type.Literal('stop'), Type.Literal('kill')]),
	/** Why, where that is known: a limit that it was above, a program that could not be executed. */
	reason: nullable(Type.String()),
});

/** What all processes of a runtime use together. */
export const Usage = Type.Object({
	/** Of one core; null while too little time is known. */
	cpuPercent: nullable(Type.Number()),
	/** Resident; pages that processes share are counted for each. */
	memoryBytes: Type.Number(),
	processes: Type.Integer(),
	at: Time,
});
export type Usage = Static<typeof Usage>;

const Backoff = Type.Object({
	failures: Type.Integer(),
	of: Type.Integer(),
	withinMs: Type.Integer(),
	nextAt: nullable(Time),
	nextInMs: nullable(Type.Number()),
});

const Triggers = Type.Object({
	schedule: Type.Optional(
		Type.Object({
			nextAt: nullable(Time),
			/** When it was due last since the daemon began, and what came of it. */
			lastAt: nullable(Time),
			last: nullable(Type.String()),
		}),
	),
	watch: Type.Optional(
		Type.Object({
			suspended: nullable(Type.String({ description: 'Why it acts on no change before the next start by command' })),
			restarts: Type.Integer(),
			last: nullable(Type.Object({ at: Time, file: Type.String() })),
		}),
	),
});

/** What passes the links of a runtime, in messages a second over the last ten; null where no link goes that way. */
export const Traffic = Type.Object({
	/** To it. */
	inPerSecond: nullable(Type.Number()),
	/** From it by name: what it sends by links of any sender is not told apart. */
	outPerSecond: nullable(Type.Number()),
});
export type Traffic = Static<typeof Traffic>;

export const RuntimeInfo = Type.Object({
	id: Uuid,
	shortId: Type.String(),
	name: RuntimeName,
	status: RuntimeStatus,
	desired: Type.Union([Type.Literal('running'), Type.Literal('stopped')]),
	ready: nullable(Type.Boolean()),
	/** Why it is failed, or what else should be known; null where there is nothing to say. */
	reason: nullable(Type.String()),
	pid: nullable(Type.Integer()),
	/** How many processes this runtime has had. */
	generation: Type.Integer(),
	/** Restarts by policy since the last start by command. */
	restarts: Type.Integer(),
	startedAt: nullable(Time),
	uptimeMs: nullable(Type.Number()),
	/** Null where nothing runs, or nothing is known yet. */
	usage: nullable(Usage),
	lastExit: nullable(LastExit),
	/** Failures counted towards giving up, and the next try. */
	backoff: nullable(Backoff),
	command: Type.String(),
	args: Type.Array(Type.String()),
	cwd: Type.String(),
	priority: Priority,
	privileged: Type.Boolean(),
	restart: RestartPolicy,
	stop: StopPolicy,
	/** What starts or restarts it beside commands; absent where nothing does. */
	triggers: Type.Optional(Triggers),
	/** What it was given beside its program; what is not named is the default. */
	options: RuntimeOptions,
	/** Of several instances of one thing: which this is, counted from 1. */
	group: nullable(Type.Object({ name: RuntimeName, index: Type.Integer() })),
	addedAt: Time,
	/** Only in `runtime.list`, of those that are linked, where the router tells. */
	traffic: Type.Optional(Traffic),
	/** Of a start by command: what it needs and was started with it. */
	alsoStarted: Type.Optional(Type.Array(RuntimeName)),
	/** Of a start or a stop by command: true where it was so already, and nothing was done. */
	already: Type.Optional(Type.Boolean()),
	/** What its last stop could not end. */
	escaped: Type.Array(Type.Object({ pid: Type.Integer(), command: Type.String() })),
	/** What did not work but harmed nothing: a priority that could not be set. */
	warnings: Type.Array(Type.String()),
});
export type RuntimeInfo = Static<typeof RuntimeInfo>;

/**
 * What a table shows of many runtimes: an array for each column, all as long as `name`, in the order of `runtime.list`. Most of the
 * fields are those of RuntimeInfo.
 */
export const RuntimeColumns = Type.Object({
	name: Type.Array(RuntimeName),
	id: Type.Array(Uuid),
	status: Type.Array(RuntimeStatus),
	ready: Type.Array(nullable(Type.Boolean())),
	pid: Type.Array(nullable(Type.Integer())),
	restarts: Type.Array(Type.Integer()),
	startedAt: Type.Array(nullable(Time)),
	uptimeMs: Type.Array(nullable(Type.Integer())),
	cpuPercent: Type.Array(nullable(Type.Number())),
	memoryBytes: Type.Array(nullable(Type.Integer())),
	/** Program and arguments with a blank between them: to be shown, not to be run. */
	command: Type.Array(Type.String()),
	/** What only some have: `at` is their place in the columns. */
	more: Type.Array(
		Type.Object({
			at: Type.Integer(),
			lastExit: Type.Optional(LastExit),
			backoff: Type.Optional(Backoff),
			triggers: Type.Optional(Triggers),
			/** Those that it has declared. */
			ports: Type.Optional(Type.Array(Type.Integer())),
			traffic: Type.Optional(Traffic),
		}),
	),
});
export type RuntimeColumns = Static<typeof RuntimeColumns>;

/** What came of a command on a runtime, or on a group of instances: then it is about the first of them, and has them all besides. */
export const RuntimeOrInstances = Type.Object({
	...RuntimeInfo.properties,
	instances: Type.Optional(Type.Array(RuntimeInfo, { description: 'Where a group was meant: each of its instances' })),
});
export type RuntimeOrInstances = Static<typeof RuntimeOrInstances>;

export const Instances = Type.Integer({ minimum: 1, maximum: 1000 });

/** One process that a runtime has had. */
export const Life = Type.Object({
	processId: Uuid,
	generation: Type.Integer(),
	pid: Type.Integer(),
	startedAt: Time,
	/** Null while it runs, or where nobody has seen its end. */
	endedAt: nullable(Time),
	exit: nullable(LastExit),
});

export const Overflow = Type.Union([
	Type.Literal('block'),
	Type.Literal('drop-oldest'),
	Type.Literal('drop-newest'),
	Type.Literal('latest'),
]);
export type Overflow = Static<typeof Overflow>;
export const WhileDown = Type.Union([Type.Literal('drop'), Type.Literal('block')]);
export type WhileDown = Static<typeof WhileDown>;

/** As far back as the router remembers second by second. */
export const WindowSeconds = Type.Integer({
	minimum: 1,
	maximum: 10,
	description: 'Rates are of the last so many seconds: 10 unless said',
});

/** The first so many of each stretch of time, which begins with what passes first in it. */
export const Sample = Type.Object(
	{ count: Type.Integer({ minimum: 1, maximum: 999_999 }), everyMs: Type.Integer({ minimum: 1, maximum: 3_600_000 }) },
	{ description: 'The first so many messages of each stretch of time; the others are left out, and not counted as skipped' },
);

export const LinkCounters = Type.Object({
	/** Messages that reached the link, before its mailbox. */
	received: Type.Integer(),
	/** Consumed by an SDK, or written to a socket of another codec. */
	delivered: Type.Integer(),
	deliveredBytes: Type.Number(),
	dropped: Type.Record(Type.String(), Type.Integer(), { description: 'Drops by reason' }),
	/** Waiting in the mailbox. */
	queued: Type.Integer(),
	queuedBytes: Type.Number(),
	/** Handed to the receiver, not yet consumed. */
	inFlight: Type.Integer(),
});
export type LinkCounters = Static<typeof LinkCounters>;

/** Of a removal. */
export const DroppedMessages = nullable(
	Type.Integer({
		description: 'Messages that waited in its mailboxes, dropped as link_removed; null where the router did not tell it',
	}),
);
