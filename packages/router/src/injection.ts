/** Messages from outside of any runtime: straight into one, or as if one had sent them. */
import { isUtf8 } from 'node:buffer';
import { type Codec, codecs, type DropReason, FrameKind, maxPayloadBytes } from '@orch/protocol/data';
import { unpack } from '@orch/protocol/wire';
import { type Misfit, misfitText } from './admission.ts';
import { FrameBuilder } from './frame-builder.ts';
import { isJson } from './json-scan.ts';
import { directMailbox } from './limits.ts';
import { Link, Path } from './link.ts';
import { type Answer, NoReply, Outside } from './outside.ts';
import type { Hub } from './peer.ts';
import type { Port } from './port.ts';
import { tooManyWait } from './requests.ts';
import { Source } from './source.ts';
import { typeNameProblem } from './type-registry.ts';

export interface Message {
	readonly from: string | null;
	readonly to: string | null;
	readonly type: string;
	readonly codec: Codec;
	readonly body: Uint8Array;
}

export interface Injected {
	readonly accepted: number;
	readonly dropped: Record<string, number>;
}

/** The message cannot be sent, in words for whoever wrote it. */
export class InvalidMessage extends Error {
	override readonly name = 'InvalidMessage';
}

/** The message does not fit the schema of its type. */
export class MessageRefused extends Error {
	override readonly name = 'MessageRefused';
	readonly misfit: Misfit;

	constructor(misfit: Misfit) {
		super(misfitText(misfit));
		this.misfit = misfit;
	}
}

/** Types sent straight into runtimes that are kept ready, each with a mailbox. */
const maxDirectLinks = 256;

export class Injection {
	readonly #hub: Hub;
	readonly #builder: FrameBuilder;
	readonly #portOf: (runtime: string) => Port | undefined;
	readonly #idOf: (name: string) => number;
	/** By runtime; `@cli` for itself. */
	readonly #outside = new Map<string, Outside>();
	readonly #direct = new Map<string, { readonly link: Link; readonly port: Port; readonly paths: Map<Source, Path> }>();

	constructor(hub: Hub, portOf: (runtime: string) => Port | undefined, idOf: (name: string) => number) {
		this.#hub = hub;
		this.#builder = new FrameBuilder(hub.clock);
		this.#portOf = portOf;
		this.#idOf = idOf;
	}

	/** Throws InvalidMessage, or MessageRefused when for its schema it went nowhere. */
	send(message: Message): Injected {
		const { receiver, outside, source } = this.#opened(message);
		this.#builder.begin();
		const { buffer, start, end } = this.#builder.single(
			{ kind: FrameKind.data, typeId: source.typeId, src: source.port, seq: source.takeSeq() },
			message.body,
		);
		if (receiver === undefined) {
			this.#hub.route(source);
			outside.misfit = undefined;
			const injected = this.#counting(
				source.paths.map(({ link }) => link),
				() => source.accept(buffer, start, end, 1),
			);
			if (outside.misfit !== undefined && injected.accepted === 0) throw new MessageRefused(outside.misfit);
			return injected;
		}
		const path = this.#directPath(receiver, source, buffer, start, end);
		return this.#counting([path.link], () => path.link.offer(path, buffer, start, end, 1, false));
	}

	/** The reply to a request. Rejects with InvalidMessage, MessageRefused, NoReply, or the reason of the signal. */
	async request(message: Message, signal: AbortSignal): Promise<Answer> {
		const { type, body } = message;
		const { receiver, outside, source } = this.#opened(message);
		return outside.ask((corr) => {
			this.#builder.begin();
			const { buffer, start, end } = this.#builder.single(
				{ kind: FrameKind.request, typeId: source.typeId, src: source.port, corr },
				body,
			);
			if (receiver === undefined) {
				this.#hub.route(source);
				this.#hub.ask(source, outside, corr, buffer, start, end);
				return;
			}
			const { peer: replier, name } = receiver;
			if (replier === undefined) throw new NoReply(type, 'target_down', `${name} is not connected`);
			if (!replier.answers) throw new NoReply(type, 'no_route', `${name} speaks a dialect that has no replies`);
			const path = this.#directPath(receiver, source, buffer, start, end);
			const { typeId, codec } = source;
			const pending = { requester: outside, corr, typeId, type, codec, replier, atMs: this.#hub.clock.nowMs };
			if (!this.#hub.expectReply(pending)) throw new NoReply(type, 'busy', tooManyWait);
			path.link.offer(path, buffer, start, end, 1, true);
		}, signal);
	}

	/** Who sends it, and who is to get it where that is not left to the links. */
	#opened({ from, to, type, codec, body }: Message) {
		const problem = typeNameProblem(type) ?? bodyProblem(codec, body);
		if (problem !== undefined) throw new InvalidMessage(problem);
		if (from === null && to === null) throw new InvalidMessage('it goes into a runtime (to) or as if from one (from)');
		const as = from === null ? undefined : this.#required(from);
		const receiver = to === null ? undefined : this.#required(to);
		return { receiver, ...this.#source(as, type, codec) };
	}

	/** Straight into it, past the links; throws where the message does not fit the schema of its type. */
	#directPath(receiver: Port, source: Source, buffer: Buffer, start: number, end: number): Path {
		const direct = this.#directTo(receiver, source.type);
		if (direct === undefined) throw new InvalidMessage(`messages of ${maxDirectLinks} types wait already`);
		const path = direct.paths.get(source) ?? new Path(source, direct.link);
		direct.paths.set(source, path);
		const misfit = source.admitDirect(path, (runtime) => this.#hub.schemaOf(runtime, source.type), buffer, start, end);
		if (misfit !== undefined) throw new MessageRefused(misfit);
		return path;
	}

	/** A runtime is no more. */
	forget(runtime: string): void {
		for (const source of this.#outside.get(runtime)?.sources.values() ?? []) source.close();
		this.#outside.delete(runtime);
		for (const [key, { link, port }] of this.#direct) {
			if (port.runtime !== runtime) continue;
			this.#direct.delete(key);
			port.links.delete(link);
			link.remove();
		}
	}

	/** What an offer has led to on these links at once. */
	#counting(links: readonly Link[], offer: () => number): Injected {
		const before = links.map(({ dropped }) => new Map(dropped));
		const accepted = offer();
		const dropped: Record<string, number> = {};
		for (const [index, link] of links.entries()) {
			for (const [reason, count] of link.dropped) {
				const more = count - (before[index]?.get(reason as DropReason) ?? 0);
				if (more > 0) dropped[reason] = (dropped[reason] ?? 0) + more;
			}
		}
		return { accepted, dropped };
	}

	#required(runtime: string): Port {
		const port = this.#portOf(runtime);
		if (port === undefined) throw new InvalidMessage(`no runtime ${runtime}`);
		return port;
	}

	#source(as: Port | undefined, type: string, codec: Codec): { readonly outside: Outside; readonly source: Source } {
		const runtime = as?.runtime ?? '@cli';
		let outside = this.#outside.get(runtime);
		if (outside === undefined) {
			// a port of its own: the numbers of its messages are not those of the runtime's own
			outside = new Outside(this.#hub, this.#idOf(as === undefined ? '@cli' : `@cli/${runtime}`), runtime, as?.name ?? '@cli');
			this.#outside.set(runtime, outside);
		}
		const entry = this.#hub.types.define(type, codec);
		if (entry === undefined) throw new InvalidMessage('there are no type ids left');
		let source = outside.sources.get(entry.id);
		if (source === undefined) {
			source = new Source({
				origin: outside,
				typeId: entry.id,
				type,
				codec,
				lastSeq: 0,
				turn: this.#hub.turn,
				clock: this.#hub.clock,
				seen: this.#hub.seen,
				unrouted: () => this.#hub.unrouted(runtime, type),
				onExceeded: () => {},
			});
			outside.sources.set(entry.id, source);
		}
		return { outside, source };
	}

	#directTo(port: Port, type: string) {
		const key = `${port.runtime} ${type}`;
		const known = this.#direct.get(key);
		if (known !== undefined) return known;
		if (this.#direct.size >= maxDirectLinks) this.#forgetIdle();
		if (this.#direct.size >= maxDirectLinks) return undefined;
		const spec = {
			id: `direct ${key}`,
			from: '@cli',
			type,
			to: port.runtime,
			...directMailbox,
			overflow: 'drop-newest',
			whileDown: 'drop',
		} as const;
		const made = { link: new Link(spec, this.#hub.clock, this.#hub.turn), port, paths: new Map<Source, Path>() };
		this.#direct.set(key, made);
		port.addLink(made.link);
		return made;
	}

	/** Makes room: a link that nothing waits on can be made again. */
	#forgetIdle(): void {
		for (const [key, { link, port }] of this.#direct) {
			if (link.mailbox.messages > 0 || link.inFlight > 0) continue;
			this.#direct.delete(key);
			port.links.delete(link);
			link.remove();
		}
	}
}

function bodyProblem(codec: Codec, body: Uint8Array): string | undefined {
	if (!codecs.includes(codec)) return `the codec of a message is one of ${codecs.join(', ')}`;
	if (!(body instanceof Uint8Array)) return 'the body of a message is bytes';
	if (body.length > maxPayloadBytes) return `a message takes at most ${maxPayloadBytes} bytes, this one has ${body.length}`;
	if (codec === 'json' && !(isUtf8(body) && isJson(body, 0, body.length))) return 'it is not JSON';
	if (codec === 'msgpack') {
		try {
			unpack(body);
		} catch {
			return 'it is not MessagePack';
		}
	}
	return undefined;
}
