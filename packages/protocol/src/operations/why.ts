/** Operations that tell why a runtime is as it is, and that wait for it to become something. */
import { type Static, Type } from 'typebox';
import { operation } from '../operation.ts';
import { LastExit, Need, nullable, Ref, RuntimeInfo, RuntimeName, RuntimeStatus, Time, Uuid } from './shapes.ts';

/** How a probe stands. */
export const ProbeReport = Type.Object({
	role: Type.Union([Type.Literal('startup'), Type.Literal('ready'), Type.Literal('live')]),
	/** What it does: "http http://localhost:3000/health". */
	check: Type.String(),
	/** Null: not decided yet. */
	good: nullable(Type.Boolean()),
	/** It is not asked before the startup probe has succeeded. */
	isGated: Type.Boolean(),
	/** What the last look saw: "status 503". */
	answer: nullable(Type.String()),
	/** Failures in a row, and how many make it fail. */
	fails: Type.Integer(),
	failures: Type.Integer(),
});
export type ProbeReport = Static<typeof ProbeReport>;

/** One of the chain of reasons. */
export const WhyRuntime = Type.Object({
	/** 0 for the one that was asked for; what it waits for follows it, one deeper. */
	depth: Type.Integer(),
	/** By which the one before waits for it. */
	need: nullable(Need),
	/** Null where there is no such runtime. */
	id: nullable(Uuid),
	name: RuntimeName,
	status: nullable(RuntimeStatus),
	desired: nullable(Type.Union([Type.Literal('running'), Type.Literal('stopped')])),
	ready: nullable(Type.Boolean()),
	/** Why it is failed, or waits, or is being stopped. */
	reason: nullable(Type.String()),
	pid: nullable(Type.Integer()),
	uptimeMs: nullable(Type.Number()),
	restarts: Type.Integer(),
	/** How each of its needs stands that is not met. */
	waitsFor: Type.Array(Type.Object({ need: Need, how: Type.String({ description: '"db is stopped"' }) })),
	/** With its reason, where one is known: a probe that failed, a limit, the kernel. */
	lastExit: nullable(LastExit),
	/** Failures counted towards giving up, and the next try. */
	backoff: RuntimeInfo.properties.backoff,
	probes: Type.Array(ProbeReport),
	/** When its schedule is due next. */
	scheduledAt: nullable(Time),
	/** What its last process wrote to its standard error: 10 lines at most. */
	stderr: Type.Array(Type.String()),
	escaped: RuntimeInfo.properties.escaped,
	warnings: Type.Array(Type.String()),
	/** What to type about it. */
	next: Type.Array(Type.String()),
});
export type WhyRuntime = Static<typeof WhyRuntime>;

export const whyOperations = {
	'runtime.why': operation({
		summary: 'Tell why a runtime is as it is: what it waits for, what ended it, what its probes see, what to do',
		notes: 'The one that was asked for comes first, behind each what it waits for. The name of a group means all its instances.',
		params: Type.Object({ runtime: Ref }),
		result: Type.Object({ runtimes: Type.Array(WhyRuntime) }),
		errors: ['runtime.not_found', 'runtime.ambiguous'],
		http: { method: 'GET', path: '/runtimes/{runtime}/why' },
	}),
	'runtime.wait': operation({
		summary: 'Wait until a runtime is running, ready, stopped, or has succeeded',
		notes:
			'Answers at once where it is so already, and fails where it will not be so unless somebody does something: one that has failed for good will not be ready. The name of a group means all its instances.',
		params: Type.Object({
			runtime: Ref,
			for: Type.Union([Type.Literal('running'), Type.Literal('ready'), Type.Literal('stopped'), Type.Literal('succeeded')]),
		}),
		result: Type.Object({ runtimes: Type.Array(RuntimeInfo) }),
		errors: ['runtime.not_found', 'runtime.ambiguous', 'runtime.not_reached'],
		http: { method: 'GET', path: '/runtimes/{runtime}/wait' },
	}),
} as const;
