/** Handlers of the runner operations: params to domain calls to answers. */
import {
	type Api,
	type Call,
	type Handlers,
	type ParamsOf,
	type RunnerInfo,
	type runnerOperations,
	suggest,
} from '@orch/protocol';
import type { LoadRequest, Projects, RunnerJob, RunnerStatus, UpReport } from '../../projects/index.ts';
import { isoTime } from './directory.ts';
import { refused, toProblem, usualWaitMs } from './project.ts';

export interface RunnerHandlersOptions {
	readonly projects: Projects;
	readonly whileOpen: (call: Call<'daemon.stopping'>) => void;
	/** The full names of a project's runtimes. */
	readonly runtimesOf: (project: string) => readonly string[];
	/** What runtimes start with where nobody says it. */
	readonly inherited: Readonly<Record<string, string>>;
}

type Mounting = Omit<ParamsOf<Api['runner.replace']>, 'runner'>;

export function runnerHandlers({
	projects,
	whileOpen,
	runtimesOf,
	inherited,
}: RunnerHandlersOptions): Handlers<typeof runnerOperations> {
	const describe = (status: RunnerStatus) => describeRunner(status, runtimesOf(status.record.name));
	const find = (runner: string, call: Call<'runner.not_found'>): RunnerStatus => {
		const all = projects.runners();
		const found = all.find(({ record }) => record.name === runner);
		if (found) return found;
		const names = all.map(({ record }) => record.name);
		return call.fail('runner.not_found', { runner, candidates: suggest(runner, names) });
	};
	const mount = async (
		name: string | undefined,
		given: Mounting,
		{ call, replaces }: { readonly call: Call<'daemon.stopping' | 'runner.not_found'>; readonly replaces: boolean },
	) => {
		whileOpen(call);
		const request: LoadRequest = {
			files: [{ path: given.config, name: given.configName ?? given.config }],
			name,
			profiles: given.profiles,
			environment: given.environment,
			inherited: given.inherited ?? inherited,
		};
		const { basePath, waitMs = usualWaitMs } = given;
		let report: UpReport;
		try {
			report = await projects.mount(request, { basePath, replaces, waitMs, signal: call.signal });
		} catch (error) {
			return refused(error, call);
		}
		return { runner: describe(find(report.name, call)), outcomes: [...report.outcomes], faults: [...report.faults] };
	};
	return {
		'runner.list': async () => projects.runners().map(describe),

		'runner.add': ({ name, ...given }, call) => mount(name, given, { call, replaces: false }),

		'runner.replace': ({ runner, ...given }, call) => mount(runner, given, { call, replaces: true }),

		async 'runner.show'({ runner }, call) {
			const status = find(runner, call);
			return { ...describe(status), jobs: status.jobs.map(toJob), problems: status.problems.map(toProblem) };
		},

		async 'runner.health'({ runner }, call) {
			const { status, reasons } = find(runner, call).health;
			return { status, reasons: [...reasons] };
		},

		async 'runner.remove'({ runner }, call) {
			try {
				const { name, removed, left } = await projects.unmount(runner, { signal: call.signal });
				return { name, removed: [...removed], left: [...left] };
			} catch (error) {
				return refused(error, call);
			}
		},
	};
}

export function describeRunner({ record, mount, health, reloadedAt }: RunnerStatus, runtimes: readonly string[]): RunnerInfo {
	return {
		name: record.name,
		basePath: mount.basePath,
		config: record.files[0]?.path ?? '',
		parent: mount.parent,
		profiles: [...record.profiles],
		runtimes: [...runtimes],
		workflows: Object.keys(record.definitions.workflows),
		health: { status: health.status, reasons: [...health.reasons] },
		appliedAt: record.appliedAt === 0 ? null : isoTime(record.appliedAt),
		reloadedAt: reloadedAt === undefined ? null : isoTime(reloadedAt),
	};
}

const toJob = ({ dueAt, lastRunAt, ...job }: RunnerJob) => ({
	...job,
	nextAt: dueAt === null ? null : isoTime(dueAt),
	lastRunAt: lastRunAt === null ? null : isoTime(lastRunAt),
});
