/** Projects over a fake world: files that a test writes, a clock that stands still. */
import { silentLogger } from '@orch/base';
import { ManualClock } from '@orch/base/testing';
import { projectReader } from '../load/index.ts';
import { Projects } from '../projects.ts';
import { FakeWorld } from './fake-world.ts';
import { portsOf } from './load.ts';

export function startProjects(text?: string, world?: FakeWorld, clock = new ManualClock()) {
	const files = new Map<string, string>();
	if (text !== undefined) files.set('/shop/orch.yaml', text);
	const there = world ?? new FakeWorld(clock);
	const watched: { paths: readonly string[]; changed: () => void; isClosed: boolean }[] = [];
	const projects = new Projects({
		runtimes: there.runtimesPort,
		links: there.linksPort,
		types: there.typesPort,
		store: there.store,
		clock,
		log: silentLogger,
		reader: async () => projectReader(portsOf(files)),
		watchFiles: (paths, changed) => {
			const watch = { paths, changed, isClosed: false };
			watched.push(watch);
			return async () => {
				watch.isClosed = true;
			};
		},
	});
	const request = (
		load: readonly string[] = ['orch.yaml'],
		profiles: readonly string[] = [],
		environment: Record<string, string> = {},
	) => ({
		files: load.map((name) => ({ path: `/shop/${name}`, name })),
		profiles,
		environment,
		inherited: { PATH: '/usr/bin' },
	});
	return {
		clock,
		world: there,
		files,
		projects,
		request,
		watched,
		/** Somebody saves: the file, and every watcher that follows it hears of it. */
		save(path: string, content: string | undefined) {
			if (content === undefined) files.delete(path);
			else files.set(path, content);
			for (const watch of [...watched]) if (!watch.isClosed && watch.paths.includes(path)) watch.changed();
		},
		up: (options: Partial<Parameters<Projects['up']>[1]> = {}, load?: readonly string[], profiles?: readonly string[]) =>
			projects.up(request(load, profiles), { waitMs: 60_000, signal: new AbortController().signal, ...options }),
		down: (only?: readonly string[]) => projects.down('shop', { only, signal: new AbortController().signal }),
	};
}
