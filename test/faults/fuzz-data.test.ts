/**
 * What no program should say, by the hundred thousand, on the sockets of a privileged runtime: router, daemon and everybody else go on as
 * if nothing were. Behind the router is a real orchd, which hears of the requests, the faults and the readiness that come of it.
 */
import type { Socket } from 'node:net';
import { seededRandom } from '@orch/base/testing';
import { checkHeader, FrameKind, maxFrameBytes, readU32 } from '@orch/protocol/data';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { below, mutate, someFrame, someLine, type Speaker } from '../../packages/router/src/testing/mutants.ts';
import { type LineClient, type Orchd, Stage, type Stand, until, useSandbox, Watch } from '../support/index.ts';

/** Of frames, and as many of lines in each dialect; `ORCH_MUTANTS` says otherwise. */
const mutants = Number(process.env['ORCH_MUTANTS'] ?? 200_000);
/** What may be lost with the framing of one connection. */
const perConnection = 1_000;

const sandbox = useSandbox();
let orchd: Orchd;
let watch: Watch;
let stage: Stage;
let loud: Stand;
let quiet: Stand;
let other: LineClient;
beforeAll(async () => {
	orchd = await sandbox.startDaemon({ args: ['--log-level', 'error'] });
	watch = await Watch.begin(orchd);
	stage = new Stage(() => orchd);
	loud = await stage.stand('loud', { privileged: true });
	quiet = await stage.stand('quiet');
	for (const to of [quiet, loud]) await stage.link(loud, 'Fuzz', to, { overflow: 'drop-oldest', queue: 100 });
	await stage.link(loud, 'Sane', quiet, { overflow: 'drop-oldest', queue: 100 });
	other = await stage.lines(quiet);
	other.socket.resume();
});
afterAll(async () => {
	await watch.stop();
	await stage.clear();
});

/** Writes all of it and goes, in the middle of whatever it was saying; resolves when the router has let go of it. */
async function leaves(socket: Socket, bytes: Uint8Array, abruptly: boolean, isClosed: () => boolean): Promise<void> {
	if (abruptly) socket.write(bytes, () => socket.destroy());
	else socket.end(bytes);
	await until('the end of the connection', isClosed);
	await until('the router knows of no connection', async () => (await orchd.show(loud)).connected === null);
}

/** What the router has to take of it: everything before a good-bye or what is no frame of this connection; of the rest it tells the bytes. */
function sane(bytes: Uint8Array, { port }: Speaker, fuzz: number): { messages: number; requests: number; restBytes: number } {
	let messages = 0;
	let requests = 0;
	for (let at = 0, next = 0; at + 8 <= bytes.length; at = next) {
		next = at + readU32(bytes, at + 4);
		const isFrame = checkHeader(bytes, at, maxFrameBytes) === undefined;
		if (isFrame && next > bytes.length) break;
		const kind = bytes[at + 1] as number;
		const isForged = kind <= FrameKind.reply && readU32(bytes, at + 12) !== port;
		if (!isFrame || isForged) return { messages, requests, restBytes: bytes.length - at };
		if (kind === FrameKind.bye) return { messages, requests, restBytes: bytes.length - next };
		if (readU32(bytes, at + 8) !== fuzz) continue;
		if (kind === FrameKind.data) messages += 1;
		if (kind === FrameKind.request) requests += 1;
	}
	return { messages, requests, restBytes: 0 };
}

/** Everything that a link was given, once nothing of it is on its way. */
async function received(type: string, to: Stand): Promise<number> {
	const { counters } = await until('nothing is on its way', async () => {
		const stats = await stage.stats(loud, type, to);
		return stats.counters.inFlight === 0 && stats;
	});
	const dropped = Object.values(counters.dropped).reduce((sum, count) => sum + count, 0);
	expect(counters.delivered + counters.queued + dropped).toBe(counters.received);
	return counters.received;
}

describe('mutated frames and lines on the data sockets', () => {
	it(`${mutants.toLocaleString('en')} frames: router, daemon and witness are unharmed, and nothing sane is lost`, async () => {
		await watch.unharmed(async () => {
			const random = seededRandom(2028);
			let due = 0;
			let unreadBytes = 0;
			for (let sent = 0; sent < mutants; sent += perConnection) {
				const client = await stage.frames(loud);
				const typeId = await client.declare('Fuzz');
				const speaker: Speaker = { port: client.port, message: (type, payload) => client.data(type, payload) };
				const frames = Array.from({ length: perConnection - 1 }, () => {
					const frame = someFrame(random, speaker, typeId);
					// what keeps the framing is read to the end, so that every kind of body is looked at
					return random.float() < 0.7 ? mutate(random, frame, frame.length > 36 ? 32 : frame.length) : frame;
				});
				frames.push(mutate(random, someFrame(random, speaker, typeId), 0));
				const all = Buffer.concat(frames);
				const bytes = all.subarray(0, all.length - (below(random, 5) === 0 ? below(random, 40) : 0));
				const { messages, requests, restBytes } = sane(bytes, speaker, typeId);
				// a message goes by both links, a request by one
				due += 2 * messages + requests;
				unreadBytes += restBytes;
				await leaves(client.socket, bytes, below(random, 2) === 0, () => client.closed);
			}
			expect((await received('Fuzz', quiet)) + (await received('Fuzz', loud))).toBe(due);
			expect(await stage.faults(loud)).toMatchObject({
				protocol: expect.any(Number),
				late_reply: expect.any(Number),
				discarded_bytes: unreadBytes,
			});
			const client = await stage.frames(loud);
			client.send(await client.declare('Fuzz'), '"after all frames"');
			await until('a message after all', () => other.count('after all frames') === 1);
			client.close();
		});
	}, 300_000);

	for (const dialect of ['our', 'Veecle’s'] as const)
		it(`${mutants.toLocaleString('en')} lines in ${dialect} dialect: router, daemon and witness are unharmed, and nothing sane is lost`, async () => {
			await watch.unharmed(async () => {
				const random = seededRandom(dialect === 'our' ? 2029 : 2030);
				const path = dialect === 'our' ? loud.socket : loud.veecleSocket;
				const line = (type: string, body: string) =>
					`${JSON.stringify(dialect === 'our' ? { type, data: body } : { Storable: { type_name: type, value: JSON.stringify(body) } })}\n`;
				const before = await received('Sane', quiet);
				let due = 0;
				for (let sent = 0; sent < mutants; sent += perConnection) {
					const client = await stage.raw(path);
					const lines = Array.from({ length: perConnection }, () => {
						const mutant = mutate(random, Buffer.from(`${someLine(random)}\n`), 0);
						if (below(random, 10) > 0) return mutant;
						due += 1;
						// the mutant may have lost its newline
						return Buffer.concat([mutant, Buffer.from(`\n${line('Sane', 'in between')}`)]);
					});
					client.send(dialect === 'our' ? '{"hello":{}}\n' : '');
					await leaves(client.socket, Buffer.concat(lines), below(random, 2) === 0, () => client.closed);
				}
				expect((await received('Sane', quiet)) - before).toBe(due);
				const client = await stage.raw(path);
				const body = `after all in ${dialect}`;
				client.send(line('Fuzz', body));
				await until('a message after all', () => other.count(body) === 1);
				client.close();
			});
		}, 300_000);
});
