/** Messages between runtimes, end to end: through the daemon, the router, the SDK and the CLI. Titles are those of the scenarios. */
import { copyFileSync } from 'node:fs';
import { FrameKind, makeFrame } from '@orch/protocol/data';
import { unpack } from '@orch/protocol/wire';
import { OrchError } from '@orch/sdk';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
	fixture,
	has,
	isAlive,
	niceOf,
	node,
	type Orchd,
	residentBytesOf,
	type Runtime,
	Stage,
	storable,
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

interface Seen {
	readonly count: number;
	readonly last: number;
	readonly duplicates: number;
	readonly missing: number;
	readonly dropped: Readonly<Record<string, number>>;
	readonly connections: number;
}

/** What sdk-sink.mjs has seen so far, by its last line. */
async function seenBy(runtime: Runtime): Promise<Seen> {
	const text = (await orchd.output(runtime)).toString('utf8');
	// a program may be in the middle of its last line
	const lines = text
		.slice(0, text.lastIndexOf('\n') + 1)
		.trimEnd()
		.split('\n');
	const last = lines.at(-1) ?? '';
	return last === '' ? { count: 0, last: 0, duplicates: 0, missing: 0, dropped: {}, connections: 0 } : (JSON.parse(last) as Seen);
}

async function sees(runtime: Runtime, what: string, is: (seen: Seen) => boolean, withinMs = 60_000): Promise<Seen> {
	let last: Seen | undefined;
	try {
		return await until(
			what,
			async () => {
				last = await seenBy(runtime);
				return is(last) && last;
			},
			withinMs,
		);
	} catch (error) {
		throw new Error(`${runtime.name} has not seen ${what}: ${JSON.stringify(last)}`, { cause: error });
	}
}

const sink = (name: string, more = {}) => orchd.run(node(fixture('sdk-sink.mjs')), { name, ...more });
const source = (name: string, ...args: readonly string[]) => orchd.add(node(fixture('sdk-source.mjs'), ...args), { name });
const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((total, count) => total + count, 0);

/** What is told of the links that were removed last. */
async function linksRemoved(): Promise<{ readonly reason: string; readonly counters: object }[]> {
	const { stdout } = await sandbox.cli('events', '--no-follow', '--since', '1h', '--kind', 'link_removed');
	const events = stdout
		.split('\n')
		.filter((line) => line !== '')
		.map((line) => JSON.parse(line) as { readonly reason: string; readonly counters: object });
	return events.slice(-2).map(({ reason, counters }) => ({ reason, counters }));
}

/** A million messages on a machine under load. */
const withinMs = 300_000;

describe('mailboxes', () => {
	it.each(['drop-oldest', 'drop-newest', 'latest'] as const)(
		'links 5.9: a receiver is stopped under a flood of a million (%s): exact drops, the others get everything, memory is bounded; when it goes on it is told all',
		async (overflow) => {
			const count = 1_000_000;
			const reason = overflow.replace('-', '_');
			const [slow, fine] = [await sink('slow'), await sink('fine')];
			const from = await source('from', 'Number', String(count));
			await stage.link(from, 'Number', slow, { queue: 1_000, overflow });
			await stage.link(from, 'Number', fine);
			for (const runtime of [slow, fine]) await stage.connected(runtime);
			await orchd.call('runtime.signal', { runtime: 'slow', signal: 'SIGSTOP' });
			const router = await stage.routerPid();
			const before = residentBytesOf(router);
			await orchd.call('runtime.start', { runtime: 'from' });

			expect(await sees(fine, 'everything', (seen) => seen.last === count, withinMs)).toMatchObject({
				count,
				missing: 0,
				duplicates: 0,
				dropped: {},
			});
			expect(residentBytesOf(router) - before).toBeLessThan(64 * 1024 * 1024);
			const { counters } = await stage.stats(from, 'Number', slow);
			expect(counters.received).toBe(count);
			expect(counters.delivered + counters.inFlight + counters.queued + sum(counters.dropped)).toBe(count);
			expect(counters.queued).toBe(overflow === 'latest' ? 1 : 1_000);
			const dropped = counters.dropped[reason] ?? 0;
			expect(counters.dropped).toEqual({ [reason]: dropped });
			expect(dropped).toBeGreaterThan(count / 2);

			await orchd.call('runtime.signal', { runtime: 'slow', signal: 'SIGCONT' });
			const seen = await sees(slow, 'all that was kept', (now) => now.count === count - dropped && sum(now.dropped) === dropped);
			// no number is missing that was not announced; the newest ones are those after the last that came
			expect({ ...seen, missing: seen.missing + count - seen.last }).toMatchObject({
				missing: dropped,
				dropped: { [reason]: dropped },
				duplicates: 0,
			});
			if (overflow !== 'drop-newest') expect(seen.last).toBe(count);
			await until(
				'all is accounted for',
				async () => (await stage.stats(from, 'Number', slow)).counters.delivered === count - dropped,
			);
		},
		withinMs,
	);

	it('links 5.9: on the wire the notice stands exactly where the messages are missing', async () => {
		const [a, b] = await Promise.all([stage.stand('a'), stage.stand('b')]);
		await stage.link(a, 'T', b, { queue: 10, overflow: 'drop-oldest' });
		const receiver = await stage.frames(b);
		receiver.socket.pause();
		const sender = await stage.sdk(a);
		const count = 50_000;
		for (let n = 1; n <= count; n++) await sender.send('T', { n, padding: 'x'.repeat(100) });
		await until('all has reached the link', async () => (await stage.stats(a, 'T', b)).counters.received === count);
		receiver.socket.resume();
		const bodies = () => receiver.of(FrameKind.data).map(({ payload }) => (JSON.parse(payload.toString()) as { n: number }).n);
		await until('the last one has come', () => bodies().at(-1) === count);
		let expected = 1;
		let told = 0;
		for (const { kind, payload, seq } of receiver.frames) {
			if (kind === FrameKind.dropped) {
				const {
					type,
					count: missing,
					reason,
					firstSeq,
					lastSeq,
				} = unpack(payload) as { type: string; count: number; reason: string; firstSeq: number; lastSeq: number };
				expect({ type, reason, firstSeq, span: lastSeq - firstSeq + 1 }).toEqual({
					type: 'T',
					reason: 'drop_oldest',
					firstSeq: expected,
					span: missing,
				});
				expected += missing;
				told += missing;
			} else if (kind === FrameKind.data) {
				expect(seq).toBe(expected);
				expected++;
			}
		}
		expect(told).toBeGreaterThan(0);
		expect(expected).toBe(count + 1);
	});

	it('links 5.10: a receiver that never reads blocks its sender and nobody else; link list says who waits for whom; both can be stopped', async () => {
		const [lazy, fine] = [await sink('lazy'), await sink('fine')];
		const from = await source('from', 'Number', '0');
		const other = await source('other', 'Number', '20000');
		await stage.link(from, 'Number', lazy, { queue: 100 });
		await stage.link(other, 'Number', fine, { queue: 100 });
		for (const runtime of [lazy, fine]) await stage.connected(runtime);
		await orchd.call('runtime.signal', { runtime: 'lazy', signal: 'SIGSTOP' });
		await orchd.call('runtime.start', { runtime: 'from' });
		await until('the sender waits', async () => (await stage.stats(from, 'Number', lazy)).blocking);
		const { stdout, stderr } = await sandbox.cli('link', 'list');
		expect(stdout).toMatch(/ from +Number +lazy +block /);
		expect(stderr).toContain('lazy is the slowest: senders of Number wait for it');

		// while it waits, others are served, and what it has sent stays where it is
		const waiting = (await stage.stats(from, 'Number', lazy)).counters;
		await orchd.call('runtime.start', { runtime: 'other' });
		expect(await sees(fine, 'everything', (seen) => seen.last === 20_000)).toMatchObject({ count: 20_000, missing: 0 });
		const { counters } = await stage.stats(from, 'Number', lazy);
		expect(counters).toMatchObject({ received: waiting.received, dropped: {} });
		expect(counters.queued + counters.inFlight + counters.delivered).toBe(counters.received);

		for (const runtime of ['from', 'lazy'])
			expect(await orchd.call('runtime.stop', { runtime })).toMatchObject({ status: 'stopped', lastExit: { by: 'stop' } });
	});

	it('links 5.11: two that flood each other, both under block: no deadlock', async () => {
		const program = node(fixture('sdk-flood.mjs'));
		const [a, b] = [await orchd.add(program, { name: 'a' }), await orchd.add(program, { name: 'b' })];
		await stage.link(a, 'Number', b, { queue: 64, whileDown: 'block' });
		await stage.link(b, 'Number', a, { queue: 64, whileDown: 'block' });
		await Promise.all([a, b].map(({ id }) => orchd.call('runtime.start', { runtime: id })));
		for (const runtime of [a, b]) await orchd.writes(runtime, 'got 50000\n', 60_000);
		for (const [from, to] of [
			[a, b],
			[b, a],
		] as const)
			expect((await stage.stats(from, 'Number', to)).counters.dropped).toEqual({});
	});

	it('links 5.12: a receiver that is not started: its mailbox keeps what it may, then drops and counts; other links notice nothing', async () => {
		const [from, fine] = [await stage.stand('from'), await stage.stand('fine')];
		const absent = await sinkOf('absent');
		await stage.link(from, 'Number', absent, { queue: 10 });
		await stage.link(from, 'Number', fine, { queue: 10 });
		const receiver = await stage.lines(fine);
		const sender = await stage.sdk(from);
		// nobody blocks: while the receiver does not run, a full mailbox drops what is new
		for (let n = 1; n <= 25; n++) await sender.send('Number', { n });
		for (let n = 1; n <= 25; n++) expect(await receiver.next(`message ${n}`)).toMatchObject({ data: { n } });
		expect((await stage.stats(from, 'Number', absent)).counters).toMatchObject({
			received: 25,
			queued: 10,
			delivered: 0,
			dropped: { receiver_down: 15 },
		});
		expect((await stage.stats(from, 'Number', fine)).counters).toMatchObject({
			received: 25,
			queued: 0,
			delivered: 25,
			dropped: {},
		});

		await orchd.call('runtime.start', { runtime: 'absent' });
		await sees(absent, 'what had waited', ({ last, dropped }) => last === 10 && sum(dropped) === 15);
		await sender.send('Number', { n: 26 });
		expect(await sees(absent, 'the next', ({ last }) => last === 26)).toMatchObject({
			count: 11,
			missing: 15,
			duplicates: 0,
			dropped: { receiver_down: 15 },
		});
	});

	it('links 5.12: a receiver without SDK is told in its own words, between what had waited and what comes', async () => {
		const [from, to] = [await stage.stand('from'), await stage.stand('to')];
		await stage.link(from, 'T', to, { queue: 2, overflow: 'drop-oldest' });
		const sender = await stage.lines(from);
		for (let n = 1; n <= 5; n++) sender.send({ type: 'T', data: n });
		await until('all has reached the link', async () => (await stage.stats(from, 'T', to)).counters.received === 5);
		const receiver = await stage.lines(to);
		expect(await receiver.next('the notice')).toEqual({ dropped: { type: 'T', count: 3, reason: 'drop_oldest', from: 'from' } });
		for (const n of [4, 5]) expect(await receiver.next(`message ${n}`)).toMatchObject({ data: n });
		sender.send({ type: 'T', data: 6 });
		expect(await receiver.next('the next')).toMatchObject({ data: 6 });
	});

	it('links 5.12: with --while-down block the sender waits for the receiver instead, and nothing is lost', async () => {
		const from = await source('from', 'Number', '500');
		const absent = await sinkOf('absent');
		const added = await sandbox.cli(
			'link',
			'add',
			'--from',
			'from',
			'--type',
			'Number',
			'--to',
			'absent',
			'--queue',
			'10',
			'--while-down',
			'block',
		);
		expect(added.code).toBe(0);
		await orchd.call('runtime.start', { runtime: 'from' });
		await until('the sender waits', async () => (await stage.stats(from, 'Number', absent)).blocking);
		expect((await stage.stats(from, 'Number', absent)).counters).toMatchObject({ queued: 10, dropped: {} });
		await orchd.call('runtime.start', { runtime: 'absent' });
		expect(await sees(absent, 'everything', ({ last }) => last === 500)).toMatchObject({
			count: 500,
			missing: 0,
			duplicates: 0,
			dropped: {},
		});
	});

	it.each(['drop', 'block'] as const)(
		'links 5.13: a receiver is killed with more than five hundred messages in its mailbox and restarted by its policy (--while-down %s): in order, none twice, and what is lost is counted',
		async (whileDown) => {
			const count = 2_000;
			const waiting = 500;
			const to = await sink('to');
			// large enough that few of them are on their way
			const from = await source('from', 'Number', String(count), '2000');
			await stage.link(from, 'Number', to, { queue: 2 * waiting, whileDown });
			await stage.connected(to);
			const { pid } = await orchd.show(to);
			await orchd.call('runtime.signal', { runtime: 'to', signal: 'SIGSTOP' });
			await orchd.call('runtime.start', { runtime: 'from' });
			const statsOf = async () => (await stage.stats(from, 'Number', to)).counters;
			const full = await until('the sender waits, and so many messages', async () => {
				const { blocking, counters } = await stage.stats(from, 'Number', to);
				return blocking && counters.queued >= waiting && counters;
			});
			expect(full).toMatchObject({ delivered: 0, dropped: {} });
			process.kill(pid ?? 0, 'SIGKILL');
			const counters = await until(
				'all has come or is counted',
				async () => {
					const now = await statsOf();
					return now.delivered + sum(now.dropped) === count && now;
				},
				60_000,
			);
			expect(await orchd.show(to)).toMatchObject({ status: 'running', restarts: 1, lastExit: { signal: 'SIGKILL' } });
			// of what was on its way nobody knows how much was seen; what comes while nobody is there is dropped, or waits
			const { unconfirmed, receiver_down: down = 0, ...others } = counters.dropped;
			expect({ unconfirmed, others }).toEqual({ unconfirmed: full.inFlight, others: {} });
			if (whileDown === 'block') expect(down).toBe(0);
			// what was in the mailbox is among it
			expect(counters.delivered).toBeGreaterThanOrEqual(waiting);
			const seen = await sees(to, 'all that is left', (now) => now.count === counters.delivered);
			expect(seen.duplicates).toBe(0);
			expect(seen.missing + count - seen.last).toBe(sum(counters.dropped));
		},
	);

	it('a sender without credits is told at link add and link list that block drops for it', async () => {
		const [a, b] = await Promise.all([stage.stand('a'), stage.stand('b')]);
		const sender = await stage.lines(a);
		const added = await sandbox.cli('link', 'add', '--from', 'a', '--type', 'T', '--to', 'b', '--queue', '5');
		const notice = 'a speaks JSON Lines, which has no credits: block acts as drop-newest (reason no_credit_sender)';
		expect(added.stderr).toContain(notice);
		expect((await sandbox.cli('link', 'list')).stderr).toContain(notice);
		await orchd.call('runtime.signal', { runtime: 'b', signal: 'SIGSTOP' });
		const receiver = await stage.frames(b);
		receiver.reporting = false;
		receiver.socket.pause();
		const body = 'x'.repeat(10_000);
		for (let n = 0; n < 1_000; n++) sender.send({ type: 'T', data: body });
		await until('all has reached the link', async () => (await stage.stats(a, 'T', b)).counters.received === 1_000);
		const { counters } = await stage.stats(a, 'T', b);
		expect(Object.keys(counters.dropped)).toEqual(['no_credit_sender']);
		expect(counters.queued + counters.inFlight + counters.delivered + sum(counters.dropped)).toBe(1_000);
	});

	it('links 5.14: a link, or its receiver, is removed with ten thousand messages in the mailbox: no crash, counters are final and told, the rest goes on', async () => {
		const [a, b, c] = await Promise.all([stage.stand('a'), stage.stand('b'), stage.stand('c')]);
		for (const to of [b, c]) await orchd.call('runtime.stop', { runtime: to.name });
		const toB = await stage.link(a, 'T', b, { queue: 20_000 });
		await stage.link(a, 'T', c, { queue: 20_000 });
		const router = await stage.routerPid();
		const sender = await stage.sdk(a);
		const fill = async (count: number) => {
			for (let n = 0; n < count; n++) await sender.send('T', { n, padding: 'x'.repeat(200) });
		};
		await fill(10_000);
		await until('all waits', async () => (await stage.stats(a, 'T', c)).counters.queued === 10_000);
		const full = residentBytesOf(router);
		const removed = await sandbox.cli('link', 'remove', toB.shortId, '--json');
		const final = { received: 10_000, delivered: 0, deliveredBytes: 0, queued: 0, queuedBytes: 0, inFlight: 0 };
		const counters = { ...final, dropped: { link_removed: 10_000 } };
		expect(JSON.parse(removed.stdout)).toMatchObject([{ id: toB.id, counters }]);
		// one more for the link that is left, so that the two are told apart
		await fill(1);
		await until('it waits', async () => (await stage.stats(a, 'T', c)).counters.queued === 10_001);
		expect(await sandbox.cli('runtime', 'remove', 'c')).toMatchObject({
			code: 0,
			stderr: 'removed c; 10001 waiting messages dropped\n',
		});
		expect(await linksRemoved()).toEqual([
			{ reason: 'a ─T→ b', counters },
			{ reason: 'a ─T→ c', counters: { ...counters, received: 10_001, dropped: { link_removed: 10_001 } } },
		]);
		expect((await orchd.call('link.stats', {})).links).toEqual([]);
		expect((await orchd.call('link.list', {})).length).toBe(0);
		await fill(10);
		await until('what no link takes is counted', async () => (await orchd.call('link.stats', {})).unrouted[0]?.count === 10);
		expect((await orchd.call('link.stats', {})).unrouted).toMatchObject([{ from: { name: 'a' }, type: 'T', count: 10 }]);
		expect(residentBytesOf(router)).toBeLessThan(full + 16 * 1024 * 1024);
		expect(await stage.routerPid()).toBe(router);
		// a new link takes up again, and nothing of the old mailbox comes out of it
		await stage.link(a, 'T', b);
		await orchd.call('runtime.start', { runtime: 'b' });
		const receiver = await stage.lines(await stage.look(b.id));
		await sender.send('T', { n: 'new' });
		expect(await receiver.next('the new one')).toMatchObject({ data: { n: 'new' } });
	});

	it('orch link remove and orch clear say how many messages waited for a stopped receiver and were dropped', async () => {
		const [a, b] = await Promise.all([stage.stand('a'), stage.stand('b')]);
		await orchd.call('runtime.stop', { runtime: 'b' });
		await stage.link(a, 'T', b);
		await stage.link(a, 'U', b, { queue: 3, overflow: 'drop-newest' });
		const sender = await stage.lines(a);
		for (let n = 0; n < 1_000; n++) sender.send({ type: 'T', data: n });
		for (let n = 0; n < 5; n++) sender.send({ type: 'U', data: n });
		await until('all waits', async () => (await stage.stats(a, 'U', b)).counters.received === 5);
		expect(await sandbox.cli('link', 'remove', '--from', 'a', '--type', 'T', '--to', 'b')).toMatchObject({
			code: 0,
			stderr: 'removed a ─T→ b; 1000 waiting messages dropped\n',
		});
		// what was dropped before was told to the sender and the receiver, and is counted apart
		expect(await sandbox.cli('clear', '--yes')).toMatchObject({
			code: 0,
			stderr: 'cleared: 2 runtimes and 1 link removed; 3 waiting messages dropped\n',
		});
		expect((await linksRemoved()).at(-1)).toMatchObject({
			reason: 'a ─U→ b',
			counters: { received: 5, dropped: { drop_newest: 2, link_removed: 3 } },
		});
	});

	it('links 5.15: the same link twice, or an exact one beside *: one delivery, by the exact one', async () => {
		const [a, b, c] = await Promise.all([stage.stand('a'), stage.stand('b'), stage.stand('c')]);
		await stage.link('*', 'T', b);
		const exact = await stage.link(a, 'T', b, { queue: 7 });
		const again = await sandbox.cli('link', 'add', '--from', 'a', '--type', 'T', '--to', 'b');
		expect(again).toMatchObject({
			code: 7,
			stderr: expect.stringContaining(`a ─T→ b is already linked (id ${exact.shortId}, `) as string,
		});
		const receiver = await stage.lines(b);
		const [fromA, fromC] = [await stage.lines(a), await stage.lines(c)];
		fromA.send({ type: 'T', data: 'a' });
		expect(await receiver.next('the message')).toEqual({ type: 'T', data: 'a', from: 'a' });
		fromC.send({ type: 'T', data: 'c' });
		expect(await receiver.next('the message')).toEqual({ type: 'T', data: 'c', from: 'c' });
		expect(receiver.texts).toHaveLength(2);
		expect((await stage.stats(a, 'T', b)).counters.delivered).toBe(1);
		const { links } = await orchd.call('link.stats', { from: '*' });
		expect(links).toMatchObject([{ from: { name: '*' }, counters: { received: 1, delivered: 1 } }]);
		// without the exact one, * takes over
		await orchd.call('link.remove', { link: exact.id });
		fromA.send({ type: 'T', data: 'again' });
		expect(await receiver.next('the message')).toEqual({ type: 'T', data: 'again', from: 'a' });
	});

	it('a message longer than a Veecle program takes is dropped with that reason', async () => {
		const [a, b] = await Promise.all([stage.stand('a'), stage.stand('b')]);
		await stage.link(a, 'T', b);
		const [sender, receiver] = [await stage.lines(a), await stage.veecle(b)];
		sender.send({ type: 'T', data: 'x'.repeat(3_000) }, { type: 'T', data: 'short' });
		expect(await receiver.next('the short one')).toEqual(storable('T', 'short'));
		expect((await stage.stats(a, 'T', b)).counters.dropped).toEqual({ too_large: 1 });
	});
});

/** An answer by hand. */
const frameReply = (src: number, typeId: number, dst: number, corr: number) =>
	makeFrame({ kind: FrameKind.reply, typeId, src, dst, corr }, Buffer.from('{"answer":true}'));

/** Registered and not started. */
const sinkOf = (name: string) => orchd.add(node(fixture('sdk-sink.mjs')), { name });

describe('requests', () => {
	it('links 5.21: a server that dies before it answers: the caller is told at once; a late answer, or none in time, leaves nothing behind', async () => {
		const [caller, server] = await Promise.all([stage.stand('caller'), stage.stand('server')]);
		await stage.link(caller, 'Ask', server);
		const asking = await stage.sdk(caller);
		const answering = await stage.frames(server);

		const doomed = asking.request('Ask', { n: 1 }, { timeoutMs: 30_000 }).catch((error: unknown) => error);
		await answering.next(FrameKind.request);
		await orchd.call('runtime.restart', { runtime: 'server' });
		// long before its own time is over; that no other time has to pass the router shows on a clock that stands still
		const failure = await doomed;
		expect(failure).toBeInstanceOf(OrchError);
		expect((failure as OrchError).code).toBe('target_restarted');

		const reborn = await stage.frames(await stage.look(server.id));
		const impatient = await asking.request('Ask', { n: 2 }, { timeoutMs: 50 }).catch((error: unknown) => error);
		expect((impatient as OrchError).code).toBe('timeout');
		const late = await reborn.next(FrameKind.request);
		const reply = (corr: number) => reborn.socket.write(frameReply(reborn.port, late.typeId, late.src, corr));
		reply(late.corr);
		await until('the late answer is counted', async () => asking.counters.late === 1 || sum(await stage.faults(server)) > 0);
		// an answer to nobody's question harms nobody, either
		reply(999_999);
		const seen = reborn.frames.length;
		const good = asking.request('Ask', { n: 3 }, { timeoutMs: 30_000 });
		const asked = await reborn.next(FrameKind.request, seen);
		reborn.socket.write(frameReply(reborn.port, asked.typeId, asked.src, asked.corr));
		expect(await good).toEqual({ answer: true });
		expect(asking.counters.asking).toBe(0);
	});

	it('a request that nobody can answer says so: no link, or nobody there', async () => {
		const [caller, server] = await Promise.all([stage.stand('caller'), stage.stand('server')]);
		const asking = await stage.sdk(caller);
		const codeOf = (work: Promise<unknown>) =>
			work.then(
				() => 'answered',
				(error: OrchError) => error.code,
			);
		expect(await codeOf(asking.request('Ask', {}, { timeoutMs: 30_000 }))).toBe('no_route');
		await stage.link(caller, 'Ask', server);
		await orchd.call('runtime.stop', { runtime: 'server' });
		expect(await codeOf(asking.request('Ask', {}, { timeoutMs: 30_000 }))).toBe('target_down');
	});

	it('a request goes from the SDK to JSON Lines and back, and the other way around', async () => {
		const [a, b] = await Promise.all([stage.stand('a'), stage.stand('b')]);
		await stage.link(a, 'Ask', b);
		await stage.link(b, 'Tell', a);
		const [sdk, lines] = [await stage.sdk(a), await stage.lines(b)];
		sdk.reply('Tell', (data) => ({ told: data }));
		const answer = sdk.request('Ask', { n: 1 }, { timeoutMs: 30_000 });
		const { id, data } = await lines.next('the request', ({ type }) => type === 'Ask');
		expect(data).toEqual({ n: 1 });
		lines.send({ type: 'Ask', data: { n: 2 }, re: id });
		expect(await answer).toEqual({ n: 2 });
		lines.send({ type: 'Tell', data: 'x', id: 'mine-1' });
		expect(await lines.next('the reply', ({ re }) => re !== undefined)).toMatchObject({ re: 'mine-1', data: { told: 'x' } });
	});
});

describe('codecs', () => {
	const value = { text: 'é\n"quoted"', number: 1.5, list: [1, null, true], nested: { empty: {} } };

	it('from any codec to any other: SDK (json, msgpack, raw), JSON Lines, Veecle', async () => {
		const names = ['sdk', 'json', 'veecle'] as const;
		const senders = Object.fromEntries(
			await Promise.all(names.map(async (name) => [name, await stage.stand(`${name}-out`)] as const)),
		);
		const receivers = Object.fromEntries(
			await Promise.all(names.map(async (name) => [name, await stage.stand(`${name}-in`)] as const)),
		);
		const types = ['Json', 'Msgpack', 'Raw'];
		for (const from of names)
			for (const to of names) for (const type of types) await stage.link(senders[from] as never, type, receivers[to] as never);
		const codecs = { Json: 'json', Msgpack: 'msgpack', Raw: 'raw' } as const;
		const [out, into] = [
			await stage.sdk(senders['sdk'] as never, { codecs }),
			await stage.sdk(receivers['sdk'] as never, { codecs }),
		];
		const got: [string, string, unknown][] = [];
		into.onAny((data, { type, from }) =>
			got.push([from, type, data instanceof Uint8Array ? Buffer.from(data).toString() : data]),
		);
		const [linesOut, linesIn] = [await stage.lines(senders['json'] as never), await stage.lines(receivers['json'] as never)];
		const [veecleOut, veecleIn] = [
			await stage.veecle(senders['veecle'] as never),
			await stage.veecle(receivers['veecle'] as never),
		];
		const bytes = Buffer.from('bytes\n\0');

		await out.send('Json', value);
		await out.send('Msgpack', value);
		await out.send('Raw', bytes);
		for (const [type, body] of [
			['Json', { data: value }],
			['Msgpack', { data: value }],
			['Raw', { b64: bytes.toString('base64') }],
		] as const)
			expect(await linesIn.next(`${type} from the SDK`)).toEqual({ type, ...body, from: 'sdk-out' });
		for (const type of ['Json', 'Msgpack']) expect(await veecleIn.next(`${type} from the SDK`)).toEqual(storable(type, value));
		await until('the SDK has three', () => got.length === 3);
		expect(got).toEqual([
			['sdk-out', 'Json', value],
			['sdk-out', 'Msgpack', value],
			['sdk-out', 'Raw', 'bytes\n\0'],
		]);
		// Veecle's dialect has no bytes: dropped, with that reason
		expect((await stage.stats({ name: 'sdk-out' }, 'Raw', { name: 'veecle-in' })).counters.dropped).toEqual({ codec: 1 });

		linesOut.send({ type: 'Json', data: value }, { type: 'Raw', b64: bytes.toString('base64') });
		expect(await linesIn.next('Json from lines')).toEqual({ type: 'Json', data: value, from: 'json-out' });
		expect(await linesIn.next('Raw from lines')).toEqual({ type: 'Raw', b64: bytes.toString('base64'), from: 'json-out' });
		expect(await veecleIn.next('Json from lines')).toEqual(storable('Json', value));
		veecleOut.send(storable('Json', value));
		expect(await linesIn.next('Json from Veecle')).toEqual({ type: 'Json', data: value, from: 'veecle-out' });
		expect(await veecleIn.next('Json from Veecle')).toEqual(storable('Json', value));
		await until('the SDK has six', () => got.length === 6);
		expect(got.slice(3)).toEqual([
			['json-out', 'Json', value],
			['json-out', 'Raw', 'bytes\n\0'],
			['veecle-out', 'Json', value],
		]);
	});

	it('short keys are answered by short keys', async () => {
		const [a, b] = await Promise.all([stage.stand('a'), stage.stand('b')]);
		await stage.link(a, 'T', b);
		const sender = await stage.raw(a.socket);
		sender.send('{"t":"T","v":[1,2]}\n');
		const receiver = await stage.raw(b.socket);
		receiver.send('{"t":"Hello","v":null}\n');
		expect(await receiver.next('the message')).toEqual({ t: 'T', v: [1, 2], from: 'a' });
	});

	it.skipIf(!has('python3'))('a program in Python with nothing but its standard library takes part', async () => {
		const echo = await orchd.run({ program: fixture('lines.py'), args: [] }, { name: 'echo' });
		const ask = await stage.stand('ask');
		await stage.link(ask, 'In', echo);
		await stage.link(echo, 'Out', ask);
		const sdk = await stage.sdk(ask);
		const answers: unknown[] = [];
		sdk.on('Out', (data) => answers.push(data));
		await sdk.send('In', value);
		await until('the answer comes', () => answers.length === 1);
		expect(answers).toEqual([value]);
	});

	it.skipIf(!has('socat'))('a program in POSIX shell takes part', async () => {
		copyFileSync(fixture('lines.sh'), sandbox.path('lines.sh'));
		const echo = await orchd.run({ program: sandbox.path('lines.sh'), args: [] }, { name: 'echo' });
		const ask = await stage.stand('ask');
		await stage.link(ask, 'In', echo);
		await stage.link(echo, 'Out', ask);
		const sdk = await stage.sdk(ask);
		const answers: unknown[] = [];
		sdk.on('Out', (data) => answers.push(data));
		await sdk.send('In', { n: 1 });
		await until('the answer comes', () => answers.length === 1);
		expect(answers).toEqual([{ n: 1 }]);
	});
});

describe('control requests of privileged runtimes', () => {
	it("in Veecle's dialect: start and stop a sibling, in the order they were asked; others get `no control privileges`", async () => {
		const [boss, worker, nobody] = [
			await stage.stand('boss', { privileged: true }),
			await sinkOf('worker'),
			await stage.stand('nobody'),
		];
		const asking = await stage.veecle(boss);
		const start = (id: string, priority?: string | null) => ({
			ControlRequest: { StartRuntime: priority === undefined ? { id } : { id, priority } },
		});
		const stop = (id: string) => ({ ControlRequest: { StopRuntime: { id } } });
		asking.send(start(worker.id, null));
		expect(await asking.next('the answer')).toEqual({ ControlResponse: 'Started' });
		const running = await orchd.show(worker);
		expect(running).toMatchObject({ status: 'running', priority: 'normal' });
		asking.send(stop(worker.id), start(worker.id, 'low'), start('0195fc7b-33e6-70e3-bee1-ac515185fac7'), stop('nonsense'));
		expect(await asking.next('the answer')).toEqual({ ControlResponse: 'Stopped' });
		expect(isAlive(running.pid ?? 0)).toBe(false);
		expect(await asking.next('the answer')).toEqual({ ControlResponse: 'Started' });
		expect(await asking.next('the answer')).toEqual({
			ControlResponse: { Error: expect.stringContaining('no runtime') as string },
		});
		expect(await asking.next('the answer')).toEqual({ ControlResponse: { Error: expect.any(String) as string } });
		const low = await orchd.show(worker);
		expect(low).toMatchObject({ status: 'running', priority: 'low', warnings: [] });
		expect(niceOf(low.pid ?? 0)).toBe(10);

		const refused = await stage.veecle(nobody);
		refused.send(stop(worker.id));
		expect(await refused.next('the answer')).toEqual({ ControlResponse: { Error: 'no control privileges' } });
		expect(await orchd.show(worker)).toMatchObject({ status: 'running' });
	});

	it('in JSON Lines and by the SDK: what is allowed is done, what is not is refused, and the unprivileged get nothing', async () => {
		const [boss, worker, nobody] = [
			await stage.stand('boss', { privileged: true }),
			await sinkOf('worker'),
			await stage.stand('nobody'),
		];
		const lines = await stage.lines(boss);
		lines.send({ ctl: { id: 1, op: 'runtime.start', params: { runtime: 'worker' } } });
		expect(await lines.next('the answer')).toMatchObject({ ctl: { id: 1, ok: { name: 'worker', status: 'running' } } });
		lines.send({ ctl: { id: 'x', op: 'daemon.stop' } });
		expect(await lines.next('the answer')).toMatchObject({ ctl: { id: 'x', error: { code: 'access.denied' } } });
		lines.send({ ctl: { id: 2, op: 'runtime.start', params: { runtime: 'wroker' } } });
		expect(await lines.next('the answer')).toMatchObject({ ctl: { id: 2, error: { code: 'runtime.not_found' } } });
		const refused = await stage.lines(nobody);
		refused.send({ ctl: { id: 3, op: 'runtime.stop', params: { runtime: 'worker' } } });
		expect(await refused.next('the answer')).toMatchObject({
			ctl: { id: 3, error: { code: 'access.denied', message: 'no control privileges' } },
		});
		expect(await orchd.show(worker)).toMatchObject({ status: 'running' });

		const program = (name: string, privileged: boolean) =>
			orchd.run(node(fixture('sdk-control.mjs'), 'runtime.stop', JSON.stringify({ runtime: 'worker' })), { name, privileged });
		expect(await orchd.writes(await program('unprivileged', false), '\n')).toMatch(/^\{"error":"(access\.)?denied"/);
		expect(JSON.parse(await orchd.writes(await program('manager', true), '\n'))).toMatchObject({
			ok: { name: 'worker', status: 'stopped' },
		});
		expect(await orchd.show(worker)).toMatchObject({ status: 'stopped' });
	});
});

describe('looking at links', () => {
	it('link tap shows messages as they pass, by filter, and takes none away', async () => {
		const [a, b] = await Promise.all([stage.stand('a'), stage.stand('b')]);
		await stage.link(a, 'Seen', b);
		await stage.link(a, 'Other', b);
		const [sender, receiver] = [await stage.lines(a), await stage.lines(b)];
		const tap = sandbox.running('link', 'tap', '--type', 'Seen', '-n', '3', '--json');
		let n = 0;
		await until('the tap has ended', async () => {
			n++;
			sender.send({ type: 'Seen', data: { n } }, { type: 'Other', data: { n } });
			return tap.child.exitCode !== null;
		});
		expect(await tap.ended).toMatchObject({ code: 0 });
		const shown = tap.stdout
			.trimEnd()
			.split('\n')
			.map((line) => JSON.parse(line) as { type: string; from: string; to: string; data: { n: number } });
		expect(shown).toHaveLength(3);
		for (const [index, message] of shown.entries())
			expect(message).toMatchObject({
				type: 'Seen',
				from: 'a',
				to: 'b',
				codec: 'json',
				data: { n: (shown[0]?.data.n ?? 0) + index },
			});
		await until('everything has arrived', () => receiver.texts.length === 2 * n);
	});

	it(
		'links 5.23: a tap whose terminal is suspended under a flood: the receiver gets what it gets without a tap, memory is bounded, and the tap says what it skipped',
		async () => {
			const count = 300_000;
			const router = await stage.routerPid();
			/** All of it through a link, as fast as it goes; gives what the receiver has got. */
			const flood = async (name: string, started: (from: Runtime) => Promise<void>) => {
				const to = await sink(`${name}-to`);
				const from = await source(`${name}-from`, 'Number', String(count));
				await stage.link(from, 'Number', to, { queue: 10_000 });
				await stage.connected(to);
				await started(from);
				const { count: got, missing, duplicates } = await sees(to, 'everything', (seen) => seen.last === count, withinMs);
				return { got, missing, duplicates, dropped: (await stage.stats(from, 'Number', to)).counters.dropped };
			};
			const start = ({ id }: Runtime) => orchd.call('runtime.start', { runtime: id });
			const without = await flood('plain', async (from) => void (await start(from)));
			expect(without).toEqual({ got: count, missing: 0, duplicates: 0, dropped: {} });

			const tap = sandbox.running('link', 'tap', '--json');
			const [a, b] = [await stage.stand('a'), await stage.stand('b')];
			await stage.link(a, 'First', b);
			let memory = 0;
			const suspended = await flood('tapped', async (from) => {
				const send = () => orchd.call('link.send', { from: 'a', type: 'First', codec: 'json', body: Buffer.from('1') });
				await until('the tap looks', async () => (await send()) && tap.stdout.includes('"First"'));
				tap.child.kill('SIGSTOP');
				memory = residentBytesOf(router);
				await start(from);
			});
			expect(suspended).toEqual(without);
			expect(residentBytesOf(router) - memory).toBeLessThan(64 * 1024 * 1024);
			tap.child.kill('SIGCONT');
			await tap.shows(/"skipped":[1-9]/);
			// what was not skipped is shown: far less than all
			const figures = () => {
				const lines = tap.stdout
					.slice(0, tap.stdout.lastIndexOf('\n') + 1)
					.split('\n')
					.filter(Boolean);
				const parsed = lines.map((line) => JSON.parse(line) as { type?: string; skipped?: number });
				return {
					shown: parsed.filter(({ type }) => type === 'Number').length,
					skipped: parsed.reduce((total, { skipped = 0 }) => total + skipped, 0),
				};
			};
			const { shown, skipped } = await until('all is shown or skipped', () => {
				const now = figures();
				return now.shown + now.skipped >= count && now;
			});
			expect(skipped).toBeGreaterThan(shown);
			expect((await tap.interrupt()).code).toBe(130);
		},
		withinMs,
	);

	it('link send goes straight in as @cli, or by the links of another; link stats shows figures and what no link takes', async () => {
		const [a, b, c] = await Promise.all([stage.stand('a'), stage.stand('b'), stage.stand('c')]);
		await stage.link(a, 'T', b);
		await stage.link(a, 'T', c);
		const [toB, toC] = [await stage.lines(b), await stage.lines(c)];
		const direct = await sandbox.cli('link', 'send', '--to', 'b', '--type', 'T', '{"by":"hand"}');
		expect(direct).toMatchObject({ code: 0, stderr: 'sent: into 1 mailbox\n' });
		expect(await toB.next('the message')).toEqual({ type: 'T', data: { by: 'hand' }, from: '@cli' });
		const asA = await sandbox.cli('link', 'send', '--from', 'a', '--type', 'T', '--count', '10', '7', '--json');
		expect(JSON.parse(asA.stdout)).toEqual({ accepted: 20, dropped: {} });
		for (const receiver of [toB, toC])
			for (let count = 0; count < 10; count++)
				expect(await receiver.next('the message')).toEqual({ type: 'T', data: 7, from: 'a' });
		expect(toC.count('by')).toBe(0);

		const sender = await stage.lines(a);
		sender.send({ type: 'Stray', data: 1 }, { type: 'Stray', data: 2 });
		await until('the stray ones are counted', async () => (await orchd.call('link.stats', {})).unrouted[0]?.count === 2);
		const { stdout } = await sandbox.cli('link', 'stats');
		expect(stdout).toMatch(/^LINK +MSG\/S +BYTES\/S +P50 +P99 +QUEUE +DROPPED +LAST/);
		expect(stdout).toMatch(/^a ─T→ b .* 0\/1024 +0 /m);
		expect(stdout).toMatch(/^\(unrouted\) a Stray .* 2 .*no link takes Stray from a/m);
		const json = JSON.parse((await sandbox.cli('link', 'stats', '--json', '--from', 'a')).stdout) as {
			links: { counters: object }[];
			unrouted: object[];
		};
		expect(json.links).toHaveLength(2);
		for (const { counters } of json.links)
			expect(counters).toMatchObject({ received: 10, delivered: 10, queued: 0, dropped: {} });
		expect(json.unrouted).toMatchObject([{ type: 'Stray', count: 2, from: { name: 'a' } }]);
	});

	it('link send --reply prints what a program replies, tells its errors, and gives up one that does not', async () => {
		const [a, b] = await Promise.all([stage.stand('a'), stage.stand('b')]);
		const ask = (...args: readonly string[]) => sandbox.cli('link', 'send', '--type', 'Add', '--reply', ...args);
		expect(await ask('--to', 'a', '1')).toMatchObject({
			code: 1,
			stderr: expect.stringContaining('a is not connected (target_down)'),
		});
		const [sdk, lines] = [await stage.sdk(a), await stage.lines(b)];
		sdk.reply('Add', (numbers) => {
			if (!Array.isArray(numbers)) throw new Error('numbers are wanted');
			return numbers.reduce((sum: number, n: number) => sum + n, 0);
		});
		expect(await ask('--to', 'a', '[1,2]')).toMatchObject({ code: 0, stdout: '3\n', stderr: '' });
		expect(await ask('--to', 'a', '7')).toMatchObject({
			code: 1,
			stderr: 'orch: a has answered Add with an error: numbers are wanted (handler_failed)\n',
		});
		expect(await ask('--to', 'a', '--count', '3', '--rate', '100/s', '[2,2]')).toMatchObject({ code: 0, stdout: '4\n4\n4\n' });

		await stage.link(a, 'Add', b);
		const asked = ask('--from', 'a', '{"n":1}', '--json');
		const { id, ...request } = await lines.next('the request', ({ type }) => type === 'Add');
		expect(request).toEqual({ type: 'Add', data: { n: 1 }, from: 'a' });
		lines.send({ re: id, data: { n: 2 } });
		expect(JSON.parse((await asked).stdout)).toEqual({ from: 'b', codec: 'json', bytes: 7, data: { n: 2 } });

		expect(await ask('--to', 'b', '--timeout', '50ms', '1')).toMatchObject({
			code: 124,
			stderr: expect.stringContaining('no reply to Add within 50 ms'),
		});
	});

	it('link stats --window and link tap --sample reach the router', async () => {
		const [a, b] = await Promise.all([stage.stand('a'), stage.stand('b')]);
		await stage.link(a, 'T', b);
		const tap = sandbox.running('link', 'tap', '--sample', '2/1h', '--json');
		await until('the sample', async () => {
			await sandbox.cli('link', 'send', '--from', 'a', '--type', 'T', '--count', '5', '1');
			return tap.stdout.split('\n').length > 2;
		});
		await tap.interrupt();
		expect(tap.stdout.trimEnd().split('\n')).toHaveLength(2);
		const rates = async (window: string) => {
			const { links } = JSON.parse((await sandbox.cli('link', 'stats', '--window', window, '--json')).stdout) as {
				links: { messagesPerSecond: number }[];
			};
			return links[0]?.messagesPerSecond ?? Number.NaN;
		};
		await until('the last second is quiet', async () => (await rates('1s')) === 0 && (await rates('10s')) > 0);
	});

	it('rates and latencies of a link under load are those of its messages', async () => {
		const to = await sink('to');
		const from = await source('from', 'Number', '0', '100', '50');
		await stage.link(from, 'Number', to);
		await stage.connected(to);
		await orchd.call('runtime.start', { runtime: 'from' });
		await sees(to, 'ten thousand', (seen) => seen.count > 10_000);
		const link = await stage.stats(from, 'Number', to);
		expect(link.messagesPerSecond).toBeGreaterThan(100);
		expect(link.bytesPerSecond / link.messagesPerSecond).toBeGreaterThan(100);
		expect(link.latencyP50Ms).toBeGreaterThan(0);
		expect(link.latencyP99Ms ?? 0).toBeGreaterThanOrEqual(link.latencyP50Ms ?? 0);
		expect(Date.parse(link.lastAt ?? '')).toBeGreaterThan(Date.now() - 60_000);
	});

	it('a program says that it is ready, and status shows it', async () => {
		const pong = await orchd.run(node(fixture('sdk-pong.mjs')), { name: 'pong' });
		await orchd.becomes(pong, 'ready', ({ ready }) => ready === true);
		expect((await sandbox.cli('ps')).stdout).toMatch(/^NAME +STATUS +READY/);
		const plain = await stage.stand('plain');
		expect((await orchd.show(plain)).ready).toBeNull();
		const lines = await stage.lines(plain);
		lines.send({ ready: true });
		await orchd.becomes(plain, 'ready', ({ ready }) => ready === true);
	});
});
