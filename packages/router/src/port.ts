/** Where one runtime meets the router: its two sockets, the one connection of its present process, and the links into it. */
import { timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import { nextTurn, type Timer } from '@orch/base';
import type { RouterPort } from '@orch/protocol';
import { type Codec, dataProtocol, type HelloBody, maxTypesPerRuntime, type TypeEntry } from '@orch/protocol/data';
import { BinaryPeer } from './binary-peer.ts';
import { createJsonDialect } from './json-dialect.ts';
import { LinePeer } from './line-peer.ts';
import { awaitedMs, maxUnknownConnections } from './limits.ts';
import type { Link } from './link.ts';
import { type Identity, Newcomer } from './newcomer.ts';
import type { Hub, Peer, PortView, Sources } from './peer.ts';
import { type Missing, type Past, PastConnections } from './past.ts';
import { PortSockets, type SocketProblem } from './port-sockets.ts';
import { createVeecleDialect } from './veecle-dialect.ts';

export interface PortOptions {
	readonly hub: Hub;
	/** The port id of this runtime's present process. */
	readonly idOf: (runtime: string, generation: number) => number;
	readonly connected: (port: Port, peer: Peer) => void;
	readonly disconnected: (port: Port, peer: Peer) => void;
	/** What went missing between two connections, by type: to be counted, and told to the sender. */
	readonly resumed: (port: Port, past: Past, lost: readonly Missing[]) => void;
}

/** Turns of the event loop in which a closing connection may make room for the next one. */
const claimTurns = 4;
/** Turns in which what a process connected before its end is accepted, and says who it is. */
const acceptTurns = 4;
/** A process that has ended leaves at most what fits into a socket; one that still reads on after so many turns is not it. */
const drainTurns = 256;

export class Port implements PortView {
	readonly links = new Set<Link>();
	readonly faults = new Map<string, number>();
	spec: RouterPort;
	peer: Peer | undefined;
	readonly #options: PortOptions;
	readonly #newcomers = new Set<Newcomer>();
	readonly #sockets: PortSockets;
	readonly #past: PastConnections;
	/** The last generation whose process has ended; none is ever numbered 0, which stands for a runtime that has not run. */
	#ended = 0;
	/** The last generation of which nothing is taken any more that it has not connected yet. */
	#over = 0;
	#ending: Peer | undefined;
	/** Those who have said who they are become its connection one after the other. */
	#taking: Promise<void> = Promise.resolve();
	/** Runs while a process is expected back that was connected to an earlier router. */
	#awaiting: Timer | undefined;
	#closed = false;
	/** Types that had no id before a connection of this runtime used them. */
	#typesMade = 0;

	constructor(spec: RouterPort, options: PortOptions) {
		this.spec = spec;
		this.#options = options;
		this.#past = new PastConnections((typeId) => options.hub.types.byId(typeId) !== undefined);
		this.#sockets = new PortSockets({
			spec: () => this.spec,
			connected: (socket, ours) => this.#accept(socket, ours),
			failed: (error) => {
				this.fault('accept');
				options.hub.log.warn('connection not accepted', { runtime: this.name, error });
			},
		});
	}

	get runtime(): string {
		return this.spec.runtime;
	}

	get name(): string {
		return this.spec.name;
	}

	get privileged(): boolean {
		return this.spec.privileged;
	}

	/** A link into this runtime. */
	addLink(link: Link): void {
		this.links.add(link);
		link.setAwaited(this.#awaiting !== undefined);
		if (this.peer !== undefined) link.connected(this.peer);
	}

	/** Its process was connected to the router before this one: for a while its links hold messages for it. */
	expectBack(): void {
		const { clock, turn } = this.#options.hub;
		this.#awaiting = clock.clock.setTimer(awaitedMs, () => turn.run(() => this.#awaitNoMore()), { background: true });
	}

	#awaitNoMore(): void {
		this.#awaiting?.cancel();
		this.#awaiting = undefined;
		for (const link of this.links) link.setAwaited(false);
	}

	typeFor(name: string, codec: Codec, sources: Sources): TypeEntry | string {
		const { types } = this.#options.hub;
		const known = types.known(name, codec);
		if (known !== undefined && sources.get(known.id) !== undefined) return known;
		if (sources.size >= maxTypesPerRuntime) return `a runtime may use ${maxTypesPerRuntime} types`;
		if (known !== undefined) return known;
		// ids are given for good: one runtime that thinks of new names in every life would use up those of all
		if (this.#typesMade >= maxTypesPerRuntime)
			return `the connections of a runtime may bring about ${maxTypesPerRuntime} new types, and those of this one have`;
		const made = types.define(name, codec);
		if (made === undefined) return 'there are no type ids left';
		this.#typesMade += 1;
		return made;
	}

	fault(code: string, count = 1): void {
		this.faults.set(code, (this.faults.get(code) ?? 0) + count);
	}

	/** Another row of the table for the same runtime. */
	update(spec: RouterPort): void {
		const before = this.spec;
		this.spec = spec;
		if (spec.generation === before.generation) return;
		this.#past.forget();
		this.#awaitNoMore();
		if (this.peer !== undefined && this.peer.generation < spec.generation) this.#drain(this.peer);
	}

	/** The process of this generation has ended: what it left connected is closed once what it had sent is read. */
	ended(generation: number): void {
		this.#ended = Math.max(this.#ended, generation);
		if (this.spec.generation <= generation) this.#awaitNoMore();
		if (this.peer !== undefined && this.peer.generation <= generation) this.#drain(this.peer);
		void this.#endAccepting(generation);
	}

	/** A program may connect, say all it has to say and end before anybody has looked: that is still from its time. */
	async #endAccepting(generation: number): Promise<void> {
		for (let turn = 0; turn < acceptTurns; turn++) await nextTurn();
		this.#over = Math.max(this.#over, generation);
	}

	/** Listens where the table says; gives what could not be, in sentences, by path. */
	listen(): Promise<readonly SocketProblem[]> {
		return this.#sockets.listen();
	}

	closed(peer: Peer): void {
		const { hub, disconnected } = this.#options;
		if (this.peer !== peer) return;
		if (peer.generation === this.spec.generation) this.#past.ended(peer.sources.lastSeqs());
		this.peer = undefined;
		this.#ending = undefined;
		peer.sources.close();
		for (const link of this.links) link.disconnected();
		disconnected(this, peer);
		hub.log.debug('runtime disconnected', { runtime: this.name, codec: peer.codec });
	}

	/** Says goodbye to whoever is connected and stops listening. The socket files go, too. */
	async close(): Promise<void> {
		this.#closed = true;
		this.#awaiting?.cancel();
		this.peer?.end();
		for (const newcomer of [...this.#newcomers]) newcomer.close();
		await this.#sockets.close();
	}

	/** Ends at once, without a word. */
	destroy(): void {
		this.peer?.destroy();
	}

	#accept(socket: Socket, ours: boolean): void {
		if (this.#closed) {
			socket.destroy();
			return;
		}
		const newcomer = new Newcomer({
			socket,
			clock: this.#options.hub.clock.clock,
			known: (identity) => this.#identified(newcomer, identity),
			gone: (fault) => {
				this.#newcomers.delete(newcomer);
				if (fault !== undefined) this.fault(fault);
			},
		});
		this.#newcomers.add(newcomer);
		if (this.#newcomers.size > maxUnknownConnections) {
			newcomer.refuse('busy', `${maxUnknownConnections} connections wait already`, ours ? 'lines' : 'veecle');
		} else if (!ours) {
			// Veecle's programs may listen before they speak, so a connection is one as soon as it is made
			newcomer.knownAs('veecle');
		}
	}

	#identified(newcomer: Newcomer, identity: Identity): void {
		const problem = identity.kind === 'binary' ? this.#check(identity.hello) : undefined;
		if (problem !== undefined) {
			newcomer.refuse(...problem, identity.kind);
			return;
		}
		if (this.#isOver()) {
			newcomer.refuse(identity.kind === 'binary' ? 'bad_token' : 'denied', processEnded, identity.kind);
			return;
		}
		// each in its turn: whoever comes later overtakes nobody who waits
		this.#taking = this.#taking.then(() => this.#take(newcomer, identity));
	}

	async #take(newcomer: Newcomer, identity: Identity): Promise<void> {
		try {
			if (!(await this.#claim(identity))) {
				newcomer.refuse('already_connected', alreadyConnected, identity.kind);
				return;
			}
			this.#newcomers.delete(newcomer);
			if (this.#closed || newcomer.socket.destroyed) newcomer.socket.destroy();
			else if (identity.kind === 'binary') this.#bindBinary(newcomer.socket, identity.hello, identity.rest);
			else this.#bindLines(newcomer.socket, identity.kind === 'veecle', identity.rest);
		} catch (error) {
			this.#options.hub.log.error('connection not taken', { runtime: this.name, error });
			newcomer.close();
		}
	}

	/** No process of this runtime runs: whoever connects is a descendant that outlived it, and takes no messages from the next. */
	#isOver(): boolean {
		return this.spec.generation <= this.#over;
	}

	#check(hello: HelloBody): readonly ['version' | 'bad_token', string] | undefined {
		const ours = `${dataProtocol.min}–${dataProtocol.max}`;
		if (hello.protoMin > dataProtocol.max || hello.protoMax < dataProtocol.min) {
			return [
				'version',
				`this router speaks versions ${ours} of the data protocol, ${hello.agent || 'the client'} ${hello.protoMin}–${hello.protoMax}`,
			];
		}
		const given = Buffer.from(hello.token);
		const right = Buffer.from(this.spec.token);
		if (given.length !== right.length || !timingSafeEqual(given, right)) {
			return ['bad_token', 'the token is not that of the present process of this runtime (ORCH_IPC_TOKEN)'];
		}
		return undefined;
	}

	/** Waits until nobody is connected: no longer than it takes to hear of a closing, except where that is certain to come. */
	async #claim(identity: Identity): Promise<boolean> {
		const resumes = identity.kind === 'binary' && identity.hello.resume !== undefined;
		for (let turn = 0; this.peer !== undefined; turn++) {
			if (turn >= claimTurns && this.#ending !== this.peer) {
				// one that is not listened to any more holds nobody up; and of its own connection a process knows that it broke
				if (this.peer.open && (!resumes || turn > claimTurns + drainTurns)) return false;
				this.peer.destroy();
			}
			await nextTurn();
			if (this.#closed) return true;
		}
		return true;
	}

	#bindBinary(socket: Socket, hello: HelloBody, rest: Buffer): void {
		const { hub, idOf } = this.#options;
		const { runtime, generation } = this.spec;
		const id = idOf(runtime, generation);
		const peer = new BinaryPeer({ socket, hub, view: this, generation, port: id, hello, lastSeqs: this.#past.lastSeqs });
		const lost = this.#resume(id, hello.resume);
		hub.turn.run(() => peer.welcome(this.#types(peer), lost));
		this.#bound(peer);
		peer.start(rest);
	}

	#bindLines(socket: Socket, veecle: boolean, rest: Buffer): void {
		const { hub, idOf } = this.#options;
		const { runtime, generation } = this.spec;
		const dialect = veecle ? createVeecleDialect() : createJsonDialect(rest.toString('latin1', 0, 64));
		const peer = new LinePeer({
			socket,
			hub,
			view: this,
			generation,
			port: idOf(runtime, generation),
			dialect,
			lastSeqs: this.#past.lastSeqs,
		});
		this.#bound(peer);
		peer.start(rest);
	}

	#bound(peer: Peer): void {
		const { hub, connected } = this.#options;
		this.peer = peer;
		this.#past.connected();
		if (peer.generation <= this.#ended) this.#drain(peer);
		hub.turn.run(() => {
			this.#awaitNoMore();
			for (const link of this.links) link.connected(peer);
			peer.connected();
			connected(this, peer);
		});
		hub.log.debug('runtime connected', { runtime: this.name, codec: peer.codec });
	}

	/** What was lost since this process was last connected, by what both sides remember: counted, and told to it. */
	#resume(id: number, resume: HelloBody['resume']): { type: string; count: number }[] | undefined {
		if (resume === undefined) return undefined;
		const { hub, resumed } = this.#options;
		const { told, missing } = this.#past.resume(id, resume);
		resumed(this, told, missing);
		return missing.flatMap(({ typeId, count }) => {
			const type = hub.types.byId(typeId)?.name;
			return type === undefined ? [] : [{ type, count }];
		});
	}

	/** The ids that types of links into and out of this runtime have. */
	#types(peer: BinaryPeer): TypeEntry[] {
		const { hub } = this.#options;
		const names = new Set([...[...this.links].map(({ spec }) => spec.type), ...hub.typesFrom(this.runtime)]);
		return [...names].flatMap((name) =>
			hub.types.named(name).map((entry) => (peer.isPrompt(name) ? { ...entry, prompt: true } : entry)),
		);
	}

	/** Reads what is there, then closes: what the ended process left is what its descendants hold open. */
	#drain(peer: Peer): void {
		if (this.#ending === peer) return;
		this.#ending = peer;
		// what waits is for the next process
		peer.deafen();
		void this.#drained(peer).then((isRead) => {
			// whoever still writes is a descendant: it is not heard any more
			if (!isRead) this.fault('denied');
			peer.destroy();
		});
	}

	async #drained(peer: Peer): Promise<boolean> {
		let quiet = 0;
		let read = peer.bytesRead;
		for (let turn = 0; turn < drainTurns && quiet < 2 && this.peer === peer; turn++) {
			await nextTurn();
			quiet = peer.bytesRead === read ? quiet + 1 : 0;
			read = peer.bytesRead;
		}
		return quiet === 2 || this.peer !== peer;
	}
}

const processEnded = 'no process of this runtime runs: the one that this socket was made for has ended';
const alreadyConnected = 'a process of this runtime is connected already: a runtime has one connection';
