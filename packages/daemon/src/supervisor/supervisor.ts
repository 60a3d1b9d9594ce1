/** The runtimes of this daemon. */
import { Publisher } from '@orch/base';
import { createAdoption } from './adoption.ts';
import type { RestoredRuntime, Supervisor, SupervisorOptions } from './door.ts';
import { SupervisorError } from './faults.ts';
import { type Census, createCensus, Figures } from './figures/index.ts';
import { createLauncher } from './launcher.ts';
import type { KeptRuntime } from './journal.ts';
import { freshMemory } from './memory.ts';
import { OutputStore, readOutput } from './output/index.ts';
import type { Adoption, Launcher, Recorded } from './ports.ts';
import { bootId } from './proc-scan.ts';
import { createProcessTable } from './proc-table.ts';
import type { ProcessTable } from './process-table.ts';
import { Runtime } from './runtime.ts';
import type { RuntimeSnapshot, SupervisorEvent } from './snapshot.ts';

/** The supervisor of real processes. */
export function createSupervisor(options: SupervisorOptions): Supervisor {
	const table = createProcessTable(options.log);
	return superviseBy({
		...options,
		table,
		launcher: createLauncher({ ...options, table }),
		adoption: createAdoption({ ...options, table }),
		census: createCensus(),
	});
}

/** The same with any launcher and any processes. */
export function superviseBy(
	options: SupervisorOptions & { readonly launcher: Launcher; readonly table: ProcessTable; readonly adoption: Adoption } & {
		readonly census?: Pick<Census, 'look' | 'sizes'> | undefined;
		readonly outputs?: OutputStore | undefined;
	},
): Supervisor {
	const { clock, log, journal, adoption } = options;
	const runtimes = new Map<string, Runtime>();
	const events = new Publisher<SupervisorEvent>((error) => log.error('an event of the supervisor was not handled', { error }));
	let isClosed = false;

	const find = (id: string): Runtime => {
		const runtime = runtimes.get(id);
		if (!runtime) throw new SupervisorError({ kind: 'not_found', id });
		return runtime;
	};
	const outputs = options.outputs ?? new OutputStore(options);
	const figures = new Figures({ clock, log, census: options.census, subjects: () => runtimes.values() });
	const publish = (event: SupervisorEvent) => {
		if (event.kind === 'adopted' || (event.kind === 'changed' && event.to === 'running'))
			figures.poke(runtimes.get(event.id)?.limitBytes !== undefined);
		events.publish(event);
	};

	/** What `resume` has to tell each runtime of the end of its process. */
	const endedAway = new Map<string, Recorded>();
	const make = (kept: KeptRuntime): Runtime => {
		const { id } = kept.spec;
		const now = () => runtimes.get(id);
		const output = outputs.open({
			id,
			name: () => (now()?.spec ?? kept.spec).name,
			limits: () => (now()?.spec ?? kept.spec).output,
			freeze: async () => now()?.freeze(),
		});
		const runtime = new Runtime({ ...options, kept, output, outputDirectory: output.directory, publish });
		runtimes.set(id, runtime);
		return runtime;
	};
	const takeUp = (runtime: Runtime, settled: number, records: readonly Recorded[]): RestoredRuntime => {
		const ours = records.filter(({ record }) => record.runtimeId === runtime.spec.id);
		const here = ours.filter(({ isThisBoot }) => isThisBoot);
		const latest = here
			.filter(({ record, launch }) => record.generation > settled && launch.isLetGo)
			.sort((one, other) => other.record.generation - one.record.generation)[0];
		for (const one of here) if (one !== latest || !one.rootLives) runtime.inherit(one);
		for (const { record, isThisBoot } of ours) if (!isThisBoot) adoption.drop(record.processId);
		if (latest?.rootLives) runtime.adopt(latest, adoption.adopt(latest));
		else if (latest) endedAway.set(runtime.spec.id, latest);
		const { spec, process, generation } = runtime;
		return { spec, generation, process, became: process ? 'adopted' : latest ? 'ended' : 'none' };
	};

	return {
		events,

		async restore() {
			const kept = journal.load();
			const records = await adoption.recorded();
			return kept.map((one) => takeUp(make(one), one.memory.settled, records));
		},

		resume() {
			for (const [id, runtime] of runtimes) runtime.resume(endedAway.get(id));
			endedAway.clear();
		},

		add(spec) {
			if (isClosed) throw new SupervisorError({ kind: 'closing' });
			if (runtimes.has(spec.id)) throw new SupervisorError({ kind: 'id_taken', id: spec.id });
			const kept = { spec, addedAt: clock.now(), memory: freshMemory(bootId()) };
			const runtime = make(kept);
			try {
				journal.added(kept);
			} catch (error) {
				runtimes.delete(spec.id);
				void outputs.remove(spec.id);
				throw error;
			}
			publish({ kind: 'added', id: spec.id, name: spec.name, at: clock.now() });
			return runtime.snapshot();
		},

		list: () => [...runtimes.values()].map((runtime) => runtime.snapshot()),
		find: (id) => runtimes.get(id)?.snapshot(),
		snapshot: (id) => find(id).snapshot(),

		start: async (id, wish = {}) => find(id).start(wish),
		stop: async (id, wish = {}) => find(id).stop(wish),
		restart: async (id, wish = {}) => find(id).restart(wish),

		async remove(id, { force = false, signal } = {}) {
			const runtime = find(id);
			const last: RuntimeSnapshot = await runtime.remove({ force, signal });
			runtimes.delete(id);
			runtime.close();
			journal.removed(id);
			await outputs.remove(id);
			publish({ kind: 'removed', id, name: last.spec.name, at: clock.now() });
			return last;
		},

		signal: (id, name) => find(id).signal(name),
		markReady: (id, generation) => runtimes.get(id)?.markReady(generation),

		output(id, stream, { follow, lines, signal }) {
			find(id);
			const output = outputs.find(id);
			if (!output) throw new SupervisorError({ kind: 'not_found', id });
			return readOutput(output, { stream, follow, tailLines: lines, signal });
		},

		outputs,

		async stopAll({ graceMs } = {}) {
			const stopping = [...runtimes].map(async ([id, runtime]) => {
				try {
					await runtime.shutDown({ graceMs });
				} catch (error) {
					// what is left is in the snapshot; a stop that a later command overtook is that command's affair
					if (!(error instanceof SupervisorError)) throw error;
				}
				const { spec, escaped } = runtime.snapshot();
				return { id, name: spec.name, escaped };
			});
			return (await Promise.all(stopping)).filter(({ escaped }) => escaped.length > 0);
		},

		figures,

		async close() {
			isClosed = true;
			figures.close();
			for (const runtime of runtimes.values()) runtime.close();
			adoption.close();
			await outputs.close();
		},
	};
}
