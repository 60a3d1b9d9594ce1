import { silentLogger } from '@orch/base';
import { ManualClock, seededRandom, settle } from '@orch/base/testing';
import { describe, expect, it } from 'vitest';
import { type Link, type LinkJournal, Links, type LinksOptions } from './links.ts';
import { groupEnd } from './groups.ts';
import { applyChange } from './testing/apply-change.ts';
import type { LinkFigures, RouterConnection, RouterGate, RoutingTable, TappedMessage } from './ports.ts';

/** A router in memory: keeps the tables it was sent, answers when the test lets it. */
function fakeRouter() {
	const tables: RoutingTable[] = [];
	const figures: LinkFigures[] = [];
	const problems: { project: string; type: string; message: string }[] = [];
	const tapped: { readonly asked: readonly string[]; messages: readonly TappedMessage[] } = { asked: [], messages: [] };
	let hold: Promise<void> | undefined;
	let release: () => void = () => {};
	let die: () => void = () => {};
	let connects = 0;
	let stops = 0;
	let failing = false;
	let isClear = true;
	let isOld = false;
	/** What a link has counted in the end, by row. */
	const finals = new Map<string, LinkFigures['counters']>();
	/** Sockets that it cannot make. */
	const unheard: { runtime: string; path: string; message: string }[] = [];
	const gate: RouterGate = {
		async connect() {
			connects++;
			if (failing) throw new Error('no router today');
			const closed = new Promise<void>((resolve) => {
				die = resolve;
			});
			let taken: RoutingTable | undefined;
			const answered = () =>
				Promise.race([
					hold,
					closed.then(() => {
						throw new Error('it is gone');
					}),
				]);
			const connection: RouterConnection = {
				pid: 1,
				version: '1',
				closed,
				close: () => die(),
				get isClear() {
					return isClear;
				},
				async route(table) {
					tables.push(table);
					taken = table;
					await answered();
					return { problems: [...unheard], schemas: problems };
				},
				async change(change) {
					if (isOld) return undefined;
					const table = applyChange(taken, change);
					if (!table) return undefined;
					tables.push(table);
					taken = table;
					await answered();
					const removedLinks = change.removedLinks.flatMap((id) => ({ id, counters: finals.get(id) ?? counted({}) }));
					return { problems: [...unheard], schemas: change.schemas && problems, removedLinks };
				},
				ended: async () => {},
				figures: async () => ({ links: figures, unrouted: [], ports: [] }),
				types: async () => ({ producers: [], samples: [], misfits: [] }),
				memoryBytes: async () => 0,
				async *tap(links) {
					Object.assign(tapped, { asked: links });
					yield { messages: tapped.messages, skipped: 0 };
					return { skipped: 0 };
				},
				inject: async () => ({ accepted: 1, dropped: {} }),
				request: async ({ codec, body }) => ({ from: 'pong', codec, body }),
				answer: async () => {},
				async *events() {
					await closed;
					yield* [];
				},
				stop: async () => {
					stops++;
					die();
				},
			};
			return connection;
		},
	};
	return {
		gate,
		tables,
		unheard,
		finals,
		figures,
		problems,
		tapped,
		die: () => die(),
		holdAnswers() {
			hold = new Promise((resolve) => {
				release = resolve;
			});
		},
		letAnswer: () => {
			release();
			hold = undefined;
		},
		fail(value: boolean) {
			failing = value;
		},
		/** What is said to it does not leave this process for now. */
		jam() {
			isClear = false;
		},
		/** It knows no changes. */
		beOld() {
			isOld = true;
		},
		get connects() {
			return connects;
		},
		get stops() {
			return stops;
		},
	};
}

const counted = (dropped: Readonly<Record<string, number>>, received = 0): LinkFigures['counters'] => ({
	received,
	delivered: 0,
	deliveredBytes: 0,
	dropped,
	queued: 0,
	queuedBytes: 0,
	inFlight: 0,
});

/** Kept as text, as on a disk. */
function createTestJournal(): LinkJournal {
	const rows = new Map<string, string>();
	return {
		load: () => [...rows.values()].map((row) => JSON.parse(row) as Link),
		put: (link) => void rows.set(link.id, JSON.stringify(link)),
		removed: (id) => void rows.delete(id),
	};
}

function setUp(journal = createTestJournal(), changed?: LinksOptions['changed']) {
	const router = fakeRouter();
	const clock = new ManualClock();
	const deleted = new Set<string>();
	const links = new Links({
		clock,
		random: seededRandom(1),
		log: silentLogger,
		gate: router.gate,
		secret: new Uint8Array(32),
		socketDirectory: '/run/x.d',
		journal,
		changed,
		isThere: (path) => !deleted.has(path),
	});
	links.start();
	return { router, clock, links, deleted };
}

const ping = { id: '019aa000-1111-7222-8333-a3f19c02b001', name: 'ping', privileged: false };
const pong = { id: '019aa000-1111-7222-8333-b3f19c02b002', name: 'pong', privileged: true };

describe('links', () => {
	it('send the router everything that one turn changes as one table', async () => {
		const { router, links } = setUp();
		await settle();
		const before = router.tables.length;
		links.register(ping);
		links.register(pong);
		links.add({ from: ping.id, type: 'Ping', to: pong.id });
		await settle();
		expect(router.tables.slice(before)).toHaveLength(1);
		expect(router.tables.at(-1)).toMatchObject({
			ports: [{ name: 'ping', socket: '/run/x.d/a3f19c02b001.sock' }, { name: 'pong' }],
			links: [{ type: 'Ping', messages: 1024, overflow: 'block' }],
		});
	});

	it('tell the router what projects say of types, and of which project a runtime is', async () => {
		const { router, links } = setUp();
		links.register({ ...ping, project: 'shop' });
		links.register(pong);
		const said = { Ping: { type: 'object' }, Any: true, Whatever: {}, None: false };
		expect(links.declareTypes('shop', said)).toBe(true);
		await settle();
		const last = () => router.tables.at(-1);
		expect(last()?.ports.map(({ name, project }) => [name, project])).toEqual([
			['ping', 'shop'],
			['pong', undefined],
		]);
		// what anything fits, nobody has to check
		expect(last()?.schemas).toEqual([
			{ project: 'shop', type: 'Ping', schema: '{"type":"object"}' },
			{ project: 'shop', type: 'None', schema: 'false' },
		]);
		expect(links.declaredTypes.map(({ type }) => type)).toEqual(['Ping', 'Any', 'Whatever', 'None']);
		const { length } = router.tables;
		expect(links.declareTypes('shop', structuredClone(said))).toBe(false);
		links.assign(ping.id, 'shop');
		await settle();
		expect(router.tables).toHaveLength(length);

		links.assign(pong.id, 'shop');
		expect(links.declareTypes('shop', { Ping: { type: 'string' } })).toBe(true);
		await settle();
		expect(last()?.ports.map(({ project }) => project)).toEqual(['shop', 'shop']);
		expect(last()?.schemas).toEqual([{ project: 'shop', type: 'Ping', schema: '{"type":"string"}' }]);
		expect(links.declareTypes('shop', {})).toBe(true);
		await settle();
		expect([last()?.schemas, links.declaredTypes]).toEqual([[], []]);
	});

	it('know which schemas the router does not enforce, until it does', async () => {
		const { router, links } = setUp();
		router.problems.push({ project: 'shop', type: 'Ping', message: 'not to be had' });
		links.declareTypes('shop', { Ping: { type: 'object' }, Pong: { type: 'object' } });
		await settle();
		const problems = () => links.declaredTypes.map(({ type, problem }) => [type, problem]);
		expect(problems()).toEqual([
			['Ping', 'not to be had'],
			['Pong', undefined],
		]);
		router.problems.length = 0;
		// a table with the same schemas says nothing of them
		links.register(ping);
		await settle();
		expect(problems()[0]).toEqual(['Ping', 'not to be had']);
		links.declareTypes('other', { Job: { type: 'object' } });
		await settle();
		expect(problems()).toEqual([
			['Ping', undefined],
			['Pong', undefined],
			['Job', undefined],
		]);
	});

	it('keep a runtime in its project over its processes', async () => {
		const { router, links } = setUp();
		links.register({ ...ping, project: 'shop' });
		void links.prepare(ping.id, { processId: 'p', generation: 2 }, new AbortController().signal).ready;
		await settle();
		expect(router.tables.at(-1)?.ports).toEqual([expect.objectContaining({ generation: 2, project: 'shop' })]);
	});

	it('never have more than one table on its way, and end with the newest', async () => {
		const { router, links } = setUp();
		await settle();
		router.holdAnswers();
		links.register(ping);
		await settle();
		const sent = router.tables.length;
		for (let count = 0; count < 50; count++) {
			links.add({ from: '*', type: `T${count}`, to: ping.id });
			await settle();
		}
		expect(router.tables).toHaveLength(sent);
		router.letAnswer();
		await settle();
		expect(router.tables).toHaveLength(sent + 1);
		expect(router.tables.at(-1)?.links).toHaveLength(50);
	});

	it('send the whole table again to a router that was started anew', async () => {
		const { router, links, clock } = setUp();
		links.register(ping);
		await settle();
		const sent = router.tables.length;
		router.die();
		await settle();
		await clock.advance(0);
		expect(router.connects).toBe(2);
		expect(router.tables.length).toBe(sent + 1);
		expect(router.tables.at(-1)).toEqual(router.tables[sent - 1]);
	});

	it('try again, ever more slowly, while no router can be had', async () => {
		const { router, clock } = setUp();
		await settle();
		router.fail(true);
		router.die();
		await settle();
		for (let tries = 0; tries < 6; tries++) await clock.advance(clock.nextMs ?? 0);
		expect(router.connects).toBe(8);
		expect(clock.nextMs).toBeGreaterThan(1_000);
		router.fail(false);
		await clock.advance(5_000);
		expect(clock.pending).toBe(0);
	});

	it('hold a launch until the router listens for it', async () => {
		const { router, links } = setUp();
		await settle();
		router.holdAnswers();
		links.register(ping);
		let listens = false;
		const { env, ready } = links.prepare(ping.id, { processId: 'p1', generation: 1 }, new AbortController().signal);
		const waiting = ready?.then(() => {
			listens = true;
		});
		await settle();
		expect(listens).toBe(false);
		router.letAnswer();
		await waiting;
		expect(env).toMatchObject({
			ORCH_IPC_SOCKET: '/run/x.d/a3f19c02b001.sock',
			VEECLE_IPC_SOCKET: '/run/x.d/a3f19c02b001.v.sock',
			VEECLE_RUNTIME_ID: ping.id,
		});
		expect(router.tables.at(-1)?.ports[0]).toMatchObject({ generation: 1, token: env['ORCH_IPC_TOKEN'] });
	});

	it('tell a router that listens of the next process before the launch goes on, and wait for no answer', async () => {
		const { router, links } = setUp();
		await settle();
		links.register(ping);
		await settle();
		router.holdAnswers();
		const { env, ready } = links.prepare(ping.id, { processId: 'p2', generation: 2 }, new AbortController().signal);
		expect(router.tables.at(-1)?.ports[0]).toMatchObject({ generation: 2, token: env['ORCH_IPC_TOKEN'] });
		await ready;
		// a second one while that is on its way has to wait for both
		links.register(pong);
		const second = links.prepare(pong.id, { processId: 'q1', generation: 1 }, new AbortController().signal);
		let listens = false;
		const waiting = second.ready?.then(() => {
			listens = true;
		});
		await settle();
		expect(listens).toBe(false);
		router.letAnswer();
		await waiting;
	});

	it.each([
		['is too old to be told changes', ({ router }: ReturnType<typeof setUp>) => router.beOld()],
		['does not take what is said to it', ({ router }: ReturnType<typeof setUp>) => router.jam()],
		[
			'listens on a socket that somebody has deleted',
			({ deleted }: ReturnType<typeof setUp>) => deleted.add('/run/x.d/a3f19c02b001.sock'),
		],
	])('wait for the answer of a router that %s', async (_title, spoil) => {
		const all = setUp();
		const { router, links } = all;
		await settle();
		spoil(all);
		links.register(ping);
		await settle();
		router.holdAnswers();
		let listens = false;
		const { ready } = links.prepare(ping.id, { processId: 'p2', generation: 2 }, new AbortController().signal);
		const waiting = ready?.then(() => {
			listens = true;
		});
		await settle();
		expect(listens).toBe(false);
		router.letAnswer();
		await waiting;
		expect(router.tables.at(-1)?.ports[0]).toMatchObject({ generation: 2 });
	});

	it('forget that a socket could not be made when it was made', async () => {
		const { router, links } = setUp();
		router.unheard.push({ runtime: ping.id, path: '/run/x.d/a3f19c02b001.sock', message: 'no' });
		links.register(ping);
		await settle();
		expect(links.problem(ping.id)).toBe('cannot listen on /run/x.d/a3f19c02b001.sock: no');
		router.unheard.length = 0;
		links.register(ping, { processId: 'p', generation: 2 });
		await settle();
		expect(links.problem(ping.id)).toBeUndefined();
	});

	it('let a launch go on when the router does not answer in time', async () => {
		const { router, links, clock } = setUp();
		await settle();
		router.holdAnswers();
		links.register(ping);
		const { ready } = links.prepare(ping.id, { processId: 'p1', generation: 1 }, new AbortController().signal);
		await clock.advance(5_000);
		await expect(ready).resolves.toBeUndefined();
		router.letAnswer();
	});

	it('stop a router that comes to life while they are closing', async () => {
		const router = fakeRouter();
		let letConnect: () => void = () => {};
		const slow: RouterGate = {
			connect: async (signal) => {
				await new Promise<void>((resolve) => {
					letConnect = resolve;
				});
				return router.gate.connect(signal);
			},
		};
		const links = new Links({
			clock: new ManualClock(),
			random: seededRandom(1),
			log: silentLogger,
			gate: slow,
			secret: new Uint8Array(32),
			socketDirectory: '/run/x.d',
			journal: createTestJournal(),
		});
		links.start();
		await settle();
		const closing = links.close();
		letConnect();
		await closing;
		expect(router.stops).toBe(1);
	});

	it('give every process a token of its own, the same whenever it is asked for', async () => {
		const { links } = setUp();
		links.register(ping);
		await settle();
		const signal = new AbortController().signal;
		const token = (processId: string) => links.prepare(ping.id, { processId, generation: 1 }, signal).env['ORCH_IPC_TOKEN'];
		expect(token('p1')).toBe(token('p1'));
		expect(token('p1')).not.toBe(token('p2'));
	});

	it('links 5.15: the same link added twice is one link, shown once', () => {
		const { links } = setUp();
		links.register(ping);
		const first = links.add({ from: '*', type: 'Ping', to: ping.id });
		const second = links.add({ from: '*', type: 'Ping', to: ping.id, overflow: 'latest' });
		expect(second).toEqual({ added: false, link: first.link });
		expect(links.list()).toHaveLength(1);
	});

	describe('that are removed', () => {
		async function linked() {
			const { router, links, clock } = setUp();
			for (const runtime of [ping, pong]) links.register(runtime);
			const { link } = links.add({ from: ping.id, type: 'Ping', to: pong.id });
			await settle();
			return { router, links, clock, link };
		}

		it('tell what they had counted in the end, by the answer of the router', async () => {
			const { router, links, link } = await linked();
			router.finals.set(link.id, counted({ link_removed: 1_000 }, 1_012));
			const removed = links.remove(link.id);
			expect([removed?.link, links.list()]).toEqual([link, []]);
			expect(await removed?.counted).toEqual(counted({ link_removed: 1_000 }, 1_012));
			expect(links.remove(link.id)).toBeUndefined();
		});

		it('tell it with the runtime that they go with, each for itself and together', async () => {
			const { router, links, link } = await linked();
			const { link: other } = links.add({ from: '*', type: 'Log', to: pong.id });
			await settle();
			router.finals.set(link.id, counted({ link_removed: 3 }, 3));
			router.finals.set(other.id, counted({ link_removed: 4, drop_newest: 1 }, 5));
			const gone = links.unregister(pong.id);
			expect(await Promise.all(gone.links.map(({ counted: own }) => own))).toEqual([
				counted({ link_removed: 3 }, 3),
				counted({ link_removed: 4, drop_newest: 1 }, 5),
			]);
			expect(await gone.counted).toEqual(counted({ link_removed: 7, drop_newest: 1 }, 8));
		});

		it('tell nothing where the router does not answer in time, or was lost: nobody knows it', async () => {
			const { router, links, link, clock } = await linked();
			router.holdAnswers();
			const late = links.remove(link.id)?.counted;
			await settle();
			clock.advance(5_000);
			expect(await late).toBeUndefined();
			router.letAnswer();
			await settle();
			const { link: next } = links.add({ from: ping.id, type: 'Ping', to: pong.id });
			await settle();
			router.holdAnswers();
			const lost = links.remove(next.id)?.counted;
			await settle();
			router.fail(true);
			router.die();
			await settle();
			router.letAnswer();
			router.fail(false);
			// the next router has never heard of the link
			clock.advance(100);
			expect(await lost).toBeUndefined();
		});

		it('hold up no daemon that closes', async () => {
			const { router, links, link } = await linked();
			router.holdAnswers();
			const told: unknown[] = [];
			void links.remove(link.id)?.counted.then((counters) => told.push(counters));
			await links.close();
			expect(told).toEqual([undefined]);
		});

		it('are told with what was removed, while their ends are still known', async () => {
			const changes: string[] = [];
			const { router, links } = setUp(createTestJournal(), (change) => {
				changes.push(`${change.kind} ${links.port(change.link.to)?.name}`);
				if (change.kind === 'removed') void change.counted.then((counters) => changes.push(`in the end ${counters?.received}`));
			});
			for (const runtime of [ping, pong]) links.register(runtime);
			const { link } = links.add({ from: ping.id, type: 'Ping', to: pong.id });
			await settle();
			router.finals.set(link.id, counted({ link_removed: 3 }, 3));
			await links.unregister(pong.id).counted;
			expect(changes).toEqual(['added pong', 'removed pong', 'in the end 3']);
		});
	});

	it('go with the runtimes at either end', () => {
		const { links } = setUp();
		links.register(ping);
		links.register(pong);
		links.add({ from: ping.id, type: 'Ping', to: pong.id });
		links.add({ from: pong.id, type: 'Pong', to: ping.id });
		links.add({ from: '*', type: 'Log', to: pong.id });
		expect(links.unregister(ping.id).links).toHaveLength(2);
		expect(links.list().map(({ type }) => type)).toEqual(['Log']);
		expect(links.table().ports).toHaveLength(1);
	});
});

describe('links of an earlier daemon', () => {
	const first = () => {
		const journal = createTestJournal();
		const { links } = setUp(journal);
		for (const runtime of [ping, pong]) links.register(runtime);
		links.add({ from: ping.id, type: 'Ping', to: pong.id, overflow: 'latest' });
		links.add({ from: '*', type: 'Pong', to: ping.id });
		return { journal, links };
	};
	const next = (journal: LinkJournal) =>
		new Links({
			clock: new ManualClock(),
			random: seededRandom(2),
			log: silentLogger,
			gate: fakeRouter().gate,
			secret: new Uint8Array(32),
			socketDirectory: '/run/x.d',
			journal,
		});

	it('are known again as they were, and ports speak of the process that runs', () => {
		const { journal, links } = first();
		const token = links.prepare(ping.id, { processId: 'p', generation: 3 }, new AbortController().signal).env['ORCH_IPC_TOKEN'];
		const again = next(journal);
		again.register(ping, { processId: 'p', generation: 3 });
		again.register(pong);
		expect(again.restore()).toBe(2);
		expect(again.list()).toEqual(links.list());
		expect(again.port(ping.id)).toMatchObject({ generation: 3, token });
	});

	it('are forgotten where they were removed, or an end of theirs is gone', () => {
		const { journal, links } = first();
		links.remove(links.list()[1]?.id ?? '');
		const again = next(journal);
		again.register(ping);
		expect(again.restore()).toBe(0);
		expect(journal.load()).toEqual([]);
	});

	it('leave the router running when the daemon lets go of it', async () => {
		const { router, links } = setUp();
		await settle();
		await links.release();
		expect([router.connects, router.stops]).toEqual([1, 0]);
	});
});

describe('links of groups', () => {
	const worker = (index: number) => ({
		id: `019aa000-1111-7222-8333-c3f19c02b00${index}`,
		name: `worker-${index}`,
		privileged: false,
		group: { name: 'worker' },
	});
	const rowsOf = (table: RoutingTable | undefined) =>
		table?.links.map(({ from, type, to }) => `${from.slice(-4)} ${type} ${to.slice(-4)}`);

	/** A link from ping to a group of two, one from the group to pong. */
	async function setUpGroup(journal = createTestJournal()) {
		const { router, links } = setUp(journal);
		for (const runtime of [ping, pong, worker(1), worker(2)]) links.register(runtime);
		const { link: into } = links.add({ from: ping.id, type: 'Job', to: groupEnd('worker') });
		const { link: out } = links.add({ from: groupEnd('worker'), type: 'Done', to: pong.id });
		await settle();
		return { router, links, into, out };
	}

	it('are a row of the table for each pair, and follow the instances', async () => {
		const { router, links, into } = await setUpGroup();
		expect(rowsOf(router.tables.at(-1))).toEqual(['b001 Job b001', 'b001 Job b002', 'b001 Done b002', 'b002 Done b002']);
		const before = router.tables.at(-1)?.links.map(({ id }) => id) ?? [];
		expect(new Set(before).size).toBe(4);
		links.register(worker(3));
		links.unregister(worker(1).id);
		await settle();
		// in which order rows stand means nothing
		const rows = rowsOf(router.tables.at(-1))?.sort();
		expect(rows).toEqual(['b001 Job b002', 'b001 Job b003', 'b002 Done b002', 'b003 Done b002']);
		// what stays keeps its row, and with it its mailbox
		const after = router.tables.at(-1)?.links.map(({ id }) => id) ?? [];
		expect(after.filter((id) => before.includes(id))).toEqual([before[1], before[3]]);
		expect(links.list().map(({ id, to }) => [id === into.id, to])).toEqual([
			[true, 'group/worker'],
			[false, pong.id],
		]);
	});

	it('tell with an instance what waited in its mailboxes, though the links stay', async () => {
		const { router, links } = await setUpGroup();
		const [toFirst, toSecond] = router.tables.at(-1)?.links ?? [];
		router.finals.set(toFirst?.id ?? '', counted({ link_removed: 5 }, 5));
		router.finals.set(toSecond?.id ?? '', counted({ link_removed: 7 }, 7));
		const gone = links.unregister(worker(1).id);
		expect(gone.links).toEqual([]);
		expect((await gone.counted)?.dropped).toEqual({ link_removed: 5 });
	});

	it('go with the last instance, and are known again by the next daemon while there is one', async () => {
		const journal = createTestJournal();
		const { links } = await setUpGroup(journal);
		expect(links.unregister(worker(1).id).links).toEqual([]);
		const next = setUp(journal).links;
		for (const runtime of [ping, pong, worker(2)]) next.register(runtime);
		expect(next.restore()).toBe(2);
		expect(next.table().links).toHaveLength(2);
		expect(next.unregister(worker(2).id).links).toHaveLength(2);
		expect(journal.load()).toEqual([]);
	});

	it('give way to a link that names the same pair', async () => {
		const { router, links } = await setUpGroup();
		const { link } = links.add({ from: ping.id, type: 'Job', to: worker(2).id, overflow: 'latest' });
		await settle();
		const job = router.tables.at(-1)?.links.filter(({ type }) => type === 'Job') ?? [];
		expect(job.map(({ id, to, overflow }) => [id === link.id, to.slice(-4), overflow])).toEqual([
			[false, 'b001', 'block'],
			[true, 'b002', 'latest'],
		]);
	});

	it('count what all their rows come to, and show their messages as their own', async () => {
		const { router, links, into } = await setUpGroup();
		const rows = router.tables.at(-1)?.links.filter(({ type }) => type === 'Job') ?? [];
		for (const [at, { id }] of rows.entries())
			router.figures.push({
				id,
				counters: {
					received: 3,
					delivered: 2,
					deliveredBytes: 20,
					dropped: { full: at },
					queued: 1,
					queuedBytes: 9,
					inFlight: 0,
				},
				messagesPerSecond: 1.5,
				bytesPerSecond: 10,
				latencyP50Ms: at === 0 ? null : 2,
				latencyP99Ms: at + 3,
				lastAt: 1000 + at,
				blocking: at === 1,
			});
		expect((await links.figures()).links).toEqual([
			{
				id: into.id,
				counters: {
					received: 6,
					delivered: 4,
					deliveredBytes: 40,
					dropped: { full: 1 },
					queued: 2,
					queuedBytes: 18,
					inFlight: 0,
				},
				messagesPerSecond: 3,
				bytesPerSecond: 20,
				latencyP50Ms: 2,
				latencyP99Ms: 4,
				lastAt: 1001,
				blocking: true,
			},
		]);
		const flow = (inPerSecond: number | null, outPerSecond: number | null) => ({ inPerSecond, outPerSecond });
		const flows = await links.flows();
		expect(rows.map(({ to }) => flows.get(to))).toEqual([flow(1.5, 0), flow(1.5, 0)]);
		expect(flows.get(rows[0]?.from ?? '')).toEqual(flow(null, 3));
		const message = {
			at: 1,
			from: ping.id,
			to: worker(1).id,
			type: 'Job',
			seq: 1,
			bytes: 0,
			codec: 'json',
			body: new Uint8Array(),
		};
		router.tapped.messages = [{ ...message, link: rows[0]?.id ?? '' }];
		const tap = links.tap([into.id], { bodyBytes: 0 }, new AbortController().signal);
		expect((await tap.next()).value).toMatchObject({ messages: [{ link: into.id }] });
		await tap.return({ skipped: 0 });
		expect(router.tapped.asked).toEqual(rows.map(({ id }) => id));
	});
});
