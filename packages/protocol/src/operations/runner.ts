/** Operations on runners: projects that are mounted at a base path. */
import { type Static, Type } from 'typebox';
import { operation } from '../operation.ts';
import { FileProblem, outcomes, Variables } from './project.ts';
import { GivenName, Milliseconds, nullable, RuntimeName, Time } from './shapes.ts';

const AbsolutePath = Type.String({ pattern: '^/', maxLength: 4096 });
const Runner = Type.String({ minLength: 1, maxLength: 64, description: 'A runner: its name, which is that of its project' });
const basePath = { minLength: 1, maxLength: 1000, description: 'Begins with /; more slashes than needed are taken away' };

export const RunnerHealth = Type.Object({
	/** `degraded`: something is not as it is declared, and may come to be. `failing`: something will not by itself. */
	status: Type.Union([Type.Literal('ok'), Type.Literal('degraded'), Type.Literal('failing')]),
	/** What is not as it is declared, and why; none where it is ok. */
	reasons: Type.Array(Type.String()),
});
export type RunnerHealth = Static<typeof RunnerHealth>;

export const RunnerInfo = Type.Object({
	name: Type.String(),
	basePath: Type.String(),
	/** The file that it is. */
	config: Type.String(),
	/** The project whose files mount it; null: it was added by a command. */
	parent: nullable(Type.String()),
	profiles: Type.Array(Type.String()),
	runtimes: Type.Array(RuntimeName),
	workflows: Type.Array(Type.String()),
	health: RunnerHealth,
	/** Null while it is made so for the first time. */
	appliedAt: nullable(Time),
	reloadedAt: nullable(Time),
});
export type RunnerInfo = Static<typeof RunnerInfo>;

/** What runs by the clock. */
export const RunnerJob = Type.Object({
	/** Of its runtime. */
	name: RuntimeName,
	cron: Type.String(),
	timeZone: nullable(Type.String()),
	/** Whether it will be due. */
	enabled: Type.Boolean(),
	nextAt: nullable(Time),
	/** Processes that its runtime has had. */
	runs: Type.Integer(),
	lastRunAt: nullable(Time),
	lastResult: nullable(
		Type.Union([Type.Literal('running'), Type.Literal('succeeded'), Type.Literal('failed'), Type.Literal('stopped')]),
	),
	lastError: nullable(Type.String()),
});

const RunnerDetails = Type.Object({
	...RunnerInfo.properties,
	jobs: Type.Array(RunnerJob),
	/** Why what its files say now does not hold; none while it does. */
	problems: Type.Array(FileProblem),
});

const mounting = {
	config: AbsolutePath,
	configName: Type.Optional(Type.String({ minLength: 1, maxLength: 4096, description: 'What problems call the file' })),
	profiles: Type.Array(GivenName, { maxItems: 100, default: [] }),
	/** Variables that the file may ask for; only those are kept. */
	environment: Variables,
	inherited: Type.Optional(
		Type.Record(Type.String({ pattern: '^[^=\\u0000]+$' }), Type.String(), {
			description: 'What every runtime’s environment starts with: PATH, HOME and the like; absent: those of orchd',
		}),
	),
	waitMs: Type.Optional(Milliseconds),
};
const Mounted = Type.Object({ runner: RunnerInfo, outcomes, faults: Type.Array(Type.String()) });

export const runnerOperations = {
	'runner.list': operation({
		summary: 'List the runners',
		params: Type.Object({}),
		result: Type.Array(RunnerInfo),
		errors: [],
		http: { method: 'GET', path: '/runners' },
	}),
	'runner.add': operation({
		summary: 'Mount a project file as a runner: make it so, and wait until it is ready',
		notes:
			'Everything is checked before anything is done. The runner’s name is that of its project: `name`, else the file’s own. It is there again after a restart of orchd. Answers when everything is ready, or will not be, or after `waitMs` (120 s).',
		params: Type.Object({
			...mounting,
			name: Type.Optional(GivenName),
			basePath: Type.String({ ...basePath, default: '/' }),
		}),
		result: Mounted,
		errors: [
			'project.invalid',
			'runner.name_taken',
			'runner.path_taken',
			'runner.not_found',
			'runner.bad_path',
			'busy',
			'daemon.stopping',
			'state.refused',
		],
		http: { method: 'POST', path: '/runners' },
	}),
	'runner.replace': operation({
		summary: 'Make another file, or another base path, of a runner that was added by a command',
		notes:
			'Everything is checked before anything is done: where the file does not hold, the runner stays as it is. What is the same in both goes on as it runs.',
		params: Type.Object({ ...mounting, runner: Runner, basePath: Type.String(basePath) }),
		result: Mounted,
		errors: [
			'project.invalid',
			'runner.not_found',
			'runner.declared',
			'runner.path_taken',
			'runner.bad_path',
			'busy',
			'daemon.stopping',
			'state.refused',
		],
		http: { method: 'POST', path: '/runners/{runner}/replace' },
	}),
	'runner.show': operation({
		summary: 'Show a runner: where it is mounted, its jobs, its health, and why its files do not hold where they do not',
		params: Type.Object({ runner: Runner }),
		result: RunnerDetails,
		errors: ['runner.not_found'],
		http: { method: 'GET', path: '/runners/{runner}' },
	}),
	'runner.health': operation({
		summary: 'Tell how a runner is, by its runtimes and its files',
		params: Type.Object({ runner: Runner }),
		result: RunnerHealth,
		errors: ['runner.not_found'],
		http: { method: 'GET', path: '/runners/{runner}/health' },
	}),
	'runner.remove': operation({
		summary: 'Stop and remove what a runner has made, and unmount it',
		notes:
			'What could not be stopped is told in `left`; then the runner stays. What a file mounts is taken out of that file instead.',
		params: Type.Object({ runner: Runner }),
		result: Type.Object({
			name: Type.String(),
			removed: Type.Array(RuntimeName),
			left: Type.Array(Type.Object({ name: RuntimeName, reason: Type.String() })),
		}),
		errors: ['runner.not_found', 'runner.declared', 'busy', 'state.refused'],
		http: { method: 'DELETE', path: '/runners/{runner}' },
	}),
} as const;
