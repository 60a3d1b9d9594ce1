/** Handlers of the runtime operations: params to domain calls to answers. */
import {
	type Call,
	type Handlers,
	type RuntimeInfo as RuntimeInfoSchema,
	runtimeOptions,
	type runtimeOperations,
} from '@orch/protocol';
import type { Static } from 'typebox';
import type { Binaries } from '../../binaries/index.ts';
import { freeName, nameOfProgram } from '../references.ts';
import { type Directory, type Entry, resolveRuntime } from './directory.ts';

export type RuntimeInfo = Static<typeof RuntimeInfoSchema>;

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

/**
 * The runtimes as handlers see them: supervision, ports and uploads joined. Refusals come as OrchError of the codes that
 * the operations declare.
 */
export interface Runtimes extends Directory {
	readonly count: number;
	/** Resolves once what they use is known as of this second. */
	look(): Promise<void>;
	/** Tells of changes, and of every look at what they use, which is taken once a second from now on; returns how to end it. */
	watch(listener: {
		readonly changed: (id: string) => void;
		readonly removed: (id: string) => void;
		readonly looked: () => void;
	}): () => void;
	list(): readonly RuntimeInfo[];
	describe(id: string): RuntimeInfo;
	details(id: string): RuntimeDetails;
	/** Resolves with how it is connected: its codec, or null. */
	connectedBy(id: string): Promise<string | null>;
	add(wish: RuntimeWish): RuntimeInfo;
	start(
		id: string,
		options: { readonly priority?: 'high' | 'normal' | 'low' | undefined; readonly signal: AbortSignal },
	): Promise<RuntimeInfo>;
	stop(id: string, options: { readonly graceMs?: number | undefined; readonly signal: AbortSignal }): Promise<RuntimeInfo>;
	restart(id: string, options: { readonly graceMs?: number | undefined; readonly signal: AbortSignal }): Promise<RuntimeInfo>;
	remove(id: string, options: { readonly force: boolean; readonly signal: AbortSignal }): Promise<void>;
	signal(id: string, name: string): number;
	output(
		id: string,
		stream: 'stdout' | 'stderr',
		options: { readonly follow: boolean; readonly lines: number | undefined; readonly signal: AbortSignal },
	): AsyncGenerator<Uint8Array, 'end' | 'removed', undefined>;
}

export interface RuntimeHandlersOptions {
	readonly runtimes: Runtimes;
	readonly binaries: Binaries;
	/** How many runtimes may be registered. */
	readonly maxRuntimes: number;
	readonly whileOpen: (call: Call<'daemon.stopping'>) => void;
}

export function runtimeHandlers({
	runtimes,
	binaries,
	maxRuntimes,
	whileOpen,
}: RuntimeHandlersOptions): Handlers<typeof runtimeOperations> {
	const find = (ref: string, call: Call<'runtime.not_found' | 'runtime.ambiguous'>): Entry => resolveRuntime(runtimes, ref, call);
	const output = (stream: 'stdout' | 'stderr') =>
		async function* (
			params: { readonly runtime: string; readonly follow: boolean; readonly lines?: number },
			call: Call<'runtime.not_found' | 'runtime.ambiguous'>,
		) {
			const { id } = find(params.runtime, call);
			const chunks = runtimes.output(id, stream, { follow: params.follow, lines: params.lines, signal: call.signal });
			for (let next = await chunks.next(); ; next = await chunks.next()) {
				if (next.done) return { ended: next.value };
				yield { bytes: next.value };
			}
		};
	const nameFor = (params: { readonly name?: string; readonly program: string }, call: Call<'runtime.name_taken'>): string => {
		const free = (base: string) => freeName(base, (name) => runtimes.byName(name) !== undefined);
		if (params.name === undefined) return free(nameOfProgram(params.program));
		const taken = runtimes.byName(params.name);
		return taken
			? call.fail('runtime.name_taken', { name: params.name, status: taken.status, free: free(params.name) })
			: params.name;
	};

	return {
		async 'runtime.add'(params, call) {
			whileOpen(call);
			if (runtimes.count >= maxRuntimes) call.fail('busy', { what: 'runtimes', limit: maxRuntimes });
			const name = nameFor(params, call);
			const same = params.id === undefined ? undefined : runtimes.get(params.id);
			if (same) call.fail('runtime.id_taken', { id: same.id, name: same.name });
			const { binary } = params;
			if (binary !== undefined && !binaries.has(binary)) call.fail('binary.unknown_upload', { upload: binary });
			const added = runtimes.add({
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
				binary: binary === undefined ? undefined : { sha256: binary, name: params.program },
			});
			return params.start ? runtimes.start(added.id, { signal: call.signal }) : added;
		},

		async 'runtime.list'({ status }) {
			await runtimes.look();
			return runtimes.list().filter((runtime) => status === undefined || runtime.status === status);
		},

		async 'runtime.show'({ runtime }, call) {
			const { id } = find(runtime, call);
			await runtimes.look();
			return { ...runtimes.describe(id), ...runtimes.details(id), connected: await runtimes.connectedBy(id) };
		},

		async 'runtime.start'({ runtime, priority }, call) {
			whileOpen(call);
			return runtimes.start(find(runtime, call).id, { priority, signal: call.signal });
		},

		'runtime.stop': async ({ runtime, graceMs }, call) => runtimes.stop(find(runtime, call).id, { graceMs, signal: call.signal }),

		async 'runtime.restart'({ runtime, graceMs }, call) {
			whileOpen(call);
			return runtimes.restart(find(runtime, call).id, { graceMs, signal: call.signal });
		},

		async 'runtime.remove'({ runtime, force }, call) {
			const { id, name } = find(runtime, call);
			await runtimes.remove(id, { force: force ?? false, signal: call.signal });
			return { id, name };
		},

		'runtime.signal': async ({ runtime, signal }, call) => ({ pid: runtimes.signal(find(runtime, call).id, signal) }),

		'runtime.stdout': output('stdout'),
		'runtime.stderr': output('stderr'),
	};
}

/** The optional part of what a runtime is given, without what was not given. */
function optionsOf(params: RuntimeInfo['options']): RuntimeInfo['options'] {
	const given = optionNames.filter((name) => params[name] !== undefined).map((name) => [name, params[name]] as const);
	return Object.fromEntries(given);
}

const optionNames = Object.keys(runtimeOptions) as (keyof typeof runtimeOptions)[];
