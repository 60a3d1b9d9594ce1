/** The runtimes of this daemon. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Publisher } from '@orch/base';
import type { Supervisor, SupervisorOptions } from './door.ts';
import { SupervisorError } from './faults.ts';
import { createLauncher } from './launcher.ts';
import { readOutput } from './output.ts';
import type { Launcher } from './ports.ts';
import { createProcessTable } from './proc-table.ts';
import type { ProcessTable } from './process-table.ts';
import { Runtime } from './runtime.ts';
import type { RuntimeSnapshot, SupervisorEvent } from './snapshot.ts';

/** The supervisor of real processes. */
export function createSupervisor(options: SupervisorOptions): Supervisor {
	const table = createProcessTable(options.log);
	return superviseBy({ ...options, table, launcher: createLauncher({ ...options, table }) });
}

/** The same with any launcher and any processes. */
export function superviseBy(
	options: SupervisorOptions & { readonly launcher: Launcher; readonly table: ProcessTable },
): Supervisor {
	const { clock, log, stateDirectory } = options;
	const runtimes = new Map<string, Runtime>();
	const events = new Publisher<SupervisorEvent>((error) => log.error('an event of the supervisor was not handled', { error }));
	let isClosed = false;

	const find = (id: string): Runtime => {
		const runtime = runtimes.get(id);
		if (!runtime) throw new SupervisorError({ kind: 'not_found', id });
		return runtime;
	};
	const outputDirectory = (id: string): string => join(stateDirectory, 'logs', id, '/');
	const publish = (event: SupervisorEvent) => events.publish(event);

	return {
		events,

		add(spec) {
			if (isClosed) throw new SupervisorError({ kind: 'closing' });
			if (runtimes.has(spec.id)) throw new SupervisorError({ kind: 'id_taken', id: spec.id });
			const directory = outputDirectory(spec.id);
			mkdirSync(directory, { recursive: true, mode: 0o700 });
			const runtime = new Runtime({ ...options, spec, outputDirectory: directory, publish });
			runtimes.set(spec.id, runtime);
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
			rmSync(outputDirectory(id), { recursive: true, force: true });
			publish({ kind: 'removed', id, name: last.spec.name, at: clock.now() });
			return last;
		},

		signal: (id, name) => find(id).signal(name),
		markReady: (id, generation) => runtimes.get(id)?.markReady(generation),

		output(id, stream, { follow, lines, signal }) {
			const runtime = find(id);
			const { stdoutPath, stderrPath } = runtime.snapshot();
			const path = stream === 'stdout' ? stdoutPath : stderrPath;
			return readOutput({ path, clock, follow, tailLines: lines, signal, removed: runtime.removed });
		},

		async stopAll({ graceMs } = {}) {
			const stopping = [...runtimes].map(async ([id, runtime]) => {
				try {
					await runtime.stop({ graceMs });
				} catch (error) {
					// what is left is in the snapshot; a stop that a later command overtook is that command's affair
					if (!(error instanceof SupervisorError)) throw error;
				}
				const { spec, escaped } = runtime.snapshot();
				return { id, name: spec.name, escaped };
			});
			return (await Promise.all(stopping)).filter(({ escaped }) => escaped.length > 0);
		},

		async close() {
			isClosed = true;
			for (const runtime of runtimes.values()) runtime.close();
		},
	};
}
