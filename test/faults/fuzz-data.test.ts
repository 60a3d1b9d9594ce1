/**
 * What no program should say, by the hundred thousand, on the sockets of a privileged runtime: router, daemon and everybody else go on as
 * if nothing were. Behind the router is a real orchd, which hears of the requests, the faults and the readiness that come of it.
 */
import type { Socket } from 'node:net';
import { seededRandom } from '@orch/base/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { below, mutate, someFrame, someLine } from '../../packages/router/src/testing/mutants.ts';
import { type LineClient, type Orchd, Stage, type Stand, until, useSandbox, Watch } from '../support/index.ts';

/** Of frames, and as many of lines in each dialect; `ORCH_MUTANTS` says otherwise. */
const mutants = Number(process.env['ORCH_MUTANTS'] ?? 200_000);
/** What may be lost with the framing of one connection. */
const perConnection = 250;

const sandbox = useSandbox();
let orchd: Orchd;
let watch: Watch;
let stage: Stage;
let loud: Stand;
let other: LineClient;
beforeAll(async () => {
	orchd = await sandbox.startDaemon({ args: ['--log-level', 'error'] });
	watch = await Watch.begin(orchd);
	stage = new Stage(() => orchd);
	loud = await stage.stand('loud', { privileged: true });
	const quiet = await stage.stand('quiet');
	for (const to of [loud, quiet]) await stage.link(loud, 'Fuzz', to, { overflow: 'drop-oldest', queue: 100 });
	other = await stage.lines(quiet);
	other.socket.resume();
});
afterAll(async () => {
	await watch.stop();
	await stage.clear();
});

/** Writes all of it and goes, in the middle of whatever it was saying; resolves when the router has let go of it. */
async function leaves(socket: Socket, bytes: Uint8Array, isClosed: () => boolean): Promise<void> {
	socket.end(bytes);
	await until('the end of the connection', isClosed);
	await until('the router knows of no connection', async () => (await orchd.show(loud)).connected === null);
}

describe('mutated frames and lines on the data sockets', () => {
	it(`${mutants.toLocaleString('en')} frames: router, daemon and witness are unharmed`, async () => {
		await watch.unharmed(async () => {
			const random = seededRandom(2028);
			for (let sent = 0; sent < mutants; sent += perConnection) {
				const client = await stage.frames(loud);
				const typeId = await client.declare('Fuzz');
				const speaker = {
					port: client.port,
					message: (type: number, payload: string | Uint8Array) => client.data(type, payload),
				};
				const frames = Array.from({ length: perConnection - 1 }, () => {
					const frame = someFrame(random, speaker, typeId);
					// what keeps the framing is read to the end, so that every kind of body is looked at
					return random.float() < 0.7 ? mutate(random, frame, frame.length > 36 ? 32 : frame.length) : frame;
				});
				frames.push(mutate(random, someFrame(random, speaker, typeId), 0));
				const bytes = Buffer.concat(frames);
				const cut = below(random, 5) === 0 ? below(random, 40) : 0;
				await leaves(client.socket, bytes.subarray(0, bytes.length - cut), () => client.closed);
			}
			// they were read, and not thrown away with the connection: of eleven kinds two are messages
			const { counters } = await stage.stats({ name: 'loud' }, 'Fuzz', { name: 'quiet' });
			expect(counters.received).toBeGreaterThan(mutants / 8);
			expect(await stage.faults(loud)).toMatchObject({ protocol: expect.any(Number), late_reply: expect.any(Number) });
			const client = await stage.frames(loud);
			client.send(await client.declare('Fuzz'), '"after all frames"');
			await until('a message after all', () => other.count('after all frames') === 1);
			client.close();
		});
	}, 300_000);

	for (const dialect of ['our', 'Veecle’s'] as const)
		it(`${mutants.toLocaleString('en')} lines in ${dialect} dialect: router, daemon and witness are unharmed`, async () => {
			await watch.unharmed(async () => {
				const random = seededRandom(dialect === 'our' ? 2029 : 2030);
				const path = dialect === 'our' ? loud.socket : loud.veecleSocket;
				for (let sent = 0; sent < mutants; sent += perConnection) {
					const client = await stage.raw(path);
					const lines = Array.from({ length: perConnection }, () => mutate(random, Buffer.from(`${someLine(random)}\n`), 0));
					client.send(dialect === 'our' ? '{"hello":{}}\n' : '');
					await leaves(client.socket, Buffer.concat(lines), () => client.closed);
				}
				const client = await stage.raw(path);
				const body = `after all in ${dialect}`;
				client.send(
					dialect === 'our' ? { type: 'Fuzz', data: body } : { Storable: { type_name: 'Fuzz', value: JSON.stringify(body) } },
				);
				await until('a message after all', () => other.count(body) === 1);
				client.close();
			});
		}, 300_000);
});
