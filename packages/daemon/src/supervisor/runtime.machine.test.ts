import { diagram } from '@orch/base';
import { explore } from '@orch/base/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { End } from './restart.ts';
import {
	type RuntimeContext,
	type RuntimeEffect,
	type RuntimeEvent,
	type RuntimeState,
	runtimeTable,
	stepRuntime,
} from './runtime.machine.ts';
import type { RestartPolicy } from './spec.ts';

const policy: RestartPolicy = {
	when: 'on-failure',
	firstMs: 100,
	capMs: 200,
	failures: 3,
	withinMs: 1_000,
	retryEveryMs: null,
	healthyMs: 500,
};
/** Between them they use every row. */
const policies: RestartPolicy[] = [
	policy,
	{ ...policy, when: 'no' },
	{ ...policy, when: 'always', failures: 0 },
	{ ...policy, retryEveryMs: 5_000 },
];
const stopped = { kind: 'stopped' } as RuntimeState;
const rows: Record<string, Record<string, { to: readonly string[] }>> = runtimeTable;

const end = (wish: Partial<End> = {}): End => ({ failed: true, what: 'exit code 1', livedMs: 0, at: 0, chance: 0.5, ...wish });
const ends = [0, 600, 2_000].flatMap((at) => [true, false].map((failed) => end({ at, failed })));
const everyEvent: RuntimeEvent[] = [
	{ kind: 'start' },
	{ kind: 'restart' },
	{ kind: 'restart', reason: 'db was restarted' },
	{ kind: 'stop' },
	{ kind: 'stop', reason: 'db was stopped' },
	{ kind: 'shut_down' },
	{ kind: 'launched' },
	{ kind: 'emptied' },
	{ kind: 'backoff_over' },
	{ kind: 'needs_changed' },
	{ kind: 'condemned', end: end({ what: 'too much' }) },
	{ kind: 'condemned', end: end({ what: 'too much', at: 2_000 }) },
	{ kind: 'launch_failed', end: end() },
	{ kind: 'launch_failed', end: end({ at: 2_000 }) },
	...ends.flatMap((one) => [true, false].map((leftovers): RuntimeEvent => ({ kind: 'exited', end: one, leftovers }))),
	{ kind: 'exited', end: end({ livedMs: 500, at: 600 }), leftovers: false },
];
/** Each event comes where all that is needed is there, where something is not, and where something has escaped. */
const needs = [undefined, 'waits for db: ready', 'waits for cache: started'];
const contexts = [...needs.map((waitsFor) => ({ waitsFor, hasEscaped: false })), { waitsFor: undefined, hasEscaped: true }];
const events = everyEvent.flatMap((event) => contexts.map((context) => ({ ...event, ...context })));
const walks = policies.map((one) =>
	explore(stopped, events, (state, { waitsFor, hasEscaped, ...event }) =>
		stepRuntime(state, event as RuntimeEvent, { ...one, waitsFor, hasEscaped }),
	),
);
const edges = walks.flat();

test('the runtime machine goes only where its table says', () => {
	for (const { from, event, to } of edges) {
		const declared = rows[from.kind]?.[event.kind]?.to ?? [from.kind];
		expect(declared, `${from.kind} --${event.kind}--> ${to.kind}`).toContain(to.kind);
	}
});

test('the runtime machine takes every way that its table declares', () => {
	const declared = Object.entries(rows).flatMap(([from, row]) =>
		Object.entries(row).flatMap(([event, { to }]) => to.map((target) => `${from} --${event}--> ${target}`)),
	);
	const walked = new Set(edges.map(({ from, event, to }) => `${from.kind} --${event.kind}--> ${to.kind}`));
	expect(declared.filter((edge) => !walked.has(edge))).toEqual([]);
});

test('the runtime machine launches only where nothing of an earlier process can be', () => {
	for (const { from, event, effects } of edges) {
		const launches = effects.filter(({ kind }) => kind === 'launch').length;
		if (launches === 0) continue;
		const isFree = from.kind === 'stopped' || from.kind === 'waiting' || ('clearing' in from && !from.clearing);
		const getsFree = event.kind === 'emptied' || event.kind === 'launch_failed' || (event.kind === 'exited' && !event.leftovers);
		expect({ launches, from, event, allowed: isFree || getsFree }).toMatchObject({ launches: 1, allowed: true });
	}
});

test('the runtime machine launches only where all that is needed is there, and waits only for what is not', () => {
	for (const { event, to, effects } of edges) {
		const launches = effects.some(({ kind }) => kind === 'launch');
		if (launches) expect(event.waitsFor).toBeUndefined();
		const { kind } = event;
		const isTold = kind === 'needs_changed' || kind === 'start' || kind === 'restart';
		if (to.kind === 'waiting' && isTold) expect({ event, reason: to.reason }).toEqual({ event, reason: event.waitsFor });
	}
});

test('a stop or restart that nobody commanded carries its reason until nothing is left', () => {
	for (const [kind, to] of [
		['stop', 'stopped'],
		['restart', 'starting'],
	] as const) {
		const starting = stepRuntime(stopped, { kind: 'start' }, policy).state;
		const running = stepRuntime(starting, { kind: 'launched' }, policy).state;
		const ending = stepRuntime(running, { kind, reason: 'db was restarted' }, policy).state;
		expect(ending).toMatchObject({ kind: 'stopping', reason: 'db was restarted' });
		const abandoned = stepRuntime(starting, { kind, reason: 'db was restarted' }, policy).state;
		expect(stepRuntime(abandoned, { kind: 'launched' }, policy).state).toEqual(ending);
		const over = stepRuntime(ending, { kind: 'emptied' }, policy).state;
		expect([over.kind, 'reason' in over]).toEqual([to, false]);
	}
});

test('a restart of a runtime that waits leaves it waiting, and it is launched once', () => {
	const waits = { ...policy, waitsFor: 'waits for db: ready' };
	const waiting = stepRuntime(stopped, { kind: 'start' }, waits).state;
	expect(waiting).toMatchObject({ kind: 'waiting', by: 'command', reason: 'waits for db: ready' });
	expect(stepRuntime(waiting, { kind: 'restart' }, waits)).toEqual({ state: waiting, effects: [] });
	const met = stepRuntime(waiting, { kind: 'needs_changed' }, policy);
	expect(met).toMatchObject({ state: { kind: 'starting' }, effects: [{ kind: 'launch', by: 'command' }] });
	expect(stepRuntime(met.state, { kind: 'needs_changed' }, policy)).toEqual({ state: met.state, effects: [] });
});

test('the runtime machine leaves no timer behind and sets none twice', () => {
	const hasTimer = (state: RuntimeState) =>
		(state.kind === 'backoff' && !state.due) || (state.kind === 'failed' && state.retries && !state.due);
	for (const { from, event, to, effects } of edges) {
		const fires = event.kind === 'backoff_over' && hasTimer(from);
		const clears = effects.some(({ kind }) => kind === 'clear_timer');
		const sets = effects.filter(({ kind }) => kind === 'set_timer').length;
		const pending = (hasTimer(from) && !fires && !clears ? 1 : 0) + sets;
		expect({ from, event, to, pending }).toEqual({ from, event, to, pending: hasTimer(to) ? 1 : 0 });
	}
});

test('the runtime machine says "clearing" exactly while an end is under way', () => {
	const isEnding = (state: RuntimeState) =>
		'clearing' in state ? state.clearing : state.kind === 'stopping' && !state.launching;
	for (const { from, event, to, effects } of edges) {
		const begins = effects.some(({ kind }) => kind === 'end');
		const ending = (isEnding(from) && event.kind !== 'emptied') || begins;
		// an event that no launch or process in that state can send
		const isImpossible =
			(event.kind === 'exited' && from.kind !== 'running') ||
			(event.kind === 'emptied' && !isEnding(from)) ||
			!rows[from.kind]?.[event.kind];
		if (!isImpossible) expect({ from, event, to, ending }).toEqual({ from, event, to, ending: isEnding(to) });
	}
});

test('a condemned process is followed by another only when nothing of it is left, by policy and with its reason', () => {
	const running = stepRuntime(stepRuntime(stopped, { kind: 'start' }, policy).state, { kind: 'launched' }, policy).state;
	const condemn = (state: RuntimeState, at: number, one: RestartPolicy) => {
		const ending = stepRuntime(state, { kind: 'condemned', end: end({ what: 'used 2 MiB, limit 1 MiB', at }) }, one);
		expect(ending).toMatchObject({
			state: { kind: 'stopping', reason: 'used 2 MiB, limit 1 MiB' },
			effects: [{ kind: 'end' }],
		});
		const ended = stepRuntime(ending.state, { kind: 'exited', end: end(), leftovers: false }, one).state;
		return stepRuntime(ended, { kind: 'emptied' }, one);
	};
	const first = condemn(running, 0, policy);
	expect(first).toMatchObject({ state: { kind: 'starting' }, effects: [{ kind: 'launch', by: 'policy' }, { kind: 'sweep' }] });
	const again = stepRuntime(first.state, { kind: 'launched' }, policy).state;
	expect(condemn(again, 100, policy).state).toMatchObject({ kind: 'backoff', reason: 'used 2 MiB, limit 1 MiB' });
	expect(condemn(running, 0, { ...policy, when: 'no' }).state).toMatchObject({
		kind: 'failed',
		reason: 'used 2 MiB, limit 1 MiB',
	});
});

test('the end of the daemon ends what there is, and turns no end that was judged into a stop', () => {
	for (const { from, event, to, effects } of edges) {
		if (event.kind !== 'shut_down') continue;
		const ends = effects.some(({ kind }) => kind === 'end' || kind === 'abandon') || (from.kind === 'stopping' && from.launching);
		const isJudged = from.kind === 'exited' || (from.kind === 'failed' && !from.due);
		expect({ from, ends, to: to.kind }).toEqual({ from, ends: true, to: isJudged ? from.kind : 'stopping' });
	}
	const running = stepRuntime(stepRuntime(stopped, { kind: 'start' }, policy).state, { kind: 'launched' }, policy).state;
	for (const [when, kind] of [
		['no', 'failed'],
		['always', 'stopped'],
	] as const) {
		const ending = stepRuntime(running, { kind: 'condemned', end: end({ what: 'too much' }) }, { ...policy, when }).state;
		const last = stepRuntime(ending, { kind: 'shut_down' }, { ...policy, when }).state;
		expect(stepRuntime(last, { kind: 'emptied' }, { ...policy, when }).state).toMatchObject({ kind });
	}
});

test('the runtime machine draws itself', () => {
	expect(diagram(rows)).toContain('backoff --> starting: backoff_over');
});

/** A world that answers the machine's effects as its protocol says, in any order, with crashes. */
class World {
	state: RuntimeState = stopped;
	launching = false;
	processes = 0;
	ending = false;
	timer = false;
	launches = 0;
	at = 0;
	/** Whether what it needs is there. */
	isMet = true;
	readonly #policy: RestartPolicy;

	constructor(one: RestartPolicy) {
		this.#policy = one;
	}

	send(event: RuntimeEvent): void {
		const context: RuntimeContext = { ...this.#policy, waitsFor: this.isMet ? undefined : 'waits for db: ready' };
		const next = stepRuntime(this.state, event, context);
		this.state = next.state;
		for (const effect of next.effects) this.#perform(effect);
	}

	#perform(effect: RuntimeEffect): void {
		switch (effect.kind) {
			case 'launch':
				if (this.launching || this.processes > 0) throw new Error('launched a second process');
				if (!this.isMet) throw new Error('launched without what it needs');
				this.launching = true;
				this.launches++;
				return;
			case 'end':
				if (this.launching) throw new Error('ended what is being launched');
				this.ending = true;
				return;
			case 'set_timer':
				this.timer = true;
				return;
			case 'clear_timer':
				this.timer = false;
				return;
			case 'abandon':
			case 'sweep':
				return;
		}
	}

	/** What may happen next by itself; `choice` chooses. Undefined where nothing can. */
	happen(choice: number, mayFail: boolean): boolean {
		this.at += 100;
		const can: (() => void)[] = [];
		if (this.launching) {
			can.push(() => {
				this.launching = false;
				this.processes++;
				this.send({ kind: 'launched' });
			});
			if (mayFail) {
				can.push(() => {
					this.launching = false;
					this.send({ kind: 'launch_failed', end: end({ at: this.at }) });
				});
			}
		}
		if (this.processes > 0 && mayFail) {
			can.push(() => this.send({ kind: 'condemned', end: end({ what: 'too much', at: this.at }) }));
		}
		if (this.processes > 0 && (mayFail || this.ending)) {
			can.push(() => {
				this.processes = 0;
				this.send({ kind: 'exited', end: end({ at: this.at, failed: choice % 3 > 0 }), leftovers: choice % 2 === 0 });
			});
		}
		if (this.ending && this.processes === 0) {
			can.push(() => {
				this.ending = false;
				this.send({ kind: 'emptied' });
			});
		}
		if (mayFail || !this.isMet) {
			can.push(() => {
				this.isMet = !this.isMet;
				this.send({ kind: 'needs_changed' });
			});
		}
		if (this.timer) {
			can.push(() => {
				this.timer = false;
				this.send({ kind: 'backoff_over' });
			});
		}
		const one = can[choice % Math.max(1, can.length)];
		one?.();
		return one !== undefined;
	}

	settle(): void {
		for (let turn = 0; turn < 100; turn++) if (!this.happen(turn, false)) return;
		throw new Error('does not settle');
	}
}

const command = fc.constantFrom<RuntimeEvent>({ kind: 'start' }, { kind: 'restart' }, { kind: 'stop' });
const history = fc.array(fc.oneof(command, fc.nat(11)), { maxLength: 60, size: 'max' });

function play(one: RestartPolicy, steps: readonly (RuntimeEvent | number)[]): World {
	const world = new World(one);
	for (const step of steps) {
		if (typeof step === 'number') world.happen(step, true);
		else world.send(step);
	}
	return world;
}

test('the runtime machine never forgets a stop, and launches nothing after it', () => {
	fc.assert(
		fc.property(fc.constantFrom(...policies), history, fc.array(fc.nat(11), { maxLength: 10 }), (one, before, after) => {
			const world = play(one, [...before, { kind: 'stop' }]);
			const { launches } = world;
			for (const choice of after) world.happen(choice, true);
			world.settle();
			expect({ kind: world.state.kind, launches: world.launches, timer: world.timer, processes: world.processes }).toEqual({
				kind: 'stopped',
				launches,
				timer: false,
				processes: 0,
			});
		}),
		{ seed: 1, numRuns: 3_000 },
	);
});

test('the runtime machine runs after a start, and anew after a restart, whatever came before', () => {
	fc.assert(
		fc.property(fc.constantFrom(...policies), history, fc.constantFrom('start', 'restart'), (one, before, kind) => {
			const world = play(one, before);
			const { launches, state } = world;
			world.send({ kind } as RuntimeEvent);
			world.settle();
			const isNew = kind === 'restart' || state.kind !== 'running';
			expect({ kind: world.state.kind, processes: world.processes }).toEqual({ kind: 'running', processes: 1 });
			if (isNew && state.kind !== 'starting') expect(world.launches).toBeGreaterThan(launches);
		}),
		{ seed: 2, numRuns: 3_000 },
	);
});
