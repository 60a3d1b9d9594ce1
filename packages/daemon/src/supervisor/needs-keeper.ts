/** Follows what becomes of runtimes, and tells those that need them: they may go on, or are restarted or stopped with them. */
import { type Logger, Mailbox } from '@orch/base';
import { type Dependent, type NeededView, NeedGraph, standingOf, type Unmet, unmetOf } from './needs.ts';
import type { StatusChanged, SupervisorEvent } from './snapshot.ts';
import type { Need, RuntimeSpec } from './spec.ts';

/** A runtime as far as others that it needs, or that need it, are concerned. */
export interface NeedingRuntime {
	readonly view: NeededView;
	/** What it needs has changed: it looks again, where it waits. */
	needsChanged(): void;
	/** Of a runtime that runs or is being launched. */
	readonly commands: { restartFor(reason: string): void; stopFor(reason: string): void };
}

export interface NeedsKeeperOptions {
	readonly log: Logger;
	readonly find: (id: string) => NeedingRuntime | undefined;
}

export class NeedsKeeper {
	readonly graph = new NeedGraph();
	readonly #options: NeedsKeeperOptions;
	/** One change at a time: what follows from one is not mixed into another. */
	readonly #mailbox = new Mailbox<() => void>((tell) => tell());

	constructor(options: NeedsKeeperOptions) {
		this.#options = options;
	}

	added(spec: RuntimeSpec): void {
		this.graph.add(spec);
		this.#tell(this.graph.dependentsOf(spec.id));
	}

	/** Of one that is not to be found any more. */
	removed({ id }: RuntimeSpec): void {
		const dependents = this.graph.dependentsOf(id);
		this.graph.remove(id);
		this.#tell(dependents);
	}

	heard(event: SupervisorEvent): void {
		switch (event.kind) {
			case 'changed': {
				const dependents = this.graph.dependentsOf(event.id);
				if (dependents.length > 0) this.#mailbox.send(() => this.#interrupt(event, dependents));
				this.#tell(dependents);
				return;
			}
			case 'ready':
			case 'unready':
			case 'adopted':
				this.#tell(this.graph.dependentsOf(event.id));
		}
	}

	/** Every one of them looks again: after runtimes were taken up without a word. */
	lookAgain(ids: Iterable<string>): void {
		for (const id of ids) this.#mailbox.send(() => this.#options.find(id)?.needsChanged());
	}

	unmet(id: string): readonly Unmet[] {
		const needs = this.graph.needsOf(id);
		return needs.length === 0 ? [] : unmetOf(needs, this.graph, this.#view);
	}

	/** What has to be started for this one to be launched, what is needed first before what needs it. */
	toStartFor(id: string): readonly string[] {
		const found = new Set<string>();
		const open = [id];
		for (let next = open.pop(); next !== undefined; next = open.pop()) {
			for (const { id: needed, need } of this.#needed(next)) {
				const view = this.#view(needed);
				const standing = view && standingOf(need.condition, view);
				if (standing === undefined || standing === 'met' || found.has(needed)) continue;
				if (standing === 'stuck') found.add(needed);
				// one that waits may wait for one that nobody has started
				if (standing === 'stuck' || view?.status === 'waiting') open.push(needed);
			}
		}
		return [...found].reverse();
	}

	readonly #view = (id: string): NeededView | undefined => this.#options.find(id)?.view;

	#needed(id: string): readonly Dependent[] {
		return this.graph.needsOf(id).flatMap((need) => this.graph.meantBy(need).map((one) => ({ id: one, need })));
	}

	#tell(dependents: readonly Dependent[]): void {
		for (const { id } of dependents) this.#mailbox.send(() => this.#options.find(id)?.needsChanged());
	}

	#interrupt(event: StatusChanged, dependents: readonly Dependent[]): void {
		for (const { id, need } of dependents) {
			const { onRestart = 'keep' } = need;
			if (onRestart === 'keep' || !isInterruption(need, event)) continue;
			const dependent = this.#options.find(id);
			const status = dependent?.view.status;
			if (status !== 'running' && status !== 'starting') continue;
			const reason = `${event.name}, which it needs, ${whatHappens(event, this.#view(event.id)?.desired)}`;
			this.#options.log.info(`${onRestart} with what it needs`, { runtime: dependent?.view.spec.name, needs: event.name });
			if (onRestart === 'restart') dependent?.commands.restartFor(reason);
			else dependent?.commands.stopFor(reason);
		}
	}
}

function whatHappens({ to }: StatusChanged, desired: NeededView['desired'] | undefined): string {
	if (to === 'stopping') return desired === 'running' ? 'is being restarted' : 'is being stopped';
	return to === 'starting' ? 'was started anew' : 'has failed';
}

/** Whether what was needed is not there any more as it was. That it has come to its end by itself is none. */
function isInterruption({ condition }: Need, { from, to }: StatusChanged): boolean {
	if (to === 'starting') return true;
	return condition !== 'succeeded' && from === 'running' && to !== 'exited';
}
