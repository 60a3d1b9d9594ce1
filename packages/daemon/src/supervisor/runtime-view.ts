/** A runtime as others see it, put together of what its parts know. */
import type { Clock } from '@orch/base';
import type { Usage } from './figures/index.ts';
import type { NeededView } from './needs.ts';
import { backoffInfo } from './restart.ts';
import type { RuntimeInterpreter } from './runtime-interpreter.ts';
import type { RuntimeLedger } from './runtime-ledger.ts';
import type { RuntimeProbes } from './runtime-probes.ts';
import type { RuntimeProcesses } from './runtime-processes.ts';
import type { RuntimeSets } from './runtime-sets.ts';
import type { RuntimeSnapshot } from './snapshot.ts';
import type { RuntimeSpec } from './spec.ts';

export interface RuntimeParts {
	readonly clock: Clock;
	/** With a closing slash. */
	readonly outputDirectory: string;
	readonly ledger: RuntimeLedger;
	readonly sets: RuntimeSets;
	readonly processes: RuntimeProcesses;
	readonly probes: RuntimeProbes;
	readonly interpreter: RuntimeInterpreter;
	readonly spec: () => RuntimeSpec;
}

export class RuntimeView {
	readonly #parts: RuntimeParts;
	/** What its processes use, as was seen last; of the process before nothing is told. */
	usage: Usage | undefined;

	constructor(parts: RuntimeParts) {
		this.#parts = parts;
	}

	/** As those see it that need it. */
	get needed(): NeededView {
		return this.#common();
	}

	snapshot(): RuntimeSnapshot {
		const { outputDirectory, ledger, sets, processes, probes, interpreter } = this.#parts;
		const { present } = processes;
		const { spec, status, desired, ready, reason, lastExit, backoff } = this.#common();
		// written out: spread, it would take most of what a list of many takes
		return {
			spec,
			status,
			desired,
			ready,
			reason: 'reason' in interpreter.state ? reason : sets.activity,
			pid: processes.livingProgram?.pid,
			processId: present?.processId,
			generation: ledger.generation,
			restarts: ledger.restarts,
			addedAt: ledger.addedAt,
			startedAt: present?.startedAt,
			uptimeMs: processes.livedMs,
			lastExit,
			backoff,
			usage: sets.isEmpty ? undefined : this.usage,
			probes: probes.reports,
			escaped: sets.escaped,
			warnings: processes.warnings,
			stdoutPath: `${outputDirectory}stdout.log`,
			stderrPath: `${outputDirectory}stderr.log`,
		};
	}

	#common() {
		const { clock, ledger, processes, probes, interpreter, spec } = this.#parts;
		const { state, timerAt } = interpreter;
		return {
			spec: spec(),
			status: state.kind,
			desired: ledger.desired,
			ready: probes.ready(state.kind),
			reason: 'reason' in state ? state.reason : undefined,
			lastExit: ledger.lastExit,
			backoff: backoffInfo({
				account: 'account' in state ? state.account : undefined,
				livedMs: state.kind === 'running' ? processes.livedMs : undefined,
				timerAt,
				policy: spec().restart,
				clock,
			}),
		};
	}
}
