/**
 * Projects: a file that says what runs together is read, checked, made so and kept so.
 *
 * Guarantees: a file is taken whole or not at all, with every problem in its place; what is made is told field by field
 * beforehand; only what differs is touched; what a project did not start it never takes away; a step that was interrupted is
 * taken up by the next. What reads the files has a door of its own, `load`. Deliberately not here: how programs run and messages
 * travel (both are ports), what workflows do, any words for people (problems are data).
 */
export type { Applied, Outcome, OutcomeKind, Progress } from './apply.ts';
export {
	anySender,
	type Definitions,
	type LinkDeclaration,
	linkKey,
	localName,
	type NeedDeclaration,
	type Policies,
	type ProbeDeclaration,
	type Project,
	type ProjectState,
	type RuntimeDeclaration,
} from './declaration.ts';
export type { LoadRequest } from './load/index.ts';
export { type DefinitionChange, type FieldChange, isEmptyPlan, type LinkChange, type Plan, type RuntimeChange } from './plan.ts';
export type {
	LinksPort,
	Mount,
	ProjectRecord,
	ProjectStore,
	RuntimeFacts,
	RuntimesPort,
	TypesPort,
	WatchFiles,
} from './ports.ts';
export type { Problem, ProblemKind, Suggest } from './problem.ts';
export { Projects, type ProjectsOptions } from './projects.ts';
export type { Diff, DownReport, ProjectEvent, ProjectStatus, RunnerStatus, UpReport, UpWish } from './reports.ts';
export { ProjectError, type ProjectRefusal } from './refusal.ts';
export type { RunnerHealth, RunnerJob } from './runner-health.ts';
export { createWatchFiles } from './watch-files.ts';
