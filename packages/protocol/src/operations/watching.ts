/** Operations that tell what goes on: what has happened, and how the runtimes are from second to second. */
import { type Static, Type } from 'typebox';
import { stream } from '../operation.ts';
import { LastExit, LinkCounters, nullable, Ref, RuntimeInfo, RuntimeName, RuntimeStatus, Time, Uuid } from './shapes.ts';

export const eventKinds = [
	'added',
	'removed',
	'changed',
	'adopted',
	'ready',
	'unready',
	'escaped',
	'link_added',
	'link_removed',
	'notice',
] as const;

const Kind = Type.Union([
	Type.Literal('added'),
	Type.Literal('removed'),
	Type.Literal('changed'),
	Type.Literal('adopted'),
	Type.Literal('ready'),
	Type.Literal('unready'),
	Type.Literal('escaped'),
	Type.Literal('link_added'),
	Type.Literal('link_removed'),
	Type.Literal('notice'),
]);

export const DaemonEvent = Type.Object({
	/** Grows by one from event to event: what to go on from. */
	seq: Type.Integer(),
	at: Time,
	kind: Kind,
	/** Null where it is about no runtime. */
	runtime: nullable(Type.Object({ id: Uuid, name: RuntimeName })),
	/** Of a change: the statuses before and after. */
	from: nullable(RuntimeStatus),
	to: nullable(RuntimeStatus),
	/** Why, and of other kinds: what. */
	reason: nullable(Type.String()),
	pid: nullable(Type.Integer()),
	/** Where a process has ended: how, and how long it had lived. */
	exit: nullable(LastExit),
	uptimeMs: nullable(Type.Number()),
	/** Of a failure: the last lines that the process wrote to its standard error, 30 at most. */
	stderrTail: Type.Array(Type.String()),
	generation: nullable(Type.Integer()),
	/** Of a link that was removed: what it had counted in the end; absent where the router did not tell it. */
	counters: Type.Optional(LinkCounters),
});
export type DaemonEvent = Static<typeof DaemonEvent>;

/** Only what changes every second. */
export const RuntimeFigures = Type.Object({
	id: Uuid,
	cpuPercent: nullable(Type.Number()),
	memoryBytes: Type.Number(),
	processes: Type.Integer(),
});
export type RuntimeFigures = Static<typeof RuntimeFigures>;

export const watchOperations = {
	'daemon.events': stream({
		summary: 'Tell what happens: changes of runtimes and links, with reasons and last words',
		notes:
			'With `since` from behind that event on, with `sinceMs` from so long ago on; without either from now on. Events that are asked for and no longer kept, or that the reader was too slow for, are told as {"missed": n}. Without `follow` it ends with the last event that there is.',
		params: Type.Object({
			since: Type.Optional(Type.Integer({ minimum: 0 })),
			sinceMs: Type.Optional(Type.Integer({ minimum: 0 })),
			follow: Type.Boolean({ default: true }),
			/** Only of these. */
			runtimes: Type.Optional(Type.Array(Ref, { maxItems: 1000 })),
			kinds: Type.Optional(Type.Array(Kind, { maxItems: 100 })),
		}),
		item: Type.Union([DaemonEvent, Type.Object({ missed: Type.Integer({ minimum: 1 }) })]),
		/** Up to which event it told all. */
		result: Type.Object({ seq: Type.Integer() }),
		errors: ['runtime.not_found', 'runtime.ambiguous'],
	}),
	'runtime.watch': stream({
		summary: 'Show all runtimes now, then every change, and what they use once a second',
		notes:
			'A reader that is slow gets fewer items, never older ones: what has changed meanwhile is told at once, as it is by then.',
		params: Type.Object({}),
		item: Type.Object({
			at: Time,
			/** The first item has all runtimes; later ones those that have changed. */
			runtimes: Type.Array(RuntimeInfo),
			removed: Type.Array(Uuid),
			/** Of the others, where they were looked at anew. */
			figures: Type.Array(RuntimeFigures),
		}),
		result: Type.Object({}),
		errors: [],
	}),
} as const;
