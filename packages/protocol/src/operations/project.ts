/** Operations on projects: files that say what runs together. */
import { type Static, Type } from 'typebox';
import { operation, stream } from '../operation.ts';
import { GivenName, Milliseconds, nullable, RuntimeName, Time } from './shapes.ts';

const AbsolutePath = Type.String({ pattern: '^/', maxLength: 4096 });
export const Variables = Type.Record(Type.String({ pattern: '^[^=\\u0000]+$' }), Type.String(), { default: {} });
/** What one project file may have: bytes; of a text no more characters. */
const maxProjectFileBytes = 1024 * 1024;
/** Names as they are typed within a project, or in full. */
const Names = Type.Array(Type.String({ minLength: 1, maxLength: 140 }), { minItems: 1, maxItems: 10_000 });

export const FileProblem = Type.Object({
	kind: Type.String(),
	/** The number under which `orch explain` knows it. */
	number: Type.String(),
	message: Type.String(),
	at: Type.Optional(Type.Object({ file: Type.String(), line: Type.Integer(), column: Type.Integer() })),
	/** The lines around it; the mark stands under the last. */
	frame: Type.Optional(
		Type.Object({
			first: Type.Integer(),
			lines: Type.Array(Type.String()),
			column: Type.Integer(),
			width: Type.Integer(),
			note: Type.String(),
		}),
	),
	facts: Type.Array(Type.String()),
	hint: Type.Optional(Type.String()),
});

/** How a project's files are to be read. */
const reading = {
	/** The directory of the first is the project's; later ones are laid over earlier ones. `name` is what problems call it. */
	files: Type.Array(
		Type.Object({
			path: AbsolutePath,
			name: Type.String({ minLength: 1, maxLength: 4096 }),
			text: Type.Optional(
				Type.String({
					maxLength: maxProjectFileBytes,
					description: 'What it holds, where it is no file: kept, and not followed; its path says where it stands',
				}),
			),
		}),
		{ minItems: 1, maxItems: 100 },
	),
	/** Instead of the name that the files say. */
	name: Type.Optional(GivenName),
	profiles: Type.Array(GivenName, { maxItems: 100, default: [] }),
	/** Variables that the files may ask for; only those are kept. */
	environment: Variables,
	/** What every runtime's environment starts with: PATH, HOME and the like. */
	inherited: Variables,
};

const selection = {
	/** Only these, and what they need. */
	only: Type.Optional(Names),
	noDeps: Type.Optional(Type.Boolean({ description: 'Not what the named ones need' })),
	/** Takes away what the files declare no longer. Absent: where they are the same files as the last time. */
	removeOrphans: Type.Optional(Type.Boolean()),
	forceRecreate: Type.Optional(Type.Boolean({ description: 'A new process for each, changed or not' })),
};

const FieldChange = Type.Object({
	field: Type.String({ description: 'As in env.PORT, restart.when, args' }),
	/** Absent: was not there. */
	before: Type.Optional(Type.Unknown()),
	/** Absent: goes. */
	after: Type.Optional(Type.Unknown()),
});
const LinkKey = { from: Type.String(), type: Type.String(), to: Type.String() };

export const ProjectPlan = Type.Object({
	runtimes: Type.Object({
		added: Type.Array(RuntimeName),
		removed: Type.Array(RuntimeName),
		changed: Type.Array(
			Type.Object({
				name: RuntimeName,
				fields: Type.Array(FieldChange),
				/** The fields that only a new process can have; none: it goes on as it runs. */
				restart: Type.Array(Type.String()),
			}),
		),
	}),
	links: Type.Object({
		added: Type.Array(Type.Object(LinkKey)),
		removed: Type.Array(Type.Object(LinkKey)),
		changed: Type.Array(Type.Object({ ...LinkKey, fields: Type.Array(FieldChange) })),
	}),
	/** Types, workflows, runners, services, gateway. */
	definitions: Type.Array(
		Type.Object({
			section: Type.String(),
			name: Type.String(),
			change: Type.Union([Type.Literal('added'), Type.Literal('removed'), Type.Literal('changed')]),
		}),
	),
});
export type ProjectPlan = Static<typeof ProjectPlan>;

const diff = {
	name: Type.String(),
	plan: ProjectPlan,
	/** What the project has and the files declare no longer, left as it is. */
	orphans: Type.Array(RuntimeName),
};

const OutcomeKind = Type.Union([
	Type.Literal('ready'),
	/** It runs, and nothing says whether it is ready. */
	Type.Literal('running'),
	/** It has done its work and ended well. */
	Type.Literal('succeeded'),
	Type.Literal('failed'),
	/** Not yet, when the time was over. */
	Type.Literal('pending'),
	/** It waits for its hour. */
	Type.Literal('scheduled'),
]);

export const ProjectProgress = Type.Object({
	name: RuntimeName,
	kind: Type.Union([
		Type.Literal('stopping'),
		Type.Literal('stopped'),
		Type.Literal('removed'),
		Type.Literal('changed'),
		Type.Literal('added'),
		Type.Literal('starting'),
		/** It is started, and not yet where it goes; `reason` is what is waited for. */
		Type.Literal('waiting'),
		OutcomeKind,
	]),
	reason: nullable(Type.String()),
	/** Since the beginning. */
	ms: Type.Integer(),
	/** The runner that it belongs to, where it is not the project’s own. */
	runner: Type.Optional(Type.String()),
});
export type ProjectProgress = Static<typeof ProjectProgress>;

export const outcomes = Type.Array(
	Type.Object({ name: RuntimeName, kind: OutcomeKind, reason: nullable(Type.String()), ms: Type.Integer() }),
);

const UpReport = Type.Object({
	...diff,
	outcomes,
	/** What could not be done besides: links, mostly. */
	faults: Type.Array(Type.String()),
});

export const ProjectInfo = Type.Object({
	name: Type.String(),
	files: Type.Array(Type.String()),
	/** Those of `files` that are none: their texts were given with `up`, are kept, and are followed by nobody. */
	given: Type.Array(Type.String()),
	profiles: Type.Array(Type.String()),
	runtimes: Type.Array(RuntimeName),
	links: Type.Integer(),
	workflows: Type.Array(Type.String()),
	types: Type.Array(Type.String()),
	runners: Type.Array(Type.String()),
	/** Of a runner: where it is mounted, and by which project’s files (null: by a command); of other projects null. */
	mount: nullable(Type.Object({ basePath: Type.String(), parent: nullable(Type.String()) })),
	appliedAt: nullable(Time),
	reloadedAt: nullable(Time),
	/** Since this daemon runs. */
	reloads: Type.Integer(),
	/** Why what its files say now does not hold; none while it does. */
	problems: Type.Array(FileProblem),
});
export type ProjectInfo = Static<typeof ProjectInfo>;

const waiting = { waitMs: Type.Optional(Milliseconds) };

export const projectOperations = {
	'project.up': stream({
		summary: 'Make it so: apply a project’s files, start what they declare, wait until it is ready',
		notes:
			'Runners that the files mount come with it. Tells what happens as it happens; ends when everything is ready, or will not be, or after `waitMs` (120 s). Only what differs is touched, only what needs a new process is restarted. From then on the files are followed.',
		params: Type.Object({
			...reading,
			...selection,
			startNothing: Type.Optional(Type.Boolean({ description: 'Register and change, start nothing' })),
			...waiting,
		}),
		item: ProjectProgress,
		result: UpReport,
		errors: [
			'project.invalid',
			'project.elsewhere',
			'project.renamed',
			'runtime.not_found',
			'runner.path_taken',
			'busy',
			'daemon.stopping',
			'state.refused',
		],
	}),
	'project.down': stream({
		summary: 'Stop and remove what a project and its runners have made, and nothing else',
		notes: 'What needs others goes before them. What could not be stopped is told in `left`, and stays.',
		params: Type.Object({ project: Type.String({ minLength: 1, maxLength: 64 }), only: Type.Optional(Names) }),
		item: ProjectProgress,
		result: Type.Object({
			name: Type.String(),
			removed: Type.Array(RuntimeName),
			left: Type.Array(Type.Object({ name: RuntimeName, reason: Type.String() })),
		}),
		errors: ['project.not_found', 'runtime.not_found', 'runner.declared', 'busy', 'state.refused'],
	}),
	'project.reload': stream({
		summary: 'Read a project’s files again and apply what has changed, as saving them does',
		params: Type.Object({ project: Type.String({ minLength: 1, maxLength: 64 }), ...waiting }),
		item: ProjectProgress,
		result: UpReport,
		errors: ['project.not_found', 'project.invalid', 'runner.path_taken', 'busy', 'daemon.stopping', 'state.refused'],
	}),
	'project.diff': operation({
		summary: 'Tell what up would change, field by field',
		params: Type.Object({ ...reading, ...selection }),
		result: Type.Object(diff),
		errors: ['project.invalid', 'project.elsewhere', 'project.renamed', 'runtime.not_found', 'runner.path_taken'],
	}),
	'project.validate': operation({
		summary: 'Check a project’s files: every problem at once',
		params: Type.Object(reading),
		result: Type.Object({
			/** Null where the files have problems. */
			project: nullable(
				Type.Object({
					name: Type.String(),
					runtimes: Type.Array(RuntimeName),
					links: Type.Integer(),
					workflows: Type.Array(Type.String()),
				}),
			),
			problems: Type.Array(FileProblem),
		}),
		errors: [],
	}),
	'project.list': operation({
		summary: 'List the loaded projects',
		params: Type.Object({}),
		result: Type.Array(ProjectInfo),
		errors: [],
		http: { method: 'GET', path: '/projects' },
	}),
	'project.show': operation({
		summary: 'Show a project: its files, what it declares, and why its files do not hold where they do not',
		params: Type.Object({ project: Type.String({ minLength: 1, maxLength: 64 }) }),
		result: ProjectInfo,
		errors: ['project.not_found'],
		http: { method: 'GET', path: '/projects/{project}' },
	}),
} as const;
