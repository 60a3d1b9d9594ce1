/**
 * Projects: a file that says what runs together is read, checked, made so and kept so.
 *
 * Guarantees: a file is taken whole or not at all, with every problem in its place; what is made is told field by field
 * beforehand; only what differs is touched; what a project did not start it never takes away; a step that was interrupted is
 * taken up by the next. Deliberately not here: how programs run and messages travel (both are ports), what workflows do, any
 * words for people (problems are data).
 */
export type {
	Definitions,
	LinkDeclaration,
	NeedDeclaration,
	Policies,
	ProbeDeclaration,
	Project,
	ProjectState,
	RuntimeDeclaration,
} from './declaration.ts';
export { type LoadPorts, type LoadRequest, type Loaded, loadProject, type ProjectFileName } from './load.ts';
export { locateProgram } from './locate.ts';
export type { Problem, ProblemKind, Suggest } from './problem.ts';
export { publishedSchema } from './schema.ts';
