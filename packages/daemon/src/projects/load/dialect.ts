/** Files of other names that are read as they stand: a workflow (`.loom.yml`) and a server of runners (`orchestrator.yaml`). */
import { basename } from 'node:path';
import type { Entry, MapTree, Tree } from './tree.ts';

export type Dialect = 'project' | 'workflow' | 'runners';

/** By its name, else by what is in it. */
export function dialectOf(path: string, tree: Tree): Dialect {
	const name = basename(path);
	const has = (key: string) => tree.kind === 'map' && tree.entries.has(key);
	if (/(^|\.)loom\.ya?ml$/.test(name)) return 'workflow';
	const ofProject = ['runtimes', 'links', 'workflows', 'profiles', 'services', 'types', 'gateway'].some(has);
	if (/^orchestrator\.ya?ml$/.test(name) && !ofProject) return 'runners';
	if (!ofProject && (has('jobs') || has('steps'))) return 'workflow';
	return has('runners') && !ofProject && (has('logger') || has('server')) ? 'runners' : 'project';
}

/** The name of the workflow that a file is. */
export function workflowName(path: string, tree: Tree): string {
	const name = tree.kind === 'map' ? tree.entries.get('name')?.value : undefined;
	const given =
		name?.kind === 'scalar' && typeof name.value === 'string' ? name.value : basename(path).replace(/(\.loom)?\.ya?ml$/, '');
	return plainName(given, 'workflow');
}

/** What names may not hold becomes `-`. */
export function plainName(text: string, fallback: string): string {
	const name = text
		.replace(/[^A-Za-z0-9_.+-]+/g, '-')
		.replace(/^[.+-]+|-+$/g, '')
		.slice(0, 64);
	return name === '' ? fallback : name;
}

/** A workflow file as a project that has nothing else. */
export function projectOfWorkflow(path: string, tree: Tree): MapTree {
	const entry = (value: Tree): Entry => ({ key: tree.at, value });
	const workflows: MapTree = { kind: 'map', entries: new Map([[workflowName(path, tree), entry(tree)]]), at: tree.at };
	return { kind: 'map', entries: new Map([['workflows', entry(workflows)]]), at: tree.at };
}
