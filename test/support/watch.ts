/** Watches over a daemon while a test does its worst to it: it answers, its router lives, messages pass, and nothing is kept. */
import { until } from '@orch/base/testing';
import { expect } from 'vitest';
import { fixture } from './bundles.ts';
import { node, type Runtime } from './client.ts';
import type { Orchd } from './orchd.ts';
import { connectionsOf, keptShims, residentBytesOf, spareShimsOf } from './proc.ts';

/** 16 MiB of one unfinished frame, its decoded form, and what the collector has not got to yet. */
const mostBytes = 400 * 1024 * 1024;

export class Watch {
	readonly #orchd: Orchd;
	readonly #ping: Runtime;
	readonly #asking: Promise<void>;
	#going = true;
	#answers = 0;
	#longestMs = 0;
	#failure: unknown;

	private constructor(orchd: Orchd, ping: Runtime) {
		this.#orchd = orchd;
		this.#ping = ping;
		this.#asking = this.#ask().catch((error: unknown) => {
			this.#failure = error;
		});
	}

	/** With a pair of programs that exchange messages from now on. */
	static async begin(orchd: Orchd): Promise<Watch> {
		const ping = await orchd.add(node(fixture('sdk-ping.mjs')), { name: 'ping' });
		const pong = await orchd.add(node(fixture('sdk-pong.mjs')), { name: 'pong' });
		await orchd.call('link.add', { from: 'ping', type: 'Ping', to: 'pong' });
		await orchd.call('link.add', { from: 'pong', type: 'Pong', to: 'ping' });
		for (const { id } of [pong, ping]) await orchd.call('runtime.start', { runtime: id });
		await orchd.writes(ping, 'round 100\n');
		return new Watch(orchd, ping);
	}

	/** That all is well after it: the daemon, its router and the messages are what they were, and memory has not run away. */
	async unharmed(work: () => Promise<void>): Promise<void> {
		const orchd = this.#orchd;
		const before = await orchd.call('daemon.status', {});
		const routerPid = await orchd.routerPid();
		const answersBefore = this.#answers;
		// each of them has a socket of orchd as well
		await until('the spare shims are back', () => spareShimsOf(orchd.home) === keptShims);
		const connectionsBefore = connectionsOf(orchd);
		const roundBefore = await this.#round();
		await work();
		const after = await orchd.call('daemon.status', {});
		expect(after).toMatchObject({ pid: before.pid, router: { pid: routerPid, restarts: 0, status: 'running' } });
		expect(this.#answers).toBeGreaterThan(answersBefore);
		expect(this.#longestMs).toBeLessThan(10_000);
		expect(residentBytesOf(orchd.pid)).toBeLessThan(mostBytes);
		expect(residentBytesOf(routerPid)).toBeLessThan(mostBytes);
		await until('every connection is closed', () => connectionsOf(orchd) <= connectionsBefore);
		await until('messages flow on', async () => (await this.#round()) > roundBefore);
		expect(orchd.log).not.toContain('defect');
	}

	/** Fails where one of its questions was not answered. */
	async stop(): Promise<void> {
		this.#going = false;
		await this.#asking;
		if (this.#failure !== undefined) throw this.#failure;
	}

	/** On a connection of its own, again and again. */
	async #ask(): Promise<void> {
		const client = await this.#orchd.client();
		while (this.#going) {
			const from = performance.now();
			const [version, list] = await Promise.all([
				client.call('daemon.version', {}),
				client.call('runtime.list', { status: 'running' }),
			]);
			if (version.pid !== this.#orchd.pid || list.length < 2)
				throw new Error(`The witness got ${JSON.stringify({ version, list })}`);
			this.#longestMs = Math.max(this.#longestMs, performance.now() - from);
			this.#answers++;
			await new Promise((resolve) => setImmediate(resolve));
		}
	}

	async #round(): Promise<number> {
		const said = (await this.#orchd.output(this.#ping)).toString();
		return Number(/round (\d+)\n(?![\s\S]*round )/.exec(said)?.[1] ?? 0);
	}
}
