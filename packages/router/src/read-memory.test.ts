/** Memory is used again, and never while somebody holds a view of it. */
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { seededRandom, until } from '@orch/base/testing';
import { FrameKind, makeFrame } from '@orch/protocol/data';
import { leftMemoryBytes, maxHolds } from './limits.ts';
import { Mailbox } from './mailbox.ts';
import { Outbox } from './outbox.ts';
import { type Hold, ReadMemory } from './read-memory.ts';
import { type Rig, startRig } from './testing/rig.ts';
import { connected } from './testing/socket-pair.ts';
import { Turn } from './turn.ts';

const hold = (): { isOver: boolean } => ({ isOver: false });
const kib = 1024;

describe('what was left', () => {
	test('is taken again once every hold on it is over, the last one first', () => {
		const memory = new ReadMemory();
		const [one, other] = [memory.take(64 * kib), memory.take(64 * kib)];
		const [first, second] = [hold(), hold()];
		memory.leave(one, [first, second]);
		first.isOver = true;
		expect(memory.take(64 * kib)).not.toBe(one);
		second.isOver = true;
		memory.leave(other, []);
		expect(memory.take(32 * kib).length).toBe(32 * kib);
		expect([memory.take(64 * kib), memory.take(64 * kib)]).toEqual([other, one]);
		expect(memory.leftBytes).toBe(0);
	});

	test('is never taken again where somebody holds it for longer than can be told', () => {
		const memory = new ReadMemory();
		memory.leave(memory.take(kib), undefined);
		expect(memory.leftBytes).toBe(0);
	});

	test('is bounded, and a part that would be much of it is not kept', () => {
		const memory = new ReadMemory();
		for (let count = 0; count < 100; count++) memory.leave(Buffer.alloc(leftMemoryBytes / 8), [hold()]);
		expect(memory.leftBytes).toBe(leftMemoryBytes);
		memory.leave(Buffer.alloc(leftMemoryBytes / 2), []);
		expect(memory.take(leftMemoryBytes / 2).length).toBe(leftMemoryBytes / 2);
		expect(memory.leftBytes).toBe(leftMemoryBytes);
	});
});

describe('who has kept views since a moment', () => {
	test('is told, and nobody from before', () => {
		const turn = new Turn();
		const [one, other] = [hold(), hold()];
		turn.keep(one);
		const since = turn.kept;
		turn.keep(other);
		expect([turn.holdsSince(since), turn.holdsSince(turn.kept)]).toEqual([[other], []]);
	});

	test('is not told where there were more than are counted', () => {
		const turn = new Turn();
		for (let count = 0; count < 3 * maxHolds; count++) turn.keep(hold());
		expect(turn.holdsSince(0)).toBeUndefined();
		expect(turn.holdsSince(turn.kept - 10)).toHaveLength(10);
	});
});

describe('a mailbox holds what was pushed', () => {
	const holds: Hold[] = [];
	const mailbox = () => {
		holds.length = 0;
		return new Mailbox<string>({ keep: (made) => void holds.push(made) });
	};
	const over = () => holds.map(({ isOver }) => isOver);
	const push = (to: Mailbox<string>, kind: number = FrameKind.data) => {
		const frame = Buffer.from(makeFrame({ kind, typeId: 1, src: 1, seq: holds.length + 1 }, new Uint8Array(100)));
		to.push('a', frame, 0, frame.length, 1, kind === FrameKind.request);
	};
	/** Takes what it is given for as long as `busy` is not over. */
	const destination = () => {
		const busy = hold();
		return { busy, hold: (): Hold => busy };
	};

	test('until it has left, and whoever it went to is rid of it', () => {
		const from = mailbox();
		const { busy, ...to } = destination();
		for (let count = 0; count < 3; count++) push(from);
		from.goesTo(to);
		from.shift();
		expect(over()).toEqual([false, false, false]);
		busy.isOver = true;
		expect(over()).toEqual([true, false, false]);
		from.clear(() => {});
		expect(over()).toEqual([true, true, true]);
	});

	test('and what went to one receiver is not free because another has what it was given', () => {
		const from = mailbox();
		const [one, other] = [destination(), destination()];
		for (let count = 0; count < 2; count++) push(from);
		from.goesTo(one);
		from.shift();
		from.goesTo(undefined);
		from.goesTo(other);
		other.busy.isOver = true;
		from.shift();
		expect(over()).toEqual([false, false]);
		push(from);
		from.shift();
		expect(over()).toEqual([false, false, true]);
	});

	test.each([
		['requests are taken out of it', (from: Mailbox<string>) => from.dropRequests(() => {})],
		['the newest are dropped', (from: Mailbox<string>) => from.dropNewest({ messages: 1, bytes: 1_000 }, () => {})],
	])('and for longer than can be told where %s, but for what comes later', (_what, outOfOrder) => {
		const from = mailbox();
		push(from);
		push(from, FrameKind.request);
		outOfOrder(from);
		from.shift();
		push(from);
		from.shift();
		expect([from.messages, over()]).toEqual([0, [false, false, true]]);
	});
});

test('what a socket was given is held until it is out, in order', async () => {
	const { client: theirs, accepted: ours, close } = await connected();
	onTestFinished(close);
	const turn = new Turn();
	const outbox = new Outbox(ours, turn);
	outbox.append(Buffer.alloc(4 * kib * kib), 0, 4 * kib * kib);
	const first = outbox.hold();
	turn.settle();
	expect(turn.holdsSince(0)).toHaveLength(1);
	outbox.append(Buffer.alloc(4 * kib * kib), 0, 4 * kib * kib);
	const second = outbox.hold();
	turn.settle();
	expect([first.isOver, second.isOver]).toEqual([false, false]);
	let read = 0;
	let firstOver: number | undefined;
	theirs.on('data', (chunk) => {
		read += chunk.length;
		// what the system has taken is read later than it is out
		if (first.isOver) firstOver ??= read;
	});
	await until('both are out', () => second.isOver);
	expect([first.isOver, ours.writableLength]).toEqual([true, 0]);
	expect(firstOver).toBeGreaterThan(3 * kib * kib);
});

describe('whoever reads, and however', () => {
	let rig: Rig;
	afterEach(() => rig.close());

	test('no message is written over by another one, of whatever length, sender and receiver', async () => {
		rig = await startRig();
		const random = seededRandom(7);
		const senders = ['s1', 's2', 's3'];
		const receivers = ['quick', 'slow', 'coming'];
		await rig.add(...senders, ...receivers);
		for (const to of receivers)
			for (const from of senders)
				await rig.link(from, `To ${to}`, to, { messages: 100_000, bytes: 64 * kib * kib, whileDown: 'block' });
		const clients = await Promise.all(receivers.map((name) => rig.frames(name)));
		const [quick, slow] = clients;
		let coming = clients[2];
		if (!quick || !slow || !coming) throw new Error('not connected');
		const seen: { readonly to: string; readonly payload: Buffer; readonly seq: number; readonly src: number }[] = [];
		const collect = () => {
			for (const [index, client] of [quick, slow, coming].entries()) {
				if (!client) continue;
				for (const { header, payload } of client.of(FrameKind.data))
					seen.push({ to: receivers[index] ?? '', payload, seq: header.seq, src: header.src });
				client.received.length = 0;
			}
		};
		const from = await Promise.all(senders.map((name) => rig.frames(name)));
		const types = await Promise.all(
			from.map(async (client) => {
				const ids = [];
				for (const to of receivers) ids.push(await client.declare(`To ${to}`, 'raw'));
				return ids;
			}),
		);
		let sent = 0;
		for (let round = 0; round < 120; round++) {
			for (const [at, client] of from.entries()) {
				const typeId = types[at]?.[Math.floor(random.float() * receivers.length)] ?? 0;
				const bytes = Math.floor(random.float() < 0.5 ? random.float() * 300 : random.float() * 90_000) + 2;
				const count = Math.floor(1 + random.float() * Math.min(200, 400_000 / bytes));
				// each byte tells the message by its number
				const frames = Array.from({ length: count }, () => {
					const frame = client.message(typeId, new Uint8Array(bytes));
					return frame.fill(frame.readUInt32LE(16) % 251, 32);
				});
				client.socket.write(Buffer.concat(frames));
				sent += count;
			}
			if (round % 3 === 0) slow.pause();
			if (round % 7 === 0) slow.resume();
			if (round % 40 === 20) {
				// what it was handed and has not read goes with it
				coming.pause();
				coming.destroy();
				collect();
				coming = await rig.frames('coming');
			}
			collect();
			await new Promise((resolve) => setImmediate(resolve));
		}
		slow.resume();
		await until('all that is not lost is there', () => {
			collect();
			const dropped = rig.router.stats().links.flatMap(({ counters }) => Object.values(counters.dropped));
			return seen.length >= sent - dropped.reduce((sum, count) => sum + count, 0);
		});
		const wrong = seen.filter(({ payload, seq }) => payload.some((byte) => byte !== seq % 251));
		expect(wrong.map(({ to, seq, src }) => ({ to, seq, src }))).toEqual([]);
		for (const to of receivers)
			for (const { port } of from) {
				const seqs = seen.filter((one) => one.to === to && one.src === port).map(({ seq }) => seq);
				expect(seqs.filter((seq, index) => index > 0 && seq <= (seqs[index - 1] ?? 0))).toEqual([]);
			}
	});
});
