import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeUnmet, type NeededView, type Needing, NeedGraph, standingOf, unmetOf } from './needs.ts';
import { defaultRestart, type Need } from './spec.ts';

const need = (text: string): Need => {
	const [runtime = '', condition = 'started'] = text.split(':');
	return { runtime, condition: condition as Need['condition'] };
};
const node = (name: string, ...needs: readonly string[]): Needing => ({ id: name, name, needs: needs.map(need) });
const instance = (group: string, index: number, ...needs: readonly string[]): Needing => ({
	...node(`${group}-${index}`, ...needs),
	group: { name: group, index },
});

function graphOf(...nodes: readonly Needing[]): NeedGraph {
	const graph = new NeedGraph();
	for (const one of nodes) graph.add(one);
	return graph;
}

describe('circles', () => {
	test('a circle is told whole, from the one that closes it to itself', () => {
		const graph = graphOf(node('api', 'auth'), node('auth', 'db'), node('cache'));
		expect(graph.circleWith(node('db', 'cache', 'api'))).toEqual(['db', 'api', 'auth', 'db']);
		expect(graph.circleWith(node('db', 'cache'))).toBeUndefined();
		expect(graph.circleWith(node('web', 'web'))).toEqual(['web', 'web']);
	});

	test('a group of instances is needed as a whole, and may not need itself', () => {
		const graph = graphOf(instance('web', 1, 'db'), instance('web', 2, 'db'));
		expect(graph.circleWith(node('db', 'web'))).toEqual(['db', 'web-1', 'db']);
		expect(graph.circleWith(instance('web', 3, 'web'))).toEqual(['web-3', 'web']);
		expect(graph.circleWith(instance('web', 3, 'db'))).toBeUndefined();
	});

	test('runtimes that are added one by one, each refused where it closes a circle, never form one', () => {
		const names = fc.constantFrom(...'abcdefgh');
		const wishes = fc.array(fc.tuple(names, fc.uniqueArray(names, { maxLength: 4 })), { maxLength: 12 });
		fc.assert(
			fc.property(wishes, (all) => {
				const graph = new NeedGraph();
				const added = new Map<string, readonly string[]>();
				for (const [name, needs] of all) {
					const one = node(name, ...needs);
					const circle = graph.circleWith(one);
					if (circle) {
						// every step of it is a need that somebody has
						const needsOf = (at: string) => (at === name ? needs : (added.get(at) ?? []));
						expect([circle[0], circle.at(-1)]).toEqual([name, name]);
						for (const [at, next] of circle.slice(1).entries()) expect(needsOf(circle[at] ?? '')).toContain(next);
						continue;
					}
					graph.add(one);
					added.set(name, needs);
				}
				for (const id of added.keys()) expect(graph.allNeededBy(id)).not.toContain(id);
				for (const id of added.keys()) {
					for (const other of graph.allNeededBy(id)) expect(graph.allNeededBy(other)).not.toContain(id);
				}
			}),
			{ seed: 1, numRuns: 1_000 },
		);
	});
});

describe('orders', () => {
	test('what is stopped comes behind those that need it, and beside what is independent', async () => {
		const graph = graphOf(node('db'), node('cache'), node('api', 'db', 'cache'), node('web', 'api'), node('cron', 'db'));
		const steps: string[] = [];
		const release = new Map<string, () => void>();
		const all = graph.inReverse(['db', 'cache', 'web', 'cron'], (id) => {
			steps.push(`${id} begins`);
			return new Promise<string>((resolve) => release.set(id, () => resolve(id)));
		});
		const settle = () => new Promise((resolve) => setImmediate(resolve));
		await settle();
		// api is not among them: web counts for what api needs all the same
		expect(new Set(steps)).toEqual(new Set(['web begins', 'cron begins']));
		release.get('web')?.();
		await settle();
		expect(steps.slice(2)).toEqual(['cache begins']);
		release.get('cron')?.();
		release.get('cache')?.();
		await settle();
		expect(steps.slice(3)).toEqual(['db begins']);
		release.get('db')?.();
		expect(await all).toEqual(['db', 'cache', 'web', 'cron']);
	});

	test('one that cannot be stopped does not keep the others from it', async () => {
		const graph = graphOf(node('db'), node('web', 'db'));
		const stopped: string[] = [];
		const all = graph.inReverse(['db', 'web'], async (id) => {
			if (id === 'web') throw new Error('it did not end');
			stopped.push(id);
		});
		await expect(all).rejects.toThrow('it did not end');
		await new Promise((resolve) => setImmediate(resolve));
		expect(stopped).toEqual(['db']);
	});

	test('in any graph, whatever is stopped with whatever else, the order holds and each is stopped once', async () => {
		const size = 8;
		// needs go only to earlier ones: no circles
		const graphs = fc.array(fc.uniqueArray(fc.nat(size - 1), { maxLength: 3 }), { minLength: size, maxLength: size });
		await fc.assert(
			fc.asyncProperty(graphs, fc.uniqueArray(fc.nat(size - 1)), fc.infiniteStream(fc.nat(3)), async (shape, chosen, delays) => {
				const nodes = shape.map((needs, at) => node(`n${at}`, ...needs.filter((to) => to < at).map((to) => `n${to}`)));
				const graph = graphOf(...nodes);
				const ids = chosen.map((at) => `n${at}`);
				const done = new Set<string>();
				await graph.inReverse(ids, async (id) => {
					for (const other of ids)
						if (graph.allNeededBy(other).includes(id)) expect([id, other, done.has(other)]).toEqual([id, other, true]);
					for (let turns = delays.next().value; turns > 0; turns--) await Promise.resolve();
					expect(done.has(id)).toBe(false);
					done.add(id);
				});
				expect(done).toEqual(new Set(ids));
			}),
			{ seed: 2, numRuns: 500 },
		);
	});

	test('a chain of ten thousand is no trouble', async () => {
		const nodes = Array.from({ length: 10_000 }, (_, at) => node(`n${at}`, ...(at === 0 ? [] : [`n${at - 1}`])));
		const graph = graphOf(...nodes);
		expect(graph.allNeededBy('n9999').length).toBe(9_999);
		expect(graph.circleWith({ ...node('n0', 'n9999') })?.length).toBe(10_001);
		let last = '';
		await graph.inReverse(['n0', 'n9999'], async (id) => {
			last = id;
		});
		expect(last).toBe('n0');
	});
});

test('the graph forgets a runtime that was removed, and knows who has needed it', () => {
	const graph = graphOf(node('db'), node('web', 'db:ready'));
	graph.remove('db');
	expect([graph.meantBy(need('db')), graph.dependentsOf('db')]).toEqual([[], []]);
	expect(graph.dependentsByName(['db'])).toEqual([{ id: 'web', need: need('db:ready') }]);
	graph.add(node('db'));
	expect(graph.dependentsOf('db').map(({ id }) => id)).toEqual(['web']);
	graph.add(node('web'));
	expect(graph.dependentsOf('db')).toEqual([]);
});

const view = (wish: Partial<NeededView>): NeededView => ({
	status: 'running',
	desired: 'running',
	ready: undefined,
	reason: undefined,
	lastExit: undefined,
	backoff: undefined,
	spec: { name: 'db', restart: defaultRestart },
	...wish,
});
const exited = (code: number, successExitCodes?: readonly number[]) =>
	view({
		status: 'exited',
		lastExit: { code, signal: undefined, coreDumped: false, at: 0, by: 'itself', reason: undefined },
		spec: { name: 'db', restart: { ...defaultRestart, successExitCodes } },
	});
const backoff = { failures: 5, of: 5, withinMs: 60_000, nextAt: 1, nextInMs: 1 };

test.each([
	['running', view({}), 'met', 'coming', 'coming'],
	['running, not ready', view({ ready: false }), 'met', 'coming', 'coming'],
	['running, ready', view({ ready: true }), 'met', 'met', 'coming'],
	['ended well', exited(0), 'met', 'stuck', 'met'],
	['ended with a code that counts as success', exited(3, [3]), 'met', 'stuck', 'met'],
	['ended badly', exited(1), 'stuck', 'stuck', 'stuck'],
	['starting', view({ status: 'starting' }), 'coming', 'coming', 'coming'],
	['waiting', view({ status: 'waiting' }), 'coming', 'coming', 'coming'],
	['backing off', view({ status: 'backoff' }), 'coming', 'coming', 'coming'],
	['given up', view({ status: 'failed' }), 'stuck', 'stuck', 'stuck'],
	['given up, tried again', view({ status: 'failed', backoff }), 'coming', 'coming', 'coming'],
	['being restarted', view({ status: 'stopping' }), 'coming', 'coming', 'coming'],
	['being stopped', view({ status: 'stopping', desired: 'stopped' }), 'stuck', 'stuck', 'stuck'],
	['stopped', view({ status: 'stopped', desired: 'stopped' }), 'stuck', 'stuck', 'stuck'],
] as const)('a needed runtime that is %s', (_title, seen, started, ready, succeeded) => {
	expect([standingOf('started', seen), standingOf('ready', seen), standingOf('succeeded', seen)]).toEqual([
		started,
		ready,
		succeeded,
	]);
});

test('what is not met is told with how it stands there', () => {
	const graph = graphOf(node('db'), instance('cache', 1), instance('cache', 2), node('web'));
	const views = new Map([
		['db', view({ ready: false })],
		['cache-1', view({ spec: { name: 'cache-1', restart: defaultRestart } })],
		['cache-2', view({ status: 'stopped', spec: { name: 'cache-2', restart: defaultRestart } })],
	]);
	const unmet = unmetOf([need('db:ready'), need('cache'), need('queue:succeeded')], graph, (id) => views.get(id));
	expect(unmet.map(({ id, standing, how }) => ({ id, standing, how }))).toEqual([
		{ id: 'db', standing: 'coming', how: 'db is not ready yet' },
		{ id: 'cache-2', standing: 'stuck', how: 'cache-2 is stopped' },
		{ id: undefined, standing: 'stuck', how: "there is no runtime 'queue'" },
	]);
	expect(describeUnmet(unmet)).toBe('waits for db: ready, cache: started, queue: succeeded');
});
