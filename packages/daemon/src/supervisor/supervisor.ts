/** The runtimes of this daemon. */
import { join } from 'node:path';
import { Publisher } from '@orch/base';
import { createAdoption } from './adoption.ts';
import { Cgroups } from './cgroups.ts';
import type { RestoredRuntime, Supervisor, SupervisorOptions } from './door.ts';
import { LaunchError, SupervisorError } from './faults.ts';
import { type Census, createCensus, Figures } from './figures/index.ts';
import { createLauncher } from './launcher.ts';
import type { KeptRuntime } from './journal.ts';
import { lostRuntimes } from './lost.ts';
import { freshMemory } from './memory.ts';
import { OutputStore, readOutput } from './output/index.ts';
import { NeedsKeeper } from './needs-keeper.ts';
import { createOomWitness, type OomWitness } from './oom.ts';
import type { Adoption, Launcher, Recorded } from './ports.ts';
import { type CheckerOf, createCheckers, probeFault } from './probes/index.ts';
import { bootId } from './proc-scan.ts';
import { ProcessRecords } from './process-record.ts';
import { createProcessTable } from './proc-table.ts';
import type { ProcessTable } from './process-table.ts';
import { Runtime, type RuntimeOptions } from './runtime.ts';
import type { RuntimeSnapshot, SupervisorEvent } from './snapshot.ts';
import type { RuntimeSpec } from './spec.ts';
import { cronFault, type OpenWatch, Triggers } from './triggers/index.ts';
import { userOf, wordsToBecome } from './user.ts';
import { waitFor } from './wait-for.ts';
import { lastWords } from './last-words.ts';
import { explain } from './why.ts';

/** How long no other shim may have come before one is moved into a cgroup of its own. */
const calmMs = 300;

/** The supervisor of real processes. */
export function createSupervisor(
	options: SupervisorOptions,
	cgroups: Cgroups | undefined = new Cgroups({ ...options, calmMs }),
): Supervisor {
	const table = createProcessTable(options.log, options.clock, cgroups);
	const records = new ProcessRecords(options.stateDirectory);
	return superviseBy({
		...options,
		table,
		launcher: createLauncher({ ...options, records, table, cgroups }),
		adoption: createAdoption({ ...options, records, table }),
		census: createCensus(),
		oom: createOomWitness(options.clock),
	});
}

/** The same with any launcher and any processes. */
export function superviseBy(
	options: SupervisorOptions & { readonly launcher: Launcher; readonly table: ProcessTable; readonly adoption: Adoption } & {
		readonly census?: Pick<Census, 'look' | 'sizes'> | undefined;
		readonly outputs?: OutputStore | undefined;
		/** How probes look; at this system where it is absent. */
		readonly checkerOf?: CheckerOf | undefined;
		readonly oom?: OomWitness | undefined;
		/** How files are watched; those of this system where it is absent. */
		readonly openWatch?: OpenWatch | undefined;
		readonly runCommand?: RuntimeOptions['runCommand'];
		readonly findListeners?: RuntimeOptions['findListeners'];
	},
): Supervisor {
	const { clock, random, log, journal, adoption } = options;
	const runtimes = new Map<string, Runtime>();
	const events = new Publisher<SupervisorEvent>((error) => log.error('an event of the supervisor was not handled', { error }));
	let isClosed = false;

	const find = (id: string): Runtime => {
		const runtime = runtimes.get(id);
		if (!runtime) throw new SupervisorError({ kind: 'not_found', id });
		return runtime;
	};
	const outputs = options.outputs ?? new OutputStore(options);
	const checkerOf = options.checkerOf ?? createCheckers(options);
	const needs = new NeedsKeeper({ log, find: (id) => runtimes.get(id) });
	const unmet = (id: string) => needs.unmet(id);
	const figures = new Figures({ clock, log, census: options.census, subjects: () => runtimes.values() });
	const publish = (event: SupervisorEvent) => {
		if (event.kind === 'adopted' || (event.kind === 'changed' && event.to === 'running'))
			figures.poke(runtimes.get(event.id)?.limitBytes !== undefined);
		events.publish(event);
		needs.heard(event);
		triggers.observe(event.id);
	};
	const triggers = new Triggers({
		clock,
		log,
		ownDirectory: join(options.stateDirectory, '/'),
		openWatch: options.openWatch,
		runtimes: {
			look: (id) => {
				const runtime = runtimes.get(id);
				return runtime && { status: runtime.view.status, desired: runtime.view.desired, uptimeMs: runtime.livedMs };
			},
			start: async (id) => find(id).commands.start({}),
			restart: async (id, reason) => find(id).commands.restartFor(reason),
		},
	});
	const withTriggers = (snapshot: RuntimeSnapshot): RuntimeSnapshot => {
		const facts = triggers.facts(snapshot.spec.id);
		if (!facts) return snapshot;
		const trouble = facts.watch?.trouble;
		return {
			...snapshot,
			triggers: facts,
			warnings: trouble === undefined ? snapshot.warnings : [...snapshot.warnings, trouble],
		};
	};
	const show = (runtime: Runtime): RuntimeSnapshot => withTriggers(runtime.snapshot());

	/** What becomes of them is told by their statuses; who waits for them hears of it. */
	const startNeeded = (id: string) => {
		for (const needed of needs.toStartFor(id)) {
			triggers.commanded(needed);
			const { name } = find(id).spec;
			find(needed)
				.commands.start({})
				.catch((error: unknown) => log.info('what a runtime needs was not started', { runtime: name, error }));
		}
	};

	const refuseUnfit = (spec: RuntimeSpec) => {
		const { name } = spec;
		const reason = spec.probes && probeFault(spec.probes);
		if (reason !== undefined) throw new SupervisorError({ kind: 'bad_probe', name, reason });
		const circle = needs.graph.circleWith(spec);
		if (circle) throw new SupervisorError({ kind: 'needs_circle', name, circle });
		const cron = spec.schedule && cronFault(spec.schedule, clock.now());
		if (cron !== undefined) throw new SupervisorError({ kind: 'bad_schedule', name, reason: cron });
		try {
			if (spec.user !== undefined) wordsToBecome(userOf(spec.user, process.getuid?.()));
		} catch (error) {
			if (error instanceof LaunchError && error.fault.kind === 'user')
				throw new SupervisorError({ kind: 'bad_user', name, user: error.fault.user, reason: error.fault.reason });
			throw error;
		}
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
		const runtime = new Runtime({
			kept,
			journal,
			outputDirectory: output.directory,
			output,
			clock,
			random,
			log,
			launcher: options.launcher,
			table: options.table,
			prepare: options.prepare,
			ended: options.ended,
			publish,
			checkerOf,
			unmet,
			oom: options.oom,
			runCommand: options.runCommand,
			findListeners: options.findListeners,
		});
		runtimes.set(id, runtime);
		return runtime;
	};
	const takeUp = (runtime: Runtime, settled: number, ours: readonly Recorded[]): RestoredRuntime => {
		const here = ours.filter(({ isThisBoot }) => isThisBoot);
		const latest = here
			.filter(({ record, launch }) => record.generation > settled && launch.isLetGo && !record.isDisowned)
			.sort((one, other) => other.record.generation - one.record.generation)[0];
		for (const one of here) if (one !== latest || !one.rootLives) runtime.inherit(one);
		for (const { record, isThisBoot } of ours) if (!isThisBoot) adoption.drop(record.processId);
		if (latest?.rootLives) runtime.adopt(latest, adoption.adopt(latest));
		else if (latest) endedAway.set(runtime.spec.id, latest);
		const { spec, process, generation } = runtime;
		return { spec, generation, process, became: process ? 'adopted' : latest ? 'ended' : 'none', wasLost: false };
	};
	/** It lives, so it was wanted: only a journal that has lost something does not know it. */
	const takeBack = (lost: KeptRuntime): Runtime => {
		const { name } = lost.spec;
		try {
			journal.added(lost);
		} catch (error) {
			// its record stays, and tells the next daemon as well
			log.error('a runtime that was lost could not be written down again', { runtime: name, error });
		}
		log.warn('took back a runtime that the state did not know', { runtime: name });
		return make(lost);
	};

	return {
		events,

		async restore() {
			const kept = journal.load();
			const records = await adoption.recorded();
			// known before anything of them goes on
			for (const { spec } of kept) needs.graph.add(spec);
			const byRuntime = new Map<string, Recorded[]>();
			for (const one of records) {
				const ours = byRuntime.get(one.record.runtimeId);
				if (ours) ours.push(one);
				else byRuntime.set(one.record.runtimeId, [one]);
			}
			const restored = kept.map((one) => takeUp(make(one), one.memory.settled, byRuntime.get(one.spec.id) ?? []));
			const lost = lostRuntimes(kept, records, clock.now());
			for (const { spec } of lost) needs.graph.add(spec);
			const back = lost.map((one) => takeUp(takeBack(one), one.memory.settled, byRuntime.get(one.spec.id) ?? []));
			return [...restored, ...back.map((one) => ({ ...one, wasLost: true }))];
		},

		recoverRecords: () => adoption.recover(),
		settle: () => adoption.settle(new Set(runtimes.keys())),

		resume() {
			for (const [id, runtime] of runtimes) {
				try {
					runtime.resume(endedAway.get(id));
					triggers.set(runtime.spec);
				} catch (error) {
					// one that cannot go on is no reason for all the others not to
					log.error('a runtime could not be taken up', { runtime: runtime.spec.name, error });
				}
			}
			endedAway.clear();
			// what was at rest was taken up without a word
			needs.lookAgain(runtimes.keys());
		},

		add(...specs) {
			if (isClosed) throw new SupervisorError({ kind: 'closing' });
			for (const spec of specs) refuseUnfit(spec);
			const made: KeptRuntime[] = [];
			try {
				for (const spec of specs) {
					const { id } = spec;
					if (runtimes.has(id)) throw new SupervisorError({ kind: 'id_taken', id });
					const kept = { spec, addedAt: clock.now(), memory: freshMemory(bootId()) };
					make(kept);
					made.push(kept);
					const fault = outputs.find(id)?.fault;
					if (fault !== undefined) throw fault;
				}
				journal.added(...made);
			} catch (error) {
				for (const { spec } of made) {
					runtimes.delete(spec.id);
					outputs
						.remove(spec.id)
						.catch((left) => log.warn('output of a refused runtime not removed', { runtime: spec.name, error: left }));
				}
				throw error;
			}
			for (const spec of specs) {
				publish({ kind: 'added', id: spec.id, name: spec.name, at: clock.now() });
				needs.added(spec);
				triggers.set(spec);
			}
		},

		respecify(spec) {
			const runtime = find(spec.id);
			runtime.commands.refuseLate();
			refuseUnfit(spec);
			runtime.respecify(spec);
			needs.graph.remove(spec.id);
			needs.added(spec);
			needs.lookAgain([spec.id]);
			triggers.set(spec);
			return show(runtime);
		},

		list: () => [...runtimes.values()].map(show),
		find: (id) => {
			const runtime = runtimes.get(id);
			return runtime && show(runtime);
		},
		snapshot: (id) => show(find(id)),

		toStartFor(id) {
			find(id);
			return needs.toStartFor(id);
		},
		async start(id, { withNeeds = true, ...wish } = {}) {
			const runtime = find(id);
			if (withNeeds) startNeeded(id);
			triggers.commanded(id);
			const started = runtime.commands.start(wish);
			// one that runs already tells of no change
			triggers.observe(id);
			return withTriggers(await started);
		},
		stop: async (id, wish = {}) => find(id).commands.stop(wish),
		async restart(id, wish = {}) {
			const runtime = find(id);
			startNeeded(id);
			triggers.commanded(id);
			return withTriggers(await runtime.commands.restart(wish));
		},

		async remove(id, { force = false, leaveEscaped = false, keepOutput = false, signal } = {}) {
			const runtime = find(id);
			const forget = () => journal.removed(id);
			const disown = (processId: string) => options.launcher.disown(processId);
			const last: RuntimeSnapshot = await runtime.commands.remove({ force, leaveEscaped, signal, forget, disown });
			const { escaped } = last;
			if (escaped.length > 0)
				log.warn('a removed runtime leaves processes to the next orchd', { runtime: last.spec.name, escaped });
			triggers.remove(id);
			runtime.close();
			try {
				await outputs.remove(id, { keepFiles: keepOutput });
			} catch (error) {
				// what is left of it the next daemon takes away
				log.warn('output of a removed runtime is still there', { runtime: last.spec.name, error });
			}
			// its id and name are nobody else's before all of it is gone
			runtimes.delete(id);
			publish({ kind: 'removed', id, name: last.spec.name, at: clock.now() });
			needs.removed(last.spec);
			return last;
		},

		why(id) {
			find(id);
			return explain(id, {
				needs,
				find: (one) => {
					const runtime = runtimes.get(one);
					return runtime && show(runtime);
				},
				wordsOf: async (one) => lastWords(outputs.find(one)),
			});
		},
		waitFor: (id, goal, signal) =>
			waitFor({ events, goal, signal, name: find(id).spec.name, id, look: () => runtimes.get(id)?.snapshot() }),
		signal: (id, name) => find(id).signal(name),
		markReady: (id, generation) => runtimes.get(id)?.markReady(generation),

		output(id, stream, { follow, lines, signal, onRemoved }) {
			find(id);
			const output = outputs.find(id);
			if (!output) throw new SupervisorError({ kind: 'not_found', id });
			return readOutput(output, { stream, follow, tailLines: lines, signal, onRemoved });
		},

		outputs,

		async stopAll({ graceMs } = {}) {
			// nothing is to be started again while all ends, nor what has to wait until those have ended that need it
			triggers.close();
			for (const runtime of runtimes.values()) runtime.rest();
			const stop = async (id: string) => {
				const runtime = runtimes.get(id);
				// removed before its turn came
				if (!runtime) return [];
				try {
					await runtime.commands.shutDown({ graceMs });
				} catch (error) {
					// what is left is in the snapshot; a stop that a later command overtook is that command's affair
					if (!(error instanceof SupervisorError))
						log.error('a runtime could not be stopped', { runtime: runtime.spec.name, error });
				}
				const { spec, escaped } = runtime.snapshot();
				return escaped.length > 0 ? [{ id, name: spec.name, escaped }] : [];
			};
			// what others need goes last; what is independent goes at the same time
			return (await needs.graph.inReverse([...runtimes.keys()], stop)).flat();
		},

		figures,

		async close() {
			isClosed = true;
			triggers.close();
			figures.close();
			for (const runtime of runtimes.values()) runtime.close();
			adoption.close();
			await options.launcher.endSpares?.();
			await outputs.close();
		},
	};
}
