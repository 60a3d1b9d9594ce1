/** Runtimes as clients see them: supervision, ports and uploads joined, the supervisor's faults as declared errors. */
import { type Clock, type Logger, type Random, settleAll, withDeadline } from '@orch/base';
import { renderRuntimes } from '@orch/base/text';
import { OrchError, shortId } from '@orch/protocol';
import type { Binaries } from '../binaries/index.ts';
import { type Flows, isoTime, type Removed, type RuntimeInfo, type Runtimes, type WhichRuntimes } from '../control/index.ts';
import type { Links } from '../links/index.ts';
import type { KeptLife } from './journal.ts';
import { Removals } from './removals.ts';
import { programError, toOrchError } from './runtime-errors.ts';
import { isMeant, toColumns, toInfo, toKeptExit } from './runtime-info.ts';
import type { UserSockets } from './user-sockets.ts';
import {
	checkProgram,
	defaultRestart,
	defaultStop,
	isSignal,
	readLogs,
	type RestoredRuntime,
	type RuntimeSnapshot,
	type RuntimeSpec,
	type Supervisor,
} from '../supervisor/index.ts';

export interface JoinOptions {
	readonly supervisor: Supervisor;
	readonly links: Links;
	readonly binaries: Binaries;
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	/** For the sockets of those that run as somebody else. */
	readonly userSockets?: UserSockets | undefined;
	/** The processes that a runtime has had, newest first. */
	readonly history: (id: string) => readonly KeptLife[];
}

interface RemoveOptions {
	readonly force: boolean;
	readonly leaveEscaped?: boolean;
	readonly keepOutput?: boolean;
	readonly signal: AbortSignal;
}

/** With the way to tell it of what an earlier daemon had. */
export interface JoinedRuntimes extends Runtimes {
	/** Gives each its name, its port and its program again; to be called before anything is added. */
	restore(runtimes: readonly RestoredRuntime[]): void;
	/** Gives one another spec, of the same id and name, and its port what that says of it. Throws as add does. */
	respecify(spec: RuntimeSpec): void;
}

/** Who asks for a list waits no longer than this for the router. */
const flowsMs = 250;

/** In which a stop finds nothing to do, unless something has escaped an earlier one. */
const overAlready: readonly RuntimeSnapshot['status'][] = ['stopped', 'exited', 'failed'];

export function joinRuntimes({
	supervisor,
	links,
	binaries,
	clock,
	random,
	log,
	history,
	userSockets,
}: JoinOptions): JoinedRuntimes {
	const snapshotOf = (id: string): RuntimeSnapshot => {
		try {
			return supervisor.snapshot(id);
		} catch (error) {
			// removed a moment ago
			throw toOrchError(error);
		}
	};
	const describe = (id: string): RuntimeInfo => toInfo(snapshotOf(id), links.problem(id));
	const done = async (id: string, work: Promise<RuntimeSnapshot>): Promise<RuntimeInfo> => {
		try {
			return toInfo(await work, links.problem(id));
		} catch (error) {
			throw toOrchError(error);
		}
	};
	const idsByName = new Map<string, string>();
	const get = (id: string) => {
		const snapshot = supervisor.find(id);
		return snapshot && { id, name: snapshot.spec.name, status: snapshot.status };
	};
	const withOthers = (alsoStarted: string[], info: RuntimeInfo): RuntimeInfo =>
		alsoStarted.length > 0 ? { ...info, alsoStarted } : info;
	const withAlready = (already: boolean, info: RuntimeInfo): RuntimeInfo => (already ? { ...info, already } : info);
	const namesOf = (ids: readonly string[]): string[] => ids.flatMap((id) => supervisor.find(id)?.spec.name ?? []);
	const idsByGroup = new Map<string, Set<string>>();
	const instancesOf = (name: string): RuntimeSnapshot[] =>
		[...(idsByGroup.get(name) ?? [])]
			.map((id) => supervisor.snapshot(id))
			.sort((one, other) => (one.spec.group?.index ?? 0) - (other.spec.group?.index ?? 0));
	/** Without one of its own it has its sockets where the others have theirs, which it cannot enter: it runs, and sends nothing. */
	const socketDirectoryOf = ({ id, name, user }: RuntimeSpec): string | undefined => {
		if (user === undefined) return undefined;
		try {
			return userSockets?.directoryOf({ id, user });
		} catch (error) {
			log.warn('no directory for the sockets of another user', { runtime: name, user, error });
			return undefined;
		}
	};
	const know = (spec: RuntimeSpec, process?: { readonly processId: string; readonly generation: number }) => {
		idsByName.set(spec.name, spec.id);
		if (spec.group) idsByGroup.set(spec.group.name, (idsByGroup.get(spec.group.name) ?? new Set()).add(spec.id));
		links.register({ ...spec, socketDirectory: socketDirectoryOf(spec) }, process);
		const sha256 = binaries.hashOf(spec.program);
		if (sha256 !== undefined) binaries.use(sha256, spec.id);
	};
	const register = (specs: readonly RuntimeSpec[]): void => {
		try {
			supervisor.add(...specs);
		} catch (error) {
			throw toOrchError(error);
		}
		for (const spec of specs) {
			know(spec);
			log.info('runtime added', { runtime: spec.name, id: spec.id, program: spec.program });
		}
	};
	const removeNow = async (id: string, options: RemoveOptions): Promise<Removed> => {
		let removed: RuntimeSnapshot;
		try {
			removed = await supervisor.remove(id, options);
		} catch (error) {
			throw toOrchError(error);
		}
		const { name, group } = removed.spec;
		idsByName.delete(name);
		const others = group && idsByGroup.get(group.name);
		others?.delete(id);
		if (group && others?.size === 0) idsByGroup.delete(group.name);
		const gone = links.unregister(id);
		for (const { link } of gone.links) log.info('link removed', { id: link.id, type: link.type });
		binaries.release(id);
		userSockets?.forget(id);
		log.info('runtime removed', { runtime: name, id });
		return { droppedMessages: gone.counted.then((counted) => (counted ? (counted.dropped['link_removed'] ?? 0) : null)) };
	};
	const removals = new Removals();
	const remove = async (id: string, options: RemoveOptions): Promise<Removed> =>
		// where somebody else has removed it, what was dropped was told to him
		(await removals.do(id, () => removeNow(id, options), options.signal)) ?? { droppedMessages: Promise.resolve(0) };
	const columns = (which: WhichRuntimes, flows: Flows) =>
		toColumns(
			supervisor.list().filter((snapshot) => isMeant(snapshot, which)),
			flows,
		);
	return {
		restore(runtimes) {
			for (const { spec, generation, process } of runtimes) know(spec, process ?? { processId: '', generation });
			binaries.removeUnused();
		},
		respecify(spec) {
			const { spec: before, processId = '', generation } = supervisor.snapshot(spec.id);
			try {
				supervisor.respecify(spec);
			} catch (error) {
				throw toOrchError(error);
			}
			links.assign(spec.id, spec.project);
			if (before.privileged === spec.privileged && before.user === spec.user) return;
			know(spec, { processId, generation });
			if (spec.user === undefined) userSockets?.forget(spec.id);
		},
		get count() {
			return idsByName.size;
		},
		get,
		byName: (name) => {
			const id = idsByName.get(name);
			return id === undefined ? undefined : get(id);
		},
		look: () => supervisor.figures.glance(),
		watch({ changed, removed, looked }) {
			const ends = [
				supervisor.events.subscribe(({ kind, id }) => (kind === 'removed' ? removed(id) : changed(id))),
				supervisor.figures.looked.subscribe(looked),
				supervisor.figures.watch(),
			];
			return () => {
				for (const end of ends) end();
			};
		},
		async flows() {
			try {
				return await withDeadline(
					clock,
					flowsMs,
					() => links.flows(),
					() => new Error('the router does not answer at once'),
				);
			} catch {
				// a list without them, now, is more than one with them later
				return new Map();
			}
		},
		list: (which = {}, flows = new Map()) =>
			supervisor.list().flatMap((snapshot) => {
				if (!isMeant(snapshot, which)) return [];
				const { id } = snapshot.spec;
				const traffic = flows.get(id);
				return { ...toInfo(snapshot, links.problem(id)), ...(traffic && { traffic }) };
			}),
		columns,
		table(which, flows) {
			const { id, ...others } = columns(which, flows);
			if (id.length === 0) return '';
			return renderRuntimes({ ...others, id: id.map(shortId) });
		},
		removed: () => supervisor.outputs.old().map((one) => ({ ...one, status: 'removed' })),
		describe,
		details(id) {
			const { spec, stdoutPath, stderrPath } = snapshotOf(id);
			const port = links.port(id);
			return {
				env: { ...spec.env },
				stdoutPath,
				stderrPath,
				socket: port?.socket ?? '',
				veecleSocket: port?.veecleSocket ?? '',
				history: history(id).map((life) => ({
					processId: life.processId,
					generation: life.generation,
					pid: life.pid,
					startedAt: isoTime(life.startedAt),
					endedAt: life.end ? isoTime(life.end.at) : null,
					exit: life.end ? toKeptExit(life.end.exit) : null,
				})),
			};
		},
		async connectedBy(id) {
			try {
				const figures = await links.figures();
				return figures.ports.find(({ runtime }) => runtime === id)?.codec ?? null;
			} catch {
				// without its router a runtime is connected to nothing
				return null;
			}
		},
		add(...wishes) {
			const specs = wishes.map((wish): RuntimeSpec => {
				const fault = checkProgram(wish.program, wish.cwd);
				if (fault) throw programError(fault, wish.binary?.name ?? wish.program, wish.cwd);
				const signal = wish.stop.signal ?? defaultStop.signal;
				if (!isSignal(signal)) throw new OrchError('request.invalid', { issues: [`this system has no signal ${signal}`] });
				return {
					id: wish.id ?? random.uuid(),
					name: wish.name,
					program: wish.program,
					args: wish.args,
					cwd: wish.cwd,
					env: wish.env,
					priority: wish.priority,
					privileged: wish.privileged,
					restart: { ...defaultRestart, ...wish.restart },
					stop: { ...defaultStop, ...wish.stop, signal },
					...(wish.group === undefined ? {} : { group: wish.group }),
					...wish.options,
				};
			});
			register(specs);
			return specs.map(({ id }) => describe(id));
		},
		async start(id, options) {
			const also = options.withNeeds === false ? [] : namesOf(supervisor.toStartFor(id));
			const before = supervisor.find(id);
			const info = withOthers(also, await done(id, supervisor.start(id, options)));
			// the same process, not another one that an overtaking command has begun
			return withAlready(before?.status === 'running' && before.generation === info.generation, info);
		},
		async stop(id, options) {
			const before = supervisor.find(id);
			const info = await done(id, supervisor.stop(id, options));
			const wasOver = before !== undefined && overAlready.includes(before.status) && before.escaped.length === 0;
			return withAlready(wasOver && before.status === info.status, info);
		},
		async restart(id, options) {
			const also = namesOf(supervisor.toStartFor(id));
			return withOthers(also, await done(id, supervisor.restart(id, options)));
		},
		remove,
		group: (name) => instancesOf(name).map(({ spec, status }) => ({ id: spec.id, name: spec.name, status })),
		groups: () => [...idsByGroup.keys()],
		async scale(name, wanted, { maxRuntimes, signal }) {
			// what is being removed is not there for whoever scales after that; all the rest is begun in the turn that has found none
			const leavers = () => removals.over(idsByGroup.get(name) ?? [], signal);
			for (let over = leavers(); over; over = leavers()) await over;
			const present = instancesOf(name);
			const last = present.at(-1)?.spec;
			if (!last?.group) throw new OrchError('runtime.not_found', { ref: name, candidates: [] });
			const { index } = last.group;
			const specs = Array.from({ length: Math.max(0, wanted - present.length) }, (_, at): RuntimeSpec => {
				const next = index + 1 + at;
				return { ...last, id: random.uuid(), name: `${name}-${next}`, group: { name, index: next } };
			});
			const taken = specs.find((spec) => idsByName.has(spec.name));
			if (taken) {
				const { status } = snapshotOf(idsByName.get(taken.name) ?? '');
				throw new OrchError('runtime.name_taken', { name: taken.name, status, ageMs: null, free: null, program: null });
			}
			if (idsByName.size + specs.length > maxRuntimes) throw new OrchError('busy', { what: 'runtimes', limit: maxRuntimes });
			register(specs);
			const isWanted = present.some(({ desired }) => desired === 'running');
			const leaving = present.slice(wanted).reverse();
			const departures = leaving.map(({ spec }) => remove(spec.id, { force: true, keepOutput: true, signal }));
			await settleAll<unknown>([
				...(isWanted ? specs.map(({ id }) => done(id, supervisor.start(id, { signal }))) : []),
				...departures,
			]);
			const dropped = await Promise.all(departures.map(async (removed) => (await removed).droppedMessages));
			return {
				added: specs.map((spec) => spec.name),
				removed: leaving.map(({ spec, stdoutPath, stderrPath }, at) => ({
					id: spec.id,
					name: spec.name,
					stdoutPath,
					stderrPath,
					droppedMessages: dropped[at] ?? null,
				})),
			};
		},
		signal(id, name) {
			try {
				return supervisor.signal(id, name);
			} catch (error) {
				throw toOrchError(error);
			}
		},
		output(id, stream, options) {
			try {
				return supervisor.output(id, stream, options);
			} catch (error) {
				throw toOrchError(error);
			}
		},
		logs: (query) => readLogs(supervisor.outputs, query),
	};
}
