/** What no program should say on the data sockets: frames and lines of every kind, with bytes changed. */
import type { Random } from '@orch/base';
import { FrameKind, makeFrame, writeCredit } from '@orch/protocol/data';
import { pack } from '@orch/protocol/wire';

export const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random.float() * from.length)] as T;
export const below = (random: Random, limit: number): number => Math.floor(random.float() * limit);

/** Changes some bytes from `from` on: bits, whole bytes, or a word that is at a limit. */
export function mutate(random: Random, bytes: Buffer, from: number): Buffer {
	const changed = Buffer.from(bytes);
	for (let times = 1 + below(random, 4); times > 0 && changed.length > from; times--) {
		const at = from + below(random, changed.length - from);
		const how = below(random, 3);
		if (how === 0) changed[at] = (changed[at] as number) ^ (1 << below(random, 8));
		else if (how === 1) changed[at] = below(random, 256);
		else if (at + 4 <= changed.length)
			changed.writeUInt32LE(pick(random, [0, 1, 31, 32, 0x7fffffff, 0x80000000, 0xffffffff]), at);
	}
	return changed;
}

/** Who says it: one that is welcome. */
export interface Speaker {
	readonly port: number;
	message(typeId: number, payload: string | Uint8Array): Uint8Array;
}

/** Frames of every kind that a client may send, and of some that it may not. */
export function someFrame(random: Random, client: Speaker, typeId: number): Buffer {
	const { port: src } = client;
	const body = (value: unknown) => pack(value);
	const credit = new Uint8Array(32);
	writeCredit(credit, 0, { typeId, frames: below(random, 1_000), bytes: below(random, 100_000) });
	writeCredit(credit, 16, { typeId: below(random, 70_000), frames: 0xffffffff, bytes: 2 ** 50 });
	const corr = below(random, 50);
	return Buffer.from(
		pick(random, [
			() => client.message(typeId, `{"n":${below(random, 1_000)}}`),
			() => client.message(typeId, Buffer.alloc(below(random, 2_000), 'x')),
			() => makeFrame({ kind: FrameKind.request, typeId, src, corr }, Buffer.from('"ask"')),
			() => makeFrame({ kind: FrameKind.reply, typeId, src, corr, dst: src }, Buffer.from('"answer"')),
			() =>
				makeFrame(
					{ kind: FrameKind.declare },
					body({ types: [{ name: `t${below(random, 500)}`, codec: pick(random, ['json', 'raw', 'msgpack', 'x']) }] }),
				),
			() => makeFrame({ kind: FrameKind.credit }, credit),
			() => makeFrame({ kind: FrameKind.ping }, Buffer.alloc(below(random, 100))),
			() => makeFrame({ kind: FrameKind.pong }, Buffer.alloc(8, 'orch')),
			() => makeFrame({ kind: FrameKind.control }, body([0, corr, 'runtime.list', { deep: [1, { a: null }] }])),
			() => makeFrame({ kind: FrameKind.ready }, new Uint8Array(0)),
			() => makeFrame({ kind: below(random, 256) as FrameKind, typeId, src, corr }, body({ any: 'thing' })),
		])(),
	);
}

const lines: readonly ((random: Random) => string)[] = [
	(random) => `{"type":"Fuzz","data":{"n":${below(random, 1_000)},"list":[1,2.5e3,"\\u0041",null,true]}}`,
	(random) => `{"t":"Fuzz","v":"${'y'.repeat(below(random, 300))}"}`,
	(random) => `{"type":"Fuzz","data":1,"id":${below(random, 30)}}`,
	(random) => `{"re":"${below(random, 30)}.${below(random, 30)}","data":"reply"}`,
	(random) => `{"re":"1.1","error":{"code":"x","message":"${below(random, 9)}"}}`,
	() => '{"type":"Fuzz","b64":"AAECAw=="}',
	() => '{"ctl":{"id":1,"op":"runtime.start","params":{"runtime":"x"}}}',
	() => '{"ready":true}',
	() => '{"hello":{}}',
	() => '{"Storable":{"type_name":"Fuzz","value":"{\\"n\\":1}"}}',
	() => '{"Telemetry":{"a":[{}]}}',
	() => '{"ControlRequest":{"StartRuntime":{"id":"01900000-0000-7000-8000-00000000abcd","priority":"high"}}}',
	() => '{"ControlRequest":{"StopRuntime":{"id":"01900000-0000-7000-8000-00000000abcd"}}}',
];

/** In our dialect or in Veecle’s, without its newline. */
export const someLine = (random: Random): string => pick(random, lines)(random);
