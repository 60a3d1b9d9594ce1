/** Who is linked to whom: the links and the runtimes' ports, of which the routing table is made. */
import { createHmac } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type Clock, type Logger, Publisher, type Random, type Timer, withDeadline } from '@orch/base';
import type {
	Injection,
	LinkCounts,
	LinkFigures,
	LinkRow,
	Looks,
	Overflow,
	PortRow,
	Reply,
	Routed,
	RouterEvent,
	RouterFigures,
	RouterGate,
	RoutingTable,
	TappedMessage,
	TypeFigures,
	WhileDown,
} from './ports.ts';
import { type DeclaredType, DeclaredTypes } from './declared-types.ts';
import { FinalCounters } from './final-counters.ts';
import { groupOfEnd, Groups, sumOf, sumOfCounts } from './groups.ts';
import { type RouterChange, RouterKeeper } from './router-keeper.ts';

export interface Link extends LinkRow {
	/** Milliseconds since the Unix epoch. */
	readonly addedAt: number;
}

export interface LinkWish {
	readonly from: string;
	readonly type: string;
	readonly to: string;
	readonly messages?: number | undefined;
	readonly bytes?: number | undefined;
	readonly overflow?: Overflow | undefined;
	readonly whileDown?: WhileDown | undefined;
}

export interface RemovedLink {
	readonly link: Link;
	/** What it had counted in the end; undefined where no router tells it in time. Never rejects. */
	readonly counted: Promise<LinkCounts | undefined>;
}

export type LinkChange = { readonly kind: 'added'; readonly link: Link } | ({ readonly kind: 'removed' } & RemovedLink);

export interface LinksOptions {
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	readonly gate: RouterGate;
	/** Key of the tokens; kept in the state, so that tokens survive both daemon and router. */
	readonly secret: Uint8Array;
	/** Where the runtimes' sockets are made. */
	readonly socketDirectory: string;
	/** Whether there is a file; asked of this system where it is absent. */
	readonly isThere?: ((path: string) => boolean) | undefined;
	readonly journal: LinkJournal;
	/** Called with each link that is added or removed, while both its ends are still known. */
	readonly changed?: ((change: LinkChange) => void) | undefined;
	/** Told when the router is lost, when one is there again, and how many messages are known by then to have gone with it, where any are. */
	readonly routerChanged?: ((change: RouterChange | RouterLoss) => void) | undefined;
}

/** Senders tell what they had sent when they come back: what did not arrive has gone with the router. */
export interface RouterLoss {
	readonly kind: 'messages';
	readonly count: number;
}

/** Keeps links for the daemons to come; each verb has happened when it returns. */
export interface LinkJournal {
	/** In the order in which they were added. */
	load(): readonly Link[];
	put(link: Link): void;
	removed(id: string): void;
}

/** A mailbox of a link that says nothing else. */
export const defaultMailbox = { messages: 1024, bytes: 8 * 1024 * 1024 } as const;

/** What passes the links of a runtime; null where none goes that way. */
export interface Flow {
	readonly inPerSecond: number | null;
	readonly outPerSecond: number | null;
}

/** How long a launch waits for the router to listen before it goes on without. */
const routerWaitMs = 5_000;

/** Within this time after a router has come senders are back that were connected to the one before. */
const lossMs = 10_000;

export const anySender = '*';

export class Links {
	readonly events: Publisher<RouterEvent>;
	readonly #options: LinksOptions;
	readonly #keeper: RouterKeeper;
	readonly #ports = new Map<string, PortRow>();
	readonly #links = new Map<string, Link>();
	readonly #groups = new Groups();
	readonly #types = new DeclaredTypes();
	readonly #problems = new Map<string, string>();
	readonly #finals: FinalCounters;
	#lossTimer: Timer | undefined;
	// from the clock, so that the tables of a later daemon are newer to a router that outlived an earlier one
	#version: number;

	constructor(options: LinksOptions) {
		this.#options = options;
		this.#version = options.clock.now();
		this.events = new Publisher((error) => options.log.error('a router event was not handled', { error }));
		this.#keeper = new RouterKeeper({
			gate: options.gate,
			clock: options.clock,
			random: options.random,
			log: options.log,
			table: () => this.table(),
			onEvent: (event) => this.events.publish(event),
			onRouted: (routed, tried) => this.#routed(routed, tried),
			onChange: (change) => this.#routerChanged(change),
		});
		this.#finals = new FinalCounters({
			clock: options.clock,
			routed: (version, signal) => this.#keeper.routed(version, signal),
		});
	}

	#routerChanged(change: RouterChange): void {
		const { clock, routerChanged } = this.#options;
		routerChanged?.(change);
		this.#lossTimer?.cancel();
		// the same one that is reached again has lost nothing
		if (change.kind === 'lost' || change.pid === change.before) return;
		this.#lossTimer = clock.setTimer(lossMs, () => void this.#tellLoss(), { background: true });
	}

	async #tellLoss(): Promise<void> {
		try {
			const { links } = await this.figures();
			const count = links.reduce((sum, { counters }) => sum + (counters.dropped['router_lost'] ?? 0), 0);
			if (count > 0) this.#options.routerChanged?.({ kind: 'messages', count });
		} catch {
			// this one is gone as well, which is told by itself
		}
	}

	#routed(routed: Routed, tried: readonly PortRow[]): void {
		const { log } = this.#options;
		const { problems, schemas } = routed;
		this.#finals.told(routed);
		for (const { runtime } of tried) this.#problems.delete(runtime);
		for (const { runtime, path, message } of problems) {
			this.#problems.set(runtime, `cannot listen on ${path}: ${message}`);
			log.error('runtime socket not made', { runtime, path, message });
		}
		if (!schemas) return;
		for (const problem of schemas) log.error('schema not enforced', { ...problem });
		this.#types.judged(schemas);
	}

	/** Knows again what an earlier daemon was told; to be called before `start`, when every runtime has its port. Gives how many. */
	restore(): number {
		for (const link of this.#options.journal.load()) {
			const isWhole = this.#isKnown(link.to) && (link.from === anySender || this.#isKnown(link.from));
			if (isWhole) this.#links.set(link.id, link);
			else this.#forget(link);
		}
		return this.#links.size;
	}

	start(): void {
		this.#keeper.start();
	}

	/** Lets go of the router, which routes on by the last table. */
	async release(): Promise<void> {
		this.#lossTimer?.cancel();
		await this.#finals.close();
		await this.#keeper.release();
	}

	async close(): Promise<void> {
		this.#lossTimer?.cancel();
		await this.#finals.close();
		await this.#keeper.close();
	}

	get router(): RouterKeeper {
		return this.#keeper;
	}

	table(): RoutingTable {
		return {
			version: this.#version,
			ports: [...this.#ports.values()],
			links: this.#rows().map(({ row }) => row),
			schemas: this.#types
				.list()
				.flatMap(({ project, type, text, demands }) => (demands ? [{ project, type, schema: text }] : [])),
		};
	}

	/** Everything that a project says of types, from now on: for what its runtimes send and get. False when nothing is new. */
	declareTypes(project: string, schemas: Readonly<Record<string, unknown>>): boolean {
		if (!this.#types.declare(project, schemas)) return false;
		this.#changed();
		this.#options.log.info('types declared', { project, types: Object.keys(schemas).length });
		return true;
	}

	/** What projects say of types. */
	get declaredTypes(): readonly DeclaredType[] {
		return this.#types.list();
	}

	/** A runtime is one of a project's from now on. */
	assign(runtime: string, project: string | undefined): void {
		const port = this.#ports.get(runtime);
		if (!port || port.project === project) return;
		const { project: _before, ...rest } = port;
		this.#ports.set(runtime, project === undefined ? rest : { ...rest, project });
		this.#changed();
	}

	/** Each row of the table, with the link that it is of. */
	#rows(): readonly { readonly link: Link; readonly row: LinkRow }[] {
		return this.#groups.table([...this.#links.values()]);
	}

	/** The runtimes that an end of a link means: itself, or the instances of a group. */
	meant(end: string): readonly string[] {
		return this.#groups.meant(end);
	}

	#isKnown(end: string): boolean {
		const group = groupOfEnd(end);
		return group === undefined ? this.#ports.has(end) : this.#groups.has(group);
	}

	/** Gives a runtime its port. Its paths last as long as it does. `process` is the one that runs since an earlier daemon, or ran last. */
	register(
		runtime: {
			readonly id: string;
			readonly name: string;
			readonly privileged: boolean;
			/** Links of its group are its own as well. */
			readonly group?: { readonly name: string } | undefined;
			readonly project?: string | undefined;
			/** Where its sockets are to be, if not beside the others. */
			readonly socketDirectory?: string | undefined;
		},
		process: { readonly processId: string; readonly generation: number } = { processId: '', generation: 0 },
	): void {
		const stem = `${runtime.socketDirectory ?? this.#options.socketDirectory}/${runtime.id.slice(-12)}`;
		if (runtime.group) this.#groups.add(runtime.group.name, runtime.id);
		this.#ports.set(runtime.id, {
			runtime: runtime.id,
			name: runtime.name,
			socket: `${stem}.sock`,
			veecleSocket: `${stem}.v.sock`,
			privileged: runtime.privileged,
			generation: process.generation,
			token: this.#token(runtime.id, process.processId),
			...(runtime.project === undefined ? {} : { project: runtime.project }),
		});
		this.#changed();
	}

	/**
	 * Takes away a runtime's port and every link from or to it, or from or to a group of which it is the last. Gives those links, and
	 * what all mailboxes from or to it had counted, also those of links of groups that stay.
	 */
	unregister(runtime: string): { readonly links: readonly RemovedLink[]; readonly counted: Promise<LinkCounts | undefined> } {
		const rows = this.#rows().filter(({ row }) => row.from === runtime || row.to === runtime);
		const group = this.#groups.remove(runtime);
		const isGone = (end: string) => end === runtime || (group !== undefined && groupOfEnd(end) === group);
		const gone = [...this.#links.values()].filter(({ from, to }) => isGone(from) || isGone(to));
		for (const link of gone) {
			this.#forget(link);
			this.#links.delete(link.id);
		}
		// it is sent after this turn, and so without the port
		this.#changed();
		const links = this.#removed(gone, rows);
		this.#ports.delete(runtime);
		this.#problems.delete(runtime);
		return links;
	}

	/** Tells of links that are in the table no more, while their ends are still known. */
	#removed(gone: readonly Link[], rows: readonly { readonly link: Link; readonly row: LinkRow }[]) {
		const told = this.#finals.of(
			rows.map(({ row }) => row.id),
			this.#version,
		);
		const countedBy = async (which: typeof rows): Promise<LinkCounts | undefined> => {
			const counters = await told;
			const known = which.flatMap(({ row }) => counters.get(row.id) ?? []);
			return known.length > 0 || which.length === 0 ? sumOfCounts(known) : undefined;
		};
		const links = gone.map((link): RemovedLink => ({ link, counted: countedBy(rows.filter((row) => row.link === link)) }));
		for (const removed of links) this.#options.changed?.({ kind: 'removed', ...removed });
		return { links, counted: countedBy(rows) };
	}

	/** One that leads nowhere. Where that cannot be written down, the daemon after us forgets it. */
	#forget(link: Link): void {
		try {
			this.#options.journal.removed(link.id);
		} catch (error) {
			this.#options.log.warn('a link that leads nowhere is still in the state', { link: link.id, error });
		}
	}

	port(runtime: string): PortRow | undefined {
		return this.#ports.get(runtime);
	}

	/** What stands in the way of a runtime's messages, if anything. */
	problem(runtime: string): string | undefined {
		return this.#problems.get(runtime);
	}

	/**
	 * The environment by which a new process finds the router, and when it may: once the router listens for it. A router that
	 * does not answer in time is no reason not to launch: the sockets' paths are known, and clients connect when it is back.
	 */
	prepare(
		runtime: string,
		process: { readonly processId: string; readonly generation: number },
		signal: AbortSignal,
	): { readonly env: Readonly<Record<string, string>>; readonly ready: Promise<void> | undefined } {
		const port = this.#ports.get(runtime);
		if (!port) throw new Error(`Cannot prepare runtime ${runtime}: it has no port`);
		const token = this.#token(runtime, process.processId);
		// where its sockets are there, it is as it was, but for who may come
		const isThere = this.#options.isThere ?? existsSync;
		const isRouted = this.#keeper.isAt(this.#version) && isThere(port.socket) && isThere(port.veecleSocket);
		this.#ports.set(runtime, { ...port, generation: process.generation, token });
		this.#version++;
		// the router listens already: told before the program exists, it knows who comes, for it looks at what has come in that order
		const isTold = isRouted && this.#keeper.changedNow(this.#version);
		if (!isTold) this.#keeper.changed();
		return {
			env: {
				ORCH_RUNTIME_ID: runtime,
				ORCH_RUNTIME_NAME: port.name,
				ORCH_IPC_SOCKET: port.socket,
				ORCH_IPC_TOKEN: token,
				VEECLE_IPC_SOCKET: port.veecleSocket,
				VEECLE_RUNTIME_ID: runtime,
			},
			ready: isTold ? undefined : this.#listening(runtime, this.#version, signal),
		};
	}

	async #listening(runtime: string, version: number, signal: AbortSignal): Promise<void> {
		const { clock, log } = this.#options;
		const late = () => new Error('the router does not answer');
		try {
			await withDeadline(clock, routerWaitMs, (deadline) => this.#keeper.routed(version, deadline), late, signal);
		} catch (error) {
			if (signal.aborted) throw error;
			log.warn('launching without the router', { runtime, error });
		}
	}

	/** A process has ended: the router closes what it has left connected. */
	ended(runtime: string, generation: number): void {
		this.#keeper.connection
			?.ended(runtime, generation)
			.catch((error) => this.#options.log.debug('router not told of an end', { runtime, error }));
	}

	/** Adds a link, or gives the one that is there already. */
	add(wish: LinkWish): { readonly added: boolean; readonly link: Link } {
		const present = this.find(wish);
		if (present) return { added: false, link: present };
		const link: Link = {
			id: this.#options.random.uuid(),
			from: wish.from,
			type: wish.type,
			to: wish.to,
			messages: wish.messages ?? (wish.overflow === 'latest' ? 1 : defaultMailbox.messages),
			bytes: wish.bytes ?? defaultMailbox.bytes,
			overflow: wish.overflow ?? 'block',
			whileDown: wish.whileDown ?? 'drop',
			addedAt: this.#options.clock.now(),
		};
		this.#options.journal.put(link);
		this.#links.set(link.id, link);
		this.#options.changed?.({ kind: 'added', link });
		this.#changed();
		this.#options.log.info('link added', { id: link.id, from: link.from, type: link.type, to: link.to });
		return { added: true, link };
	}

	find({ from, type, to }: Pick<LinkWish, 'from' | 'type' | 'to'>): Link | undefined {
		for (const link of this.#links.values()) if (link.from === from && link.type === type && link.to === to) return link;
		return undefined;
	}

	/** Gives a link another mailbox; what waits in it, and what it has counted, stay. */
	change(id: string, mailbox: Pick<Link, 'messages' | 'bytes' | 'overflow' | 'whileDown'>): void {
		const before = this.#links.get(id);
		if (!before) return;
		const link: Link = { ...before, ...mailbox };
		this.#options.journal.put(link);
		this.#links.set(id, link);
		this.#changed();
		this.#options.log.info('link changed', { id, ...mailbox });
	}

	/** Undefined where it is not there. */
	remove(id: string): RemovedLink | undefined {
		const link = this.#links.get(id);
		if (!link) return undefined;
		const rows = this.#rows().filter((row) => row.link === link);
		this.#options.journal.removed(id);
		this.#links.delete(id);
		this.#changed();
		this.#options.log.info('link removed', { id });
		return this.#removed([link], rows).links[0];
	}

	list(): readonly Link[] {
		return [...this.#links.values()];
	}

	/** Resolves once the router routes by all that has been said so far. */
	routed(signal: AbortSignal): Promise<void> {
		return this.#keeper.routed(this.#version, signal);
	}

	/** Of a link of groups: what all its rows come to. */
	async figures(windowSeconds?: number): Promise<RouterFigures> {
		const figures = await this.#keeper.require().figures(windowSeconds);
		const byRow = new Map(figures.links.map((row) => [row.id, row]));
		const byLink = new Map<string, LinkFigures[]>();
		for (const { link, row } of this.#rows()) {
			const known = byRow.get(row.id);
			if (known) byLink.set(link.id, [...(byLink.get(link.id) ?? []), known]);
		}
		const sums = [...byLink].map(([id, rows]) => (rows.length === 1 && rows[0]?.id === id ? rows[0] : sumOf(id, rows)));
		return { ...figures, links: sums };
	}

	/** Messages a second, over ten: to each runtime that a link ends at, and from each that one begins at by name. */
	async flows(): Promise<ReadonlyMap<string, Flow>> {
		const flows = new Map<string, Flow>();
		const rows = this.#rows();
		// the router is not asked for what is known
		if (rows.length === 0) return flows;
		const { links } = await this.#keeper.require().figures();
		const rates = new Map(links.map(({ id, messagesPerSecond }) => [id, messagesPerSecond]));
		const add = (runtime: string, way: keyof Flow, perSecond: number) => {
			const flow = flows.get(runtime) ?? { inPerSecond: null, outPerSecond: null };
			flows.set(runtime, { ...flow, [way]: (flow[way] ?? 0) + perSecond });
		};
		for (const { row } of rows) {
			const perSecond = rates.get(row.id) ?? 0;
			add(row.to, 'inPerSecond', perSecond);
			if (row.from !== anySender) add(row.from, 'outPerSecond', perSecond);
		}
		return flows;
	}

	types(): Promise<TypeFigures> {
		return this.#keeper.require().types();
	}

	tap(
		links: readonly string[],
		looks: Looks,
		signal: AbortSignal,
	): AsyncGenerator<{ readonly messages: readonly TappedMessage[]; readonly skipped: number }, { readonly skipped: number }> {
		const rows = this.#rows();
		const chosen = rows.filter(({ link }) => links.includes(link.id)).map(({ row }) => row.id);
		// an empty list means all: what fits nothing must not become that
		const wanted = links.length > 0 && chosen.length === 0 ? links : chosen;
		return this.#tellOfLinks(this.#keeper.require().tap(wanted, looks, signal));
	}

	/** A row's messages are told as those of the link that it is of. */
	async *#tellOfLinks(
		tap: AsyncGenerator<{ readonly messages: readonly TappedMessage[]; readonly skipped: number }, { readonly skipped: number }>,
	): AsyncGenerator<{ readonly messages: readonly TappedMessage[]; readonly skipped: number }, { readonly skipped: number }> {
		try {
			for (let next = await tap.next(); ; next = await tap.next()) {
				if (next.done) return next.value;
				const linkOf = new Map(this.#rows().map(({ link, row }) => [row.id, link.id]));
				const { messages, skipped } = next.value;
				yield { messages: messages.map((message) => ({ ...message, link: linkOf.get(message.link) ?? message.link })), skipped };
			}
		} finally {
			await tap.return({ skipped: 0 });
		}
	}

	async inject(message: Injection): Promise<{ readonly accepted: number; readonly dropped: Readonly<Record<string, number>> }> {
		return this.#keeper.require().inject(message);
	}

	async request(message: Injection, signal: AbortSignal): Promise<Reply> {
		return this.#keeper.require().request(message, signal);
	}

	answer(request: number, outcome: { readonly ok: unknown } | { readonly error: unknown }): void {
		this.#keeper.connection
			?.answer(request, outcome)
			.catch((error) => this.#options.log.warn('a control request stayed unanswered', { request, error }));
	}

	#changed(): void {
		this.#version++;
		this.#keeper.changed();
	}

	#token(runtime: string, processId: string): string {
		return createHmac('sha256', this.#options.secret).update(`${runtime}/${processId}`).digest('hex');
	}
}
