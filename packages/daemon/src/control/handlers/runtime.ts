/** Handlers of the runtime operations: params to domain calls to answers. */
import { settleAll } from '@orch/base';
import {
	type Call,
	type Handlers,
	type ParamsOf,
	type RuntimeColumns as RuntimeColumnsSchema,
	type RuntimeInfo as RuntimeInfoSchema,
	runtimeOptions,
	type runtimeOperations,
} from '@orch/protocol';
import type { Static } from 'typebox';
import type { Binaries } from '../../binaries/index.ts';
import { logsHandler } from './logs.ts';
import { freeName, nameOfProgram } from '../names.ts';
import type { LogBatch, LogsEnd, LogsQuery } from '../../supervisor/index.ts';
import { type Directory, type Entry, type Meant, resolveRuntime, resolveRuntimes, resolveWriters } from './directory.ts';

export type RuntimeInfo = Static<typeof RuntimeInfoSchema>;
export type RuntimeColumns = Static<typeof RuntimeColumnsSchema>;

/** What passes the links of those that have any, by their ids. */
export type Flows = ReadonlyMap<string, NonNullable<RuntimeInfo['traffic']>>;

export interface RuntimeWish {
	readonly id: string | undefined;
	readonly name: string;
	readonly program: string;
	readonly args: readonly string[];
	readonly cwd: string;
	readonly env: Readonly<Record<string, string>>;
	readonly priority: 'high' | 'normal' | 'low';
	readonly privileged: boolean;
	readonly restart: Partial<RuntimeInfo['restart']>;
	readonly stop: Partial<RuntimeInfo['stop']>;
	readonly options: RuntimeInfo['options'];
	readonly group: { readonly name: string; readonly index: number } | undefined;
	/** The uploaded program that it runs: its hash, and the name it had where it came from. */
	readonly binary: { readonly sha256: string; readonly name: string } | undefined;
}

export interface RuntimeDetails {
	readonly env: Readonly<Record<string, string>>;
	readonly stdoutPath: string;
	readonly stderrPath: string;
	readonly socket: string;
	readonly veecleSocket: string;
	readonly history: Static<(typeof runtimeOperations)['runtime.show']['result']>['history'];
}

/** What came of a removal. */
export interface Removed {
	/** How many waited in mailboxes from or to it; null where the router does not tell. Never rejects. */
	readonly droppedMessages: Promise<number | null>;
}

/** Which runtimes a list is of: those to which all of it applies. */
export interface WhichRuntimes {
	readonly status?: RuntimeInfo['status'] | undefined;
	readonly ids?: ReadonlySet<string> | undefined;
	/** An empty value stands for any. */
	readonly labels?: Readonly<Record<string, string>> | undefined;
}

/**
 * The runtimes as handlers see them: supervision, ports and uploads joined. Refusals come as OrchError of the codes that
 * the operations declare.
 */
export interface Runtimes extends Directory {
	readonly count: number;
	/** Resolves once what they use is known as of this second. */
	look(): Promise<void>;
	/** None where there are no links, or where the router does not answer at once. */
	flows(): Promise<Flows>;
	/** Tells of changes, and of every look at what they use, which is taken once a second from now on; returns how to end it. */
	watch(listener: {
		readonly changed: (id: string) => void;
		readonly removed: (id: string) => void;
		readonly looked: () => void;
	}): () => void;
	list(which?: WhichRuntimes, flows?: Flows): readonly RuntimeInfo[];
	columns(which: WhichRuntimes, flows: Flows): RuntimeColumns;
	/** The same as lines of text; none where there are no runtimes. */
	table(which: WhichRuntimes, flows: Flows): string;
	/** Of which nothing is left but what they have written. */
	removed(): readonly Entry[];
	describe(id: string): RuntimeInfo;
	details(id: string): RuntimeDetails;
	/** Resolves with how it is connected: its codec, or null. */
	connectedBy(id: string): Promise<string | null>;
	/** All of them, or none where it throws. */
	add(...wishes: readonly RuntimeWish[]): readonly RuntimeInfo[];
	start(
		id: string,
		options: {
			readonly priority?: 'high' | 'normal' | 'low' | undefined;
			/** What it needs is started as well; absent: yes. */
			readonly withNeeds?: boolean | undefined;
			readonly signal: AbortSignal;
		},
	): Promise<RuntimeInfo>;
	stop(id: string, options: { readonly graceMs?: number | undefined; readonly signal: AbortSignal }): Promise<RuntimeInfo>;
	restart(id: string, options: { readonly graceMs?: number | undefined; readonly signal: AbortSignal }): Promise<RuntimeInfo>;
	/** `leaveEscaped`: what no stop has ended before, and none ends now, does not stand in the way. */
	remove(
		id: string,
		options: {
			readonly force: boolean;
			readonly leaveEscaped?: boolean;
			readonly keepOutput?: boolean;
			readonly signal: AbortSignal;
		},
	): Promise<Removed>;
	/** Adds instances to a group, started where any is wanted to run; or stops and removes its highest, whose output stays. */
	scale(
		group: string,
		instances: number,
		options: { readonly maxRuntimes: number; readonly signal: AbortSignal },
	): Promise<{
		readonly added: readonly string[];
		readonly removed: readonly {
			readonly id: string;
			readonly name: string;
			readonly stdoutPath: string;
			readonly stderrPath: string;
			readonly droppedMessages: number | null;
		}[];
	}>;
	signal(id: string, name: string): number;
	output(
		id: string,
		stream: 'stdout' | 'stderr',
		options: {
			readonly follow: boolean;
			readonly lines: number | undefined;
			readonly signal: AbortSignal;
			/** Told before the chunk that follows. */
			readonly onRemoved: (bytes: number) => void;
		},
	): AsyncGenerator<Uint8Array, 'end' | 'removed', undefined>;
	logs(query: LogsQuery): AsyncGenerator<LogBatch, LogsEnd, undefined>;
}

export interface RuntimeHandlersOptions {
	readonly runtimes: Runtimes;
	readonly binaries: Binaries;
	/** How many runtimes may be registered. */
	readonly maxRuntimes: number;
	readonly now: () => number;
	readonly whileOpen: (call: Call<'daemon.stopping'>) => void;
}

export function runtimeHandlers({
	runtimes,
	binaries,
	maxRuntimes,
	now,
	whileOpen,
}: RuntimeHandlersOptions): Handlers<typeof runtimeOperations> {
	const find = (ref: string, call: Call<'runtime.not_found' | 'runtime.ambiguous'>): Entry => resolveRuntime(runtimes, ref, call);
	const output = (stream: 'stdout' | 'stderr') =>
		async function* (
			params: { readonly runtime: string; readonly follow: boolean; readonly lines?: number },
			call: Call<'runtime.not_found' | 'runtime.ambiguous'>,
		) {
			const { id } = find(params.runtime, call);
			let removedBytes = 0;
			const onRemoved = (bytes: number) => {
				removedBytes += bytes;
			};
			const { follow, lines } = params;
			const chunks = runtimes.output(id, stream, { follow, lines, signal: call.signal, onRemoved });
			try {
				for (let next = await chunks.next(); ; next = await chunks.next()) {
					const bytes = next.done ? new Uint8Array() : next.value;
					if (removedBytes > 0) yield { bytes, removedBytes };
					else if (!next.done) yield { bytes };
					removedBytes = 0;
					if (next.done) return { ended: next.value };
				}
			} finally {
				await chunks.return('end');
			}
		};
	const findAll = (ref: string, call: Call<'runtime.not_found' | 'runtime.ambiguous'>): Meant =>
		resolveRuntimes(runtimes, ref, call);
	const holder = (name: string): Entry | undefined => runtimes.byName(name) ?? runtimes.group(name)[0];
	/** The names of what is added: of one runtime, or of the instances of a group. */
	const namesFor = (
		params: { readonly name?: string; readonly program: string; readonly instances?: number },
		call: Call<'runtime.name_taken'>,
	): { readonly base: string; readonly names: readonly string[] } => {
		const namesOf = (base: string) =>
			params.instances === undefined ? [base] : Array.from({ length: params.instances }, (_, at) => `${base}-${at + 1}`);
		const takenOf = (base: string) => [base, ...namesOf(base)].find((name) => holder(name) !== undefined);
		const free = (base: string) => freeName(base, (name) => takenOf(name) !== undefined);
		const base = params.name ?? free(nameOfProgram(params.program));
		const taken = takenOf(base);
		const present = taken === undefined ? undefined : holder(taken);
		if (taken !== undefined && present) {
			const { status, addedAt } = runtimes.describe(present.id);
			const ageMs = Math.max(0, now() - Date.parse(addedAt));
			call.fail('runtime.name_taken', { name: taken, status, ageMs, free: free(base), program: params.program });
		}
		return { base, names: namesOf(base) };
	};
	const meant = (
		{ status, runtimes: refs, labels }: ParamsOf<(typeof runtimeOperations)['runtime.list']>,
		call: Call<'runtime.not_found' | 'runtime.ambiguous'>,
	): WhichRuntimes => ({
		status,
		ids: refs && new Set(refs.flatMap((ref) => findAll(ref, call).entries.map(({ id }) => id))),
		labels,
	});
	/** Both at once: neither takes longer for the other. */
	const looked = async (): Promise<Flows> => {
		const [flows] = await Promise.all([runtimes.flows(), runtimes.look()]);
		return flows;
	};
	/** What came of a command on all that a reference means: on every one of them, though one of them fails. */
	const onAll = async (
		{ entries, group }: { readonly entries: readonly { readonly id: string }[]; readonly group: string | undefined },
		act: (id: string) => Promise<RuntimeInfo>,
	): Promise<RuntimeInfo & { readonly instances?: RuntimeInfo[] }> => {
		const instances = await settleAll(entries.map(({ id }) => act(id)));
		const [first] = instances;
		if (!first) throw new Error('Nothing was meant');
		return group === undefined ? first : { ...first, instances };
	};

	return {
		async 'runtime.add'(params, call) {
			whileOpen(call);
			const { base, names } = namesFor(params, call);
			if (runtimes.count + names.length > maxRuntimes) call.fail('busy', { what: 'runtimes', limit: maxRuntimes });
			const same = params.id === undefined ? undefined : runtimes.get(params.id);
			if (same) call.fail('runtime.id_taken', { id: same.id, name: same.name });
			if (params.id !== undefined && params.instances !== undefined)
				call.fail('request.invalid', { issues: ['several instances cannot have one id'] });
			const { binary } = params;
			if (binary !== undefined && !binaries.has(binary)) call.fail('binary.unknown_upload', { upload: binary });
			const added = runtimes.add(
				...names.map((name, at) => ({
					id: params.id,
					name,
					program: binary === undefined ? params.program : binaries.path(binary),
					args: params.args,
					cwd: params.cwd,
					env: params.env,
					priority: params.priority ?? 'normal',
					privileged: params.privileged ?? false,
					restart: params.restart ?? {},
					stop: params.stop ?? {},
					options: optionsOf(params),
					group: params.instances === undefined ? undefined : { name: base, index: at + 1 },
					binary: binary === undefined ? undefined : { sha256: binary, name: params.program },
				})),
			);
			return onAll({ entries: added, group: params.instances === undefined ? undefined : base }, async (id) =>
				params.start ? runtimes.start(id, { signal: call.signal }) : runtimes.describe(id),
			);
		},

		async 'runtime.list'(params, call) {
			const which = meant(params, call);
			return [...runtimes.list(which, await looked())];
		},

		async 'runtime.brief'(params, call) {
			const which = meant(params, call);
			return runtimes.columns(which, await looked());
		},

		async 'runtime.table'(params, call) {
			const which = meant(params, call);
			return { text: runtimes.table(which, await looked()) };
		},

		async 'runtime.show'({ runtime }, call) {
			const { id } = find(runtime, call);
			await runtimes.look();
			return { ...runtimes.describe(id), ...runtimes.details(id), connected: await runtimes.connectedBy(id) };
		},

		async 'runtime.start'({ runtime, priority, needs }, call) {
			whileOpen(call);
			return onAll(findAll(runtime, call), (id) => runtimes.start(id, { priority, withNeeds: needs, signal: call.signal }));
		},

		'runtime.stop': async ({ runtime, graceMs }, call) =>
			onAll(findAll(runtime, call), (id) => runtimes.stop(id, { graceMs, signal: call.signal })),

		async 'runtime.restart'({ runtime, graceMs }, call) {
			whileOpen(call);
			return onAll(findAll(runtime, call), (id) => runtimes.restart(id, { graceMs, signal: call.signal }));
		},

		async 'runtime.remove'({ runtime, force = false, keepOutput = false }, call) {
			const { entries, group } = findAll(runtime, call);
			const options = { force, leaveEscaped: force, keepOutput, signal: call.signal };
			const removed = await settleAll(entries.map(({ id }) => runtimes.remove(id, options)));
			const dropped = await Promise.all(removed.map(({ droppedMessages }) => droppedMessages));
			const instances = entries.map(({ id, name }, at) => ({ id, name, droppedMessages: dropped[at] ?? null }));
			const [first = { id: '', name: '', droppedMessages: null }] = instances;
			return group === undefined ? first : { ...first, instances };
		},

		async 'runtime.scale'({ group: ref, instances }, call) {
			whileOpen(call);
			const { entries, group } = findAll(ref, call);
			if (group === undefined) return call.fail('runtime.not_group', { name: entries[0]?.name ?? ref });
			const changed = await runtimes.scale(group, instances, { maxRuntimes, signal: call.signal });
			return {
				name: group,
				instances: runtimes.group(group).map(({ id }) => runtimes.describe(id)),
				added: [...changed.added],
				removed: [...changed.removed],
			};
		},

		'runtime.signal': async ({ runtime, signal }, call) => ({ pid: runtimes.signal(find(runtime, call).id, signal) }),

		'runtime.stdout': output('stdout'),
		'runtime.stderr': output('stderr'),
		'runtime.logs': logsHandler({
			find: (ref, call) => resolveWriters(runtimes, ref, call),
			logs: (query) => runtimes.logs(query),
		}),
	};
}

/** The optional part of what a runtime is given, without what was not given. */
function optionsOf(params: RuntimeInfo['options']): RuntimeInfo['options'] {
	const given = optionNames.filter((name) => params[name] !== undefined).map((name) => [name, params[name]] as const);
	return Object.fromEntries(given);
}

const optionNames = Object.keys(runtimeOptions) as (keyof typeof runtimeOptions)[];
