import type { RouterEvent } from '@orch/protocol';
import { expect, test } from 'vitest';
import { Controls } from './controls.ts';
import { EventStream } from './event-stream.ts';
import { maxWaitingEvents } from './limits.ts';
import type { ControlOutcome, Peer } from './peer.ts';

const peer = { runtime: 'one' } as Peer;

/** An array in so many arrays. */
function nested(levels: number): unknown {
	let value: unknown = [];
	for (let level = 1; level < levels; level++) value = [value];
	return value;
}

test.each([
	['nested deeper than 512 levels', nested(513), 'request.invalid', 'nested deeper than the 512 levels'],
	['nested as deep as nothing can be written down', nested(100_000), 'request.invalid', 'nested deeper than the 512 levels'],
	['an integer that cannot be written down', 2n ** 64n, 'request.invalid', 'cannot be passed on'],
	['longer than 1 MiB', Array.from({ length: 200_000 }, () => 0.1), 'too_large', 'takes 18'],
])('what is %s is not asked, and told why', async (_what, params, code, message) => {
	const events = new EventStream(() => []);
	const controls = new Controls(events);
	const reader = events.read(new AbortController().signal);
	const next = reader.next();
	const outcomes: ControlOutcome[] = [];
	controls.ask(peer, 'runtime.start', params, (outcome) => outcomes.push(outcome));
	expect(outcomes).toEqual([{ error: { code, message: expect.stringContaining(message) } }]);
	controls.ask(peer, 'runtime.start', nested(512), (outcome) => outcomes.push(outcome));
	expect((await next).value).toMatchObject({ kind: 'control', params: nested(512) });
	expect(outcomes).toHaveLength(1);
});

test('a reader that is far behind is told how things are, and every request that was taken; what is not taken is refused at once', async () => {
	const now: RouterEvent = { kind: 'disconnected', runtime: 'one', generation: 7 };
	const events = new EventStream(() => [now]);
	const controls = new Controls(events);
	const outcomes = new Map<number, ControlOutcome>();
	const ask = (number: number) => controls.ask(peer, 'runtime.start', { number }, (outcome) => outcomes.set(number, outcome));
	ask(0);
	expect(outcomes.get(0)).toMatchObject({ error: { code: 'disconnected' } });
	const reader = events.read(new AbortController().signal);
	expect((await reader.next()).value).toEqual(now);
	for (let number = 1; number <= 100; number++) ask(number);
	for (let count = 0; count < 2 * maxWaitingEvents; count++) events.publish({ kind: 'ready', runtime: 'one', generation: 1 });
	for (let number = 101; number <= 2 * maxWaitingEvents; number++) ask(number);
	const refused = [...outcomes].filter(([number]) => number > 0);
	expect(refused.length).toBeGreaterThan(0);
	for (const [, outcome] of refused) expect(outcome).toMatchObject({ error: { code: 'busy' } });
	const asked: unknown[] = [];
	let told = 0;
	for (const expected = 2 * maxWaitingEvents - refused.length; asked.length < expected; ) {
		const { value } = await reader.next();
		if (value?.kind === 'control') asked.push((value.params as { number: number }).number);
		told++;
	}
	expect(asked).toEqual(
		Array.from({ length: 2 * maxWaitingEvents }, (_, at) => at + 1).filter((number) => !outcomes.has(number)),
	);
	expect(told).toBeLessThanOrEqual(maxWaitingEvents);
	await reader.return();
	expect(events.hasReader).toBe(false);
});
