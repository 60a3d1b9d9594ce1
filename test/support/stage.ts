/** Runtimes whose part a test plays itself: their processes only sleep, and the test speaks on their sockets. */
import type { Api, ParamsOf } from '@orch/protocol';
import { connect } from '@orch/sdk';
import { until } from '@orch/base/testing';
import { connectRouter, sleeper } from './client.ts';
import { FrameClient } from './frame-client.ts';
import { LineClient } from './line-client.ts';
import type { Orchd } from './orchd.ts';
import { environmentOf } from './proc.ts';

export interface Stand {
	readonly id: string;
	readonly name: string;
	readonly pid: number;
	readonly socket: string;
	readonly veecleSocket: string;
	/** What its process would say hello with. */
	readonly token: string;
}

/** What is made during a test, and taken away after it. */
export class Stage {
	readonly #orchd: () => Orchd;
	readonly #open: (() => unknown)[] = [];

	constructor(orchd: () => Orchd) {
		this.#orchd = orchd;
	}

	get orchd(): Orchd {
		return this.#orchd();
	}

	async stand(name: string, more: Partial<ParamsOf<Api['runtime.add']>> = {}): Promise<Stand> {
		const { id } = await this.orchd.run(sleeper(), { name, ...more });
		return this.look(id);
	}

	/** As it is now: after a restart its process, and so its token, is another. */
	async look(id: string): Promise<Stand> {
		const { name, pid, socket, veecleSocket } = await this.orchd.show(id);
		// the pid is known before the program is executed, and the environment is the shim's until then
		const token = await until(`${name} has its token`, () => environmentOf(pid ?? 0)['ORCH_IPC_TOKEN']);
		return { id, name, pid: pid ?? 0, socket, veecleSocket, token };
	}

	link(
		from: { readonly name: string } | '*',
		type: string,
		to: { readonly name: string },
		more: Partial<ParamsOf<Api['link.add']>> = {},
	) {
		return this.orchd.call('link.add', { from: from === '*' ? '*' : from.name, type, to: to.name, ...more });
	}

	/** Speaks our JSON Lines from here on. */
	async lines(stand: Stand): Promise<LineClient> {
		const client = this.#keep(await LineClient.connect(stand.socket));
		client.send('\n');
		await this.connected(stand, 'json');
		return client;
	}

	async veecle(stand: Stand): Promise<LineClient> {
		const client = this.#keep(await LineClient.connect(stand.veecleSocket));
		await this.connected(stand, 'veecle');
		return client;
	}

	/** Connected, and silent so far. */
	async raw(path: string): Promise<LineClient> {
		return this.#keep(await LineClient.connect(path));
	}

	async frames(stand: Stand): Promise<FrameClient> {
		return this.#keep(await FrameClient.connect(stand.socket, stand));
	}

	async rawFrames(path: string): Promise<FrameClient> {
		return this.#keep(await FrameClient.open(path));
	}

	/** The SDK as the program of this runtime would have it. */
	async sdk(stand: Stand, options: Parameters<typeof connect>[0] = {}) {
		const connection = connect({
			...options,
			env: {
				ORCH_IPC_SOCKET: stand.socket,
				ORCH_IPC_TOKEN: stand.token,
				ORCH_RUNTIME_ID: stand.id,
				ORCH_RUNTIME_NAME: stand.name,
			},
		});
		this.#open.push(() => connection.close({ timeoutMs: 100 }));
		// a router that is killed, or a runtime that is removed, ends it: that is no failure of the test
		connection.closed.catch(() => {});
		await connection.opened;
		return connection;
	}

	/** Resolves once the router has seen the runtime connect. */
	async connected(runtime: { readonly id: string; readonly name: string }, codec?: string): Promise<void> {
		await until(`${runtime.name} is connected`, async () => {
			const { connected } = await this.orchd.show(runtime);
			return codec === undefined ? connected !== null : connected === codec;
		});
	}

	/** Protocol errors and refused connections of a runtime, by code. */
	async faults({ id }: { readonly id: string }): Promise<Readonly<Record<string, number>>> {
		const router = await connectRouter(`${this.orchd.socket}.d/router.sock`);
		try {
			const { ports } = await router.call('router.stats', {});
			return ports.find(({ runtime }) => runtime === id)?.faults ?? {};
		} finally {
			router.close();
		}
	}

	async stats(from: { readonly name: string }, type: string, to: { readonly name: string }) {
		const { links } = await this.orchd.call('link.stats', { from: from.name, to: to.name, type });
		const [link] = links;
		if (!link) throw new Error(`There is no link ${from.name} ${type} ${to.name}`);
		return link;
	}

	routerPid(): Promise<number> {
		return this.orchd.routerPid();
	}

	/** Forgets all runtimes and links. */
	async clear(): Promise<void> {
		for (const close of this.#open.splice(0).reverse()) await close();
		await this.orchd.call('clear', {});
	}

	#keep<T extends { close(): void }>(client: T): T {
		this.#open.push(() => client.close());
		return client;
	}
}
