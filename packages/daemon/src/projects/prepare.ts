/** From what a project is and what its files say: what is to be done, and what is left alone. Pure. */
import {
	anySender,
	type LinkDeclaration,
	linkKey,
	type Project,
	type ProjectState,
	type RuntimeDeclaration,
} from './declaration.ts';
import { type Plan, planChanges } from './plan.ts';

export interface Selection {
	/** Full names, of instances or of groups; undefined is everything. */
	readonly only?: readonly string[] | undefined;
	/** Not what the selected ones need. */
	readonly noDeps?: boolean | undefined;
	/** Takes away what the files declare no longer. */
	readonly removeOrphans: boolean;
	/** A new process for each, changed or not. */
	readonly forceRecreate?: boolean | undefined;
}

export interface Prepared {
	readonly plan: Plan;
	/** What the project has and its files declare no longer; left as it is. */
	readonly orphans: readonly string[];
	/** Everything that is to be as the files say, whether it changes or not. */
	readonly touched: readonly RuntimeDeclaration[];
	/** Selected names that the files do not declare. */
	readonly unknown: readonly string[];
}

export function prepare(current: ProjectState, project: Project, selection: Selection): Prepared {
	const { names, unknown } = select(project, selection);
	const isTouched = (name: string) => names === undefined || names.has(name);
	const inactive = new Set(project.inactive);
	const belongs = ({ name, group }: RuntimeDeclaration) =>
		inactive.has(name) || (group !== undefined && inactive.has(group.name));
	const undeclared = [...current.runtimes.values()].filter(({ name }) => !project.runtimes.has(name));
	const orphans = undeclared.filter((each) => !belongs(each));
	const removes = names === undefined && selection.removeOrphans;

	const wanted = filtered(project.runtimes, ({ name }) => isTouched(name));
	const removed = new Set(removes ? orphans.map(({ name }) => name) : []);
	const there = filtered(current.runtimes, ({ name }) => wanted.has(name) || removed.has(name));
	const links = prepareLinks(current, project, { names, removed });
	const plan = planChanges(
		{ runtimes: there, links: links.current, definitions: current.definitions },
		{ runtimes: wanted, links: links.wanted, definitions: names === undefined ? project.definitions : current.definitions },
	);
	return {
		plan: selection.forceRecreate ? recreateAll(plan, there, wanted) : plan,
		orphans: removes ? [] : orphans.map(({ name }) => name),
		touched: [...wanted.values()],
		unknown,
	};
}

function prepareLinks(
	current: ProjectState,
	project: Project,
	{ names, removed }: { readonly names: ReadonlySet<string> | undefined; readonly removed: ReadonlySet<string> },
): { readonly current: Map<string, LinkDeclaration>; readonly wanted: Map<string, LinkDeclaration> } {
	// an end that will not be there can have no link
	const willBe = (name: string) =>
		name === anySender || !project.runtimes.has(name) || names === undefined || names.has(name) || current.runtimes.has(name);
	const wanted = filtered(project.links, ({ from, to }) => willBe(from) && willBe(to));
	// what stays without being declared keeps its links
	const stays = (name: string) => current.runtimes.has(name) && !project.runtimes.has(name) && !removed.has(name);
	return {
		wanted,
		current: filtered(current.links, (link) => {
			if (wanted.has(linkKey(link))) return true;
			return names === undefined && !stays(link.from) && !stays(link.to);
		}),
	};
}

function select(
	project: Project,
	{ only, noDeps }: Selection,
): { readonly names: Set<string> | undefined; readonly unknown: readonly string[] } {
	if (only === undefined) return { names: undefined, unknown: [] };
	const names = new Set<string>();
	const unknown: string[] = [];
	for (const wish of only) {
		const found = [...project.runtimes.values()].filter(({ name, group }) => name === wish || group?.name === wish);
		if (found.length === 0) unknown.push(wish);
		for (const { name } of found) names.add(name);
	}
	// grows while it is walked, until it needs nothing more
	if (!noDeps) {
		for (const name of names) {
			for (const { runtime } of project.runtimes.get(name)?.needs ?? []) if (project.runtimes.has(runtime)) names.add(runtime);
		}
	}
	return { names, unknown };
}

/** Where nothing differs, the wish alone is the reason. */
function recreateAll(
	plan: Plan,
	current: ReadonlyMap<string, RuntimeDeclaration>,
	wanted: ReadonlyMap<string, RuntimeDeclaration>,
): Plan {
	const changed = [...wanted.values()].flatMap((after) => {
		const before = current.get(after.name);
		if (!before) return [];
		const known = plan.runtimes.changed.find((each) => each.after.name === after.name);
		return [{ before, after, fields: known?.fields ?? [], restart: [...(known?.restart ?? []), 'asked for'] }];
	});
	return { ...plan, runtimes: { ...plan.runtimes, changed } };
}

function filtered<T>(map: ReadonlyMap<string, T>, keep: (value: T) => boolean): Map<string, T> {
	return new Map([...map].filter(([, value]) => keep(value)));
}
