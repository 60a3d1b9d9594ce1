/** Operations on runtimes. */
import { Type } from 'typebox';
import { operation, stream } from '../operation.ts';
import {
	Bytes,
	Milliseconds,
	nullable,
	Priority,
	Ref,
	RestartPolicy,
	RuntimeInfo,
	RuntimeName,
	runtimeOptions,
	RuntimeStatus,
	SignalName,
	StopPolicy,
	Uuid,
} from './shapes.ts';

const one = Type.Object({ runtime: Ref });

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
	item: Type.Object({ bytes: Bytes }),
	result: Type.Object({ ended: Type.Union([Type.Literal('end'), Type.Literal('removed')]) }),
	errors: ['runtime.not_found', 'runtime.ambiguous'],
} as const;

export const runtimeOperations = {
	'runtime.add': operation({
		summary: 'Register a program under supervision',
		notes:
			'Program and working directory are absolute, by the caller’s directory and PATH. The environment is all that the program gets besides ORCH_*. With `binary` the program is an uploaded one and `program` only names it.',
		params: Type.Object({
			program: Type.String({ minLength: 1, maxLength: 4096 }),
			args: Type.Array(Type.String({ maxLength: 131_071 }), { maxItems: 10_000, default: [] }),
			cwd: Type.String({ pattern: '^/', maxLength: 4096 }),
			env: Type.Record(Type.String({ pattern: '^[^=\\u0000]+$' }), Type.String(), { default: {} }),
			name: Type.Optional(RuntimeName),
			id: Type.Optional(Uuid),
			priority: Type.Optional(Priority),
			privileged: Type.Optional(Type.Boolean()),
			restart: Type.Optional(Type.Partial(RestartPolicy)),
			stop: Type.Optional(Type.Partial(StopPolicy)),
			...runtimeOptions,
			/** SHA-256, in hex, of a binary that was uploaded before. */
			binary: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
			/** Start it as well. */
			start: Type.Optional(Type.Boolean()),
		}),
		result: RuntimeInfo,
		errors: [
			'runtime.name_taken',
			'runtime.id_taken',
			'program.not_found',
			'program.not_executable',
			'program.is_directory',
			'program.wrong_format',
			'program.missing_interpreter',
			'program.wrong_machine',
			'program.cwd_missing',
			'binary.unknown_upload',
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
		params: Type.Object({ status: Type.Optional(RuntimeStatus) }),
		result: Type.Array(RuntimeInfo),
		errors: [],
		http: { method: 'GET', path: '/runtimes' },
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
			connected: nullable(Type.String({ description: 'The codec it is connected with' })),
		}),
		errors: ['runtime.not_found', 'runtime.ambiguous'],
		http: { method: 'GET', path: '/runtimes/{runtime}' },
	}),
	'runtime.start': operation({
		summary: 'Start a runtime; answers once its program runs',
		notes: 'Starting what runs already changes nothing. A priority given here holds from this start on.',
		params: Type.Object({ runtime: Ref, priority: Type.Optional(Priority) }),
		result: RuntimeInfo,
		errors: ['runtime.not_found', 'runtime.ambiguous', 'runtime.start_failed', 'runtime.superseded', 'daemon.stopping'],
		http: { method: 'POST', path: '/runtimes/{runtime}/start' },
	}),
	'runtime.stop': operation({
		summary: 'Stop a runtime; answers once nothing of it is left',
		notes: 'Signal, grace, SIGKILL; whatever it forked is stopped with it. Stopping what does not run changes nothing.',
		params: Type.Object({ runtime: Ref, graceMs: Type.Optional(Milliseconds) }),
		result: RuntimeInfo,
		errors: ['runtime.not_found', 'runtime.ambiguous', 'runtime.stop_incomplete', 'runtime.superseded'],
		http: { method: 'POST', path: '/runtimes/{runtime}/stop' },
	}),
	'runtime.restart': operation({
		summary: 'Stop a runtime and start it again',
		params: Type.Object({ runtime: Ref, graceMs: Type.Optional(Milliseconds) }),
		result: RuntimeInfo,
		errors: ['runtime.not_found', 'runtime.ambiguous', 'runtime.start_failed', 'runtime.superseded', 'daemon.stopping'],
		http: { method: 'POST', path: '/runtimes/{runtime}/restart' },
	}),
	'runtime.remove': operation({
		summary: 'Forget a runtime, with its output and its links',
		notes: 'A running one is only removed, after being stopped, when `force` is set.',
		params: Type.Object({ runtime: Ref, force: Type.Optional(Type.Boolean()) }),
		result: Type.Object({ id: Uuid, name: RuntimeName }),
		errors: ['runtime.not_found', 'runtime.ambiguous', 'runtime.running', 'runtime.stop_incomplete'],
		http: { method: 'DELETE', path: '/runtimes/{runtime}' },
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
