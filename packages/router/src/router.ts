/** The data plane: ports, links and the table that joins them. Every method is one of the operations that orchd asks for. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Logger } from '@orch/base';
import type {
	LinkReport,
	PortReport,
	Routed,
	RouterEvent,
	RouterLink,
	RouterPort,
	RouterTable,
	RouterTableChange,
	TypesReport,
	UnroutedReport,
} from '@orch/protocol';
import { Controls } from './controls.ts';
import { EventStream } from './event-stream.ts';
import { Injection, type Injected, type Message } from './injection.ts';
import type { Answer } from './outside.ts';
import { Link, type Path } from './link.ts';
import type { ControlOutcome, Hub, Peer } from './peer.ts';
import { Port } from './port.ts';
import { PortRegistry } from './port-registry.ts';
import { Requests } from './requests.ts';
import { Resumption } from './resumption.ts';
import { RouterClock } from './router-clock.ts';
import { Routes } from './routes.ts';
import { type LoadCompiler, type Schema, Schemas } from './schemas.ts';
import { type Looks, type TapBatch, Taps } from './tap.ts';
import { ReadMemory } from './read-memory.ts';
import { Turn } from './turn.ts';
import { TypeRegistry } from './type-registry.ts';
import { TypesSeen } from './types-seen.ts';
import { UnroutedCounts } from './unrouted.ts';

export interface RouterOptions {
	readonly clock: Clock;
	readonly log: Logger;
	/** Where type and port ids are kept: they must never change their meaning. */
	readonly stateDirectory: string;
	readonly loadCompiler: LoadCompiler;
	/** A runtime has connected or gone. */
	readonly connectionsChanged?: () => void;
}

/** What a change has taken away. */
interface Removed {
	readonly ports: readonly Port[];
	readonly links: readonly Link[];
}

export interface RouterStats {
	readonly links: LinkReport[];
	readonly unrouted: UnroutedReport[];
	readonly ports: PortReport[];
}

export class Router {
	readonly startedAt: number;
	readonly #connectionsChanged: () => void;
	readonly #log: Logger;
	readonly #clock: RouterClock;
	readonly #turn = new Turn();
	readonly #memory = new ReadMemory();
	readonly #types: TypeRegistry;
	readonly #portIds: PortRegistry;
	readonly #hub: Hub;
	readonly #requests: Requests;
	readonly #schemas: Schemas;
	readonly #seen: TypesSeen;
	readonly #unrouted: UnroutedCounts;
	readonly #resumption: Resumption;
	readonly #injection: Injection;
	readonly #events: EventStream;
	readonly #ports = new Map<string, Port>();
	readonly #links = new Map<string, Link>();
	readonly #taps: Taps;
	readonly #controls: Controls;
	#routes = new Routes([]);
	#version = -1;
	#listenedMs = Number.NEGATIVE_INFINITY;
	#asked = 0;
	#closing: Promise<void> | undefined;

	private constructor(
		{ clock, log, connectionsChanged, loadCompiler }: RouterOptions,
		types: TypeRegistry,
		portIds: PortRegistry,
	) {
		this.#log = log;
		this.#connectionsChanged = connectionsChanged ?? (() => {});
		this.#clock = new RouterClock(clock);
		this.startedAt = clock.now();
		this.#types = types;
		this.#portIds = portIds;
		this.#requests = new Requests(this.#clock);
		this.#schemas = new Schemas(loadCompiler);
		this.#seen = new TypesSeen(this.#clock, (runtime) => this.#ports.has(runtime));
		this.#unrouted = new UnroutedCounts(this.#clock);
		this.#resumption = new Resumption(types);
		this.#events = new EventStream(() => this.#snapshot());
		this.#taps = new Taps(this.#clock, (runtime) => this.#ports.get(runtime)?.name ?? runtime);
		this.#controls = new Controls(this.#events);
		this.#hub = this.#createHub();
		this.#injection = new Injection(
			this.#hub,
			(runtime) => this.#ports.get(runtime),
			(name) => portIds.of(name, this.startedAt),
		);
	}

	static open(options: RouterOptions): Router {
		const { stateDirectory, log } = options;
		mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
		return new Router(
			options,
			TypeRegistry.open(join(stateDirectory, 'types'), log),
			PortRegistry.open(join(stateDirectory, 'ports'), log),
		);
	}

	get tableVersion(): number {
		return this.#version;
	}

	get typeCount(): number {
		return this.#types.size;
	}

	/** Runtimes that are connected. */
	get connections(): number {
		let connections = 0;
		for (const { peer } of this.#ports.values()) if (peer !== undefined) connections += 1;
		return connections;
	}

	/**
	 * Routes by this table from now on, all of it at once; then listens for the runtimes that are new. `asker` grows with
	 * each connection of the control plane: a new orchd counts its tables anew, and what an earlier one still sends is ignored.
	 */
	async table({ version, ports, links, schemas = [] }: RouterTable, asker = this.#asked): Promise<Routed> {
		if (asker < this.#asked || (asker === this.#asked && version <= this.#version))
			return { version: this.#version, problems: [] };
		this.#asked = asker;
		const [portIds, linkIds] = [new Set(ports.map(({ runtime }) => runtime)), new Set(links.map(({ id }) => id))];
		return this.#route({
			version,
			ports,
			links,
			schemas,
			removedPorts: [...this.#ports.keys()].filter((runtime) => !portIds.has(runtime)),
			removedLinks: [...this.#links.keys()].filter((id) => !linkIds.has(id)),
		});
	}

	/** The same for what is other than in the table `base`, where that is the one in force. */
	async change(change: RouterTableChange, asker = this.#asked): Promise<Routed> {
		if (asker !== this.#asked || change.base !== this.#version) return { version: this.#version, problems: [] };
		return this.#route(change);
	}

	async #route(change: Omit<RouterTableChange, 'base'>): Promise<Routed> {
		this.#version = change.version;
		const schemas = change.schemas && this.#schemas.replace(change.schemas);
		for (const problem of schemas ?? []) this.#log.error('schema not enforced', { ...problem });
		const removed = this.#inTurn(() => this.#swap(change));
		const removedLinks = removed.links.map(({ spec: { id }, counters }) => ({ id, counters }));
		void Promise.all(removed.ports.map((port) => port.close()));
		const problems = await Promise.all(
			this.#toListenFor(change.ports).map(async (port) =>
				(await port.listen()).map((problem) => ({ runtime: port.runtime, ...problem })),
			),
		);
		return {
			version: change.version,
			problems: problems.flat(),
			...(schemas && { schemas }),
			...(removedLinks.length > 0 && { removedLinks }),
		};
	}

	/** Those that are new or other than before; and all of them now and then, for somebody may have deleted their sockets. */
	#toListenFor(rows: readonly RouterPort[]): Port[] {
		const now = this.#clock.nowMs;
		if (now - this.#listenedMs >= listenAnewMs) {
			this.#listenedMs = now;
			return [...this.#ports.values()];
		}
		return rows.flatMap(({ runtime }) => this.#ports.get(runtime) ?? []);
	}

	/** The process of a runtime has ended: what it left connected is closed, once what it had sent is read. */
	ended(runtime: string, generation: number): void {
		this.#inTurn(() => this.#ports.get(runtime)?.ended(generation));
	}

	/** Rates are of the last so many seconds, ten unless said. */
	stats(windowSeconds?: number): RouterStats {
		this.#clock.tick();
		const now = this.#clock.nowMs;
		const links = [...this.#links.values()].map((link): LinkReport => {
			const { messagesPerSecond, bytesPerSecond } = link.meter.rates(now, windowSeconds);
			return {
				id: link.spec.id,
				counters: link.counters,
				messagesPerSecond,
				bytesPerSecond,
				latencyP50Ms: link.latency.percentileMs(0.5) ?? null,
				latencyP99Ms: link.latency.percentileMs(0.99) ?? null,
				lastAt: link.lastMs === undefined ? null : this.#clock.wallMs(link.lastMs),
				blocking: link.blocking,
			};
		});
		const ports = [...this.#ports.values()].map(
			({ runtime, peer, faults }): PortReport => ({
				runtime,
				connected: peer !== undefined,
				codec: peer?.codec ?? null,
				faults: Object.fromEntries(faults),
			}),
		);
		return { links, unrouted: this.#unrouted.report(windowSeconds), ports };
	}

	types(): TypesReport {
		this.#clock.tick();
		return this.#seen.report();
	}

	/** Messages as they pass; ends with the signal. */
	tap(links: readonly string[], looks: Looks, signal: AbortSignal): AsyncGenerator<TapBatch, { skipped: number }, undefined> {
		return this.#taps.read(links, looks, signal, this.#links);
	}

	/** Throws InvalidMessage or MessageRefused. */
	send(message: Message): Injected {
		return this.#inTurn(() => this.#injection.send(message));
	}

	/** The reply to a request from outside. Rejects with InvalidMessage, MessageRefused, NoReply, or the reason of the signal. */
	request(message: Message, signal: AbortSignal): Promise<Answer> {
		return this.#inTurn(() => this.#injection.request(message, signal));
	}

	/** orchd's answer to the control request of a privileged runtime. */
	answer(request: number, outcome: ControlOutcome): void {
		this.#inTurn(() => this.#controls.answer(request, outcome));
	}

	/** What happens at the ports, beginning with how they are. One reader at a time, the newest. */
	async *events(signal: AbortSignal): AsyncGenerator<RouterEvent, Record<string, never>, undefined> {
		// what a reader was asked that this one replaces it answers to nobody
		this.#failControls();
		try {
			yield* this.#events.read(signal);
			return {};
		} finally {
			// whoever read the requests is gone, and with it the answers
			if (!this.#events.hasReader) this.#failControls();
		}
	}

	/** Says goodbye to every client, stops listening and lets go of the state. */
	close(): Promise<void> {
		this.#closing ??= this.#close();
		return this.#closing;
	}

	async #close(): Promise<void> {
		this.#taps.close();
		this.#inTurn(() => this.#failControls());
		await Promise.all([...this.#ports.values()].map((port) => port.close()));
		this.#types.close();
		this.#portIds.close();
	}

	/** Old or new, never neither: everything up to here happens before the next message is looked at. */
	#swap(change: Omit<RouterTableChange, 'base'>): Removed {
		const isOfOther = ({ runtime, project }: RouterPort) => this.#ports.get(runtime)?.spec.project !== project;
		const isJudgedAnew = change.schemas !== undefined || change.ports.some(isOfOther);
		const removedPorts = this.#swapPorts(change);
		const removedLinks = this.#swapLinks(change, removedPorts);
		// most changes are those of a process, and of its row alone
		const isRelinked = change.links.length > 0 || removedLinks.length > 0;
		if (isRelinked) this.#routes = new Routes(this.#links.values());
		if (isRelinked || isJudgedAnew) for (const { peer } of this.#ports.values()) peer?.sources.reroute();
		for (const link of removedLinks) {
			this.#ports.get(link.spec.to)?.links.delete(link);
			link.remove();
		}
		for (const port of removedPorts) {
			this.#injection.forget(port.runtime);
			this.#unrouted.forget(port.runtime);
			this.#seen.forget(port.runtime);
			this.#resumption.forget(port);
		}
		if (isRelinked) {
			for (const { peer } of this.#ports.values()) peer?.relinked();
			this.#taps.attach(this.#links);
		}
		return { ports: removedPorts, links: removedLinks };
	}

	#swapPorts({ ports, removedPorts }: Pick<RouterTableChange, 'ports' | 'removedPorts'>): Port[] {
		const removed: Port[] = [];
		for (const runtime of removedPorts) {
			const port = this.#ports.get(runtime);
			if (port === undefined) continue;
			this.#ports.delete(runtime);
			removed.push(port);
		}
		for (const spec of ports) {
			const port = this.#ports.get(spec.runtime);
			if (port !== undefined) port.update(spec);
			else {
				const made = this.#newPort(spec);
				this.#ports.set(spec.runtime, made);
				if (this.#portIds.known(spec.runtime, spec.generation) !== undefined) made.expectBack();
			}
		}
		return removed;
	}

	#newPort(spec: RouterTable['ports'][number]): Port {
		return new Port(spec, {
			hub: this.#hub,
			idOf: (runtime, generation) => this.#portIds.of(runtime, generation),
			connected: (port, peer) => {
				this.#events.publish({ kind: 'connected', runtime: port.runtime, generation: peer.generation, codec: peer.codec });
				this.#connectionsChanged();
			},
			disconnected: (port, peer) => this.#disconnected(port, peer),
			resumed: (port, past, lost) => {
				for (const { typeId, count, firstSeq, lastSeq } of lost) {
					const type = this.#types.byId(typeId)?.name;
					if (type === undefined) continue;
					for (const link of this.#routes.from(port.runtime, type)) link.drop(port, count, firstSeq, lastSeq, 'router_lost');
				}
				const id = this.#portIds.of(port.runtime, port.spec.generation);
				this.#resumption.remember(port, id, past, (from, name, to) =>
					this.#routes.from(from.runtime, name).find(({ spec: { to: id } }) => id === to.runtime),
				);
			},
		});
	}

	/** Links that stay keep their mailbox and their counters. Gives those that are gone. */
	#swapLinks({ links, removedLinks }: Pick<RouterTableChange, 'links' | 'removedLinks'>, removedPorts: readonly Port[]): Link[] {
		const removed: Link[] = [];
		const remove = (link: Link) => {
			if (this.#links.get(link.spec.id) !== link) return;
			this.#links.delete(link.spec.id);
			removed.push(link);
		};
		for (const id of removedLinks) {
			const link = this.#links.get(id);
			if (link !== undefined) remove(link);
		}
		for (const port of removedPorts) for (const link of port.links) remove(link);
		for (const spec of links) {
			const link = this.#links.get(spec.id);
			if (link !== undefined && !leadsElsewhere(link.spec, spec)) {
				if (differs(link.spec, spec)) link.respecify(spec);
				continue;
			}
			if (link !== undefined) remove(link);
			const port = this.#ports.get(spec.to);
			if (port === undefined) continue;
			const made = new Link(spec, this.#clock, this.#turn);
			this.#links.set(spec.id, made);
			port.addLink(made);
		}
		return removed;
	}

	#disconnected(port: Port, peer: Peer): void {
		this.#requests.replierGone(peer);
		this.#requests.requesterGone(peer);
		this.#controls.gone(peer);
		this.#events.publish({ kind: 'disconnected', runtime: port.runtime, generation: peer.generation });
		this.#connectionsChanged();
	}

	#createHub(): Hub {
		return {
			clock: this.#clock,
			turn: this.#turn,
			memory: this.#memory,
			types: this.#types,
			log: this.#log,
			seen: this.#seen,
			route: (source) =>
				source.route(this.#routes.from(source.runtime, source.type), (runtime) => this.#schemaOf(runtime, source.type)),
			schemaOf: (runtime, type) => this.#schemaOf(runtime, type),
			typesFrom: (runtime) => [...this.#links.values()].filter(({ spec }) => spec.from === runtime).map(({ spec }) => spec.type),
			unrouted: (runtime, type) => this.#unrouted.of(runtime, type),
			ask: (source, requester, corr, buffer, start, end) =>
				this.#requests.ask(source, requester, corr, buffer, start, end, (path: Path) => this.#ports.get(path.link.spec.to)?.peer),
			expectReply: (request) => this.#requests.expect(request),
			forgetRequest: (requester, corr) => this.#requests.forget(requester, corr),
			answer: (replier, requesterPort, corr, reply) => {
				if (!this.#requests.answer(replier, requesterPort, corr, reply)) this.#ports.get(replier.runtime)?.fault('late_reply');
			},
			requestDropped: (requester, corr, reason) => this.#requests.dropped(requester, corr, reason),
			control: (peer, operation, params, done) => this.#controls.ask(peer, operation, params, done),
			ready: (peer) => this.#events.publish({ kind: 'ready', runtime: peer.runtime, generation: peer.generation }),
			spoofed: (runtime, claimed) => {
				this.#log.warn('port forged', { runtime, claimed });
				this.#events.publish({ kind: 'spoof', runtime, claimed });
			},
		};
	}

	#schemaOf(runtime: string, type: string): Schema | undefined {
		return this.#schemas.size === 0 ? undefined : this.#schemas.of(this.#ports.get(runtime)?.spec.project, type);
	}

	#failControls(): void {
		this.#controls.failAll();
		this.#turn.settle();
	}

	#snapshot(): RouterEvent[] {
		return [...this.#ports.values()].flatMap(({ runtime, peer }): RouterEvent[] => {
			if (peer === undefined) return [];
			const { generation, codec, isReady } = peer;
			const connected: RouterEvent = { kind: 'connected', runtime, generation, codec };
			return isReady ? [connected, { kind: 'ready', runtime, generation }] : [connected];
		});
	}

	#inTurn<T>(work: () => T): T {
		this.#clock.tick();
		try {
			return work();
		} finally {
			this.#turn.settle();
		}
	}
}

/** With a change after so long, sockets that were deleted are made again. */
const listenAnewMs = 1_000;

const leadsElsewhere = (one: RouterLink, other: RouterLink): boolean =>
	one.from !== other.from || one.type !== other.type || one.to !== other.to;

const differs = (one: RouterLink, other: RouterLink): boolean =>
	one.messages !== other.messages ||
	one.bytes !== other.bytes ||
	one.overflow !== other.overflow ||
	one.whileDown !== other.whileDown;
