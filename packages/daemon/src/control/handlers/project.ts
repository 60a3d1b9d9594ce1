/** Handlers of the project operations: params to domain calls to answers. */
import { type Call, type ErrorCode, type Handlers, type ProjectInfo, type projectOperations, suggest } from '@orch/protocol';
import {
	type Diff,
	type FieldChange,
	type LoadRequest,
	type Plan,
	type Problem,
	type Progress,
	ProjectError,
	type Projects,
	type ProjectStatus,
	type UpReport,
} from '../../projects/index.ts';
import { isoTime } from './directory.ts';

export interface ProjectHandlersOptions {
	readonly projects: Projects;
	readonly whileOpen: (call: Call<'daemon.stopping'>) => void;
	/** The full names of a project's runtimes. */
	readonly runtimesOf: (project: string) => readonly string[];
}

/** What an `up` waits for at most, where nothing is said. */
export const usualWaitMs = 120_000;
/** Steps that a slow reader has not taken yet; the oldest go first. */
const mostSteps = 10_000;

export function projectHandlers({ projects, whileOpen, runtimesOf }: ProjectHandlersOptions): Handlers<typeof projectOperations> {
	const describe = ({ record, problems, reloadedAt, reloads }: ProjectStatus): ProjectInfo => ({
		name: record.name,
		files: record.files.map(({ path }) => path),
		given: record.files.filter(({ text }) => text !== undefined).map(({ path }) => path),
		profiles: [...record.profiles],
		runtimes: [...runtimesOf(record.name)],
		links: record.links.length,
		workflows: Object.keys(record.definitions.workflows),
		types: Object.keys(record.definitions.types),
		runners: Object.keys(record.definitions.runners),
		mount: record.mount === undefined ? null : { ...record.mount },
		appliedAt: record.appliedAt === 0 ? null : isoTime(record.appliedAt),
		reloadedAt: reloadedAt === undefined ? null : isoTime(reloadedAt),
		reloads,
		problems: problems.map(toProblem),
	});
	const known = (project: string, call: Call<'project.not_found'>): void => {
		// what an earlier command has left is taken away, whether the project is loaded or not
		if (projects.find(project) || runtimesOf(project).length > 0) return;
		const names = projects.list().map(({ record }) => record.name);
		call.fail('project.not_found', { project, candidates: suggest(project, names) });
	};
	return {
		async *'project.up'(params, call) {
			whileOpen(call);
			const report = yield* told(call, (onProgress) =>
				projects.up(requestOf(params), { ...params, waitMs: params.waitMs ?? usualWaitMs, signal: call.signal, onProgress }),
			);
			return toReport(report);
		},

		async *'project.down'({ project, only }, call) {
			known(project, call);
			const { name, removed, left } = yield* told(call, (onProgress) =>
				projects.down(project, { only, signal: call.signal, onProgress }),
			);
			return { name, removed: [...removed], left: [...left] };
		},

		async *'project.reload'({ project, waitMs }, call) {
			whileOpen(call);
			const report = yield* told(call, (onProgress) =>
				projects.reload(project, { waitMs: waitMs ?? usualWaitMs, signal: call.signal, onProgress }),
			);
			return toReport(report);
		},

		async 'project.diff'(params, call) {
			try {
				return toDiff(await projects.diff(requestOf(params), params));
			} catch (error) {
				return refused(error, call);
			}
		},

		async 'project.validate'(params) {
			const { project, problems } = await projects.check(requestOf(params));
			return {
				project: project
					? {
							name: project.name,
							runtimes: [...project.runtimes.keys()],
							links: project.links.size,
							workflows: Object.keys(project.definitions.workflows),
						}
					: null,
				problems: problems.map(toProblem),
			};
		},

		'project.list': async () => projects.list().map(describe),

		async 'project.show'({ project }, call) {
			const status = projects.find(project);
			if (status) return describe(status);
			const names = projects.list().map(({ record }) => record.name);
			return call.fail('project.not_found', { project, candidates: suggest(project, names) });
		},
	};
}

/** Items as they come while the work is done; its result at the end, a refusal as the declared error. */
async function* told<Result, Code extends ErrorCode>(
	call: Call<Code>,
	work: (onProgress: (progress: Progress) => void) => Promise<Result>,
): AsyncGenerator<Progress, Result, undefined> {
	const steps: Progress[] = [];
	let wake: () => void = () => {};
	let outcome: { readonly result: Result } | { readonly error: unknown } | undefined;
	const finished = work((progress) => {
		steps.push(progress);
		if (steps.length > mostSteps) steps.shift();
		wake();
	}).then(
		(result) => {
			outcome = { result };
			wake();
		},
		(error: unknown) => {
			outcome = { error };
			wake();
		},
	);
	for (;;) {
		for (let step = steps.shift(); step !== undefined; step = steps.shift()) yield step;
		if (outcome) break;
		await new Promise<void>((resolve) => {
			wake = resolve;
			if (outcome || steps.length > 0) resolve();
		});
	}
	await finished;
	if ('result' in outcome) return outcome.result;
	return refused(outcome.error, call);
}

/** The declared error of a refusal; anything else is not ours. */
export function refused<Code extends ErrorCode>(error: unknown, call: Call<Code>): never {
	if (!(error instanceof ProjectError)) throw error;
	const fail = (
		call as unknown as Call<
			| 'project.invalid'
			| 'project.elsewhere'
			| 'project.renamed'
			| 'project.not_found'
			| 'runtime.not_found'
			| 'busy'
			| 'runner.name_taken'
			| 'runner.path_taken'
			| 'runner.bad_path'
			| 'runner.declared'
			| 'runner.not_found'
		>
	).fail;
	const { refusal } = error;
	switch (refusal.kind) {
		case 'invalid':
			return fail('project.invalid', { problems: refusal.problems.map(toProblem) });
		case 'elsewhere':
			return fail('project.elsewhere', { name: refusal.name, file: refusal.file });
		case 'renamed':
			return fail('project.renamed', { name: refusal.name, loaded: refusal.loaded, file: refusal.file });
		case 'not_loaded':
			return fail('project.not_found', { project: refusal.name, candidates: suggest(refusal.name, refusal.known) });
		case 'unknown_runtime':
			return fail('runtime.not_found', { ref: refusal.name, candidates: suggest(refusal.name, refusal.known) });
		case 'busy':
			return fail('busy', { what: 'commands on one project', limit: refusal.limit });
		case 'name_taken':
			return fail('runner.name_taken', { name: refusal.name, file: refusal.file });
		case 'path_taken':
			return fail('runner.path_taken', { runner: refusal.name, basePath: refusal.basePath, other: refusal.other });
		case 'bad_path':
			return fail('runner.bad_path', { basePath: refusal.basePath, reason: refusal.reason });
		case 'declared':
			return fail('runner.declared', { runner: refusal.name, parent: refusal.parent, file: refusal.file });
		case 'not_mounted':
			return fail('runner.not_found', { runner: refusal.name, candidates: suggest(refusal.name, refusal.known) });
	}
}

const requestOf = ({
	files,
	name,
	profiles,
	environment,
	inherited,
}: {
	readonly files: LoadRequest['files'];
	readonly name?: string | undefined;
	readonly profiles: readonly string[];
	readonly environment: Readonly<Record<string, string>>;
	readonly inherited: Readonly<Record<string, string>>;
}): LoadRequest => ({ files, name, profiles, environment, inherited });

type WireProblem = ProjectInfo['problems'][number];

/** Without keys that have no value: on the wire they would be nulls. */
export function toProblem({ kind, number, message, at, frame, facts, hint }: Problem): WireProblem {
	return {
		kind,
		number,
		message,
		...(at === undefined ? {} : { at: { ...at } }),
		...(frame === undefined ? {} : { frame: { ...frame, lines: [...frame.lines] } }),
		facts: [...facts],
		...(hint === undefined ? {} : { hint }),
	};
}

const toReport = ({ outcomes, faults, ...diff }: UpReport) => ({ ...toDiff(diff), outcomes: [...outcomes], faults: [...faults] });

const toDiff = ({ name, plan, orphans }: Diff) => ({ name, plan: toPlan(plan), orphans: [...orphans] });

function toPlan({ runtimes, links, definitions }: Plan) {
	const key = ({ from, type, to }: { readonly from: string; readonly type: string; readonly to: string }) => ({ from, type, to });
	return {
		runtimes: {
			added: runtimes.added.map(({ name }) => name),
			removed: runtimes.removed.map(({ name }) => name),
			changed: runtimes.changed.map(({ after, fields, restart }) => ({
				name: after.name,
				fields: fields.map(toField),
				restart: [...restart],
			})),
		},
		links: {
			added: links.added.map(key),
			removed: links.removed.map(key),
			changed: links.changed.map(({ after, fields }) => ({ ...key(after), fields: fields.map(toField) })),
		},
		definitions: definitions.map(({ section, name, change }) => ({ section, name, change })),
	};
}

const toField = ({ field, before, after }: FieldChange) => ({
	field,
	...(before === undefined ? {} : { before }),
	...(after === undefined ? {} : { after }),
});
