/** The probes of one process: the startup probe first, then whether it is ready and whether it lives. */
import type { Clock } from '@orch/base';
import type { Probes } from '../spec.ts';
import type { CheckerOf, ProbeTarget } from './checker.ts';
import { describeCheck, planOf, probeRoles } from './plan.ts';
import type { ProbeRole } from './probe.machine.ts';
import { Probe } from './probe.ts';
import type { ProbeReport } from './report.ts';

export interface ProcessProbesOptions {
	readonly probes: Probes;
	readonly target: ProbeTarget;
	readonly clock: Clock;
	readonly checkerOf: CheckerOf;
	/** What an earlier daemon had found out about a process that is adopted. */
	readonly known?: { readonly started: boolean; readonly ready: boolean } | undefined;
	/** `ready` has changed. */
	readonly onReady: (ready: boolean, reason: string | undefined) => void;
	readonly onStarted: () => void;
	/** The process has to be ended: said once, and nothing else after it. */
	readonly onFailed: (role: 'startup' | 'live', reason: string) => void;
}

export class ProcessProbes {
	readonly #options: ProcessProbesOptions;
	readonly #probes = new Map<ProbeRole, Probe>();
	#isStarted: boolean;
	#ready: boolean | undefined;
	#isClosed = false;

	constructor(options: ProcessProbesOptions) {
		const { probes, known } = options;
		this.#options = options;
		this.#isStarted = known?.started === true || probes.startup === undefined;
		const decides = probes.ready !== undefined || probes.startup !== undefined;
		this.#ready = known?.ready === true ? true : decides ? false : undefined;
	}

	/** Undefined where no probe decides it and nobody has said so. */
	get ready(): boolean | undefined {
		return this.#ready;
	}

	/** Whether the startup probe has succeeded; true where there is none. */
	get isStarted(): boolean {
		return this.#isStarted;
	}

	get reports(): readonly ProbeReport[] {
		return probeRoles.flatMap((role) => {
			const spec = this.#options.probes[role];
			if (!spec) return [];
			const probe = this.#probes.get(role);
			// one that has no need to look any more: an earlier daemon has heard the answer
			const isDone = !probe && (role === 'startup' ? this.#isStarted : role === 'ready' && this.#ready === true);
			return [
				{
					role,
					check: describeCheck(spec.check),
					good: isDone ? true : probe?.verdict,
					isGated: probe?.isGated ?? !isDone,
					answer: probe?.lastAnswer?.text,
					fails: probe?.fails ?? 0,
					failures: planOf(role, spec).failures,
				},
			];
		});
	}

	begin(): void {
		if (this.#isClosed) return;
		if (!this.#isStarted) this.#make('startup');
		const wasSaid =
			this.#ready === true && this.#options.probes.ready && planOf('ready', this.#options.probes.ready).endsWithSuccess;
		if (!wasSaid) this.#make('ready');
		this.#make('live');
		if (this.#isStarted) this.#openGate();
		else this.#probes.get('startup')?.open();
	}

	/** The program itself says that it is ready. A probe of another kind knows better. */
	said(): void {
		if (this.#isClosed) return;
		for (const probe of [...this.#probes.values()]) probe.said();
		const { ready, startup } = this.#options.probes;
		if (!ready && !startup) this.#setReady(true, undefined);
	}

	close(): void {
		this.#isClosed = true;
		for (const probe of this.#probes.values()) probe.close();
	}

	#make(role: ProbeRole): void {
		const { probes, target, clock, checkerOf } = this.#options;
		const spec = probes[role];
		if (!spec) return;
		const checker = checkerOf(spec.check, target);
		const onVerdict = (good: boolean) => this.#judged(role, good);
		this.#probes.set(role, new Probe({ plan: planOf(role, spec), checker, clock, onVerdict }));
	}

	#openGate(): void {
		this.#probes.get('ready')?.open();
		this.#probes.get('live')?.open();
	}

	#judged(role: ProbeRole, good: boolean): void {
		if (this.#isClosed) return;
		if (role === 'ready') {
			this.#setReady(good, good ? undefined : this.#reason(role));
		} else if (!good) {
			const reason = this.#reason(role);
			this.close();
			this.#options.onFailed(role, reason);
		} else if (role === 'startup') {
			this.#isStarted = true;
			this.#options.onStarted();
			if (!this.#options.probes.ready) this.#setReady(true, undefined);
			this.#openGate();
		}
	}

	#setReady(ready: boolean, reason: string | undefined): void {
		if (this.#ready === ready) return;
		this.#ready = ready;
		this.#options.onReady(ready, reason);
	}

	/** `live probe failed: http http://localhost:3000/health: status 503, 3 times in a row`. */
	#reason(role: ProbeRole): string {
		const probe = this.#probes.get(role);
		const spec = this.#options.probes[role];
		if (!probe || !spec) return `${role} probe failed`;
		const times = probe.fails > 1 ? `, ${probe.fails} times in a row` : '';
		return `${role} probe failed: ${describeCheck(spec.check)}: ${probe.lastAnswer?.text ?? 'no answer'}${times}`;
	}
}
