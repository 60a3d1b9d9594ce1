/** Runtimes as clients see them: supervision, ports and uploads joined, the supervisor's faults as declared errors. */
import { readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Logger, Random } from '@orch/base';
import { renderRuntimes } from '@orch/base/text';
import { OrchError, shortId, suggest } from '@orch/protocol';
import type { Binaries } from '../binaries/index.ts';
import { isoTime, type RuntimeColumns, type RuntimeInfo, type Runtimes, type WhichRuntimes } from '../control/index.ts';
import type { Links } from '../links/index.ts';
import type { KeptLife } from './journal.ts';
import type { UserSockets } from './user-sockets.ts';
import {
	checkProgram,
	defaultRestart,
	defaultStop,
	isSignal,
	type LastExit,
	type ProgramFault,
	readLogs,
	type RestoredRuntime,
	type RuntimeSnapshot,
	type RuntimeSpec,
	type Supervisor,
	SupervisorError,
} from '../supervisor/index.ts';

export interface JoinOptions {
	readonly supervisor: Supervisor;
	readonly links: Links;
	readonly binaries: Binaries;
	readonly random: Random;
	readonly log: Logger;
	/** For the sockets of those that run as somebody else. */
	readonly userSockets?: UserSockets | undefined;
	/** The processes that a runtime has had, newest first. */
	readonly history: (id: string) => readonly KeptLife[];
}

/** With the way to tell it of what an earlier daemon had. */
export interface JoinedRuntimes extends Runtimes {
	/** Gives each its name, its port and its program again; to be called before anything is added. */
	restore(runtimes: readonly RestoredRuntime[]): void;
	/** Gives one another spec, of the same id and name, and its port what that says of it. Throws as add does. */
	respecify(spec: RuntimeSpec): void;
}

export function joinRuntimes({ supervisor, links, binaries, random, log, history, userSockets }: JoinOptions): JoinedRuntimes {
	const describe = (id: string): RuntimeInfo => toInfo(supervisor.snapshot(id), links.problem(id));
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
	const register = (spec: RuntimeSpec): void => {
		try {
			supervisor.add(spec);
		} catch (error) {
			throw toOrchError(error);
		}
		know(spec);
		log.info('runtime added', { runtime: spec.name, id: spec.id, program: spec.program });
	};
	const remove = async (
		id: string,
		options: { readonly force: boolean; readonly keepOutput?: boolean; readonly signal: AbortSignal },
	): Promise<void> => {
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
		for (const link of links.unregister(id)) log.info('link removed', { id: link.id, type: link.type });
		binaries.release(id);
		userSockets?.forget(id);
		log.info('runtime removed', { runtime: name, id });
	};
	const columns = (which: WhichRuntimes) => toColumns(supervisor.list().filter((snapshot) => isMeant(snapshot, which)));
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
		list: (which = {}) =>
			supervisor
				.list()
				.flatMap((snapshot) => (isMeant(snapshot, which) ? toInfo(snapshot, links.problem(snapshot.spec.id)) : [])),
		columns,
		table(which) {
			const { id, ...others } = columns(which);
			if (id.length === 0) return '';
			return renderRuntimes({ ...others, id: id.map(shortId) });
		},
		removed: () => supervisor.outputs.old().map((one) => ({ ...one, status: 'removed' })),
		describe,
		details(id) {
			const { spec, stdoutPath, stderrPath } = supervisor.snapshot(id);
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
					exit: life.end ? { ...life.end.exit, at: isoTime(life.end.exit.at) } : null,
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
		add(wish) {
			const fault = checkProgram(wish.program, wish.cwd);
			if (fault) throw programError(fault, wish.binary?.name ?? wish.program, wish.cwd);
			const signal = wish.stop.signal ?? defaultStop.signal;
			if (!isSignal(signal)) throw new OrchError('request.invalid', { issues: [`this system has no signal ${signal}`] });
			const id = wish.id ?? random.uuid();
			register({
				id,
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
			});
			return describe(id);
		},
		async start(id, options) {
			const also = options.withNeeds === false ? [] : namesOf(supervisor.toStartFor(id));
			return withOthers(also, await done(id, supervisor.start(id, options)));
		},
		stop: (id, options) => done(id, supervisor.stop(id, options)),
		async restart(id, options) {
			const also = namesOf(supervisor.toStartFor(id));
			return withOthers(also, await done(id, supervisor.restart(id, options)));
		},
		remove,
		group: (name) => instancesOf(name).map(({ spec, status }) => ({ id: spec.id, name: spec.name, status })),
		groups: () => [...idsByGroup.keys()],
		async scale(name, wanted, { maxRuntimes, signal }) {
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
				const status = get(idsByName.get(taken.name) ?? '')?.status ?? '';
				throw new OrchError('runtime.name_taken', { name: taken.name, status, free: null });
			}
			if (idsByName.size + specs.length > maxRuntimes) throw new OrchError('busy', { what: 'runtimes', limit: maxRuntimes });
			for (const spec of specs) register(spec);
			const isWanted = present.some(({ desired }) => desired === 'running');
			const leaving = present.slice(wanted).reverse();
			const outcomes = await Promise.allSettled([
				...(isWanted ? specs.map(({ id }) => done(id, supervisor.start(id, { signal }))) : []),
				...leaving.map(({ spec }) => remove(spec.id, { force: true, keepOutput: true, signal })),
			]);
			for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
			return {
				added: specs.map((spec) => spec.name),
				removed: leaving.map(({ spec, stdoutPath, stderrPath }) => ({
					id: spec.id,
					name: spec.name,
					stdoutPath,
					stderrPath,
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
		output: (id, stream, options) => supervisor.output(id, stream, options),
		logs: (query) => readLogs(supervisor.outputs, query),
	};
}

function toInfo(snapshot: RuntimeSnapshot, problem: string | undefined): RuntimeInfo {
	const { spec, lastExit, backoff } = snapshot;
	return {
		id: spec.id,
		shortId: shortId(spec.id),
		name: spec.name,
		status: snapshot.status,
		desired: snapshot.desired,
		ready: snapshot.ready ?? null,
		reason: snapshot.reason ?? null,
		pid: snapshot.pid ?? null,
		generation: snapshot.generation,
		restarts: snapshot.restarts,
		startedAt: snapshot.startedAt === undefined ? null : isoTime(snapshot.startedAt),
		uptimeMs: snapshot.uptimeMs === undefined ? null : Math.round(snapshot.uptimeMs),
		usage: snapshot.usage ? toUsage(snapshot.usage) : null,
		lastExit: lastExit ? toLastExit(lastExit) : null,
		backoff: backoff ? toBackoff(backoff) : null,
		command: spec.program,
		args: [...spec.args],
		cwd: spec.cwd,
		priority: spec.priority,
		privileged: spec.privileged,
		restart: spec.restart as RuntimeInfo['restart'],
		stop: spec.stop as RuntimeInfo['stop'],
		options: optionsOf(spec),
		group: spec.group ?? null,
		...(snapshot.triggers && { triggers: toTriggers(snapshot.triggers) }),
		addedAt: isoTime(snapshot.addedAt),
		escaped: [...snapshot.escaped],
		warnings: problem === undefined ? [...snapshot.warnings] : [...snapshot.warnings, problem],
	};
}

/** Many of them are asked for at once, by somebody who waits. */
function toColumns(snapshots: readonly RuntimeSnapshot[]): RuntimeColumns {
	const columns: RuntimeColumns = {
		name: [],
		id: [],
		status: [],
		ready: [],
		pid: [],
		restarts: [],
		startedAt: [],
		uptimeMs: [],
		cpuPercent: [],
		memoryBytes: [],
		command: [],
		more: [],
	};
	for (const [at, snapshot] of snapshots.entries()) {
		const { spec, startedAt, uptimeMs, usage, lastExit, backoff, triggers } = snapshot;
		columns.name.push(spec.name);
		columns.id.push(spec.id);
		columns.status.push(snapshot.status);
		columns.ready.push(snapshot.ready ?? null);
		columns.pid.push(snapshot.pid ?? null);
		columns.restarts.push(snapshot.restarts);
		columns.startedAt.push(startedAt === undefined ? null : isoTime(startedAt));
		columns.uptimeMs.push(uptimeMs === undefined ? null : Math.round(uptimeMs));
		columns.cpuPercent.push(usage?.cpuPercent ?? null);
		columns.memoryBytes.push(usage?.memoryBytes ?? null);
		columns.command.push(spec.args.length === 0 ? spec.program : `${spec.program} ${spec.args.join(' ')}`);
		if (lastExit || backoff || triggers)
			columns.more.push({
				at,
				...(lastExit && { lastExit: toLastExit(lastExit) }),
				...(backoff && { backoff: toBackoff(backoff) }),
				...(triggers && { triggers: toTriggers(triggers) }),
			});
	}
	return columns;
}

function isMeant({ spec, status }: RuntimeSnapshot, which: WhichRuntimes): boolean {
	return (
		(which.status === undefined || status === which.status) &&
		(which.ids === undefined || which.ids.has(spec.id)) &&
		(which.labels === undefined || hasLabels(spec, which.labels))
	);
}

function hasLabels({ labels }: RuntimeSpec, wanted: Readonly<Record<string, string>>): boolean {
	return Object.entries(wanted).every(([name, value]) => {
		const has = labels?.[name];
		return has !== undefined && (value === '' || has === value);
	});
}

const toBackoff = (backoff: NonNullable<RuntimeSnapshot['backoff']>): NonNullable<RuntimeInfo['backoff']> => ({
	failures: backoff.failures,
	of: backoff.of,
	withinMs: backoff.withinMs,
	nextAt: backoff.nextAt === undefined ? null : isoTime(backoff.nextAt),
	nextInMs: backoff.nextInMs === undefined ? null : Math.round(backoff.nextInMs),
});

function toTriggers({ schedule, watch }: NonNullable<RuntimeSnapshot['triggers']>): NonNullable<RuntimeInfo['triggers']> {
	const time = (at: number | undefined) => (at === undefined ? null : isoTime(at));
	return {
		...(schedule && {
			schedule: { nextAt: time(schedule.nextAt), lastAt: time(schedule.lastAt), last: schedule.last ?? null },
		}),
		...(watch && {
			watch: {
				suspended: watch.suspended ?? null,
				restarts: watch.restarts,
				last: watch.last ? { at: isoTime(watch.last.at), file: watch.last.file } : null,
			},
		}),
	};
}

export const toLastExit = (exit: LastExit): NonNullable<RuntimeInfo['lastExit']> => ({
	code: exit.code ?? null,
	signal: exit.signal ?? null,
	coreDumped: exit.coreDumped,
	at: isoTime(exit.at),
	by: exit.by,
	reason: exit.reason ?? null,
});

const toUsage = ({ cpuPercent, memoryBytes, processes, at }: NonNullable<RuntimeSnapshot['usage']>): RuntimeUsage => ({
	cpuPercent: cpuPercent ?? null,
	memoryBytes,
	processes,
	at: isoTime(at),
});

type RuntimeUsage = NonNullable<RuntimeInfo['usage']>;

/** What a spec has beside the parts that every runtime has. */
function optionsOf(spec: RuntimeSpec): RuntimeInfo['options'] {
	const { id, name, program, args, cwd, env, priority, privileged, restart, stop, group, ...options } = spec;
	return options as RuntimeInfo['options'];
}

export function toOrchError(error: unknown): unknown {
	if (!(error instanceof SupervisorError)) return error;
	const { fault } = error;
	const options = { cause: error.cause };
	switch (fault.kind) {
		case 'not_found':
			return new OrchError('runtime.not_found', { ref: fault.id, candidates: [] }, options);
		case 'id_taken':
			return new OrchError('runtime.id_taken', { id: fault.id, name: fault.id }, options);
		case 'running':
			return new OrchError('runtime.running', { name: fault.name, pid: fault.pid ?? null }, options);
		case 'not_running':
			return new OrchError('runtime.not_running', { name: fault.name, status: fault.status }, options);
		case 'unknown_signal':
			return new OrchError('request.invalid', { issues: [`this system has no signal ${fault.signal}`] }, options);
		case 'bad_schedule':
			return new OrchError('schedule.invalid', { reason: fault.reason }, options);
		case 'bad_user':
			return new OrchError('runtime.user_refused', { user: fault.user, reason: fault.reason }, options);
		case 'start_failed':
			if (fault.fault.kind === 'port_taken') {
				const { port, uid, holder } = fault.fault;
				const held = holder ? { ...holder, runtime: holder.runtime ?? null } : null;
				return new OrchError('runtime.port_taken', { name: fault.name, port, uid, holder: held }, options);
			}
			return new OrchError('runtime.start_failed', { name: fault.name, reason: fault.reason }, options);
		case 'superseded':
			return new OrchError('runtime.superseded', { name: fault.name, by: fault.by }, options);
		case 'stop_incomplete':
			return new OrchError('runtime.stop_incomplete', { name: fault.name, escaped: fault.escaped }, options);
		case 'waits':
			return new OrchError('runtime.waits', { name: fault.name, reason: fault.reason, how: fault.how }, options);
		case 'needs_circle':
			return new OrchError('runtime.needs_circle', { name: fault.name, circle: fault.circle }, options);
		case 'bad_probe':
			return new OrchError('probe.invalid', { reason: fault.reason }, options);
		case 'not_reached': {
			const { name, goal, status, reason } = fault;
			return new OrchError('runtime.not_reached', { name, goal, status, reason: reason ?? null }, options);
		}
		case 'closing':
			return new OrchError('daemon.stopping', {}, options);
	}
}

function programError(fault: ProgramFault, program: string, cwd: string): OrchError {
	switch (fault.kind) {
		case 'cwd_missing':
			return new OrchError('program.cwd_missing', { cwd: fault.cwd });
		case 'not_found':
			return new OrchError('program.not_found', { program, cwd, candidates: neighbours(program) });
		case 'is_directory':
			return new OrchError('program.is_directory', { program });
		case 'not_executable':
			return new OrchError('program.not_executable', { program, mode: fault.mode });
		case 'wrong_format':
			return new OrchError('program.wrong_format', { program });
		case 'missing_interpreter':
			return new OrchError('program.missing_interpreter', { program, interpreter: fault.interpreter });
		case 'missing_loader':
			return new OrchError('program.missing_loader', { program, loader: fault.loader });
		case 'wrong_machine':
			return new OrchError('program.wrong_machine', { program, machine: fault.machine, here: fault.here });
	}
}

/** Files beside a missing program with names like its own. */
function neighbours(program: string): string[] {
	const directory = dirname(program);
	try {
		return suggest(basename(program), readdirSync(directory)).map((name) => `${directory}/${name}`);
	} catch {
		return [];
	}
}
