/** A router in this process with real sockets in a directory of its own, and a table that tests change by name. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, type Logger, silentLogger, systemClock } from '@orch/base';
import { compileSchema } from '@orch/base/json-schema';
import type { RemovedLink, Routed, RouterLink, RouterPort, RouterSchema } from '@orch/protocol';
import { Router } from '../router.ts';
import type { LoadCompiler, SchemaProblem } from '../schemas.ts';
import { FrameClient, type FrameClientOptions } from './frame-client.ts';
import { LineClient } from './line-client.ts';

export interface LinkChoice {
	readonly messages?: number;
	readonly bytes?: number;
	readonly overflow?: RouterLink['overflow'];
	readonly whileDown?: RouterLink['whileDown'];
}

export interface Rig {
	router: Router;
	readonly directory: string;
	/** Makes runtimes known; each has a socket at once. */
	add(...names: string[]): Promise<void>;
	/** Links; gives the link's id. */
	link(from: string, type: string, to: string, choice?: LinkChoice): Promise<string>;
	/** Runtimes of a project. */
	project(project: string, ...names: string[]): Promise<void>;
	/** What a project says of a type from now on, or no more; gives what cannot be enforced. */
	declare(project: string, type: string, schema?: unknown): Promise<readonly SchemaProblem[]>;
	/** Gives what the links that are gone had counted; so does `remove`. */
	unlink(id: string): Promise<readonly RemovedLink[]>;
	remove(name: string): Promise<readonly RemovedLink[]>;
	privileged(name: string): Promise<void>;
	/** A new process of a runtime: another generation and another token. */
	restart(name: string): Promise<void>;
	port(name: string): RouterPort;
	id(name: string): string;
	frames(name: string, options?: Partial<FrameClientOptions>): Promise<FrameClient>;
	lines(name: string): Promise<LineClient>;
	veecle(name: string): Promise<LineClient>;
	counters(link: string): ReturnType<Router['stats']>['links'][number]['counters'];
	report(link: string): ReturnType<Router['stats']>['links'][number];
	faults(name: string): Readonly<Record<string, number>>;
	/** A router that knows nothing but its state, on the same sockets, as after a crash. */
	reopen(): Promise<void>;
	close(): Promise<void>;
}

const ids = new Map<string, string>();
const hex = (number: number) => number.toString(16).padStart(12, '0');

/** The same id for the same name, in the form of ids. */
export function idOf(name: string): string {
	const known = ids.get(name) ?? `01900000-0000-7000-8000-${hex(ids.size + 1)}`;
	ids.set(name, known);
	return known;
}

export async function startRig(
	options: { readonly clock?: Clock; readonly log?: Logger; readonly loadCompiler?: LoadCompiler } = {},
): Promise<Rig> {
	const { loadCompiler = () => compileSchema } = options;
	const clock = options.clock ?? systemClock;
	const log = options.log ?? silentLogger;
	const directory = mkdtempSync(join(tmpdir(), 'orch-rt-'));
	const stateDirectory = join(directory, 'state');
	const ports = new Map<string, RouterPort>();
	const links = new Map<string, RouterLink>();
	const schemas = new Map<string, RouterSchema>();
	const clients: { destroy(): void }[] = [];
	let version = 0;
	let made = 0;
	const rig: Rig = {
		router: Router.open({ clock, log, stateDirectory, loadCompiler }),
		directory,
		async add(...names) {
			for (const name of names) {
				made += 1;
				ports.set(name, {
					runtime: idOf(name),
					name,
					socket: join(directory, `${made}.sock`),
					veecleSocket: join(directory, `${made}.v.sock`),
					privileged: false,
					generation: 1,
					token: `token of ${name} 1`,
				});
			}
			await apply();
		},
		async link(from, type, to, choice = {}) {
			const id = `01900000-0000-7000-9000-${hex(links.size + 1)}`;
			links.set(id, {
				id,
				from: from === '*' ? '*' : idOf(from),
				type,
				to: idOf(to),
				messages: choice.messages ?? 1_024,
				bytes: choice.bytes ?? 8 * 1024 * 1024,
				overflow: choice.overflow ?? 'block',
				whileDown: choice.whileDown ?? 'drop',
			});
			await apply();
			return id;
		},
		async project(project, ...names) {
			for (const name of names) ports.set(name, { ...rig.port(name), project });
			await apply();
		},
		async declare(project, type, schema) {
			const key = JSON.stringify([project, type]);
			if (schema === undefined) schemas.delete(key);
			else schemas.set(key, { project, type, schema: JSON.stringify(schema) });
			return (await apply()).schemas ?? [];
		},
		async unlink(id) {
			links.delete(id);
			return (await apply()).removedLinks ?? [];
		},
		async remove(name) {
			const { runtime } = rig.port(name);
			ports.delete(name);
			for (const [id, { from, to }] of links) if (from === runtime || to === runtime) links.delete(id);
			return (await apply()).removedLinks ?? [];
		},
		async privileged(name) {
			ports.set(name, { ...rig.port(name), privileged: true });
			await apply();
		},
		async restart(name) {
			const port = rig.port(name);
			const generation = port.generation + 1;
			ports.set(name, { ...port, generation, token: `token of ${name} ${generation}` });
			await apply();
		},
		port(name) {
			const port = ports.get(name);
			if (port === undefined) throw new Error(`no runtime ${name} in this rig`);
			return port;
		},
		id: idOf,
		async frames(name, choice = {}) {
			const { socket, token } = rig.port(name);
			const client = await FrameClient.connect({ path: socket, token, ...choice });
			clients.push(client);
			return client;
		},
		async lines(name) {
			const client = await LineClient.connect(rig.port(name).socket);
			clients.push(client);
			return client;
		},
		async veecle(name) {
			const client = await LineClient.connect(rig.port(name).veecleSocket);
			clients.push(client);
			return client;
		},
		counters: (link) => rig.report(link).counters,
		report(link) {
			const report = rig.router.stats().links.find(({ id }) => id === link);
			if (report === undefined) throw new Error(`no link ${link}`);
			return report;
		},
		faults: (name) => rig.router.stats().ports.find(({ runtime }) => runtime === idOf(name))?.faults ?? {},
		async reopen() {
			await rig.router.close();
			rig.router = Router.open({ clock, log, stateDirectory, loadCompiler });
			await apply();
		},
		async close() {
			for (const client of clients) client.destroy();
			await rig.router.close();
			rmSync(directory, { recursive: true, force: true });
		},
	};

	async function apply(): Promise<Routed> {
		version += 1;
		const rows = { version, ports: [...ports.values()], links: [...links.values()], schemas: [...schemas.values()] };
		const base = rig.router.tableVersion;
		const present = rig.router.stats();
		const isWanted = new Set([...rows.ports.map(({ runtime }) => runtime), ...rows.links.map(({ id }) => id)]);
		// after the first one as orchd does it, by what has changed; rows that are told again change nothing
		const answer =
			base === -1
				? await rig.router.table(rows)
				: await rig.router.change({
						...rows,
						base,
						removedPorts: present.ports.map(({ runtime }) => runtime).filter((id) => !isWanted.has(id)),
						removedLinks: present.links.map(({ id }) => id).filter((id) => !isWanted.has(id)),
					});
		if (answer.problems.length > 0) throw new Error(JSON.stringify(answer.problems));
		return answer;
	}
	return rig;
}
