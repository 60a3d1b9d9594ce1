/** What is commanded of a runtime: accepted or refused at once, then told to its machine and waited for. */
import type { Logger } from '@orch/base';
import { describeLaunchFault, type LaunchFault, SupervisorError } from './faults.ts';
import { describeUnmet, type Unmet } from './needs.ts';
import type { RuntimeEvent, RuntimeState } from './runtime.machine.ts';
import type { RuntimeLedger } from './runtime-ledger.ts';
import type { RuntimeSets } from './runtime-sets.ts';
import type { RuntimeSnapshot } from './snapshot.ts';
import type { Priority, RuntimeSpec } from './spec.ts';
import { Waiters } from './waiters.ts';

export interface RuntimeCommandsOptions {
	readonly log: Logger;
	readonly ledger: RuntimeLedger;
	readonly sets: RuntimeSets;
	readonly spec: () => RuntimeSpec;
	readonly respecify: (spec: RuntimeSpec) => void;
	readonly state: () => RuntimeState;
	readonly snapshot: () => RuntimeSnapshot;
	/** To the machine, which may react before this returns. */
	readonly send: (event: RuntimeEvent) => void;
	/** Aborted here, when nothing is left of a runtime that was to be removed. */
	readonly removed: AbortController;
}

/** What may be said of a stop; `signal` ends the waiting for it and nothing else. */
export interface StopWish {
	readonly graceMs?: number | undefined;
	readonly signal?: AbortSignal | undefined;
}

export interface Removal {
	readonly force: boolean;
	/** What has escaped, as whoever commands this could see, does not stand in the way where it cannot be ended now, either. */
	readonly leaveEscaped: boolean;
	/** Ends the waiting, and with it the removal. */
	readonly signal?: AbortSignal | undefined;
	readonly forget: () => void;
	/** Lets no later daemon take a process that lives for a runtime's. */
	readonly disown: (processId: string) => void;
}

/** What the machine has just done. */
export interface Reaction {
	readonly event: RuntimeEvent;
	readonly from: RuntimeState['kind'];
	readonly state: RuntimeState;
	/** What it needed and was not there. */
	readonly unmet: readonly Unmet[];
	readonly launchFault: LaunchFault | undefined;
}

export class RuntimeCommands {
	readonly #options: RuntimeCommandsOptions;
	readonly #waiters: Waiters;
	/** The grace that the last stop asked for. */
	#graceMs: number | undefined;
	#isRemoving = false;
	#isClosed = false;

	constructor(options: RuntimeCommandsOptions) {
		this.#options = options;
		this.#waiters = new Waiters(options.spec().name);
	}

	/** What is ended now has so much time. */
	get graceMs(): number {
		return this.#graceMs ?? this.#options.spec().stop.graceMs;
	}

	/** The stop that asked for it is over. */
	forgetGrace(): void {
		this.#graceMs = undefined;
	}

	start({ priority, signal }: { readonly priority?: Priority | undefined; readonly signal?: AbortSignal | undefined }) {
		const { spec, respecify } = this.#options;
		this.#accept('running');
		if (priority !== undefined && priority !== spec().priority) respecify({ ...spec(), priority });
		return this.#command({ kind: 'start' }, 'run', signal);
	}

	restart({ graceMs, signal }: StopWish): Promise<RuntimeSnapshot> {
		this.#accept('running');
		this.#askGrace(graceMs);
		const done = this.#waiters.wait('run', signal);
		this.#options.send({ kind: 'restart' });
		return done;
	}

	stop({ graceMs, signal }: StopWish): Promise<RuntimeSnapshot> {
		this.#accept('stopped');
		this.#waiters.overtaken('stop');
		this.#askGrace(graceMs);
		return this.#command({ kind: 'stop' }, 'stop', signal);
	}

	/** Stops it because the daemon ends: what is wanted of it stays, and one that rests is left as it is. */
	shutDown({ graceMs }: Pick<StopWish, 'graceMs'>): Promise<RuntimeSnapshot> {
		const { snapshot, sets } = this.#options;
		if (this.#isClosed) return Promise.resolve(snapshot());
		const state = this.#options.state();
		const rests = state.kind === 'stopped' || ((state.kind === 'exited' || state.kind === 'failed') && !state.clearing);
		this.#waiters.overtaken('stop');
		if (rests && sets.isEmpty) return Promise.resolve(snapshot());
		this.#askGrace(graceMs);
		return this.#command({ kind: 'shut_down' }, 'stop', undefined);
	}

	/**
	 * Resolves when nothing is left, or what is was disowned; the runtime takes no command from its acceptance on. Where `forget`
	 * throws, which writes it down, it is stopped and takes commands again.
	 */
	async remove({ force, leaveEscaped, signal, forget, disown }: Removal) {
		const { state, sets, snapshot, removed } = this.#options;
		this.#accept('stopped', force);
		const mayLeave = leaveEscaped && rests(state().kind) && sets.escaped.length > 0;
		this.#isRemoving = true;
		this.#waiters.overtaken('remove');
		try {
			// also of one that is stopped: what an earlier stop could not end may be ended by now
			const stopped = this.#command({ kind: 'stop' }, 'stop', signal);
			await (mayLeave ? stopped.catch((error: unknown) => this.#leave(error, disown)) : stopped);
			forget();
			removed.abort();
			return snapshot();
		} finally {
			this.#isRemoving = removed.signal.aborted;
		}
	}

	/** Not by anybody's command: nobody waits for it. */
	restartFor(reason: string): void {
		const { ledger, log, spec, send } = this.#options;
		if (this.#isClosed || this.#isRemoving || ledger.desired === 'stopped') return;
		log.info('restarted', { runtime: spec().name, reason });
		send({ kind: 'restart', reason });
	}

	stopFor(reason: string): void {
		const { log, spec, send } = this.#options;
		if (this.#isClosed || this.#isRemoving) return;
		log.info('stopped', { runtime: spec().name, reason });
		this.#accept('stopped');
		this.#waiters.overtaken('stop');
		send({ kind: 'stop', reason });
	}

	/** Those who wait hear what has become of what they commanded. */
	reacted({ event, from, state, unmet, launchFault }: Reaction): void {
		const { snapshot, sets } = this.#options;
		if (event.kind === 'emptied') this.#waiters.stopped(snapshot, sets.escaped);
		if (state.kind === 'running') this.#waiters.runs(snapshot);
		if (state.kind === 'waiting') this.#tellOfHopeless(unmet);
		// one that is being stopped failed to nobody's surprise; a start that came since waits for its own launch
		if (event.kind === 'launch_failed' && from === 'starting') {
			this.#waiters.failedToRun(() => this.#startFailed(launchFault ?? { kind: 'abandoned' }));
		}
	}

	/** Takes no command any more; nobody waits any longer. */
	close(): void {
		this.#isClosed = true;
		this.#waiters.close();
		this.#options.removed.abort();
	}

	/** Throws where nothing is taken any more: also of what is no command, such as another spec. */
	refuseLate(): void {
		if (this.#isRemoving) throw new SupervisorError({ kind: 'superseded', name: this.#options.spec().name, by: 'remove' });
		if (this.#isClosed) throw new SupervisorError({ kind: 'closing' });
	}

	#accept(desired: 'running' | 'stopped', force = true): void {
		const { spec, state, snapshot, ledger } = this.#options;
		this.refuseLate();
		const { name } = spec();
		const status = state().kind;
		if (!force && !rests(status)) {
			throw new SupervisorError({ kind: 'running', name, status, pid: snapshot().pid });
		}
		if (ledger.desired === desired) return;
		ledger.desired = desired;
		ledger.save();
	}

	/** What a stop has failed to end is nobody's; the failure is thrown where that cannot be written down, for it would come back. */
	#leave(failure: unknown, disown: Removal['disown']): void {
		const { log, sets, spec } = this.#options;
		if (!(failure instanceof SupervisorError) || failure.fault.kind !== 'stop_incomplete') throw failure;
		try {
			for (const { processId } of sets.all) disown(processId);
		} catch (error) {
			log.warn('what could not be ended cannot be left behind', { runtime: spec().name, error });
			throw failure;
		}
	}

	/** Sends a command; resolves at once where what it asks for is so already. */
	#command(event: RuntimeEvent, goal: 'run' | 'stop', signal: AbortSignal | undefined): Promise<RuntimeSnapshot> {
		const { state, sets, snapshot, send } = this.#options;
		const { kind } = state();
		if (goal === 'run' ? kind === 'running' : kind === 'stopped' && sets.isEmpty) return Promise.resolve(snapshot());
		const done = this.#waiters.wait(goal, signal);
		send(event);
		return done;
	}

	/** A stop under way may be asked to be quicker, never to be slower. */
	#askGrace(graceMs: number | undefined): void {
		if (graceMs === undefined) return;
		this.#graceMs = this.#options.state().kind === 'stopping' ? Math.min(graceMs, this.graceMs) : graceMs;
	}

	/** Who has commanded a start hears that it waits for what will not come by itself; it goes on waiting. */
	#tellOfHopeless(unmet: readonly Unmet[]): void {
		const stuck = unmet.filter(({ standing }) => standing === 'stuck');
		if (stuck.length === 0) return;
		const { name } = this.#options.spec();
		const how = [...new Set(stuck.map((one) => one.how))];
		this.#waiters.failedToRun(() => new SupervisorError({ kind: 'waits', name, reason: describeUnmet(unmet), how }));
	}

	#startFailed(fault: LaunchFault): SupervisorError {
		const { name } = this.#options.spec();
		return new SupervisorError({ kind: 'start_failed', name, fault, reason: describeLaunchFault(fault) });
	}
}

/** Nothing runs, nor is anything to run. */
const rests = (status: RuntimeState['kind']): boolean => status === 'stopped' || status === 'exited' || status === 'failed';
