/** What is brought up at one time: a project, and the runners that its files mount. */
import type { Applied } from './apply.ts';
import type { Project, RuntimeDeclaration } from './declaration.ts';
import type { Loaded, LoadedTree, LoadRequest, RunnerDeclaration } from './load/index.ts';
import type { Plan } from './plan.ts';
import type { Mount, ProjectRecord } from './ports.ts';
import { type Problem, problem } from './problem.ts';
import { asRunner, recordOf } from './record.ts';

export interface Member {
	readonly project: Project;
	readonly record: ProjectRecord;
	readonly loaded: Loaded;
}

export interface Members {
	readonly own: Member;
	readonly runners: readonly Member[];
	/** What the files mount, also what was not looked at this time. */
	readonly declared: readonly RunnerDeclaration[];
}

/** Undefined where some file does not hold. */
export function membersOf(
	request: LoadRequest,
	tree: LoadedTree,
	{ known, mount }: { readonly known: (name: string) => ProjectRecord | undefined; readonly mount: Mount | undefined },
): Members | undefined {
	const { project, own } = tree;
	if (!project) return undefined;
	const runners = tree.runners.flatMap(({ declaration, request: asked, loaded }) => {
		if (!loaded.project) return [];
		const { name, basePath } = declaration;
		const ofRunner = { loaded, mount: { basePath, parent: project.name } };
		return [{ project: loaded.project, loaded, record: recordOf(asked, loaded.project, known(name), ofRunner) }];
	});
	// what its runners ask for it keeps as well, for those that come when the file is saved
	const variables = runners.flatMap((runner) => runner.project.variables);
	const before = known(project.name);
	const kept = before ? Object.keys(before.environment) : [];
	const record = recordOf(request, project, before, {
		loaded: own,
		mount,
		variables: own.runners.length > 0 ? [...variables, ...kept] : variables,
	});
	return { own: { project, record, loaded: own }, runners, declared: own.runners };
}

/** What is loaded, as far as it matters to what comes. */
export interface Standing {
	readonly record: ProjectRecord;
	/** Where it is about to be mounted. */
	readonly mount: Mount | undefined;
}

export type Clash =
	| { readonly kind: 'name'; readonly name: string; readonly file: string }
	| { readonly kind: 'path'; readonly name: string; readonly basePath: string; readonly other: string };

/** What of these cannot be, for what else is loaded; `gone` are those that go at the same time. */
export function clashesOf({ own, runners }: Members, gone: readonly string[], loaded: Iterable<Standing>): Clash[] {
	const members = [own, ...runners];
	const together = new Set([...members.map(({ record }) => record.name), ...gone]);
	const byName = new Map([...loaded].map((standing) => [standing.record.name, standing]));
	const byPath = new Map<string, string>();
	for (const { record, mount } of byName.values()) {
		if (together.has(record.name)) continue;
		for (const each of [record.mount, mount]) if (each) byPath.set(each.basePath, record.name);
	}
	const clashes: Clash[] = [];
	for (const { record } of runners) {
		const standing = byName.get(record.name);
		const parent = (standing?.mount ?? standing?.record.mount)?.parent;
		if (standing && parent !== own.record.name)
			clashes.push({ kind: 'name', name: record.name, file: standing.record.files[0]?.path ?? '' });
	}
	for (const { record } of members) {
		if (!record.mount) continue;
		const { basePath } = record.mount;
		const other = byPath.get(basePath);
		if (other !== undefined) clashes.push({ kind: 'path', name: record.name, basePath, other });
	}
	return clashes;
}

/** In the places in which the file says so. */
export function clashProblems(clashes: readonly Clash[], declared: readonly RunnerDeclaration[]): Problem[] {
	return clashes.map((clash) => {
		const declaration = declared.find(({ name }) => name === clash.name);
		if (clash.kind === 'name') {
			return problem('duplicate', `a project '${clash.name}' is loaded already, from ${clash.file}`, {
				at: declaration?.nameAt,
				hint: 'a runner is a project: give it another name, or take that one away with orch down',
			});
		}
		return problem('duplicate', `the base path ${clash.basePath} is taken by the runner '${clash.other}'`, {
			at: declaration?.pathAt,
			hint: 'orch runner list',
		});
	});
}

/** Of several plans one: what is of a runner is named with it. */
export function joined(
	own: { readonly plan: Plan; readonly orphans: readonly string[] },
	runners: readonly { readonly name: string; readonly plan: Plan; readonly orphans: readonly string[] }[],
	gone: readonly RuntimeDeclaration[],
): { readonly plan: Plan; readonly orphans: readonly string[] } {
	const plans = [own.plan, ...runners.map(({ plan }) => plan)];
	return {
		plan: {
			runtimes: {
				added: plans.flatMap(({ runtimes }) => runtimes.added),
				removed: [...plans.flatMap(({ runtimes }) => runtimes.removed), ...gone],
				changed: plans.flatMap(({ runtimes }) => runtimes.changed),
			},
			links: {
				added: plans.flatMap(({ links }) => links.added),
				removed: plans.flatMap(({ links }) => links.removed),
				changed: plans.flatMap(({ links }) => links.changed),
			},
			definitions: [
				...own.plan.definitions,
				...runners.flatMap(({ name, plan }) => plan.definitions.map((each) => ({ ...each, name: `${name}/${each.name}` }))),
			],
		},
		orphans: [...own.orphans, ...runners.flatMap(({ orphans }) => orphans)],
	};
}

export const joinedOutcomes = (applied: readonly Applied[]): Applied => ({
	outcomes: applied.flatMap(({ outcomes }) => outcomes),
	faults: applied.flatMap(({ faults }) => faults),
});

/** What else is asked of the files of a project that is loaded already, or that is to be mounted. */
export const asKnown = (request: LoadRequest, known: ProjectRecord | undefined, mount: Mount | undefined): LoadRequest => ({
	...request,
	...asRunner(mount ?? known?.mount, request.profiles),
	// a project's programs keep the PATH that they were first given, wherever it is brought up again from
	...(known ? { inherited: known.inherited } : {}),
});
