/**
 * Project files made into projects: read, laid over each other, checked against the schema, with every problem in its place.
 *
 * Guarantees: a file is taken whole or not at all; nothing is run and nothing is changed. A door of its own beside `projects`,
 * for all of this, with YAML and the schema, is evaluated only where somebody has a project: an import of this door by value is a
 * dynamic one, except in programs that do nothing else. Deliberately not here: what becomes of a project.
 */
export type { LoadPorts, LoadRequest, Loaded } from './load.ts';
export type { LoadedTree, TreeOptions } from './load-tree.ts';
export { isThere, locateProgram } from './locate.ts';
export { readProjectFile } from './read-file.ts';
export { type ProjectReader, projectReader } from './reader.ts';
export type { RunnerDeclaration } from './runner-section.ts';
export { publishedSchema } from './schema.ts';
