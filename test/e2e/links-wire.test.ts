/** The data plane's wire through a running daemon: broken frames and lines, false identities, crowds. Titles are those of the scenarios. */
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { type ErrorBody, FrameKind, headerBytes, makeFrame } from '@orch/protocol/data';
import { pack } from '@orch/protocol/wire';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
	cpuMsOf,
	descriptorKindsOf,
	descriptorsOf,
	lowestFreeDescriptor,
	fixture,
	type FrameClient,
	inSandbox,
	isAlive,
	type LineClient,
	node,
	type Orchd,
	residentBytesOf,
	Stage,
	type Stand,
	until,
	useSandbox,
} from '../support/index.ts';

const sandbox = useSandbox();
let orchd: Orchd;
const stage = new Stage(() => orchd);
beforeAll(async () => {
	orchd = await sandbox.startDaemon();
});
afterEach(() => stage.clear());

const megabyte = 1024 * 1024;

/** A sender, a receiver that speaks JSON Lines, and a link of type T between them. */
async function pair() {
	const [a, b] = await Promise.all([stage.stand('a'), stage.stand('b')]);
	await stage.link(a, 'T', b);
	return { a, b, receiver: await stage.lines(b) };
}

/** Sends a whole message, on a connection of its own, and sees it arrive: the router is in order, and nothing of what went before came through. */
async function goesOn(a: Stand, receiver: { next(what: string): Promise<object> }, word: string): Promise<void> {
	const client = await stage.frames(a);
	const id = await client.declare('T');
	client.send(id, JSON.stringify(word));
	expect(await receiver.next('the next whole message')).toEqual({ type: 'T', data: word, from: 'a' });
	client.close();
	await until('it is gone', async () => (await orchd.show(a)).connected === null);
}

/** Of one processor: what spins has more of it, also on a machine whose processors are wanted by many. */
const spinningShare = 0.1;

function spentBy(pid: number) {
	const [cpuMs, from] = [cpuMsOf(pid), performance.now()];
	return { shareSince: () => (cpuMsOf(pid) - cpuMs) / (performance.now() - from) };
}

/** A connection that says nothing, which the router has taken: that it is closed is a fact that takes two seconds. */
async function silence() {
	const [router, other] = [await stage.routerPid(), await stage.stand('silent')];
	const descriptors = descriptorsOf(router);
	const client = await stage.raw(other.socket);
	await until('the router has taken it', () => descriptorsOf(router) > descriptors);
	return { over: () => client.next('the end of its patience', ({ error }) => (error as ErrorBody).code === 'hello_timeout') };
}

const errorFrame = async (client: FrameClient): Promise<ErrorBody> => {
	await client.next(FrameKind.error);
	return client.errors[0] as ErrorBody;
};

describe('broken frames', () => {
	it('links 5.1: a part of a header, then the end: nothing is delivered, it is counted as truncated', async () => {
		const { a, receiver } = await pair();
		const router = await stage.routerPid();
		const descriptors = descriptorKindsOf(router);
		const lengths = [1, 4, 8, 31];
		for (const [index, length] of lengths.entries()) {
			const client = await stage.frames(a);
			const id = await client.declare('T');
			client.socket.write(client.data(id, '"part"').subarray(0, length));
			client.socket.end();
			await client.ends();
			await until('it is counted', async () => (await stage.faults(a))['truncated'] === index + 1);
		}
		const { faults } = await orchd.call('link.stats', { from: 'a' });
		expect(faults).toEqual([{ runtime: { id: a.id, name: 'a' }, counts: { truncated: lengths.length } }]);
		for (const filter of [{ type: 'T' }, { to: 'b' }, { from: 'b' }])
			expect((await orchd.call('link.stats', filter)).faults).toEqual([]);
		await goesOn(a, receiver, 'after the parts');
		await until('nothing is left open', () => JSON.stringify(descriptorKindsOf(router)) === JSON.stringify(descriptors));
	});

	it('links 5.2: the header and half the payload, then SIGKILL of the sender: no byte of it arrives, and the next frame of another sender is whole', async () => {
		const b = await stage.stand('b');
		const receiver = await stage.lines(b);
		const victim = await orchd.add(node(fixture('half-frame.mjs')), { name: 'victim', restart: { when: 'no' } });
		const other = await stage.stand('a');
		for (const from of [victim, other]) await stage.link(from, 'T', b);
		await orchd.call('runtime.start', { runtime: 'victim' });
		expect(await receiver.next('the whole message')).toEqual({ type: 'T', data: 'whole', from: 'victim' });
		const exited = await orchd.becomes(victim, 'exited', ({ status }) => status === 'exited');
		expect(exited.lastExit).toMatchObject({ signal: 'SIGKILL', by: 'itself' });
		await goesOn(other, receiver, 'from another');
		expect(receiver.texts).toHaveLength(2);
		expect((await stage.faults(victim))['truncated']).toBe(1);
	});

	it('links 5.3: a frame of 4 GiB is refused before anything is kept', async () => {
		const { a, receiver } = await pair();
		const router = await stage.routerPid();
		const before = residentBytesOf(router);
		const client = await stage.frames(a);
		const id = await client.declare('T');
		const frame = Buffer.from(client.data(id, '"x"'));
		frame.writeUInt32LE(0xffff_ffff, 4);
		client.socket.write(frame);
		expect(await errorFrame(client)).toMatchObject({
			code: 'too_large',
			fatal: true,
			message: expect.stringContaining('4294967295 bytes') as string,
		});
		await client.ends();
		expect(residentBytesOf(router) - before).toBeLessThan(32 * megabyte);
		await goesOn(a, receiver, 'after the giant');
	});

	it.each([
		['a frame shorter than its header', (frame: Buffer) => frame.writeUInt32LE(31, 4)],
		['a frame of no length', (frame: Buffer) => frame.writeUInt32LE(0, 4)],
		['a header of no words', (frame: Buffer) => frame.writeUInt8(0, 3)],
		['a header of 255 words', (frame: Buffer) => frame.writeUInt8(255, 3)],
		['a wrong first byte', (frame: Buffer) => frame.writeUInt8(0x7b, 0)],
	])('links 5.4: %s: a protocol error, and the connection is closed', async (_title, spoil) => {
		const { a, receiver } = await pair();
		const client = await stage.frames(a);
		const id = await client.declare('T');
		const frame = Buffer.from(client.data(id, '"x"'));
		spoil(frame);
		client.socket.write(frame);
		expect(await errorFrame(client)).toMatchObject({ code: 'protocol', fatal: true });
		await client.ends();
		await goesOn(a, receiver, 'after the fault');
	});

	it('links 5.5: a type that was never declared: an error, it is counted, and the connection stays', async () => {
		const { a, receiver } = await pair();
		const client = await stage.frames(a);
		const id = await client.declare('T');
		for (const typeId of [0, id + 1_000, 0xffff_ffff])
			client.socket.write(makeFrame({ kind: FrameKind.data, typeId, src: client.port, seq: 1 }, Buffer.from('"x"')));
		client.send(id, '"declared"');
		expect(await receiver.next('the declared one')).toMatchObject({ data: 'declared' });
		expect(await errorFrame(client)).toMatchObject({ code: 'unknown_type', fatal: false });
		expect(client.closed).toBe(false);
		expect((await stage.faults(a))['unknown_type']).toBe(3);
	});

	it('links 5.17: frames that come byte by byte, or cut at any place of a header, are the same as those that come at once', async () => {
		const { a, receiver } = await pair();
		const client = await stage.frames(a);
		const id = await client.declare('T');
		const slowly = Buffer.concat(Array.from({ length: 100 }, (_, n) => client.data(id, JSON.stringify({ n }))));
		for (const byte of slowly) {
			// so that each is a write of its own
			await new Promise((resolve) => client.socket.write(Buffer.of(byte), resolve));
		}
		// a header across the edge of what the router reads at once, at every offset within it
		const filler = client.data(id, JSON.stringify({ n: -1 })).length;
		for (let offset = 0; offset <= headerBytes; offset++) {
			const padding = 65_536 - offset - (filler - 1);
			const first = Buffer.from(
				client.data(id, JSON.stringify({ n: 100 + 2 * offset, padding: 'x'.repeat(Math.max(0, padding - 20)) })),
			);
			const second = Buffer.from(client.data(id, JSON.stringify({ n: 101 + 2 * offset })));
			const whole = Buffer.concat([first, second]);
			client.socket.write(whole.subarray(0, first.length + offset));
			await receiver.next('the first', ({ data }) => (data as { n: number }).n === 100 + 2 * offset);
			client.socket.write(whole.subarray(first.length + offset));
			await receiver.next('the second');
		}
		expect(receiver.lines.map(({ data }) => (data as { n: number }).n)).toEqual(
			Array.from({ length: 100 + 2 * (headerBytes + 1) }, (_, n) => n),
		);
		expect(await stage.faults(a)).toEqual({});
	});
});

describe('identity', () => {
	it('links 5.6: a frame in the name of another: the connection is closed, and it is told', async () => {
		const { a, b, receiver } = await pair();
		const client = await stage.frames(a);
		const id = await client.declare('T');
		client.socket.write(client.data(id, '"spoofed"', { src: client.port + 1 }));
		expect(await errorFrame(client)).toMatchObject({ code: 'spoof', fatal: true });
		await client.ends();
		expect((await stage.faults(a))['spoof']).toBe(1);
		await until('the daemon has logged it', () => orchd.log.includes('a runtime sent as another'));
		await goesOn(a, receiver, 'in its own name');
		expect((await stage.faults(b))['spoof']).toBeUndefined();
	});

	it('links 5.7: a second connection of the same runtime is refused at once, in its own words; the first goes on', async () => {
		const { a, receiver } = await pair();
		const first = await stage.frames(a);
		const id = await first.declare('T');
		const second = await stage.rawFrames(a.socket);
		second.hello(a);
		expect(await errorFrame(second)).toMatchObject({ code: 'already_connected', fatal: true });
		await second.ends();
		const lines = await stage.raw(a.socket);
		lines.send({ hello: {} });
		expect(await lines.next('the refusal')).toMatchObject({ error: { code: 'already_connected' } });
		await lines.ends();
		const veecle = await stage.raw(a.veecleSocket);
		await veecle.ends();
		first.send(id, '"first"');
		expect(await receiver.next('the message')).toMatchObject({ data: 'first' });
		expect((await stage.faults(a))['already_connected']).toBeGreaterThanOrEqual(2);
	});

	it('links 5.8: the token of an earlier process is refused, and what an earlier process left open carries nothing any more', async () => {
		const { a, receiver } = await pair();
		// somebody who got the descriptor, as a child that outlives the process would have
		const leaked = await stage.frames(a);
		const id = await leaked.declare('T');
		leaked.send(id, '"in time"');
		await receiver.next('what was in time');
		await orchd.call('runtime.restart', { runtime: 'a' });
		await leaked.ends();
		const late = await stage.rawFrames(a.socket);
		late.hello(a);
		expect(await errorFrame(late)).toMatchObject({ code: 'bad_token', fatal: true });
		await late.ends();
		const forged = await stage.rawFrames(a.socket);
		forged.hello({ token: '0'.repeat(64) });
		expect(await errorFrame(forged)).toMatchObject({ code: 'bad_token', fatal: true });
		const now = await stage.look(a.id);
		expect(now.token).not.toBe(a.token);
		await goesOn(now, receiver, 'of the new process');
		expect(receiver.lines.map(({ data }) => data)).toEqual(['in time', 'of the new process']);
	});

	it('a runtime that does not run is nobody: its socket takes no one', async () => {
		const { a } = await pair();
		await orchd.call('runtime.stop', { runtime: 'a' });
		// the router may hear of the end a moment after whoever asked for it; whom it takes until then it lets go
		await until('nobody is taken', async () => {
			const late = await stage.rawFrames(a.socket);
			late.hello(a);
			await late.ends();
			return late.welcome === undefined;
		});
	});
});

describe('lines', () => {
	it('links 5.18: broken UTF-8, a line of 20 MiB, CRLF, empty lines, no JSON: each is answered, the good line is delivered, the connection stays', async () => {
		const { a, b, receiver } = await pair();
		const sender = await stage.lines(a);
		sender.send(Buffer.concat([Buffer.from('{"type":"T","data":"'), Buffer.of(0xc3, 0x28), Buffer.from('"}\n')]));
		expect(await sender.next('the answer')).toMatchObject({ error: { code: 'protocol' } });
		sender.send(`{"type":"T","data":"${'x'.repeat(20 * megabyte)}"}\n`);
		expect(await sender.next('the answer')).toMatchObject({ error: { code: 'too_large' } });
		for (const line of ['nonsense\n', '[1,2]\n', '{"type":"T","data":}\n', '{"data":1}\n', '{"type":"","data":1}\n']) {
			sender.send(line);
			expect(await sender.next('the answer'), line).toMatchObject({ error: { message: expect.any(String) as string } });
		}
		sender.send(
			'\r\n',
			'\n',
			'   \n',
			'{"type":"T","data":"crlf"}\r\n',
			' { "type" : "T" , "data" : "blanks" } \n',
			'{"type":"T","data":"good"}\n',
		);
		for (const data of ['crlf', 'blanks', 'good']) expect(await receiver.next(data)).toEqual({ type: 'T', data, from: 'a' });
		expect(sender.closed).toBe(false);
		expect((await orchd.show(b)).connected).toBe('json');
	});

	it('links 5.19: a first byte that is of no protocol: one readable line, the end, and no work for anybody', async () => {
		const { a, receiver } = await pair();
		const router = await stage.routerPid();
		const silent = await silence();
		const before = spentBy(router);
		for (const opening of ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', Buffer.from('160301020001', 'hex'), Buffer.alloc(1), 'hello\n']) {
			const client = await stage.raw(a.socket);
			client.send(opening);
			expect(await client.next('a readable line')).toMatchObject({
				error: { code: 'protocol', message: expect.stringContaining('JSON Lines') as string },
			});
			await client.ends();
			expect(client.texts).toHaveLength(1);
		}
		await silent.over();
		expect(before.shareSince()).toBeLessThan(spinningShare);
		await goesOn(a, receiver, 'after them');
	});

	it('links 5.20: bytes with newlines in them arrive at a JSON receiver as one line', async () => {
		const { a, receiver } = await pair();
		const client = await stage.frames(a);
		const id = await client.declare('T', 'raw');
		const bytes = Buffer.from('a\nb\r\n{"type":"T"}\n\0\xff', 'latin1');
		client.send(id, bytes);
		client.send(id, new Uint8Array(0));
		const line = await receiver.next('the bytes');
		expect(line).toEqual({ type: 'T', b64: bytes.toString('base64'), from: 'a' });
		expect(await receiver.next('no bytes')).toEqual({ type: 'T', b64: '', from: 'a' });
		expect(receiver.texts).toHaveLength(2);
		// JSON with line breaks is JSON still
		const pretty = await stage.frames(await stage.stand('c'));
		await stage.link({ name: 'c' }, 'J', { name: 'b' });
		pretty.send(await pretty.declare('J'), '{\n  "pretty": true\n}');
		expect(await receiver.next('the value')).toEqual({ type: 'J', data: { pretty: true }, from: 'c' });
		expect(receiver.texts).toHaveLength(3);
	});
});

describe('crowds and shortages', () => {
	it('links 5.26: ten thousand types and two thousand links; while the table is changed under load no message goes astray', async () => {
		const [a, b, c] = await Promise.all([stage.stand('a'), stage.stand('b'), stage.stand('c')]);
		await stage.link(a, 'Steady', b, { queue: 100_000 });
		const client = await stage.frames(a);
		const names = Array.from({ length: 10_000 }, (_, index) => `crate::module::Type${index}`);
		for (let at = 0; at < names.length; at += 1_000) {
			const types = names.slice(at, at + 1_000).map((name) => ({ name, codec: 'json' }));
			client.socket.write(makeFrame({ kind: FrameKind.declare, src: client.port }, pack({ types })));
		}
		await until('all types have ids', () => names.every((name) => client.types.has(name)));
		expect(new Set([...client.types.values()].map(({ id }) => id)).size).toBe(client.types.size);

		const receiver = await stage.frames(b);
		const got: number[] = [];
		receiver.onData = ({ payload, typeId }) => got.push(typeId === steady ? (JSON.parse(payload.toString()) as number) : -1);
		const steady = await client.declare('Steady');
		let sent = 0;
		let going = true;
		const sending = (async () => {
			while (going) {
				for (let count = 0; count < 20; count++) client.send(steady, String(sent++));
				await new Promise((resolve) => setImmediate(resolve));
				await until('the receiver keeps up', () => sent - got.length < 50_000);
			}
		})();
		// 64 requests at a time, as one client may
		let links: string[] = [];
		for (let at = 0; at < 2_000; at += 50) {
			const added = await Promise.all(names.slice(at, at + 50).map((type) => stage.link(a, type, c)));
			links = links.concat(added.map(({ id }) => id));
		}
		for (let at = 0; at < 1_000; at += 50)
			await Promise.all(links.slice(at, at + 50).map((link) => orchd.call('link.remove', { link })));
		going = false;
		await sending;
		await until('all has arrived', () => got.length === sent);
		expect(sent).toBeGreaterThan(1_000);
		expect(got).toEqual(Array.from({ length: sent }, (_, n) => n));

		// the links that are left carry what they should, those that are gone do not
		const other = await stage.frames(c);
		const idOf = (index: number) => client.types.get(names[index] ?? '')?.id ?? 0;
		for (const index of [0, 999, 1_000, 1_999]) client.send(idOf(index), String(index));
		await other.next(FrameKind.data);
		await until('both have arrived', () => other.of(FrameKind.data).length === 2);
		expect(other.of(FrameKind.data).map(({ payload }) => payload.toString())).toEqual(['1000', '1999']);
		const { unrouted } = await orchd.call('link.stats', { from: 'a' });
		expect(unrouted.map(({ type, count }) => [type, count]).sort()).toEqual([
			[names[0], 1],
			[names[999], 1],
		]);
	});

	it('links 5.27: no descriptors left: connections are turned away, nothing spins, and all are served again afterwards', async () => {
		const { a, b, receiver } = await pair();
		const router = await stage.routerPid();
		const sender = await stage.frames(a);
		const id = await sender.declare('T');
		for (const { pid, path, question } of [
			// refused in words: it has a connection already
			{ pid: router, path: b.socket, question: { hello: {} } },
			{ pid: orchd.pid, path: orchd.socket, question: { id: 1, op: 'daemon.version' } },
		]) {
			const crowd = async () => {
				// fewer than a runtime may have waiting: more would be turned away for that
				const clients = await Promise.all(Array.from({ length: 12 }, () => stage.raw(path)));
				for (const client of clients) client.send(question);
				return clients;
			};
			const hasAnswer = ({ texts }: LineClient) => texts.length > 0;
			const silent = await silence();
			const limit = execFileSync('prlimit', ['--pid', String(pid), '--nofile', '--noheadings', '--output', 'SOFT'], {
				encoding: 'utf8',
			}).trim();
			execFileSync('prlimit', ['--pid', String(pid), `--nofile=${lowestFreeDescriptor(pid)}:`]);
			const before = spentBy(pid);
			const early = await crowd();
			// not before all of them are: who is being turned away when the limit is lifted would take later ones with him
			await until('each is turned away or answered', () => early.every((one) => one.closed || hasAnswer(one)));
			expect(early.some((one) => one.closed && !hasAnswer(one))).toBe(true);
			sender.send(id, JSON.stringify(path));
			expect(await receiver.next('a message')).toMatchObject({ data: path });
			await silent.over();
			expect(before.shareSince()).toBeLessThan(spinningShare);
			expect(isAlive(pid)).toBe(true);
			for (const client of early) client.close();
			execFileSync('prlimit', ['--pid', String(pid), `--nofile=${limit}:`]);
			const late = await crowd();
			await until('all are answered', () => late.every(hasAnswer));
			for (const client of late) client.close();
			await orchd.call('runtime.remove', { runtime: 'silent', force: true });
		}
		const again = await stage.stand('again');
		await stage.link(again, 'T', b);
		(await stage.lines(again)).send({ type: 'T', data: 'again' });
		expect(await receiver.next('a message')).toMatchObject({ data: 'again', from: 'again' });
	});

	it('links 5.27: stale sockets after a power loss are taken over; the directory of sockets deleted under it stops nobody', async () => {
		await inSandbox(async (own) => {
			const first = await own.startDaemon();
			const early = new Stage(() => first);
			const id = '01900000-0000-7000-8000-0123456789ab';
			const before = await early.stand('a', { id });
			const router = await early.routerPid();
			await first.kill9();
			process.kill(router, 'SIGKILL');
			process.kill(before.pid, 'SIGKILL');
			await until('all are gone', () => !isAlive(router) && !isAlive(before.pid));
			expect(existsSync(before.socket)).toBe(true);

			const second = await own.startDaemon();
			const late = new Stage(() => second);
			// it was killed by somebody else, so its policy brings it back
			await second.becomes({ id, name: 'a' }, 'running again', ({ status }) => status === 'running');
			const [a, b] = await Promise.all([late.look(id), late.stand('b')]);
			expect(a.socket).toBe(before.socket);
			await late.link(a, 'T', b);
			const sender = await late.lines(a);
			const receiver = await late.lines(b);
			sender.send({ type: 'T', data: 1 });
			expect(await receiver.next('a message')).toMatchObject({ data: 1 });

			rmSync(`${own.socket}.d`, { recursive: true });
			sender.send({ type: 'T', data: 2 });
			expect(await receiver.next('a message')).toMatchObject({ data: 2 });
			// what is new gets its socket, or says why not; it runs in any case
			const added = await second.run(node('-e', 'setInterval(() => {}, 1000)'), { name: 'c' });
			const { socket, warnings } = await second.show(added);
			expect(existsSync(socket) || warnings.some((warning) => warning.includes(`${own.socket}.d/`))).toBe(true);
			expect(isAlive(await second.routerPid())).toBe(true);
			expect((await second.call('daemon.status', {})).router.status).toBe('running');
			await late.clear();
		});
	});

	it('links 5.28: a thousand connections that say nothing: bounded for each runtime, closed after two seconds, and nobody else notices', async () => {
		const { a, b, receiver } = await pair();
		const router = await stage.routerPid();
		const descriptors = descriptorsOf(router);
		const sender = await stage.frames(a);
		const id = await sender.declare('T');
		const crowd: LineClient[] = [];
		for (let count = 0; count < 1_000; count++) crowd.push(await stage.raw(b.socket));
		expect(descriptorsOf(router) - descriptors).toBeLessThan(64);
		sender.send(id, '"meanwhile"');
		expect(await receiver.next('a message')).toMatchObject({ data: 'meanwhile' });
		await until('all are closed', () => crowd.every(({ closed }) => closed), 10_000);
		// most were turned away at once, the few that were let in when they had been silent for too long
		const waited = crowd.filter(({ texts }) => texts.some((text) => text.includes('hello_timeout'))).length;
		expect(waited).toBeGreaterThan(0);
		expect(waited).toBeLessThanOrEqual(64);
		await until('the descriptors are back', () => descriptorsOf(router) <= descriptors + 1);
		sender.send(id, '"afterwards"');
		expect(await receiver.next('a message')).toMatchObject({ data: 'afterwards' });
	});
});
