/** The SDK against the router as it is shipped, a process of its own: what both promise together. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import type { RouterLink, RouterTable } from '@orch/protocol';
import { type ConnectOptions, type Connection, connect, type Dropped } from '@orch/sdk';
import { afterEach, describe, expect, it } from 'vitest';
import { bundles, connectRouter, until, useSandbox } from '../support/index.ts';

const sandbox = useSandbox();

const idOf = (number: number): string => `01900000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;

let rigs = 0;

/** A router of its own, with runtimes whose part the test plays by the SDK. */
class Rig {
	readonly #directory: string;
	readonly #names: readonly string[];
	readonly #links: RouterLink[] = [];
	readonly #connections: Connection[] = [];
	#version = 0;
	#process: ChildProcess | undefined;

	private constructor(names: readonly string[]) {
		rigs += 1;
		this.#directory = sandbox.path(`r${rigs}`);
		this.#names = names;
		mkdirSync(this.#directory);
	}

	static async start(...names: readonly string[]): Promise<Rig> {
		const rig = new Rig(names);
		await rig.startRouter();
		return rig;
	}

	async startRouter(): Promise<void> {
		const args = [
			bundles.router,
			'--socket',
			`${this.#directory}/router`,
			'--state',
			`${this.#directory}/state`,
			'--log-level',
			'error',
		];
		this.#process = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'], env: sandbox.env() });
		await until('the router listens', () =>
			connectRouter(`${this.#directory}/router`).then(
				(caller) => {
					caller.close();
					return true;
				},
				() => false,
			),
		);
		await this.#apply();
	}

	async killRouter(): Promise<void> {
		const ended = once(this.#process as ChildProcess, 'exit');
		this.#process?.kill('SIGKILL');
		await ended;
	}

	async link(from: string, type: string, to: string, choice: Partial<RouterLink> = {}): Promise<string> {
		const id = idOf(0x9000 + this.#links.length);
		const standard = { messages: 1024, bytes: 8 * 1024 * 1024, overflow: 'block', whileDown: 'drop' } as const;
		this.#links.push({ id, from: this.#id(from), type, to: this.#id(to), ...standard, ...choice });
		await this.#apply();
		return id;
	}

	connect<Messages extends object, Calls extends { [K in keyof Calls]: { request: unknown; reply: unknown } }>(
		name: string,
		options: ConnectOptions<(keyof Messages | keyof Calls) & string> = {},
	): Connection<Messages, Calls> {
		const env = { ORCH_IPC_SOCKET: this.#socket(name), ORCH_IPC_TOKEN: `token of ${name}`, ORCH_RUNTIME_NAME: name };
		const connection = connect<Messages, Calls>({ env, ...options });
		this.#connections.push(connection as unknown as Connection);
		return connection;
	}

	async counters(link: string) {
		return this.#ask(async (router) => (await router.call('router.stats', {})).links.find(({ id }) => id === link)?.counters);
	}

	async close(): Promise<void> {
		for (const connection of this.#connections) await connection.close({ timeoutMs: 0 });
		await this.killRouter();
	}

	async #apply(): Promise<void> {
		this.#version += 1;
		const table: RouterTable = {
			version: this.#version,
			ports: this.#names.map((name) => ({
				runtime: this.#id(name),
				name,
				socket: this.#socket(name),
				veecleSocket: `${this.#socket(name)}.v`,
				privileged: false,
				generation: 1,
				token: `token of ${name}`,
			})),
			links: this.#links,
		};
		const { problems } = await this.#ask((router) => router.call('router.table', table));
		expect(problems).toEqual([]);
	}

	async #ask<T>(question: (router: Awaited<ReturnType<typeof connectRouter>>) => Promise<T>): Promise<T> {
		const router = await connectRouter(`${this.#directory}/router`);
		try {
			return await question(router);
		} finally {
			router.close();
		}
	}

	#id(name: string): string {
		return idOf(this.#names.indexOf(name) + 1);
	}

	#socket(name: string): string {
		return `${this.#directory}/${this.#names.indexOf(name)}`;
	}
}

const running: Rig[] = [];
async function rig(...names: readonly string[]): Promise<Rig> {
	const made = await Rig.start(...names);
	running.push(made);
	return made;
}

afterEach(async () => {
	for (const one of running.splice(0)) await one.close();
});

interface Messages {
	Json: unknown;
	Pack: unknown;
	Raw: Uint8Array;
	Number: { readonly n: number; readonly padding?: string };
}

interface Calls {
	Add: { readonly request: readonly number[]; readonly reply: number };
	Nobody: { readonly request: null; readonly reply: null };
}

/** What a receiver that consumes quickly may have unconsumed of one type. */
const largestWindowBytes = 4 * 1024 * 1024;
const codecs = { Pack: 'msgpack', Raw: 'raw' } as const;

describe('the SDK and the router', () => {
	it('carry messages of every codec and length, in order, with the name of the sender', async () => {
		const { link, connect: join } = bound(await rig('a', 'b'));
		for (const type of ['Json', 'Pack', 'Raw']) await link('a', type, 'b');
		const sender = join<Messages, Calls>('a', { codecs });
		const receiver = join<Messages, Calls>('b');
		const got = { Json: [] as unknown[], Pack: [] as unknown[], Raw: [] as Uint8Array[] };
		const from = new Set<string>();
		receiver.on('Json', (data, message) => from.add(message.from) && got.Json.push(data));
		receiver.on('Pack', (data) => got.Pack.push(data));
		receiver.on('Raw', (data) => got.Raw.push(data));
		const raws = [0, 1, 31, 4096, 65_536, 1_000_000, 5].map((length, index) => new Uint8Array(length).fill(index + 1));
		const values = [null, 'ä€😀', { deep: [{ er: true }] }, 'x'.repeat(300_000), 1.5];
		for (const value of values) await Promise.all([sender.send('Json', value), sender.send('Pack', value)]);
		for (const raw of raws) await sender.send('Raw', raw);
		await until(
			'all messages',
			() => got.Raw.length === raws.length && got.Json.length === values.length && got.Pack.length === values.length,
		);
		expect(got.Json).toEqual(values);
		expect(got.Pack).toEqual(values);
		expect(got.Raw.map((bytes) => Buffer.from(bytes).equals(raws.shift() as Uint8Array))).toEqual(
			Array(got.Raw.length).fill(true),
		);
		expect([...from]).toEqual(['a']);
	});

	it('carry requests to whoever answers, and say at once when nobody can', async () => {
		const { link, connect: join } = bound(await rig('a', 'b'));
		await link('a', 'Add', 'b');
		const asker = join<Messages, Calls>('a');
		await expect(asker.request('Nobody', null)).rejects.toMatchObject({ code: 'no_route' });
		await expect(asker.request('Add', [1])).rejects.toMatchObject({ code: 'target_down' });
		const answerer = join<Messages, Calls>('b');
		answerer.reply('Add', (numbers) => {
			if (numbers.length === 0) throw Object.assign(new Error('Nothing to add'), { code: 'empty' });
			return numbers.reduce((sum, n) => sum + n);
		});
		await answerer.opened;
		const sums = await Promise.all(Array.from({ length: 200 }, (_, n) => asker.request('Add', [n, 1])));
		expect(sums).toEqual(Array.from({ length: 200 }, (_, n) => n + 1));
		await expect(asker.request('Add', [])).rejects.toMatchObject({ code: 'empty', message: 'Nothing to add' });
		expect(asker.counters).toMatchObject({ asking: 0, late: 0 });
	});

	it('keep a sender at the pace of a slow receiver behind a small blocking link, and lose nothing', async () => {
		const { link, connect: join, counters } = bound(await rig('a', 'b', 'c'));
		const slow = await link('a', 'Number', 'b', { messages: 8, bytes: 4096 });
		await link('a', 'Json', 'c');
		const sender = join<Messages, Calls>('a');
		const receiver = join<Messages, Calls>('b');
		const other = join<Messages, Calls>('c');
		const got: number[] = [];
		let others = 0;
		other.on('Json', () => {
			others += 1;
		});
		receiver.on('Number', async ({ n }) => {
			await new Promise((resolve) => setImmediate(resolve));
			got.push(n);
		});
		const total = 20_000;
		const padding = 'x'.repeat(1_000);
		let aheadMost = 0;
		for (let n = 1; n <= total; n++) {
			await sender.send('Number', { n, padding });
			aheadMost = Math.max(aheadMost, n - got.length);
			if (n % 10 === 0) await sender.send('Json', n);
		}
		await until('all messages', () => got.length === total && others === total / 10);
		expect(got).toEqual(Array.from({ length: total }, (_, index) => index + 1));
		// what is under way is bounded by the window of the receiver and the mailbox, not by the sender's zeal
		expect(aheadMost).toBeLessThanOrEqual(8 + Math.ceil(largestWindowBytes / padding.length));
		await until('the counters', async () => (await counters(slow))?.delivered === total);
	});

	it('hand over what was sent before the receiver was there, and before it had a handler', async () => {
		const { link, connect: join } = bound(await rig('a', 'b'));
		await link('a', 'Number', 'b', { messages: 100 });
		const sender = join<Messages, Calls>('a');
		for (let n = 1; n <= 100; n++) await sender.send('Number', { n });
		const receiver = join<Messages, Calls>('b');
		await receiver.opened;
		await until('parking', () => receiver.counters.parkedBytes > 0);
		const got: number[] = [];
		receiver.on('Number', ({ n }) => got.push(n));
		await until('all messages', () => got.length === 100);
		expect(got).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
	});

	it('router process killed -9 under load: both come back, nothing twice, order kept, each missing message counted', async () => {
		const one = await rig('a', 'b');
		const { link, connect: join } = bound(one);
		await link('a', 'Number', 'b');
		const sender = join<Messages, Calls>('a');
		const receiver = join<Messages, Calls>('b');
		const seqs: number[] = [];
		const dropped: Dropped[] = [];
		receiver.onEvent('dropped', (notice) => dropped.push(notice));
		receiver.on('Number', (_data, { seq }) => seqs.push(seq));
		const resumed: boolean[] = [];
		sender.onEvent('connected', (event) => resumed.push(event.resumed));
		let sending = true;
		let sent = 0;
		const load = (async () => {
			while (sending) {
				await sender.send('Number', { n: sent + 1 });
				sent += 1;
				// the receiver is in this process, too
				if (sent % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
			}
		})();
		for (let round = 1; round <= 3; round++) {
			const before = seqs.length;
			await until('a thousand messages more', () => seqs.length > before + 1000);
			await one.killRouter();
			await until('both have noticed', () => !sender.connected && !receiver.connected);
			await one.startRouter();
			await until('both are back', () => sender.connected && receiver.connected);
		}
		const before = seqs.length;
		await until('a thousand messages more', () => seqs.length > before + 1000);
		sending = false;
		await load;
		await until('the last message', () => seqs.at(-1) === sent);
		const steps = seqs.map((seq, index) => seq - (seqs[index - 1] ?? 0));
		expect(steps.filter((step) => step < 1)).toEqual([]);
		const missing = sent - seqs.length;
		// the sender may be back before the receiver, and fill its mailbox
		expect(['router_lost', 'receiver_down']).toEqual(expect.arrayContaining(dropped.map(({ reason }) => reason)));
		expect(dropped.reduce((sum, { count }) => sum + count, 0)).toBe(missing);
		expect(resumed).toEqual([false, true, true, true]);
	});
});

/** The methods of a rig without the rig. */
const bound = (one: Rig) => ({
	link: one.link.bind(one),
	connect: one.connect.bind(one) as Rig['connect'],
	counters: one.counters.bind(one),
});
