/**
 * Makes it so: stops what goes or changes, changes, adds, links, starts in the order of needs and waits.
 *
 * Every step is safe to be the last one: what only a new process can have is changed while it is stopped, so that what runs
 * is never other than what is declared; what was to be started is written down before anything is stopped.
 */
import type { Clock, Logger } from '@orch/base';
import { awaitedOf } from './awaited.ts';
import {
	type Definitions,
	type LinkDeclaration,
	linkKey,
	type Project,
	type ProjectState,
	type RuntimeDeclaration,
} from './declaration.ts';
import { layers } from './order.ts';
import type { LinksPort, ProjectRecord, ProjectStore, RuntimeFacts, RuntimesPort, TypesPort } from './ports.ts';
import type { Prepared } from './prepare.ts';
import { type Condition, needsStart, type Verdict, verdictOn } from './settle.ts';
import type { Participant, Together } from './together.ts';

export interface ApplyPorts {
	readonly runtimes: RuntimesPort;
	readonly links: LinksPort;
	readonly types: TypesPort;
	readonly store: ProjectStore;
	readonly clock: Clock;
	readonly log: Logger;
}

export interface ApplyOptions {
	/** `missing` starts whatever does not run, `changed` only what is new or has to be restarted, `nothing` nothing. */
	readonly start: 'missing' | 'changed' | 'nothing';
	/** Names that were asked for: these are started even where they would wait for their hour. */
	readonly asked?: readonly string[] | undefined;
	/** Does not wait for what is needed and not part of this. */
	readonly noDeps?: boolean | undefined;
	/** After this it is told how far everything got. */
	readonly waitMs: number;
	/** Nobody waits any longer; what is to be done is done all the same. */
	readonly signal: AbortSignal;
	/** The daemon ends: nothing is started any more. */
	readonly closing: AbortSignal;
	readonly onProgress?: ((progress: Progress) => void) | undefined;
	/** Where others are applied beside it: what holds for all of them. */
	readonly together?: Together | undefined;
}

export interface Progress {
	readonly name: string;
	/** `waiting`: it is started, and not yet where it goes; the reason is what is waited for. */
	readonly kind: 'stopping' | 'stopped' | 'removed' | 'changed' | 'added' | 'starting' | 'waiting' | OutcomeKind;
	readonly reason: string | null;
	/** Since the beginning. */
	readonly ms: number;
	/** The runner that it belongs to, where it is not the project's own. */
	readonly runner?: string;
}

export type OutcomeKind = 'ready' | 'running' | 'succeeded' | 'failed' | 'pending' | 'scheduled';

export interface Outcome {
	readonly name: string;
	readonly kind: OutcomeKind;
	readonly reason: string | null;
	readonly ms: number;
}

export interface Applied {
	readonly outcomes: readonly Outcome[];
	/** What could not be done besides: links, mostly. */
	readonly faults: readonly string[];
}

export async function apply(
	ports: ApplyPorts,
	project: Project,
	prepared: Prepared,
	record: ProjectRecord,
	options: ApplyOptions,
): Promise<Applied> {
	return new Applying(ports, project, prepared, record, options).run();
}

class Applying {
	readonly #ports: ApplyPorts;
	readonly #project: Project;
	readonly #prepared: Prepared;
	readonly #record: ProjectRecord;
	readonly #options: ApplyOptions;
	readonly #startedMs: number;
	/** Why a runtime cannot go on. */
	readonly #broken = new Map<string, string>();
	/** What a runtime still needed when nobody waited any longer: it is left to wait for that by itself. */
	readonly #waiting = new Map<string, string>();
	readonly #faults: string[] = [];

	constructor(ports: ApplyPorts, project: Project, prepared: Prepared, record: ProjectRecord, options: ApplyOptions) {
		this.#ports = ports;
		this.#project = project;
		this.#prepared = prepared;
		this.#record = record;
		this.#options = options;
		this.#startedMs = ports.clock.monotonicMs();
	}

	async run(): Promise<Applied> {
		const starting = this.#toStart();
		const participant = this.#options.together?.join(starting);
		try {
			return await this.#run(starting, participant);
		} finally {
			participant?.leave();
		}
	}

	async #run(starting: ReadonlySet<string>, participant: Participant | undefined): Promise<Applied> {
		const { store } = this.#ports;
		const definitions = this.#prepared.plan.definitions.length > 0 ? this.#project.definitions : this.#record.definitions;
		const intent: ProjectRecord = {
			...this.#record,
			links: [...new Set(this.#ownedLinks())],
			starting: [...starting],
			// what a daemon that finds this goes by
			definitions,
			appliedAt: this.#ports.clock.now(),
		};
		await store.save(intent);
		await this.#stopAndRemove();
		await this.#change();
		// before what is new sends its first message
		if (saysTypes(definitions) || saysTypes(this.#record.definitions)) await this.#declare(definitions);
		await participant?.registered();
		await this.#link();
		const outcomes = await this.#start(starting, participant);
		// the next daemon goes on from here
		const left = this.#options.closing.aborted ? outcomes.filter(({ kind }) => kind === 'pending').map(({ name }) => name) : [];
		// a link that could not be taken away stays ours; one that went with its runtime is nobody's
		const there = new Set(this.#ports.links.list().map(linkKey));
		const links = intent.links.filter((key) => there.has(key));
		await store.save({ ...intent, links, starting: left, appliedAt: this.#ports.clock.now() });
		return { outcomes, faults: this.#faults };
	}

	/** A link that somebody else had made before stays theirs. */
	#ownedLinks(): string[] {
		const before = new Set(this.#record.links);
		const there = new Set(this.#ports.links.list().map(linkKey));
		const isOurs = (key: string) => before.has(key) || !there.has(key);
		return [...this.#record.links, ...this.#prepared.plan.links.added.map(linkKey)].filter(isOurs);
	}

	#toStart(): Set<string> {
		const { start, asked = [] } = this.#options;
		if (start === 'nothing') return new Set();
		const { added, changed } = this.#prepared.plan.runtimes;
		const isNew = new Set(added.map(({ name }) => name));
		const restarts = new Set(changed.filter(({ restart }) => restart.length > 0).map(({ after }) => after.name));
		const before = new Set(this.#record.starting);
		const chosen = this.#prepared.touched.filter((declaration) => {
			const { name, group, schedule } = declaration;
			if (schedule?.action === 'start' && !asked.includes(name) && !(group && asked.includes(group.name))) return false;
			const facts = this.#ports.runtimes.find(name);
			if (isNew.has(name) || before.has(name) || !facts) return true;
			// what somebody has stopped is started again by who says so
			if (restarts.has(name)) return start === 'missing' || facts.desired === 'running';
			return start === 'missing' && needsStart(facts);
		});
		return new Set(chosen.map(({ name }) => name));
	}

	async #stopAndRemove(): Promise<void> {
		const { removed, changed } = this.#prepared.plan.runtimes;
		const restarts = changed.filter(({ restart }) => restart.length > 0).map(({ before }) => before);
		const goes = new Set(removed.map(({ name }) => name));
		await inReverse([...removed, ...restarts], async ({ name }) => {
			await this.#try(name, async () => {
				await this.#stop(name);
				if (!goes.has(name)) return;
				await this.#ports.runtimes.remove(name, this.#options.closing);
				this.#progress(name, 'removed');
			});
		});
		for (const { name } of removed) {
			const reason = this.#broken.get(name);
			if (reason !== undefined) this.#faults.push(`cannot take away ${name}: ${reason}`);
		}
	}

	async #stop(name: string): Promise<void> {
		const { runtimes } = this.#ports;
		const facts = runtimes.find(name);
		if (!facts || (facts.desired === 'stopped' && ['stopped', 'exited', 'failed'].includes(facts.status))) return;
		this.#progress(name, 'stopping');
		await runtimes.stop(name, this.#options.closing);
		this.#progress(name, 'stopped');
	}

	async #change(): Promise<void> {
		const { runtimes } = this.#ports;
		const { added, changed } = this.#prepared.plan.runtimes;
		for (const { after, fields } of changed) {
			if (fields.length === 0 || this.#broken.has(after.name)) continue;
			await this.#try(after.name, async () => {
				await runtimes.change(after);
				this.#progress(after.name, 'changed');
			});
		}
		for (const declaration of added) {
			await this.#try(declaration.name, async () => {
				await runtimes.add(declaration);
				this.#progress(declaration.name, 'added');
			});
		}
	}

	async #declare({ types }: Definitions): Promise<void> {
		this.#faults.push(...(await this.#ports.types.declare(this.#record.name, types, this.#options.closing)));
	}

	async #link(): Promise<void> {
		const { links } = this.#ports;
		const { added, removed, changed } = this.#prepared.plan.links;
		const attempt = async (what: string, link: LinkDeclaration, work: () => Promise<void>) => {
			try {
				await work();
			} catch (error) {
				this.#faults.push(`cannot ${what} ${link.from} ─${link.type}→ ${link.to}: ${sentenceOf(error)}`);
			}
		};
		for (const link of removed) await attempt('unlink', link, () => links.remove(link));
		for (const { after } of changed) await attempt('change', after, () => links.change(after));
		for (const link of added) await attempt('link', link, () => links.add(link));
	}

	async #start(starting: ReadonlySet<string>, participant: Participant | undefined): Promise<Outcome[]> {
		const { runtimes, clock } = this.#ports;
		const { together } = this.#options;
		if (this.#options.start === 'nothing') return this.#brokenOutcomes();
		const awaited = this.#prepared.touched.filter(
			({ name }) => starting.has(name) || this.#options.start === 'missing' || this.#broken.has(name),
		);
		const deadline = new AbortController();
		const timer = clock.setTimer(this.#options.waitMs, () => deadline.abort());
		const waiters = new Set<() => void>();
		const wake = () => {
			for (const waiter of [...waiters]) waiter();
		};
		const unsubscribe = runtimes.subscribe(wake);
		const unsubscribeOthers = together?.subscribe(wake);
		deadline.signal.addEventListener('abort', wake, { once: true });
		this.#options.signal.addEventListener('abort', wake, { once: true });
		const isOver = () => deadline.signal.aborted || this.#options.signal.aborted;
		const settled = (name: string, condition: Condition): Promise<Verdict> =>
			new Promise((resolve) => {
				const look = () => {
					const verdict = verdictOn(runtimes.find(name), condition);
					// what is over is over for all of them, each of which then says what has become of its own
					if (verdict.kind === 'not' && together?.isComing(name)) return;
					if (verdict.kind === 'yet' && !isOver()) return;
					waiters.delete(look);
					resolve(verdict);
				};
				waiters.add(look);
				look();
			});
		let end = () => {};
		const over = new Promise<void>((resolve) => {
			end = resolve;
			deadline.signal.addEventListener('abort', end, { once: true });
			this.#options.signal.addEventListener('abort', end, { once: true });
			if (this.#options.signal.aborted) resolve();
		});
		try {
			const launches = new Map<string, Promise<void>>();
			const launch = (declaration: RuntimeDeclaration): Promise<void> => {
				const known = launches.get(declaration.name);
				if (known !== undefined) return known;
				const launched = this.#launch(declaration, starting, { settled, launch, over }).then(() => {
					participant?.tried(declaration.name);
					if (!isOver()) this.#tellAwaited(declaration, starting);
				});
				launches.set(declaration.name, launched);
				return launched;
			};
			return await Promise.all(
				awaited.map(async (declaration) => {
					await launch(declaration);
					return this.#outcome(declaration, starting, await settled(declaration.name, this.#goal(declaration)));
				}),
			);
		} finally {
			timer.cancel();
			// it may be a signal of the daemon's whole life, which would hold all this for as long
			for (const listener of [wake, end]) this.#options.signal.removeEventListener('abort', listener);
			unsubscribe();
			unsubscribeOthers?.();
		}
	}

	/** What somebody needs to succeed has not come to its end before it has. */
	#goal({ name }: RuntimeDeclaration): Condition {
		const asked = this.#prepared.touched.some(({ needs = [] }) =>
			needs.some(({ runtime, condition }) => runtime === name && condition === 'succeeded'),
		);
		return asked ? 'succeeded' : 'up';
	}

	/** Once what it needs is there, it is started; why not, is kept. */
	async #launch(
		{ name, needs = [] }: RuntimeDeclaration,
		starting: ReadonlySet<string>,
		{ settled, launch, over }: Launching,
	): Promise<void> {
		if (!starting.has(name) || this.#broken.has(name)) return;
		await Promise.all(
			needs.map(async ({ runtime, condition }) => {
				const needed = this.#prepared.touched.find((each) => each.name === runtime);
				if (needed) await launch(needed);
				else if (this.#options.noDeps) return;
				const verdict = await settled(runtime, condition);
				if (verdict.kind === 'reached') return;
				const broken = this.#broken.get(runtime);
				const waits = this.#waiting.get(runtime);
				if (broken === undefined && (verdict.kind === 'yet' || waits !== undefined)) {
					if (!this.#waiting.has(name))
						this.#waiting.set(name, `it needs ${runtime} ${condition}, which is not yet: ${waits ?? verdict.reason}`);
					return;
				}
				if (!this.#broken.has(name))
					this.#broken.set(name, `it needs ${runtime} ${condition}, which is not: ${broken ?? verdict.reason}`);
			}),
		);
		if (this.#broken.has(name) || this.#options.closing.aborted) return;
		const facts = this.#ports.runtimes.find(name);
		if (!facts || !(needsStart(facts) || this.#isFresh(name))) return;
		this.#progress(name, 'starting');
		// one that is slow to start, or is left to wait, is not stopped by our impatience
		await Promise.race([this.#try(name, () => this.#ports.runtimes.start(name, this.#options.closing)), over]);
	}

	#tellAwaited(declaration: RuntimeDeclaration, starting: ReadonlySet<string>): void {
		const { name } = declaration;
		if (!starting.has(name) || this.#broken.has(name)) return;
		const goal = this.#goal(declaration);
		const awaited = awaitedOf(declaration, goal);
		if (awaited === undefined || verdictOn(this.#ports.runtimes.find(name), goal).kind !== 'yet') return;
		this.#progress(name, 'waiting', awaited);
	}

	/** What was to have a new process has it not yet, though its last one ended well. */
	#isFresh(name: string): boolean {
		const facts = this.#ports.runtimes.find(name);
		if (facts?.status !== 'exited') return false;
		const { changed } = this.#prepared.plan.runtimes;
		if (changed.some(({ after, restart }) => after.name === name && restart.length > 0)) return true;
		return this.#record.starting.includes(name) && (facts.startedAt ?? 0) < this.#record.appliedAt;
	}

	#outcome({ name, schedule }: RuntimeDeclaration, starting: ReadonlySet<string>, verdict: Verdict): Outcome {
		const ms = this.#elapsed();
		const of = (kind: OutcomeKind, reason: string | null = null): Outcome => {
			this.#progress(name, kind, reason);
			return { name, kind, reason, ms };
		};
		const broken = this.#broken.get(name);
		if (broken !== undefined) return of('failed', broken);
		if (verdict.kind === 'reached') return of(verdict.as);
		const waits = this.#waiting.get(name);
		if (waits !== undefined) return of('pending', waits);
		if (!starting.has(name) && schedule?.action === 'start') return of('scheduled', `its hour is ${schedule.cron}`);
		return verdict.kind === 'not' ? of('failed', verdict.reason) : of('pending', verdict.reason);
	}

	#brokenOutcomes(): Outcome[] {
		const ms = this.#elapsed();
		return [...this.#broken].map(([name, reason]) => ({ name, kind: 'failed', reason, ms }));
	}

	async #try(name: string, work: () => Promise<void>): Promise<void> {
		try {
			await work();
		} catch (error) {
			this.#ports.log.warn('a step of a project did not work', { project: this.#project.name, runtime: name, error });
			if (!this.#broken.has(name)) this.#broken.set(name, sentenceOf(error));
		}
	}

	#elapsed(): number {
		return Math.round(this.#ports.clock.monotonicMs() - this.#startedMs);
	}

	#progress(name: string, kind: Progress['kind'], reason: string | null = null): void {
		this.#options.onProgress?.({ name, kind, reason, ms: this.#elapsed() });
	}
}

interface Launching {
	readonly settled: (name: string, condition: Condition) => Promise<Verdict>;
	readonly launch: (declaration: RuntimeDeclaration) => Promise<void>;
	/** Resolves when nobody waits any longer. */
	readonly over: Promise<void>;
}

/** What needs others goes before them; what is independent, at the same time. */
export async function inReverse(
	declarations: readonly RuntimeDeclaration[],
	work: (declaration: RuntimeDeclaration) => Promise<void>,
): Promise<void> {
	const byName = new Map(declarations.map((each) => [each.name, each]));
	const needs = new Map(declarations.map(({ name, needs: needed = [] }) => [name, needed.map(({ runtime }) => runtime)]));
	const ordered = layers(needs);
	// what was registered by hand may stand in a circle
	const left = [...byName.keys()].filter((name) => !ordered.some((layer) => layer.includes(name)));
	for (const layer of [left, ...ordered.reverse()]) {
		await Promise.all(layer.map((name) => work(byName.get(name) as RuntimeDeclaration)));
	}
}

const saysTypes = ({ types }: Definitions): boolean => Object.keys(types).length > 0;

export const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What a project is now, of what is its own. */
export function currentState(
	ports: Pick<ApplyPorts, 'runtimes' | 'links'>,
	record: ProjectRecord,
	wanted: ProjectState,
): ProjectState {
	const owned = new Set(record.links);
	const runtimes = new Map(
		ports.runtimes.list(record.name).map(({ declaration }: RuntimeFacts) => [declaration.name, declaration]),
	);
	// one that is wanted and was made by hand is made as it is wanted
	const links = ports.links.list().filter((link) => owned.has(linkKey(link)) || wanted.links.has(linkKey(link)));
	return { runtimes, links: new Map(links.map((link) => [linkKey(link), link])), definitions: record.definitions };
}
