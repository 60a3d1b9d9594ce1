/** Programs that are gone as soon as they have written what they had to say: all of it arrives. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fixture, node, type Orchd, Stage, until, useSandbox } from '../support/index.ts';

const sandbox = useSandbox();
let orchd: Orchd;
const stage = new Stage(() => orchd);
beforeAll(async () => {
	orchd = await sandbox.startDaemon();
});
afterEach(() => stage.clear());
afterAll(() => expect(orchd.log).not.toContain('defect'));

const lives = 20;
const wordsPerLife = 500;

describe.each(['binary', 'lines'])('a program that speaks %s', (codec) => {
	it.each([
		['ends', 'exit'],
		['is killed', 'kill'],
	])(`and %s right after its last message, ${lives} times: each one arrives once, in order`, async (_what, how) => {
		const b = await stage.stand('b');
		const receiver = await stage.lines(b);
		const a = await orchd.add(node(fixture('last-words.mjs'), codec, how), { name: 'a', restart: { when: 'no' } });
		await stage.link(a, 'T', b, { overflow: 'drop-newest', queue: lives * wordsPerLife });
		for (let life = 1; life <= lives; life++) {
			await orchd.call('runtime.start', { runtime: 'a' });
			await orchd.becomes(a, 'ended', ({ status, generation }) => status === 'exited' && generation === life);
			await until('all of its words', () => receiver.lines.length === life * wordsPerLife);
		}
		expect(receiver.lines.map(({ data }) => data)).toEqual(
			Array.from({ length: lives * wordsPerLife }, (_, index) => (index % wordsPerLife) + 1),
		);
		expect((await stage.stats(a, 'T', b)).counters).toMatchObject({ received: lives * wordsPerLife, dropped: {} });
		const { denied, truncated, discarded_bytes } = await stage.faults(a);
		expect({ denied, truncated, discarded_bytes }).toEqual({});
	});
});
