/** What would have to change to get from one state of a project to another, field by field, and what of it needs a restart. Pure. */
import { isDeepStrictEqual } from 'node:util';
import { type Definitions, type LinkDeclaration, linkKey, type ProjectState, type RuntimeDeclaration } from './declaration.ts';

export interface FieldChange {
	/** As in `env.PORT`, `restart.when`, `args`. */
	readonly field: string;
	/** Undefined: was not there. */
	readonly before: unknown;
	/** Undefined: goes. */
	readonly after: unknown;
}

export interface RuntimeChange {
	readonly before: RuntimeDeclaration;
	readonly after: RuntimeDeclaration;
	readonly fields: readonly FieldChange[];
	/** The fields that only a new process can have; empty: the change holds at once. */
	readonly restart: readonly string[];
}

export interface LinkChange {
	readonly before: LinkDeclaration;
	readonly after: LinkDeclaration;
	readonly fields: readonly FieldChange[];
}

export interface DefinitionChange {
	readonly section: keyof Definitions;
	readonly name: string;
	readonly change: 'added' | 'removed' | 'changed';
	readonly after: unknown;
}

export interface Plan {
	readonly runtimes: {
		readonly added: readonly RuntimeDeclaration[];
		readonly removed: readonly RuntimeDeclaration[];
		readonly changed: readonly RuntimeChange[];
	};
	readonly links: {
		readonly added: readonly LinkDeclaration[];
		readonly removed: readonly LinkDeclaration[];
		readonly changed: readonly LinkChange[];
	};
	readonly definitions: readonly DefinitionChange[];
}

/** What a process is made of; the rest is what its supervisor does with it. */
const ofTheProcess: ReadonlySet<keyof RuntimeDeclaration> = new Set([
	'program',
	'args',
	'cwd',
	'env',
	'envFiles',
	'priority',
	'privileged',
	'user',
	'umask',
	'group',
]);

export function planChanges(current: ProjectState, wanted: ProjectState): Plan {
	return {
		runtimes: {
			added: missingFrom(wanted.runtimes, current.runtimes),
			removed: missingFrom(current.runtimes, wanted.runtimes),
			changed: inBoth(current.runtimes, wanted.runtimes).flatMap(([before, after]) => {
				const fields = changedFields(before, after);
				return fields.length === 0 ? [] : [{ before, after, fields, restart: restartFields(fields, before, after) }];
			}),
		},
		links: {
			added: missingFrom(wanted.links, current.links),
			removed: missingFrom(current.links, wanted.links),
			changed: inBoth(current.links, wanted.links).flatMap(([before, after]) => {
				const fields = changedFields(before, after);
				return fields.length === 0 ? [] : [{ before, after, fields }];
			}),
		},
		definitions: (Object.keys(wanted.definitions) as (keyof Definitions)[]).flatMap((section) =>
			planSection(section, current.definitions[section], wanted.definitions[section]),
		),
	};
}

export function isEmptyPlan({ runtimes, links, definitions }: Plan): boolean {
	const lists = [runtimes.added, runtimes.removed, runtimes.changed, links.added, links.removed, links.changed, definitions];
	return lists.every((list) => list.length === 0);
}

/** The state that the plan leads to. */
export function applyPlan(state: ProjectState, { runtimes, links, definitions }: Plan): ProjectState {
	const nextRuntimes = new Map(state.runtimes);
	for (const { name } of runtimes.removed) nextRuntimes.delete(name);
	for (const { after } of runtimes.changed) nextRuntimes.set(after.name, after);
	for (const added of runtimes.added) nextRuntimes.set(added.name, added);
	const nextLinks = new Map(state.links);
	for (const removed of links.removed) nextLinks.delete(linkKey(removed));
	for (const { after } of links.changed) nextLinks.set(linkKey(after), after);
	for (const added of links.added) nextLinks.set(linkKey(added), added);
	const nextDefinitions: Record<string, Record<string, unknown>> = {};
	for (const [section, entries] of Object.entries(state.definitions)) nextDefinitions[section] = { ...entries };
	for (const { section, name, change, after } of definitions) {
		const entries = nextDefinitions[section] ?? {};
		if (change === 'removed') delete entries[name];
		else entries[name] = after;
		nextDefinitions[section] = entries;
	}
	return { runtimes: nextRuntimes, links: nextLinks, definitions: nextDefinitions as unknown as Definitions };
}

function missingFrom<T>(from: ReadonlyMap<string, T>, other: ReadonlyMap<string, T>): T[] {
	return [...from].filter(([key]) => !other.has(key)).map(([, value]) => value);
}

function inBoth<T>(current: ReadonlyMap<string, T>, wanted: ReadonlyMap<string, T>): [T, T][] {
	return [...wanted].flatMap(([key, after]) => {
		const before = current.get(key);
		return before === undefined ? [] : [[before, after] as [T, T]];
	});
}

function planSection(
	section: keyof Definitions,
	current: Readonly<Record<string, unknown>>,
	wanted: Readonly<Record<string, unknown>>,
): DefinitionChange[] {
	const names = [...new Set([...Object.keys(current), ...Object.keys(wanted)])];
	return names.flatMap((name): DefinitionChange[] => {
		const is = Object.hasOwn(wanted, name);
		const after = is ? wanted[name] : undefined;
		if (!Object.hasOwn(current, name)) return [{ section, name, change: 'added', after }];
		if (!is) return [{ section, name, change: 'removed', after }];
		return isDeepStrictEqual(current[name], after) ? [] : [{ section, name, change: 'changed', after }];
	});
}

/** Every difference as deep as maps go; lists are told whole. */
export function changedFields(before: object, after: object, prefix = ''): FieldChange[] {
	const from = before as Readonly<Record<string, unknown>>;
	const to = after as Readonly<Record<string, unknown>>;
	const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])];
	return keys.flatMap((key) => {
		const field = prefix === '' ? key : `${prefix}.${key}`;
		const [was, is] = [own(from, key), own(to, key)];
		if (isDeepStrictEqual(was, is)) return [];
		if (isMap(was) && isMap(is)) return changedFields(was, is, field);
		// of maps that come or go, what was or will be in them
		if (prefix === '' && isMap(was) && is === undefined) return changedFields(was, {}, field);
		if (prefix === '' && isMap(is) && was === undefined) return changedFields({}, is, field);
		return [{ field, before: was, after: is }];
	});
}

const own = (record: Readonly<Record<string, unknown>>, key: string): unknown =>
	Object.hasOwn(record, key) ? record[key] : undefined;

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
	typeof value === 'object' && value !== null && !Array.isArray(value);

function restartFields(fields: readonly FieldChange[], before: RuntimeDeclaration, after: RuntimeDeclaration): string[] {
	const ofProcess = fields
		.map(({ field }) => field)
		.filter((field) => ofTheProcess.has((field.split('.')[0] ?? '') as keyof RuntimeDeclaration));
	// the descriptor that it says so on, it gets at its launch
	return wantsNotify(after) && !wantsNotify(before) ? [...ofProcess, 'probes'] : ofProcess;
}

const wantsNotify = ({ probes = {} }: RuntimeDeclaration): boolean =>
	Object.values(probes).some((probe) => probe?.check.kind === 'notify');
