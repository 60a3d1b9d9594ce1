/** 200,000 mutated frames and lines against the sockets of runtimes: the router and a witness beside them are unharmed. */
import { expect, test } from 'vitest';
import type { Logger, Random } from '@orch/base';
import { seededRandom, until } from '@orch/base/testing';
import { FrameKind, makeFrame, writeCredit } from '@orch/protocol/data';
import { pack } from '@orch/protocol/wire';
import type { FrameClient } from './testing/frame-client.ts';
import type { LineClient } from './testing/line-client.ts';
import { type Rig, startRig } from './testing/rig.ts';

const binaryBatches = 400;
const lineBatches = 100;
const perBatch = 400;

const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random.float() * from.length)] as T;
const below = (random: Random, limit: number): number => Math.floor(random.float() * limit);

/** Changes some bytes from `from` on: bits, whole bytes, or a word that is at a limit. */
function mutate(random: Random, bytes: Buffer, from: number): Buffer {
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

/** Frames of every kind that a client may send, and of some that it may not. */
function someFrame(random: Random, client: FrameClient, typeId: number): Buffer {
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

test('200,000 mutated frames on the data sockets leave the router and a witness client unharmed', async () => {
	const defects: unknown[] = [];
	const log: Logger = {
		debug: () => {},
		info: () => {},
		warn: () => {},
		error: (message, fields) => defects.push([message, fields]),
		with: () => log,
	};
	const rig: Rig = await startRig({ log });
	try {
		const random = seededRandom(20_260_101);
		await rig.add('x', 'y', 'witness', 'listener');
		await rig.privileged('x');
		for (const [from, to] of [
			['x', 'y'],
			['x', 'x'],
			['*', 'y'],
		] as const)
			await rig.link(from, 'Fuzz', to, { overflow: pick(random, ['block', 'drop-oldest', 'latest']), messages: 100 });
		await rig.link('witness', 'Truth', 'listener', { overflow: 'drop-newest', messages: 100_000 });
		const [witness, listener] = [await rig.frames('witness'), await rig.frames('listener')];
		const truth = await witness.declare('Truth');
		let told = 0;
		const reader = await rig.lines('y');
		reader.write('');

		let thrown = 0;
		for (let batch = 0; batch < binaryBatches; batch++) {
			const client = await rig.frames('x');
			const typeId = await client.declare('Fuzz');
			const frames: Buffer[] = [];
			for (let count = 1; count < perBatch; count++) {
				const frame = someFrame(random, client, typeId);
				// what keeps the framing is read to the end, so that every kind of body is looked at
				frames.push(random.float() < 0.7 ? mutate(random, frame, frame.length > 36 ? 32 : frame.length) : frame);
			}
			frames.push(mutate(random, someFrame(random, client, typeId), 0));
			const bytes = Buffer.concat(frames);
			// some end in the middle of a frame
			client.socket.end(batch % 5 === 0 ? bytes.subarray(0, bytes.length - below(random, 40)) : bytes);
			thrown += frames.length;
			witness.send(truth, `${told++}`);
			await until('the end of the connection', () => client.closed);
		}
		for (let batch = 0; batch < lineBatches; batch++) {
			const client: LineClient = batch % 2 === 0 ? await rig.lines('x') : await rig.veecle('x');
			client.raw('{"hello":{}}\n');
			const mutated = Array.from({ length: perBatch }, () => mutate(random, Buffer.from(`${pick(random, lines)(random)}\n`), 0));
			client.socket.end(Buffer.concat(mutated));
			thrown += mutated.length;
			witness.send(truth, `${told++}`);
			await until('the end of the connection', () => client.closed);
		}
		expect(thrown).toBe(200_000);
		await until('the truth', () => listener.messages.length === told);
		expect(listener.messages.map(Number)).toEqual(Array.from({ length: told }, (_, index) => index));
		expect(witness.errors).toEqual([]);
		expect(defects).toEqual([]);
		const { links, ports } = rig.router.stats();
		expect(links.every(({ counters }) => counters.queued <= 100_000 && counters.inFlight >= 0 && counters.queued >= 0)).toBe(
			true,
		);
		expect(ports.find(({ runtime }) => runtime === rig.id('x'))?.connected).toBe(false);
		// and whoever was thrown at can be used as ever
		const [again, y] = [await rig.frames('x'), rig.faults('x')];
		expect(Object.keys(y).length).toBeGreaterThan(5);
		again.send(await again.declare('Fuzz'), '"after all"');
		await until('the message', () => reader.lines.some((line) => line.includes('after all')));
	} finally {
		await rig.close();
	}
}, 120_000);
