/** An orchd that only remembers: every operation on real sockets and the real wire, without processes or a router. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { renderRuntimes } from '@orch/base/text';
import {
	type Api,
	api,
	createDispatch,
	type DaemonEvent,
	type Handlers,
	OrchError,
	type ResultOf,
	type ParamsOf,
	suggest,
} from '@orch/protocol';
import { ourHello, Session, shortId } from '@orch/protocol/wire';
import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { toColumns } from '../render/runtime-columns.ts';

type Runtime = ResultOf<Api['runtime.show']>;
type Link = ResultOf<Api['link.stats']>['links'][number];
type Unrouted = ResultOf<Api['link.stats']>['unrouted'][number];
type Faults = ResultOf<Api['link.stats']>['faults'][number];

export const fakeStart = '2026-01-01T00:00:00.000Z';

export interface FakeDaemon extends AsyncDisposable {
	readonly directory: string;
	readonly socket: string;
	readonly runtimes: Map<string, Runtime>;
	readonly links: Link[];
	readonly unrouted: Unrouted[];
	readonly faults: Faults[];
	readonly types: ResultOf<Api['link.types']>;
	readonly events: DaemonEvent[];
	/** Tells those who follow that something has changed. */
	changed(): void;
	/** Every request, in order. */
	readonly requests: { readonly operation: string; readonly params: unknown }[];
	/** What the program of a runtime has written; more can be appended with `write`. */
	readonly output: Map<string, Buffer[]>;
	write(name: string, bytes: Buffer): void;
	/** Replaces how an operation is answered; gives how to put it back. */
	override<Name extends keyof Api>(name: Name, handler: Handlers<Api>[Name]): () => void;
	addRuntime(name: string, over?: Partial<Runtime>): Runtime;
	addLink(from: string, type: string, to: string, over?: Partial<Link>): Link;
	/** Sessions that are open. */
	readonly sessions: Set<Session>;
	readonly uploads: Map<string, { readonly size: number; readonly sha256: string; received: number; parts: Buffer[] }>;
}

export const newRunner = (over: Partial<ResultOf<Api['runner.list']>[number]> = {}): ResultOf<Api['runner.list']>[number] => ({
	name: 'echo',
	basePath: '/echo',
	config: '/srv/echo.yaml',
	parent: null,
	profiles: [],
	runtimes: ['echo/api'],
	workflows: [],
	health: { status: 'ok', reasons: [] },
	appliedAt: fakeStart,
	reloadedAt: null,
	...over,
});

const emptyPlan: ResultOf<Api['project.diff']>['plan'] = {
	runtimes: { added: [], removed: [], changed: [] },
	links: { added: [], removed: [], changed: [] },
	definitions: [],
};

export async function startFakeDaemon(options: { readonly socket?: string } = {}): Promise<FakeDaemon> {
	const directory = options.socket === undefined ? mkdtempSync(join(tmpdir(), 'orch-cli-')) : dirname(options.socket);
	const socket = options.socket ?? join(directory, 'o.sock');
	const state: FakeDaemon = {
		directory,
		socket,
		runtimes: new Map(),
		links: [],
		types: [],
		unrouted: [],
		faults: [],
		events: [],
		changed: () => wake(),
		requests: [],
		output: new Map(),
		sessions: new Set(),
		uploads: new Map(),
		write(name, bytes) {
			state.output.set(name, [...(state.output.get(name) ?? []), bytes]);
			wake();
		},
		override(name, handler) {
			const before = handlers[name];
			handlers[name] = handler;
			return () => {
				handlers[name] = before;
			};
		},
		addRuntime(name, over = {}) {
			const runtime = { ...newRuntime(name, state.runtimes.size), ...over };
			state.runtimes.set(runtime.id, runtime);
			return runtime;
		},
		addLink(from, type, to, over = {}) {
			const party = (name: string) => ({ id: [...state.runtimes.values()].find((each) => each.name === name)?.id ?? name, name });
			const link = { ...newLink(from, type, to, state.links.length), from: party(from), to: party(to), ...over };
			state.links.push(link);
			return link;
		},
		async [Symbol.asyncDispose]() {
			for (const session of state.sessions) session.close();
			for (const open of sockets) open.destroy();
			await new Promise((resolve) => server.close(resolve));
			if (options.socket === undefined) rmSync(directory, { recursive: true, force: true });
		},
	};
	const wakers: (() => void)[] = [];
	const wake = () => {
		for (const each of wakers.splice(0)) each();
	};
	const written = (signal: AbortSignal) =>
		new Promise<void>((resolve) => {
			wakers.push(resolve);
			signal.addEventListener('abort', () => resolve(), { once: true });
		});
	const handlers = createHandlers(state, written, wake) as { -readonly [Name in keyof Api]: Handlers<Api>[Name] };
	const dispatch = createDispatch(api, handlers, {
		check: issues,
		checkResults: true,
		onDefect: (error, operation) => console.error(`fake daemon, ${operation}:`, error),
		suggest,
	});
	const sockets = new Set<Socket>();
	const server: Server = createServer((connection) => {
		sockets.add(connection);
		const session = new Session({
			role: 'server',
			hello: ourHello('orchd 0.1.0', process.pid),
			dispatch: (operation, params, signal) => {
				state.requests.push({ operation, params });
				return dispatch(operation, params, signal);
			},
			channel: {
				write: (bytes) => connection.writable && connection.write(bytes),
				pause: () => connection.pause(),
				resume: () => connection.resume(),
				end: () => connection.destroySoon(),
			},
		});
		state.sessions.add(session);
		connection.on('data', (bytes) => session.receive(bytes));
		connection.on('drain', () => session.writable());
		connection.on('error', () => {});
		connection.on('close', () => {
			state.sessions.delete(session);
			sockets.delete(connection);
			session.disconnected('closed');
		});
	});
	await new Promise<void>((resolve, reject) => {
		server.once('error', reject);
		server.listen(socket, resolve);
	});
	return state;
}

const issues = (schema: TSchema, value: unknown): string[] =>
	Value.Check(schema, value) ? [] : Value.Errors(schema, value).map(({ instancePath, message }) => `${instancePath} ${message}`);

function createHandlers(state: FakeDaemon, written: (signal: AbortSignal) => Promise<void>, wake: () => void): Handlers<Api> {
	const find = (ref: string): Runtime => {
		const all = [...state.runtimes.values()];
		const exact = all.find(({ name, id }) => name === ref || id === ref);
		if (exact) return exact;
		const near = ref.length < 4 ? [] : all.filter(({ id }) => id.startsWith(ref) || id.slice(-12).startsWith(ref));
		const [only] = near;
		if (!only)
			throw new OrchError('runtime.not_found', {
				ref,
				candidates: suggest(
					ref,
					all.map(({ name }) => name),
				),
			});
		if (near.length > 1) throw new OrchError('runtime.ambiguous', { ref, matches: near });
		return only;
	};
	const change = (runtime: Runtime, over: Partial<Runtime>): Runtime => {
		const changed = { ...runtime, ...over };
		state.runtimes.set(runtime.id, changed);
		return changed;
	};
	const info = ({
		env: _env,
		stdoutPath: _out,
		stderrPath: _err,
		socket: _s,
		veecleSocket: _v,
		connected: _c,
		...rest
	}: Runtime) => rest;
	const selected = ({ status, runtimes, labels = {} }: ParamsOf<Api['runtime.list']>): Runtime[] => {
		const ids = runtimes && new Set(runtimes.map((ref) => find(ref).id));
		return [...state.runtimes.values()].filter(
			(each) =>
				(status === undefined || each.status === status) &&
				(ids === undefined || ids.has(each.id)) &&
				Object.entries(labels).every(([name, value]) => {
					const has = each.options.labels?.[name];
					return has !== undefined && (value === '' || has === value);
				}),
		);
	};
	const party = (ref: string) => (ref === '*' ? { id: '*', name: '*' } : (({ id, name }) => ({ id, name }))(find(ref)));
	const filtered = <L extends { from: { id: string }; to: { id: string }; type: string }>(
		links: readonly L[],
		by: { from?: string; to?: string; type?: string },
	) => {
		const from = by.from === undefined ? undefined : party(by.from).id;
		const to = by.to === undefined ? undefined : party(by.to).id;
		return links.filter(
			(link) =>
				(from ?? link.from.id) === link.from.id && (to ?? link.to.id) === link.to.id && (by.type ?? link.type) === link.type,
		);
	};
	const linkInfo = ({
		counters: _1,
		messagesPerSecond: _2,
		bytesPerSecond: _3,
		latencyP50Ms: _4,
		latencyP99Ms: _5,
		lastAt: _6,
		blocking: _7,
		...rest
	}: Link) => rest;
	async function* outputOf(
		{ runtime, follow, lines }: { runtime: string; follow: boolean; lines?: number },
		signal: AbortSignal,
	) {
		const { id, name } = find(runtime);
		const backlog = Buffer.concat(state.output.get(name) ?? []);
		let seen = (state.output.get(name) ?? []).length;
		const text = backlog.toString('latin1').split(/(?<=\n)/);
		const start = lines === undefined ? backlog : Buffer.from(lines === 0 ? '' : text.slice(-lines).join(''), 'latin1');
		for (let at = 0; at < start.length; at += 65_536) yield { bytes: start.subarray(at, at + 65_536) };
		while (follow) {
			if (signal.aborted) return { ended: 'end' as const };
			if (!state.runtimes.has(id)) return { ended: 'removed' as const };
			const parts = state.output.get(name) ?? [];
			const next = parts[seen];
			if (next) {
				seen++;
				yield { bytes: next };
			} else {
				await written(signal);
			}
		}
		return { ended: 'end' as const };
	}
	return {
		'daemon.version': async () => ({
			version: '0.1.0',
			protocol: { min: 1, max: 1 },
			node: process.versions.node,
			pid: process.pid,
		}),
		'daemon.status': async () => ({
			version: '0.1.0',
			protocol: { min: 1, max: 1 },
			pid: 4211,
			node: '20.20.2',
			startedAt: fakeStart,
			uptimeMs: 8_040_000,
			socket: state.socket,
			home: join(state.directory, 'home'),
			memoryBytes: 61_400_000,
			runtimes: countBy([...state.runtimes.values()].map(({ status }) => status)),
			links: state.links.length,
			router: { status: 'running', pid: 4212, version: '0.1.0', memoryBytes: 48_000_000, restarts: 0 },
			notices: [],
		}),
		'daemon.stop': async ({ runtimes }) => {
			const running = [...state.runtimes.values()].filter(({ status }) => status === 'running').length;
			return runtimes === 'keep' ? { stopped: 0, kept: running } : { stopped: running, kept: 0 };
		},
		clear: async () => {
			const cleared = { runtimes: state.runtimes.size, links: state.links.length, droppedMessages: waiting(state.links) };
			state.runtimes.clear();
			state.links.length = 0;
			wake();
			return cleared;
		},
		'runtime.add': async (params) => {
			const base = params.name ?? params.program.slice(params.program.lastIndexOf('/') + 1);
			const taken = [...state.runtimes.values()].find(({ name }) => name === base);
			if (taken) {
				const { status } = taken;
				const { program } = params;
				throw new OrchError('runtime.name_taken', { name: base, status, ageMs: 7_200_000, free: `${base}-2`, program });
			}
			const runtime = newRuntime(base, state.runtimes.size);
			const added = {
				...runtime,
				id: params.id ?? runtime.id,
				command: params.program,
				args: params.args,
				cwd: params.cwd,
				env: params.env,
				priority: params.priority ?? 'normal',
				restart: { ...runtime.restart, ...params.restart },
				stop: { ...runtime.stop, ...params.stop },
				...(params.start ? started(state.runtimes.size) : {}),
			};
			state.runtimes.set(added.id, added);
			return info(added);
		},
		'runtime.list': async (which) => selected(which).map(info),
		'runtime.brief': async (which) => toColumns(selected(which)),
		'runtime.table': async (which) => {
			const runtimes = toColumns(selected(which));
			const rows = { ...runtimes, id: runtimes.id.map(shortId) };
			return { text: rows.name.length === 0 ? '' : renderRuntimes(rows) };
		},
		'runtime.show': async ({ runtime }) => find(runtime),
		'runtime.start': async ({ runtime }) => info(change(find(runtime), started(7))),
		'runtime.stop': async ({ runtime }) =>
			info(
				change(find(runtime), {
					status: 'stopped',
					desired: 'stopped',
					pid: null,
					startedAt: null,
					uptimeMs: null,
					lastExit: { code: null, signal: 'SIGTERM', coreDumped: false, at: fakeStart, by: 'stop', reason: null },
				}),
			),
		'runtime.restart': async ({ runtime }) => info(change(find(runtime), started(8))),
		'runtime.remove': async ({ runtime, force }) => {
			const { id, name, status, pid } = find(runtime);
			if (status === 'running' && !force) throw new OrchError('runtime.running', { name, pid });
			state.runtimes.delete(id);
			const gone = state.links.filter((link) => link.from.id === id || link.to.id === id);
			for (const link of gone) state.links.splice(state.links.indexOf(link), 1);
			wake();
			return { id, name, droppedMessages: waiting(gone) };
		},
		'runtime.scale': async ({ group }) => {
			throw new OrchError('runtime.not_group', { name: group });
		},
		'runtime.signal': async ({ runtime }) => {
			const { name, status, pid } = find(runtime);
			if (pid === null) throw new OrchError('runtime.not_running', { name, status });
			return { pid };
		},
		'runtime.stdout': (params, { signal }) => outputOf(params, signal),
		'runtime.stderr': async function* ({ runtime }) {
			const { name } = find(runtime);
			if (name === 'worker') yield { bytes: Buffer.from('Error: connect ECONNREFUSED 127.0.0.1:6379\n') };
			return { ended: 'end' as const };
		},
		'runtime.logs': async function* ({ runtimes }) {
			const chosen = runtimes.length === 0 ? [...state.runtimes.values()] : runtimes.map(find);
			for (const { id, name } of chosen) {
				const said = Buffer.concat(state.output.get(name) ?? []).toString('utf8');
				const texts = said.split('\n').slice(0, -1);
				const lines = texts.map((text) => ({ runtime: id, name, stream: 'stdout' as const, at: fakeStart, text }));
				yield { lines, dropped: [], cursor: { [id]: { stdout: Buffer.byteLength(said) } } };
			}
			return { ended: 'end' as const };
		},
		'binary.begin': async ({ size, sha256 }) => {
			const upload = `upload-${state.uploads.size + 1}`;
			const present = [...state.uploads.values()].some((each) => each.sha256 === sha256 && each.received === each.size);
			if (!present) state.uploads.set(upload, { size, sha256, received: 0, parts: [] });
			return { upload, present };
		},
		'binary.chunk': async ({ upload, offset, bytes }) => {
			const found = state.uploads.get(upload);
			if (!found || offset !== found.received) throw new OrchError('binary.unknown_upload', { upload });
			found.parts.push(Buffer.from(bytes));
			found.received += bytes.length;
			return { received: found.received };
		},
		'binary.commit': async ({ upload }) => {
			const found = state.uploads.get(upload);
			if (!found) throw new OrchError('binary.unknown_upload', { upload });
			return { sha256: found.sha256 };
		},
		'link.add': async ({ from, type, to, queue, queueBytes, overflow, whileDown }) => {
			const sender = party(from);
			const link = newLink(sender.name, type, party(to).name, state.links.length);
			const added: Link = {
				...link,
				from: sender,
				to: party(to),
				queueMessages: queue ?? 1024,
				queueBytes: queueBytes ?? 8 * 1024 * 1024,
				overflow: overflow ?? 'block',
				whileDown: whileDown ?? 'drop',
				notices: from === '*' ? ['block acts as drop-newest for senders without credits'] : [],
			};
			state.links.push(added);
			return linkInfo(added);
		},
		'link.list': async (by) => filtered(state.links, by).map(linkInfo),
		'link.remove': async (by) => {
			const found =
				'link' in by
					? state.links.find(({ id, shortId }) => id === by.link || shortId === by.link)
					: filtered(state.links, by)[0];
			if (!found) {
				const link = 'link' in by ? `'${by.link}'` : `${by.from} ─${by.type}→ ${by.to}`;
				throw new OrchError('link.not_found', { link, candidates: [] });
			}
			state.links.splice(state.links.indexOf(found), 1);
			return { ...linkInfo(found), counters: emptied(found) };
		},
		'link.tap': async function* ({ bodyBytes }) {
			yield { messages: tapped(state).map((message) => ({ ...message, body: message.body.subarray(0, bodyBytes) })), skipped: 0 };
			yield { messages: [], skipped: 3 };
			return { skipped: 3 };
		},
		'link.send': async ({ type, to, from }) => {
			if (to !== undefined) return { accepted: find(to) ? 1 : 0, dropped: {} };
			const sender = find(from ?? '').name;
			const taken = state.links.filter((link) => link.from.name === sender || link.from.name === '*').map((link) => link.type);
			if (!taken.includes(type))
				throw new OrchError('link.not_linked', { type, from: sender, taken, candidates: suggest(type, taken) });
			return { accepted: taken.filter((each) => each === type).length, dropped: {} };
		},
		'link.request': async ({ to, codec, body }) => ({ from: find(to ?? 'ping').name, codec, body }),
		'daemon.events': async function* ({ since, follow, kinds }, { signal }) {
			let seq = since ?? (follow ? (state.events.at(-1)?.seq ?? 0) : 0);
			for (;;) {
				const first = state.events[0]?.seq ?? seq + 1;
				if (seq + 1 < first) yield { missed: first - 1 - seq };
				for (const event of state.events.filter((each) => each.seq > seq)) {
					seq = event.seq;
					if (kinds === undefined || kinds.includes(event.kind)) yield event;
				}
				if (!follow || signal.aborted) return { seq };
				await written(signal);
			}
		},
		// biome-ignore lint/correctness/useYield: a project of which nothing is told
		'project.up': async function* ({ name = 'shop' }) {
			return { name, plan: emptyPlan, orphans: [], outcomes: [], faults: [] };
		},
		// biome-ignore lint/correctness/useYield: a project of which nothing is told
		'project.reload': async function* ({ project: name }) {
			return { name, plan: emptyPlan, orphans: [], outcomes: [], faults: [] };
		},
		// biome-ignore lint/correctness/useYield: a project of which nothing is told
		'project.down': async function* ({ project: name }) {
			return { name, removed: [], left: [] };
		},
		'project.diff': async ({ name = 'shop' }) => ({ name, plan: emptyPlan, orphans: [] }),
		'project.validate': async ({ name = 'shop' }) => ({ project: { name, runtimes: [], links: 0, workflows: [] }, problems: [] }),
		'project.list': async () => [],
		'project.show': async ({ project }) => {
			throw new OrchError('project.not_found', { project, candidates: [] });
		},
		'runner.list': async () => [],
		'runner.add': async ({ name = 'echo', config, basePath, profiles }) => ({
			runner: newRunner({ name, config, basePath, profiles }),
			outcomes: [],
			faults: [],
		}),
		'runner.replace': async ({ runner, config, basePath, profiles }) => ({
			runner: newRunner({ name: runner, config, basePath, profiles }),
			outcomes: [],
			faults: [],
		}),
		'runner.show': async ({ runner }) => {
			throw new OrchError('runner.not_found', { runner, candidates: [] });
		},
		'runner.health': async ({ runner }) => {
			throw new OrchError('runner.not_found', { runner, candidates: [] });
		},
		'runner.remove': async ({ runner: name }) => ({ name, removed: [], left: [] }),
		'runtime.why': async ({ runtime }) => {
			const { id, name, status, desired, ready, reason, pid, uptimeMs, restarts, lastExit, backoff, escaped, warnings } =
				find(runtime);
			const of = { id, name, status, desired, ready, reason, pid, uptimeMs, restarts, lastExit, backoff, escaped, warnings };
			return {
				runtimes: [
					{ ...of, depth: 0, need: null, waitsFor: [], probes: [], scheduledAt: null, stderr: [], next: [`orch start ${name}`] },
				],
			};
		},
		'runtime.wait': async ({ runtime, for: goal }) => {
			const found = find(runtime);
			const isThere = goal === 'stopped' ? found.status !== 'running' : found.status === 'running';
			if (isThere) return { runtimes: [info(found)] };
			throw new OrchError('runtime.not_reached', { name: found.name, goal, status: found.status, reason: found.reason });
		},
		'runtime.watch': async function* (_params, { signal }) {
			const shown = new Set<string>();
			while (!signal.aborted) {
				const removed = [...shown].filter((id) => !state.runtimes.has(id));
				for (const id of removed) shown.delete(id);
				for (const id of state.runtimes.keys()) shown.add(id);
				yield { at: fakeStart, runtimes: [...state.runtimes.values()].map(info), removed, figures: [] };
				await written(signal);
			}
			return {};
		},
		'link.types': async ({ type }, call) => {
			const found = state.types.filter(({ name }) => type === undefined || name === type);
			if (type !== undefined && found.length === 0)
				call.fail('type.not_found', {
					type,
					candidates: suggest(
						type,
						state.types.map(({ name }) => name),
					),
				});
			return found;
		},
		'link.stats': async (by) => ({ links: filtered(state.links, by), unrouted: state.unrouted, faults: state.faults }),
	};
}

const started = (at: number): Partial<Runtime> => ({
	status: 'running',
	desired: 'running',
	pid: 4300 + at,
	startedAt: fakeStart,
	uptimeMs: 8_040_000,
	generation: 1,
});

function countBy(names: readonly string[]): Record<string, number> {
	const counts: Record<string, number> = {};
	for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
	return counts;
}

const hex = (number: number, digits: number): string => number.toString(16).padStart(digits, '0');

function newRuntime(name: string, at: number): Runtime {
	const last = `${hex(0xa3f10000 + at * 0x1111, 8)}beef`;
	return {
		id: `0195fc7b-33e6-70e3-bee1-${last}`,
		shortId: last.slice(0, 8),
		name,
		status: 'stopped',
		desired: 'stopped',
		ready: null,
		reason: null,
		pid: null,
		generation: 0,
		restarts: 0,
		startedAt: null,
		uptimeMs: null,
		usage: null,
		lastExit: null,
		backoff: null,
		command: `/srv/bin/${name}`,
		args: [],
		cwd: '/srv',
		priority: 'normal',
		privileged: false,
		restart: {
			when: 'on-failure',
			firstMs: 500,
			capMs: 30_000,
			failures: 5,
			withinMs: 60_000,
			retryEveryMs: null,
			healthyMs: 60_000,
		},
		stop: { signal: 'SIGTERM', graceMs: 10_000 },
		addedAt: fakeStart,
		options: {},
		group: null,
		escaped: [],
		warnings: [],
		env: { PATH: '/usr/bin:/bin', API_KEY: 'k-123' },
		stdoutPath: `/state/${name}.out`,
		stderrPath: `/state/${name}.err`,
		socket: `/run/${name}.sock`,
		veecleSocket: `/run/${name}.v.sock`,
		history: [],
		connected: null,
	};
}

function newLink(from: string, type: string, to: string, at: number): Link {
	const last = `${hex(0x7c1e0900 + at, 8)}cafe`;
	return {
		id: `0195fc7b-33e6-70e3-bee1-${last}`,
		shortId: last.slice(0, 8),
		from: { id: from, name: from },
		type,
		to: { id: to, name: to },
		queueMessages: 1024,
		queueBytes: 8_388_608,
		overflow: 'block',
		whileDown: 'drop',
		addedAt: fakeStart,
		notices: [],
		counters: { received: 12, delivered: 12, deliveredBytes: 456, dropped: {}, queued: 0, queuedBytes: 0, inFlight: 0 },
		messagesPerSecond: 2,
		bytesPerSecond: 76,
		latencyP50Ms: 0.2,
		latencyP99Ms: 0.91,
		lastAt: fakeStart,
		blocking: false,
	};
}

const waiting = (links: readonly Link[]): number => links.reduce((sum, { counters }) => sum + counters.queued, 0);

/** What a link has counted once what waits in it is dropped. */
const emptied = ({ counters }: Link): Link['counters'] => ({
	...counters,
	dropped: { ...counters.dropped, ...(counters.queued > 0 ? { link_removed: counters.queued } : {}) },
	queued: 0,
	queuedBytes: 0,
});

const tapped = (state: FakeDaemon) =>
	[
		{ type: 'Ping', seq: 4121, codec: 'json', body: Buffer.from('{"seq":4121,"t":1790000587214}') },
		{ type: 'Ping', seq: 4122, codec: 'msgpack', body: Buffer.from([0x81, 0xa3, 0x73, 0x65, 0x71, 0x07]) },
		{ type: 'Blob', seq: 1, codec: 'raw', body: Buffer.from([0, 1, 2, 255]) },
		{ type: 'Ping', seq: 4123, codec: 'json', body: Buffer.from('"\u001b[2Jhello"') },
	].map((message) => ({
		at: fakeStart,
		from: 'ping',
		to: 'pong',
		link: state.links[0]?.id ?? '0195fc7b-33e6-70e3-bee1-7c1e0900cafe',
		bytes: message.body.length,
		...message,
	}));
