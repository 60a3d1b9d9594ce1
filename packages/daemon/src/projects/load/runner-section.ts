/** The `runners` of a project file: names, the files that they are, and base paths that are told apart. */
import { dirname, join, resolve } from 'node:path';
import { readBasePath } from '../base-path.ts';
import type { Definitions } from '../declaration.ts';
import { type Problem, problem } from '../problem.ts';
import { Runner } from './schema.ts';
import { readAs } from './shape.ts';
import { placeOf, type Span } from '../source.ts';
import { keySpan, type MapTree, spanAt, type Tree } from './tree.ts';

export interface RunnerDeclaration {
	/** Its name is the name of its project. */
	readonly name: string;
	/** An absolute path. */
	readonly config: string;
	/** Its file, as people know it. */
	readonly shownConfig: string;
	/** As `readBasePath` spells it. */
	readonly basePath: string;
	/** Where the file says which file it is. */
	readonly at: Span;
	readonly nameAt: Span;
	readonly pathAt: Span;
}

export interface RunnersContext {
	readonly project: string;
	readonly directory: string;
	/** The project's first file, as people know it. */
	readonly shownFile: string;
	/** Whether the project is a runner itself. */
	readonly isRunner: boolean;
	/** Whether an item has the shape of a runner; what has not was said. */
	readonly fits: (item: Tree) => boolean;
}

export function readRunners(
	root: MapTree,
	context: RunnersContext,
): { readonly runners: readonly RunnerDeclaration[]; readonly problems: readonly Problem[] } {
	const list = root.entries.get('runners')?.value;
	if (list?.kind !== 'list' || list.items.length === 0) return { runners: [], problems: [] };
	if (context.isRunner) {
		return {
			runners: [],
			problems: [
				problem('bad_value', 'this is mounted as a runner, and a runner has none of its own', {
					at: keySpan(root, ['runners']),
					hint: 'name them beside it, in the file that mounts it',
				}),
			],
		};
	}
	const problems: Problem[] = [];
	const runners = new Map<string, RunnerDeclaration>();
	const byPath = new Map<string, string>();
	for (const item of list.items) {
		if (!context.fits(item)) continue;
		const given = readAs(Runner, item) as { name: string; config: string; basePath?: string; base_path?: string };
		const key = given.base_path === undefined ? 'basePath' : 'base_path';
		const pathAt = spanAt(item, [key]);
		const nameAt = spanAt(item, ['name']);
		const read = readBasePath(given.base_path ?? given.basePath ?? '/');
		if ('fault' in read) problems.push(problem('bad_value', `the base path of '${given.name}': ${read.fault}`, { at: pathAt }));
		const basePath = 'path' in read ? read.path : '/';
		const holder = 'path' in read ? byPath.get(basePath) : undefined;
		const known = runners.get(given.name);
		if (known) {
			const { line } = placeOf(known.nameAt);
			problems.push(problem('duplicate', `a runner '${given.name}' is there already (line ${line})`, { at: nameAt }));
		} else if (given.name === context.project) {
			problems.push(
				problem('duplicate', `a runner is a project of its own, and this project is called '${given.name}'`, { at: nameAt }),
			);
		} else if (holder !== undefined) {
			problems.push(problem('duplicate', `the base path ${basePath} is taken by the runner '${holder}'`, { at: pathAt }));
		}
		byPath.set(basePath, given.name);
		if (known) continue;
		runners.set(given.name, {
			name: given.name,
			config: resolve(context.directory, given.config),
			shownConfig: given.config.startsWith('/') ? given.config : join(dirname(context.shownFile), given.config),
			basePath,
			at: spanAt(item, ['config']),
			nameAt,
			pathAt,
		});
	}
	return { runners: [...runners.values()], problems };
}

/** As they are kept. */
export const definedRunners = (runners: readonly RunnerDeclaration[]): Definitions['runners'] =>
	Object.fromEntries(runners.map(({ name, config, basePath }) => [name, { config, basePath }]));
