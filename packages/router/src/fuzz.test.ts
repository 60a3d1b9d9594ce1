/** 200,000 mutated frames and lines against the sockets of runtimes: the router and a witness beside them are unharmed. */
import { expect, test } from 'vitest';
import type { Logger } from '@orch/base';
import { seededRandom, until } from '@orch/base/testing';
import type { LineClient } from './testing/line-client.ts';
import { below, mutate, pick, someFrame, someLine } from './testing/mutants.ts';
import { type Rig, startRig } from './testing/rig.ts';

const binaryBatches = 400;
const lineBatches = 100;
const perBatch = 400;

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
			const mutated = Array.from({ length: perBatch }, () => mutate(random, Buffer.from(`${someLine(random)}\n`), 0));
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
