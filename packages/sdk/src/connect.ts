/** From the environment of a runtime to its connection. */
import { type Codec, codecs as knownCodecs } from '@orch/protocol/data';
import { type Clock, systemClock } from './clock.ts';
import {
	type AnyConnection,
	type CallMap,
	type Connection,
	type ConnectionLimits,
	defaultLimits,
	type MessageMap,
} from './connection.ts';
import { DetachedConnection } from './detached-connection.ts';
import { LiveConnection } from './live-connection.ts';

export interface ConnectOptions<Types extends string = string> {
	/** How payloads of a type are written; json unless said. */
	readonly codecs?: { readonly [Type in Types]?: Codec };
	/** For the types that `codecs` does not name. */
	readonly defaultCodec?: Codec;
	readonly limits?: Partial<ConnectionLimits>;
	/** Where to look for ORCH_IPC_SOCKET, ORCH_IPC_TOKEN, ORCH_RUNTIME_ID and ORCH_RUNTIME_NAME. */
	readonly env?: { readonly [name: string]: string | undefined };
}

/**
 * Connects this program to orch, by what its environment says. Returns at once: what is sent before the connection stands
 * waits for it. Outside of orch the result takes everything and sends nothing, which is said once on stderr.
 */
export function connect<
	Messages extends object = MessageMap,
	Calls extends CallMap<Calls> = Record<string, { request: unknown; reply: unknown }>,
>(options: ConnectOptions<(keyof Messages | keyof Calls) & string> = {}): Connection<Messages, Calls> {
	const connection: AnyConnection = connectWith(options, systemClock, sayOnStderr);
	return connection as Connection<Messages, Calls>;
}

/** The same with its surroundings as parameters, for tests. */
export function connectWith(options: ConnectOptions, clock: Clock, say: (sentence: string) => void): AnyConnection {
	const env = options.env ?? process.env;
	const runtime = { id: env['ORCH_RUNTIME_ID'] ?? '', name: env['ORCH_RUNTIME_NAME'] ?? '' };
	const socket = env['ORCH_IPC_SOCKET'];
	const codecs = checkedCodecs(options);
	if (!socket) {
		say('orch: ORCH_IPC_SOCKET is not set, so this program does not run under orch: what it sends goes nowhere');
		return new DetachedConnection(runtime);
	}
	const identity = { socket, token: env['ORCH_IPC_TOKEN'] ?? '', runtime };
	const fallback = options.defaultCodec ?? 'json';
	return new LiveConnection(
		{ identity, codecOf: (type) => codecs.get(type) ?? fallback, limits: { ...defaultLimits, ...options.limits } },
		clock,
		say,
	);
}

function checkedCodecs({ codecs = {}, defaultCodec = 'json' }: ConnectOptions): ReadonlyMap<string, Codec> {
	const named = Object.entries(codecs).filter((entry): entry is [string, Codec] => entry[1] !== undefined);
	for (const codec of [...named.map(([, one]) => one), defaultCodec]) {
		if (!knownCodecs.includes(codec)) throw new TypeError(`There is no codec "${codec}": it is one of ${knownCodecs.join(', ')}`);
	}
	return new Map(named);
}

const said = new Set<string>();

/** Once per sentence, however many connections there are. */
function sayOnStderr(sentence: string): void {
	if (said.has(sentence)) return;
	said.add(sentence);
	process.stderr.write(`${sentence}\n`);
}
