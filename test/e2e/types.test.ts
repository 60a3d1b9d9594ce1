/** Types with schemas, end to end: a project says what its messages are like, and what does not fit is refused to whoever sends it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { until } from '@orch/base/testing';
import { describe, expect, it } from 'vitest';
import { fixture, has, inSandbox, isAlive, type Orchd, type Sandbox } from '../support/index.ts';

const file = (seq: string) => `version: 1
name: shop
runtimes:
  sdk: { command: [node, ${fixture('sdk-typed.mjs')}] }
  lines: { command: [python3, ${fixture('typed.py')}] }
  sink: { command: [python3, ${fixture('typed.py')}] }
types:
  Ping:
    type: object
    properties: { seq: { type: ${seq} } }
    required: [seq]
links:
  - sdk -Ping-> sink
  - lines -Ping-> sink
`;

interface Shop {
	readonly own: Sandbox;
	daemon: Orchd;
	orch(...args: string[]): ReturnType<Sandbox['cli']>;
	/** Lets a runtime of the shop send this as Ping. */
	say(runtime: string, body: unknown): Promise<void>;
	/** What a runtime has said so far, line by line. */
	said(runtime: string): Promise<Record<string, unknown>[]>;
	/** Resolves once it has said so many lines that have `key`; gives them. */
	says(runtime: string, key: string, count: number): Promise<unknown[]>;
	counters(from: string): Promise<{ received: number; delivered: number; dropped: Readonly<Record<string, number>> }>;
	pids(): Promise<unknown>;
}

async function inShop(work: (shop: Shop) => Promise<void>): Promise<void> {
	await inSandbox(async (own) => {
		writeFileSync(own.path('orch.yaml'), file('integer'));
		const orch = (...args: string[]) => own.cli(...args);
		const shop: Shop = {
			own,
			daemon: await own.startDaemon(),
			orch,
			async say(runtime, body) {
				expect(await orch('link', 'send', '--to', runtime, '--type', 'Say', JSON.stringify(body))).toMatchObject({ code: 0 });
			},
			async said(runtime) {
				const text = (await shop.daemon.output({ id: `shop/${runtime}` })).toString();
				const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
				return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>);
			},
			async says(runtime, key, count) {
				const found = async () => (await shop.said(runtime)).filter((line) => Object.hasOwn(line, key)).map((line) => line[key]);
				await until(`${runtime} says ${count} times ${key}`, async () => (await found()).length >= count);
				return found();
			},
			async counters(from) {
				const { links } = await shop.daemon.call('link.stats', { from: `shop/${from}` });
				return links[0]?.counters ?? { received: 0, delivered: 0, dropped: {} };
			},
			async pids() {
				return (await shop.daemon.call('runtime.list', {})).map(({ name, pid }) => [name, pid]);
			},
		};
		const up = await orch('up');
		expect(up, up.stderr).toMatchObject({ code: 0 });
		for (const name of ['sdk', 'lines', 'sink']) await shop.says(name, 'connected', 1);
		await work(shop);
		expect(await orch('down')).toMatchObject({ code: 0 });
	});
}

/** The Pings that have come, each as [sender, seq]. */
const pings = async (shop: Shop) =>
	(await shop.said('sink'))
		.filter(({ type }) => type === 'Ping')
		.map(({ from, data }) => [String(from).replace('shop/', ''), (data as { seq: unknown }).seq]);

const refusedText = 'Ping.seq must be integer, got string "one" (type declared by project shop)';

describe.skipIf(!has('python3'))('a type with a schema', () => {
	it('lets through what fits; what does not is refused to its sender with the reason, and counted exactly', async () => {
		await inShop(async (shop) => {
			for (const name of ['sdk', 'lines']) for (const seq of [1, 'one', 2]) await shop.say(name, { seq });
			await until('the good ones', async () => (await pings(shop)).length === 4);
			expect((await pings(shop)).filter(([from]) => from === 'sdk')).toEqual([
				['sdk', 1],
				['sdk', 2],
			]);
			const error = { code: 'schema', type: 'Ping', path: '.seq', message: refusedText, count: 1 };
			expect(await shop.says('sdk', 'error', 1)).toEqual([error]);
			expect(await shop.says('lines', 'error', 1)).toEqual([error]);
			expect(await shop.says('sink', 'dropped', 2)).toEqual([
				{ type: 'Ping', count: 1, reason: 'schema', from: expect.stringMatching(/^shop\/(sdk|lines)$/) },
				{ type: 'Ping', count: 1, reason: 'schema', from: expect.stringMatching(/^shop\/(sdk|lines)$/) },
			]);
			for (const from of ['sdk', 'lines'])
				expect(await shop.counters(from)).toMatchObject({ received: 3, delivered: 2, dropped: { schema: 1 } });

			await shop.daemon.call('link.send', { to: 'shop/sdk', type: 'Ask', body: Buffer.from('{"seq":"one"}'), codec: 'json' });
			expect(await shop.says('sdk', 'failed', 1)).toEqual([{ code: 'schema', message: refusedText }]);

			expect(await shop.orch('link', 'send', '--to', 'sink', '--type', 'Ping', '{"seq":"one"}')).toMatchObject({
				code: 2,
				stdout: '',
				stderr: expect.stringContaining('orch: Ping.seq must be integer, got string "one"   (type declared by project shop)\n'),
			});
			const types = JSON.parse((await shop.orch('link', 'types', 'Ping', '--json')).stdout) as Record<string, unknown>;
			expect(types).toMatchObject({
				name: 'Ping',
				messages: 8,
				refused: 4,
				producers: [
					{ name: 'shop/sdk', messages: 4, refused: 2 },
					{ name: 'shop/lines', messages: 3, refused: 1 },
					{ name: '@cli', messages: 1, refused: 1 },
				],
				consumers: [{ name: 'shop/sink' }],
				schemas: [{ project: 'shop', problem: null, schema: { type: 'object', required: ['seq'] } }],
				last: { codec: 'json', data: { seq: expect.any(Number) } },
				lastRefused: { from: '@cli', reason: refusedText },
			});
		});
	});

	it('holds after the death of orchd and of the router, and a later one takes its place without a restart', async () => {
		await inShop(async (shop) => {
			await shop.daemon.kill9();
			shop.daemon = await shop.own.startDaemon();
			await shop.say('sdk', { seq: 'one' });
			await shop.says('sdk', 'error', 1);

			const router = await shop.daemon.routerPid();
			process.kill(router, 'SIGKILL');
			await until('the router is gone', () => !isAlive(router));
			for (const name of ['sdk', 'lines', 'sink']) await shop.says(name, 'connected', 2);
			for (const name of ['sdk', 'lines']) await shop.say(name, { seq: 'one' });
			await shop.says('sdk', 'error', 2);
			await shop.says('lines', 'error', 1);
			expect(await pings(shop)).toEqual([]);

			const before = await shop.pids();
			const changed = file('string');
			writeFileSync(shop.own.path('other.yaml'), changed);
			writeFileSync(shop.own.path('orch.yaml'), changed);
			await until('it is followed', async () => {
				const shown = JSON.parse((await shop.orch('link', 'types', 'Ping', '--json')).stdout) as { schemas: unknown };
				return JSON.stringify(shown.schemas).includes('{"seq":{"type":"string"}}');
			});
			for (const name of ['sdk', 'lines']) for (const seq of ['one', 1]) await shop.say(name, { seq });
			await until('what fits now', async () => (await pings(shop)).length === 2);
			await shop.says('sdk', 'error', 3);
			await shop.says('lines', 'error', 2);
			expect((await pings(shop)).map(([, seq]) => seq)).toEqual(['one', 'one']);
			expect(await shop.pids()).toEqual(before);
		});
	});

	it('is shown by diff before it holds, holds when up has returned, and is gone with the project', async () => {
		await inShop(async (shop) => {
			// the daemon reads the file by itself: what is typed shall be what tells
			const path = shop.own.path('orch.yaml');
			const extended = `${file('integer')}  - sdk -Pong-> sink\n`.replace(
				'types:\n',
				'types:\n  Pong: { type: string, pattern: "^p+$" }\n',
			);
			writeFileSync(shop.own.path('next.yaml'), extended);
			const diff = await shop.orch('diff', '-f', path, '-f', shop.own.path('next.yaml'));
			expect(diff.stdout + diff.stderr).toMatch(/types\.Pong|type Pong|types Pong/);
			const before = await shop.pids();
			const up = await shop.orch('up', '-f', path, '-f', shop.own.path('next.yaml'));
			expect(up, up.stderr).toMatchObject({ code: 0 });
			expect(await shop.pids()).toEqual(before);
			const send = (body: string) => shop.orch('link', 'send', '--to', 'sink', '--type', 'Pong', body);
			expect(await send('"pq"')).toMatchObject({ code: 2, stderr: expect.stringContaining('must match pattern') });
			expect(await send('"ppp"')).toMatchObject({ code: 0 });
			expect(readFileSync(path, 'utf8')).toBe(file('integer'));
			expect(await shop.orch('down')).toMatchObject({ code: 0 });
			expect((await shop.daemon.call('link.types', {})).flatMap(({ schemas }) => schemas)).toEqual([]);
		});
	});
});
