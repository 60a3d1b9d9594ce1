/** Processes that exist only in a test: launched, forked, signalled and ended as the test says. */
import type { ExitStatus } from '../exit-record.ts';
import { LaunchError, type LaunchFault } from '../faults.ts';
import type { Adoption, Identity, Launched, Launcher, LaunchRequest, Recorded, SettleReport } from '../ports.ts';
import type { Member, ProcessSet } from '../process-set.ts';
import type { ProcessTable } from '../process-table.ts';
import type { SupervisorEvent } from '../snapshot.ts';

/** What a process does about a signal: by default it ends, as most do; whoever ignores one does nothing. */
export type Answer = 'end' | 'ignore';

export class FakeProcess {
	readonly identity: Identity;
	readonly processId: string;
	readonly inGroup: boolean;
	readonly received: NodeJS.Signals[] = [];
	/** For SIGKILL too: a process in an uninterruptible call. */
	answer: (signal: NodeJS.Signals) => Answer = () => 'end';
	alive = true;
	stopped = false;
	onEnd: (status: ExitStatus) => void = () => {};
	/** How it ended, and when by the clock of the wall. */
	status: ExitStatus | undefined;
	endedAt = 0;

	constructor(identity: Identity, processId: string, inGroup: boolean) {
		this.identity = identity;
		this.processId = processId;
		this.inGroup = inGroup;
	}

	receive(signal: NodeJS.Signals): void {
		if (!this.alive) return;
		this.received.push(signal);
		if (signal === 'SIGCONT') this.stopped = false;
		else if (signal === 'SIGSTOP') this.stopped = true;
		else if (this.answer(signal) === 'end') this.end({ kind: 'signal', signal, coreDumped: false });
	}

	end(status: ExitStatus): void {
		if (!this.alive) return;
		this.alive = false;
		this.status = status;
		this.onEnd(status);
	}
}

export interface FakeLaunch {
	readonly request: LaunchRequest;
	/** The program; the shim is not told apart from it. */
	readonly program: FakeProcess;
	released: boolean;
	/** For its record; absent are true, true and 0. */
	isLetGo?: boolean;
	isThisBoot?: boolean;
	launchedAt?: number;
}

export class FakeProcesses implements Launcher, ProcessTable, Adoption {
	readonly launches: FakeLaunch[] = [];
	readonly all: FakeProcess[] = [];
	readonly forgotten: string[] = [];
	readonly disowned: string[] = [];
	readonly adopted: FakeLaunch[] = [];
	readonly registered = new Set<ProcessSet>();
	/** Faults of the launches to come, in order; undefined lets one succeed. */
	readonly faults: (LaunchFault | undefined)[] = [];
	/** Awaited before each launch. */
	delay: () => Promise<void> = async () => {};
	/** Whether looks fail: nobody can say who is a member of what. */
	isBlind = false;
	/** Told of each program that is launched. */
	onLaunch: (launch: FakeLaunch) => void = () => {};
	#pid = 1000;

	async launch(request: LaunchRequest, signal: AbortSignal): Promise<Launched> {
		await request.mayGo;
		await this.delay();
		if (signal.aborted) throw new LaunchError({ kind: 'abandoned' });
		const fault = this.faults.shift();
		if (fault) throw new LaunchError(fault);
		const program = this.#make(request.processId, true);
		const launch: FakeLaunch = { request, program, released: false };
		this.launches.push(launch);
		this.onLaunch(launch);
		return this.#launched(launch);
	}

	#launched(launch: FakeLaunch): Launched {
		const { program } = launch;
		return {
			root: program.identity,
			program: program.identity,
			warnings: [],
			onExit: (_killed, listener) => {
				program.onEnd = (status) => queueMicrotask(() => listener(status));
				if (!program.alive) program.onEnd(program.status ?? { kind: 'code', code: 0 });
			},
			release: () => {
				launch.released = true;
			},
		};
	}

	/** The program that was launched last. */
	get last(): FakeProcess {
		const launch = this.launches.at(-1);
		if (!launch) throw new Error('Nothing was launched');
		return launch.program;
	}

	/** A process that a program forked: in its group, or escaped from it. */
	fork(parent: FakeProcess, { inGroup }: { readonly inGroup: boolean }): FakeProcess {
		return this.#make(parent.processId, inGroup);
	}

	get living(): FakeProcess[] {
		return this.all.filter(({ alive }) => alive);
	}

	forget(processId: string): void {
		this.forgotten.push(processId);
	}

	disown(processId: string): void {
		this.disowned.push(processId);
	}

	/** All that is recorded here belongs to a runtime. */
	async settle(): Promise<SettleReport> {
		return { stopped: [], escaped: [], gone: 0 };
	}

	/** What was launched and not forgotten, of which nobody in the test but the supervisor needs to know. */
	recover(): number {
		return 0;
	}

	async recorded(): Promise<readonly Recorded[]> {
		return this.launches
			.filter(({ request }) => !this.forgotten.includes(request.processId))
			.map(({ request, program, isLetGo = true, isThisBoot = true, launchedAt = 0 }) => ({
				record: {
					version: 1,
					processId: request.processId,
					runtimeId: request.runtimeId,
					runtimeName: request.runtimeName,
					generation: request.generation,
					...program.identity,
					bootId: 'boot',
					program: request.program,
					stop: request.stop,
					outputDirectory: '/output/',
					launchedAt,
					spec: request.spec,
					isDisowned: this.disowned.includes(request.processId),
				},
				launch: { pid: program.identity.pid, isLetGo, hasEnded: !program.alive },
				isThisBoot,
				rootLives: program.alive && isThisBoot,
				statusIf: (killed) =>
					program.status ?? (killed ? { kind: 'signal', signal: 'SIGKILL', coreDumped: false } : { kind: 'unknown', reason: '' }),
				changedAt: program.endedAt,
			}));
	}

	adopt({ record }: Recorded): Launched {
		const launch = this.launches.find(({ request }) => request.processId === record.processId);
		if (!launch) throw new Error(`Nothing was launched as ${record.processId}`);
		this.adopted.push(launch);
		return this.#launched(launch);
	}

	drop(processId: string): void {
		this.forgotten.push(processId);
	}

	close(): void {}

	identify(pid: number): Identity | undefined {
		return this.living.find(({ identity }) => identity.pid === pid)?.identity;
	}

	register(set: ProcessSet): void {
		this.registered.add(set);
	}

	unregister(set: ProcessSet): void {
		this.registered.delete(set);
	}

	async members(set: ProcessSet): Promise<readonly Member[]> {
		if (this.isBlind) throw new Error('No descriptor is left to look with');
		return this.#of(set).map(({ identity, inGroup, stopped }) => ({
			...identity,
			group: inGroup ? (set.root?.pid ?? 0) : identity.pid,
			stopped,
			name: 'fake',
		}));
	}

	hasGroup(set: ProcessSet): boolean {
		return set.holdsGroup && this.#of(set).some(({ inGroup }) => inGroup);
	}

	signalGroup(set: ProcessSet, signal: NodeJS.Signals): boolean {
		if (!set.root || !this.identify(set.root.pid)) return false;
		for (const one of this.#of(set)) if (one.inGroup) one.receive(signal);
		return true;
	}

	signal(target: Identity, signal: NodeJS.Signals): boolean {
		const one = this.living.find(({ identity }) => identity.pid === target.pid && identity.startTicks === target.startTicks);
		one?.receive(signal);
		return one !== undefined;
	}

	kill(members: readonly Member[]): void {
		for (const member of members) this.signal(member, 'SIGKILL');
	}

	describe({ pid, name }: Member) {
		return { pid, command: name };
	}

	#of({ processId }: ProcessSet): FakeProcess[] {
		return this.living.filter((one) => one.processId === processId);
	}

	#make(processId: string, inGroup: boolean): FakeProcess {
		const pid = this.#pid++;
		const one = new FakeProcess({ pid, startTicks: pid * 10 }, processId, inGroup);
		this.all.push(one);
		return one;
	}
}

/** The statuses that a runtime went through, in order. */
export function statusesOf(events: readonly SupervisorEvent[]): string[] {
	return events.flatMap((event) => (event.kind === 'changed' ? [event.to] : []));
}
