/** Projects over the daemon's runtimes, links and store. */
import { type Clock, type Logger, withDeadline } from '@orch/base';
import { OrchError } from '@orch/protocol';
import { emptyEvent, type EventLog, isoTime } from '../control/index.ts';
import { anySender, type Links } from '../links/index.ts';
import {
	createWatchFiles,
	type LinksPort,
	type Problem,
	type ProjectEvent,
	type ProjectRecord,
	Projects,
	type ProjectStore,
	type RuntimeDeclaration,
	type RuntimeFacts,
	type RuntimesPort,
	type TypesPort,
} from '../projects/index.ts';
import { type Store, StoreError } from '../store/index.ts';
import type { RuntimeSnapshot, RuntimeSpec, Supervisor } from '../supervisor/index.ts';
import type { JoinedRuntimes } from './runtimes.ts';

export interface JoinProjectsOptions {
	readonly supervisor: Supervisor;
	readonly runtimes: Pick<JoinedRuntimes, 'add' | 'byName' | 'count' | 'respecify' | 'stop' | 'remove'>;
	readonly links: Links;
	readonly store: Store;
	readonly clock: Clock;
	readonly log: Logger;
	readonly maxRuntimes: number;
}

export function joinProjects(options: JoinProjectsOptions): Projects {
	const { clock, log, store, links, supervisor } = options;
	return new Projects({
		clock,
		log,
		runtimes: runtimesPort(options),
		links: linksPort(links, {
			nameOf: (id) => supervisor.find(id)?.spec.name,
			idOf: (name) => options.runtimes.byName(name)?.id,
		}),
		types: typesPort(links, clock),
		store: projectStore(store),
		// with YAML, Ajv and the schema: 5 MiB that a daemon without projects does not need
		reader: async () => (await import('../project-files.ts')).reader,
		watchFiles: createWatchFiles(log),
	});
}

/** What the projects of an earlier daemon say of types: to be called before the router is told anything. */
export function restoreTypes({ links, store }: Pick<JoinProjectsOptions, 'links' | 'store'>): void {
	for (const { body } of store.projects.list()) {
		const { name, definitions } = body as ProjectRecord;
		links.declareTypes(name, definitions.types);
	}
}

/** A file that does not hold, and a runner that comes or goes, are events as well; until the returned function is called. */
export function tellOfProjects({
	projects,
	events,
	clock,
}: {
	readonly projects: Projects;
	readonly events: Pick<EventLog, 'append'>;
	readonly clock: Clock;
}): () => void {
	return projects.events.subscribe((event) => {
		const reason = newsOf(event);
		if (reason !== undefined) events.append({ at: isoTime(clock.now()), kind: 'notice', ...emptyEvent, reason });
	});
}

function newsOf(event: ProjectEvent): string | undefined {
	switch (event.kind) {
		case 'invalid':
			return whyNotReloaded(event.project, event.problems);
		case 'mounted':
			return `runner ${event.project} is mounted at ${event.basePath}`;
		case 'unmounted':
			return `runner ${event.project} is mounted no longer`;
		case 'reloaded':
			return undefined;
	}
}

/** The projects whose files do not hold now, each with the first reason. */
export const projectNotices = (projects: Projects): string[] =>
	projects.list().flatMap(({ record, problems }) => (problems.length > 0 ? [whyNotReloaded(record.name, problems)] : []));

function whyNotReloaded(project: string, problems: readonly Problem[]): string {
	const [first] = problems;
	const place = first?.at ? `${first.at.file}:${first.at.line}: ` : '';
	const more = problems.length > 1 ? ` (and ${problems.length - 1} more: orch project show ${project})` : '';
	return `project ${project} is as it was, its files are not valid: ${place}${first?.message ?? ''}${more}`;
}

function runtimesPort({ supervisor, runtimes, maxRuntimes }: JoinProjectsOptions): RuntimesPort {
	const idOf = (name: string): string => {
		const id = runtimes.byName(name)?.id;
		if (id === undefined) throw new OrchError('runtime.not_found', { ref: name, candidates: [] });
		return id;
	};
	return {
		list: (project) =>
			supervisor
				.list()
				.filter(({ spec }) => spec.project === project)
				.map(factsOf),
		find(name) {
			const id = runtimes.byName(name)?.id;
			const snapshot = id === undefined ? undefined : supervisor.find(id);
			return snapshot && factsOf(snapshot);
		},
		async add({ name, program, args, cwd, env, priority, privileged, restart, stop, group, ...rest }) {
			if (runtimes.count >= maxRuntimes) throw new OrchError('busy', { what: 'runtimes', limit: maxRuntimes });
			runtimes.add({
				id: undefined,
				name,
				program,
				args,
				cwd,
				env,
				priority,
				privileged,
				restart: restart as RuntimeSpec['restart'] as never,
				stop: stop as never,
				group,
				options: rest as never,
				binary: undefined,
			});
		},
		async change(declaration) {
			runtimes.respecify({ ...(declaration as unknown as Omit<RuntimeSpec, 'id'>), id: idOf(declaration.name) });
		},
		// what it needs is started by the project itself, in its order
		start: async (name, signal) => void (await supervisor.start(idOf(name), { withNeeds: false, signal })),
		stop: async (name, signal) => void (await runtimes.stop(idOf(name), { signal })),
		remove: async (name, signal) => void (await runtimes.remove(idOf(name), { force: true, signal })),
		subscribe: (changed) => supervisor.events.subscribe(() => changed()),
	};
}

function factsOf({
	spec,
	status,
	desired,
	ready,
	lastExit,
	reason,
	startedAt,
	generation,
	triggers,
}: RuntimeSnapshot): RuntimeFacts {
	const { id: _id, ...declaration } = spec;
	const given = Object.fromEntries(Object.entries(declaration).filter(([, value]) => value !== undefined));
	const good = spec.restart.successExitCodes ?? [0];
	return {
		declaration: given as unknown as RuntimeDeclaration,
		status,
		desired,
		ready: ready ?? null,
		succeeded: lastExit?.code !== undefined && good.includes(lastExit.code),
		startedAt: startedAt ?? null,
		processes: generation,
		dueAt: triggers?.schedule?.nextAt ?? null,
		wasStopped: lastExit !== undefined && lastExit.by !== 'itself',
		reason: reason ?? (status === 'exited' && lastExit ? howItEnded(lastExit) : null),
	};
}

const howItEnded = ({ code, signal }: NonNullable<RuntimeSnapshot['lastExit']>): string =>
	code === undefined ? `ended by ${signal ?? 'nobody knows what'}` : `exit ${code}`;

function linksPort(
	links: Links,
	{ nameOf, idOf }: { readonly nameOf: (id: string) => string | undefined; readonly idOf: (name: string) => string | undefined },
): LinksPort {
	const end = (name: string): string => {
		if (name === anySender) return name;
		const id = idOf(name);
		if (id === undefined) throw new Error(`${name} is not there`);
		return id;
	};
	const find = ({ from, type, to }: { readonly from: string; readonly type: string; readonly to: string }) => {
		const [fromId, toId] = [from === anySender ? from : idOf(from), idOf(to)];
		return fromId === undefined || toId === undefined ? undefined : links.find({ from: fromId, type, to: toId });
	};
	return {
		list: () =>
			links.list().flatMap(({ from, type, to, messages, bytes, overflow, whileDown }) => {
				const [fromName, toName] = [from === anySender ? from : nameOf(from), nameOf(to)];
				if (fromName === undefined || toName === undefined) return [];
				return [{ from: fromName, type, to: toName, messages, bytes, overflow, whileDown }];
			}),
		async add({ from, type, to, messages, bytes, overflow, whileDown }) {
			links.add({ from: end(from), type, to: end(to), messages, bytes, overflow, whileDown });
		},
		async change(link) {
			const { messages, bytes, overflow, whileDown } = link;
			const known = find(link);
			if (known) links.change(known.id, { messages, bytes, overflow, whileDown });
		},
		async remove(link) {
			const known = find(link);
			if (known) links.remove(known.id);
		},
	};
}

/** How long `up` waits for the router to take other schemas. */
const schemasMs = 5_000;

function typesPort(links: Links, clock: Clock): TypesPort {
	return {
		async declare(project, schemas, signal) {
			const isNew = links.declareTypes(project, schemas);
			const late = () => new Error('the router does not answer');
			try {
				if (isNew) await withDeadline(clock, schemasMs, (deadline) => links.routed(deadline), late, signal);
			} catch (error) {
				// it takes them as soon as it is back
				return [`what was said of types does not hold yet: ${(error as Error).message}`];
			}
			return links.declaredTypes
				.filter((each) => each.project === project && each.problem !== undefined)
				.map(({ type, problem }) => `type ${type} is not enforced: ${problem}`);
		},
	};
}

function projectStore(store: Store): ProjectStore {
	const write = async (work: () => unknown): Promise<void> => {
		try {
			work();
		} catch (error) {
			if (error instanceof StoreError) throw new OrchError('state.refused', { reason: error.message }, { cause: error });
			throw error;
		}
	};
	return {
		list: async () => store.projects.list().map(({ body }) => body as ProjectRecord),
		save: (record) => write(() => store.projects.put({ name: record.name, body: record })),
		remove: (name) => write(() => store.projects.remove(name)),
	};
}
