/** A router that can be reached and takes no table. */
import { silentLogger } from '@orch/base';
import { ManualClock, seededRandom, settle } from '@orch/base/testing';
import { expect, test } from 'vitest';
import type { RouterConnection } from './ports.ts';
import { type RouterChange, RouterKeeper } from './router-keeper.ts';

/** Connects at once, always, and refuses tables as long as the test says. */
function keep() {
	const clock = new ManualClock();
	const router = { connects: 0, refuses: true, pid: 1, endEvents: () => {}, die: () => {} };
	const changes: RouterChange[] = [];
	const connect = async (): Promise<RouterConnection> => {
		router.connects++;
		let close: () => void = () => {};
		const closed = new Promise<void>((resolve) => {
			close = resolve;
		});
		router.die = close;
		return {
			pid: router.pid,
			version: '1',
			closed,
			close,
			route: async () => {
				if (router.refuses) throw new Error('a table of another kind');
				return { problems: [], schemas: [] };
			},
			async *events() {
				await Promise.race([
					closed,
					new Promise<void>((_resolve, reject) => {
						router.endEvents = () => reject(new Error('an event that cannot be sent'));
					}),
				]);
				yield* [];
			},
			stop: async () => close(),
		} as Partial<RouterConnection> as RouterConnection;
	};
	const keeper = new RouterKeeper({
		gate: { connect },
		clock,
		random: seededRandom(1),
		log: silentLogger,
		table: () => ({ version: 1, ports: [], links: [], schemas: [] }),
		onEvent: () => {},
		onRouted: () => {},
		onChange: (change) => changes.push(change),
	});
	return { clock, router, keeper, changes };
}

test('a router that tells no more of what happens, though it lives, is connected to anew, and after a pause', async () => {
	const { clock, router, keeper } = keep();
	router.refuses = false;
	keeper.start();
	await keeper.routed(1, new AbortController().signal);
	for (let time = 2; time <= 4; time++) {
		router.endEvents();
		for (let round = 0; round < 50; round++) await settle();
		expect(router.connects).toBe(time - 1);
		await clock.advance(1_000);
		expect(router.connects).toBe(time);
	}
	await keeper.close();
});

test('a router that takes no table is asked again after growing waits, not without a pause', async () => {
	const { clock, router, keeper } = keep();
	keeper.start();
	for (let round = 0; round < 50; round++) await settle();
	expect(router.connects).toBe(1);
	for (let second = 0; second < 60; second++) await clock.advance(1_000);
	// 20 ms doubled to 5 s: nine tries in the first ten seconds, then one in five
	expect(router.connects).toBeGreaterThan(9);
	expect(router.connects).toBeLessThan(30);
	router.refuses = false;
	await clock.advance(6_000);
	await keeper.routed(1, AbortSignal.abort());
	await keeper.close();
});

test('a router that is lost is told of, and the next one, but neither the first nor the end', async () => {
	const { router, keeper, changes } = keep();
	router.refuses = false;
	keeper.start();
	await keeper.routed(1, new AbortController().signal);
	expect(changes).toEqual([]);
	router.pid = 2;
	router.die();
	for (let round = 0; round < 5; round++) await settle();
	expect(changes).toEqual([
		{ kind: 'lost', pid: 1 },
		{ kind: 'back', pid: 2, before: 1 },
	]);
	await keeper.close();
	expect(changes).toHaveLength(2);
});
