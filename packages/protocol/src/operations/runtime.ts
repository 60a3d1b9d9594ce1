/** Operations on runtimes. */
import { Type } from 'typebox';
import { operation, stream } from '../operation.ts';
import {
	Bytes,
	DroppedMessages,
	GivenName,
	Instances,
	Labels,
	Life,
	Milliseconds,
	nullable,
	Priority,
	Ref,
	RestartPolicy,
	RuntimeColumns,
	RuntimeInfo,
	RuntimeName,
	runtimeOptions,
	RuntimeOrInstances,
	RuntimeStatus,
	SignalName,
	StopPolicy,
	Time,
	Uuid,
} from './shapes.ts';

const one = Type.Object({ runtime: Ref });

/** Which runtimes a list is of; all without any of these. */
const Selection = Type.Object({
	status: Type.Optional(RuntimeStatus),
	/** Only these; the name of a group means its instances. */
	runtimes: Type.Optional(Type.Array(Ref, { maxItems: 1000 })),
	/** Only those that have all of these labels; an empty value stands for any. */
	labels: Type.Optional(Labels),
});

/** Why a start does not come to its program. */
const startErrors = [
	'runtime.not_found',
	'runtime.ambiguous',
	'runtime.port_taken',
	'runtime.waits',
	'runtime.start_failed',
	'runtime.superseded',
	'daemon.stopping',
] as const;

/** What `runtime.stdout` and `runtime.stderr` have in common. */
const output = {
	params: Type.Object({
		runtime: Ref,
		/** Go on until the caller cancels or the runtime is removed. */
		follow: Type.Boolean({ default: true }),
		/** Start with the last so many lines instead of the whole backlog. */
		lines: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000_000 })),
	}),
	/** Bytes as the program wrote them, 64 KiB at most. */
	item: Type.Object({
		bytes: Bytes,
		/** So many were removed right before these, by the limit of the runtime or for want of room, before this reader came to them. */
		removedBytes: Type.Optional(Type.Integer({ minimum: 1 })),
	}),
	result: Type.Object({ ended: Type.Union([Type.Literal('end'), Type.Literal('removed')]) }),
	errors: ['runtime.not_found', 'runtime.ambiguous'],
} as const;

const Stream = Type.Union([Type.Literal('stdout'), Type.Literal('stderr')]);
const Offset = Type.Integer({ minimum: 0 });
/** For each runtime, by its id, the offsets behind what has been read. */
const LogCursor = Type.Record(Type.String(), Type.Object({ stdout: Type.Optional(Offset), stderr: Type.Optional(Offset) }));

export const LogLine = Type.Object({
	runtime: Uuid,
	name: RuntimeName,
	stream: Stream,
	/** When its end was noticed. */
	at: Time,
	/** It came at some time between the two, while no daemon ran. */
	atEnd: Type.Optional(Time),
	/** Without its end; what is no UTF-8 is replaced. Absent with `raw`. */
	text: Type.Optional(Type.String()),
	/** With its end, as it is. Only with `raw`. */
	bytes: Type.Optional(Bytes),
	/** It has no end: it was cut, or nothing came behind it. */
	partial: Type.Optional(Type.Boolean()),
	/** Partial, and the next one of this stream is the rest of it: the line is longer than 64 KiB. */
	goesOn: Type.Optional(Type.Boolean()),
});

/** Output that was removed, by its limit or for want of room, before this reader came to it. */
export const DroppedOutput = Type.Object({
	runtime: Uuid,
	name: RuntimeName,
	stream: Stream,
	dropped: Type.Integer({ description: 'Lines' }),
	bytes: Type.Integer(),
	/** The number of lines is estimated: they were gone before the reader came back. */
	about: Type.Optional(Type.Boolean()),
});

export const runtimeOperations = {
	'runtime.add': operation({
		summary: 'Register a program under supervision',
		notes:
			'Program and working directory are absolute, by the caller’s directory and PATH. The environment is all that the program gets besides ORCH_*. With `binary` the program is an uploaded one and `program` only names it. With `instances` it registers so many runtimes, NAME-1 and so on, each with its own id, socket and mailboxes: a group, whose name means all of them.',
		params: Type.Object({
			program: Type.String({ minLength: 1, maxLength: 4096 }),
			args: Type.Array(Type.String({ maxLength: 131_071 }), { maxItems: 10_000, default: [] }),
			cwd: Type.String({ pattern: '^/', maxLength: 4096 }),
			env: Type.Record(Type.String({ pattern: '^[^=\\u0000]+$' }), Type.String(), { default: {} }),
			name: Type.Optional(GivenName),
			id: Type.Optional(Uuid),
			priority: Type.Optional(Priority),
			privileged: Type.Optional(Type.Boolean()),
			restart: Type.Optional(Type.Partial(RestartPolicy)),
			stop: Type.Optional(Type.Partial(StopPolicy)),
			...runtimeOptions,
			/** A group of so many, NAME-1 and so on; ORCH_INSTANCE tells each its number. */
			instances: Type.Optional(Instances),
			/** SHA-256, in hex, of a binary that was uploaded before. */
			binary: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
			/** Start it as well. */
			start: Type.Optional(Type.Boolean()),
		}),
		result: RuntimeOrInstances,
		errors: [
			'runtime.name_taken',
			'runtime.id_taken',
			'program.not_found',
			'program.not_executable',
			'program.is_directory',
			'program.wrong_format',
			'program.missing_interpreter',
			'program.missing_loader',
			'program.wrong_machine',
			'program.cwd_missing',
			'binary.unknown_upload',
			'schedule.invalid',
			'probe.invalid',
			'runtime.needs_circle',
			'runtime.waits',
			'runtime.user_refused',
			'runtime.port_taken',
			'runtime.start_failed',
			'runtime.superseded',
			'busy',
			'request.invalid',
			'daemon.stopping',
		],
		http: { method: 'POST', path: '/runtimes' },
	}),
	'runtime.list': operation({
		summary: 'List the runtimes, in the order in which they were added',
		params: Selection,
		result: Type.Array(RuntimeInfo),
		errors: ['runtime.not_found', 'runtime.ambiguous'],
		http: { method: 'GET', path: '/runtimes' },
	}),
	'runtime.brief': operation({
		summary: 'Show the runtimes as a table has them, column by column, for those who wait for a long list',
		params: Selection,
		result: RuntimeColumns,
		errors: ['runtime.not_found', 'runtime.ambiguous'],
		http: { method: 'GET', path: '/runtime-columns' },
	}),
	'runtime.table': operation({
		summary: 'Show the runtimes as lines of text, as orch ps writes them into a pipe: everything whole, times in RFC 3339',
		params: Selection,
		result: Type.Object({ text: Type.String() }),
		errors: ['runtime.not_found', 'runtime.ambiguous'],
		http: { method: 'GET', path: '/runtime-table' },
	}),
	'runtime.show': operation({
		summary: 'Show everything about a runtime',
		params: one,
		result: Type.Object({
			...RuntimeInfo.properties,
			env: Type.Record(Type.String(), Type.String()),
			stdoutPath: Type.String(),
			stderrPath: Type.String(),
			socket: Type.String(),
			veecleSocket: Type.String(),
			history: Type.Array(Life, { description: 'Its processes, newest first: the last 100 at most' }),
			connected: nullable(Type.String({ description: 'The codec it is connected with' })),
		}),
		errors: ['runtime.not_found', 'runtime.ambiguous'],
		http: { method: 'GET', path: '/runtimes/{runtime}' },
	}),
	'runtime.start': operation({
		summary: 'Start a runtime; answers once its program runs',
		notes:
			'Starting what runs already changes nothing. A priority given here holds from this start on. The name of a group means all its instances.',
		params: Type.Object({
			runtime: Ref,
			priority: Type.Optional(Priority),
			needs: Type.Optional(Type.Boolean({ description: 'Start what it needs as well, as far as nobody has; absent: yes' })),
		}),
		result: RuntimeOrInstances,
		errors: startErrors,
		http: { method: 'POST', path: '/runtimes/{runtime}/start' },
	}),
	'runtime.stop': operation({
		summary: 'Stop a runtime; answers once nothing of it is left',
		notes:
			'Signal, grace, SIGKILL; whatever it forked is stopped with it. Stopping what does not run changes nothing. The name of a group means all its instances.',
		params: Type.Object({ runtime: Ref, graceMs: Type.Optional(Milliseconds) }),
		result: RuntimeOrInstances,
		errors: ['runtime.not_found', 'runtime.ambiguous', 'runtime.stop_incomplete', 'runtime.superseded'],
		http: { method: 'POST', path: '/runtimes/{runtime}/stop' },
	}),
	'runtime.restart': operation({
		summary: 'Stop a runtime and start it again',
		notes: 'The name of a group means all its instances.',
		params: Type.Object({ runtime: Ref, graceMs: Type.Optional(Milliseconds) }),
		result: RuntimeOrInstances,
		errors: startErrors,
		http: { method: 'POST', path: '/runtimes/{runtime}/restart' },
	}),
	'runtime.remove': operation({
		summary: 'Forget a runtime, with its output and its links',
		notes:
			'A running one is only removed, after being stopped, when `force` is set. What an earlier stop could not end is tried again; if its `escaped` has named it before, `force` then leaves it to the next daemon, which ends it. The name of a group means all its instances.',
		params: Type.Object({
			runtime: Ref,
			force: Type.Optional(Type.Boolean()),
			keepOutput: Type.Optional(
				Type.Boolean({
					description: 'Leave what it has written: `runtime.logs` tells it by its name or id until it is a week old',
				}),
			),
		}),
		result: Type.Object({
			id: Uuid,
			name: RuntimeName,
			droppedMessages: DroppedMessages,
			instances: Type.Optional(Type.Array(Type.Object({ id: Uuid, name: RuntimeName, droppedMessages: DroppedMessages }))),
		}),
		errors: ['runtime.not_found', 'runtime.ambiguous', 'runtime.running', 'runtime.stop_incomplete', 'runtime.superseded'],
		http: { method: 'DELETE', path: '/runtimes/{runtime}' },
	}),
	'runtime.scale': operation({
		summary: 'Change how many instances a group has',
		notes:
			'More get the numbers behind the highest, and are started where any of the group is wanted to run. Fewer are stopped and removed, the highest numbers first; their output stays until it is a week old.',
		params: Type.Object({ group: Ref, instances: Instances }),
		result: Type.Object({
			name: RuntimeName,
			instances: Type.Array(RuntimeInfo),
			added: Type.Array(RuntimeName),
			removed: Type.Array(
				Type.Object({
					id: Uuid,
					name: RuntimeName,
					stdoutPath: Type.String(),
					stderrPath: Type.String(),
					droppedMessages: DroppedMessages,
				}),
			),
		}),
		errors: [
			'runtime.not_found',
			'runtime.ambiguous',
			'runtime.not_group',
			'runtime.name_taken',
			'runtime.port_taken',
			'runtime.start_failed',
			'runtime.stop_incomplete',
			'runtime.superseded',
			'busy',
			'daemon.stopping',
		],
		http: { method: 'POST', path: '/groups/{group}/scale' },
	}),
	'runtime.signal': operation({
		summary: 'Send a signal to the program of a runtime',
		params: Type.Object({ runtime: Ref, signal: SignalName }),
		result: Type.Object({ pid: Type.Integer() }),
		errors: ['runtime.not_found', 'runtime.ambiguous', 'runtime.not_running', 'request.invalid'],
		http: { method: 'POST', path: '/runtimes/{runtime}/signal' },
	}),
	'runtime.stdout': stream({ summary: 'Follow what a runtime writes to its standard output: the backlog, then live', ...output }),
	'runtime.stderr': stream({ summary: 'Follow what a runtime writes to its standard error: the backlog, then live', ...output }),
	'runtime.logs': stream({
		summary: 'Show what runtimes have written, in lines by time',
		notes:
			'Order is exact within a stream, and by time across streams and runtimes. A line longer than 64 KiB comes in pieces. `fromCursor` goes on behind what was read, also with another daemon: the sum of the cursors of all items, later ones over earlier ones. A reader that is slow is told what was removed before it came to it. A name that no runtime has means what is kept of those that had it and were scaled away.',
		params: Type.Object({
			/** Names of groups as well; none is all, also those that are added while it follows. */
			runtimes: Type.Array(Ref, { maxItems: 10_000, default: [] }),
			streams: Type.Array(Stream, { minItems: 1, maxItems: 2, default: ['stdout', 'stderr'] }),
			/** Go on until the caller cancels or all that were named are removed. */
			follow: Type.Boolean({ default: false }),
			/** Of what there is only the last so many lines, of all together. */
			lines: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000_000 })),
			since: Type.Optional(Time),
			until: Type.Optional(Time),
			/** A regular expression of JavaScript that a line, or its piece, must match. */
			grep: Type.Optional(Type.String({ minLength: 1, maxLength: 4096 })),
			ignoreCase: Type.Optional(Type.Boolean()),
			/** What the process before the present one wrote. */
			previous: Type.Optional(Type.Boolean()),
			fromCursor: Type.Optional(LogCursor),
			/** Bytes instead of text. */
			raw: Type.Optional(Type.Boolean()),
		}),
		item: Type.Object({
			lines: Type.Array(LogLine),
			dropped: Type.Array(DroppedOutput),
			/** Of the streams that this item is about. */
			cursor: LogCursor,
		}),
		/** `closing`: the daemon ends; the next one goes on. */
		result: Type.Object({ ended: Type.Union([Type.Literal('end'), Type.Literal('removed'), Type.Literal('closing')]) }),
		errors: ['runtime.not_found', 'runtime.ambiguous', 'request.invalid'],
	}),
} as const;

export const binaryOperations = {
	'binary.begin': operation({
		summary: 'Begin to upload a program',
		notes: 'One that is there already, by its SHA-256, needs no chunks: `present` says so.',
		params: Type.Object({ size: Type.Integer({ minimum: 1 }), sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }) }),
		result: Type.Object({ upload: Type.String(), present: Type.Boolean() }),
		errors: ['binary.too_large', 'busy'],
	}),
	'binary.chunk': operation({
		summary: 'Send a part of a program, 256 KiB at most, in order',
		params: Type.Object({ upload: Type.String(), offset: Type.Integer({ minimum: 0 }), bytes: Bytes }),
		result: Type.Object({ received: Type.Integer() }),
		errors: ['binary.unknown_upload', 'request.invalid'],
	}),
	'binary.commit': operation({
		summary: 'Finish an upload: check it and keep it',
		params: Type.Object({ upload: Type.String() }),
		result: Type.Object({ sha256: Type.String() }),
		errors: ['binary.unknown_upload', 'binary.mismatch'],
	}),
} as const;
