/** The projects that are loaded: each is made so when it is asked for, and kept so while its files change. */
import { createHash } from 'node:crypto';
import { Publisher } from '@orch/base';
import { type Applied, apply, type ApplyPorts, currentState, inReverse, type Progress, sentenceOf } from './apply.ts';
import { linkKey, localName, noDefinitions, type Project } from './declaration.ts';
import { type Loaded, type LoadPorts, loadProject, type LoadRequest } from './load.ts';
import { isEmptyPlan, type Plan } from './plan.ts';
import type { ProjectRecord, WatchFiles } from './ports.ts';
import { type Prepared, prepare, type Selection } from './prepare.ts';
import type { Problem } from './problem.ts';
import { SaveWatch } from './watch.ts';

export interface ProjectsOptions extends ApplyPorts {
	readonly load: LoadPorts;
	readonly watchFiles: WatchFiles;
}

export interface UpWish extends Omit<Selection, 'removeOrphans'> {
	/** Absent: where the files are the same as the last time. */
	readonly removeOrphans?: boolean | undefined;
	/** Registers and changes, starts nothing. */
	readonly startNothing?: boolean | undefined;
	readonly waitMs: number;
	readonly signal: AbortSignal;
	readonly onProgress?: ((progress: Progress) => void) | undefined;
}

export interface Diff {
	readonly name: string;
	readonly plan: Plan;
	readonly orphans: readonly string[];
}

export interface UpReport extends Diff, Applied {}

export interface DownReport {
	readonly name: string;
	readonly removed: readonly string[];
	/** What is left, with the reason. */
	readonly left: readonly { readonly name: string; readonly reason: string }[];
}

export interface ProjectStatus {
	readonly record: ProjectRecord;
	/** Why what its files say now does not hold; empty while it does. */
	readonly problems: readonly Problem[];
	readonly reloadedAt: number | undefined;
	readonly reloads: number;
}

export type ProjectEvent =
	| { readonly kind: 'reloaded'; readonly project: string; readonly plan: Plan; readonly faults: readonly string[] }
	| { readonly kind: 'invalid'; readonly project: string; readonly problems: readonly Problem[] };

export type ProjectRefusal =
	| { readonly kind: 'invalid'; readonly problems: readonly Problem[] }
	/** Another one of that name is loaded. */
	| { readonly kind: 'elsewhere'; readonly name: string; readonly file: string }
	| { readonly kind: 'not_loaded'; readonly name: string; readonly known: readonly string[] }
	| { readonly kind: 'unknown_runtime'; readonly name: string; readonly known: readonly string[] }
	| { readonly kind: 'busy'; readonly limit: number };

export class ProjectError extends Error {
	override readonly name = 'ProjectError';
	readonly refusal: ProjectRefusal;

	constructor(refusal: ProjectRefusal) {
		super(`project refused: ${refusal.kind}`);
		this.refusal = refusal;
	}
}

interface Entry {
	record: ProjectRecord;
	problems: readonly Problem[];
	reloadedAt: number | undefined;
	reloads: number;
	readonly watch: SaveWatch;
	/** Files whose last line has no end, as they were read last. */
	unended: ReadonlySet<string>;
	files: readonly string[];
	isFollowing: boolean;
}

/** Commands on one project that wait for each other. */
const maxWaiting = 32;
/** A reload that nobody waits for looks this long at what it has started. */
const reloadWaitMs = 60_000;

export class Projects {
	readonly events: Publisher<ProjectEvent>;
	readonly #options: ProjectsOptions;
	readonly #entries = new Map<string, Entry>();
	readonly #queues = new Map<string, { tail: Promise<unknown>; waiting: number }>();
	readonly #closing = new AbortController();

	constructor(options: ProjectsOptions) {
		this.#options = options;
		this.events = new Publisher((error) => options.log.error('an event of a project was not handled', { error }));
	}

	/** Goes on with what an earlier daemon had loaded; a file that was changed meanwhile is a change. */
	async restore(): Promise<void> {
		for (const record of await this.#options.store.list()) {
			try {
				const entry = this.#enter(record, this.#load(requestOf(record)));
				this.#follow(entry);
			} catch (error) {
				// what runs goes on; the next `up` loads it anew
				this.#options.log.error('project not restored', { project: record.name, error });
				continue;
			}
			// an `up` or a reload was in the middle of it
			if (record.starting.length > 0) void this.#reloadQuietly(record.name);
		}
	}

	check(request: LoadRequest): Loaded {
		return this.#load(request);
	}

	list(): readonly ProjectStatus[] {
		return [...this.#entries.values()];
	}

	find(name: string): ProjectStatus | undefined {
		return this.#entries.get(name);
	}

	/** What `up` would change. */
	diff(request: LoadRequest, selection: Omit<UpWish, 'waitMs' | 'signal'>): Diff {
		const { project, record } = this.#understand(request);
		const { plan, orphans } = this.#prepare(project, record, selection);
		return { name: project.name, plan, orphans };
	}

	async up(request: LoadRequest, wish: UpWish): Promise<UpReport> {
		const { project } = this.#understand(request);
		return this.#serially(project.name, async () => {
			// the one before may have taken a while, and files change
			const understood = this.#understand(request);
			const isNew = !this.#entries.has(project.name);
			const entry = this.#enter(understood.record, understood.loaded);
			try {
				return await this.#apply(understood.project, understood.record, wish, entry);
			} catch (error) {
				// nothing was written down, so nothing was done
				if (isNew && entry.record.appliedAt === 0) this.#entries.delete(project.name);
				throw error;
			} finally {
				if (this.#entries.has(project.name)) this.#follow(entry);
			}
		});
	}

	/** Reads the files again, as they were asked to be read. */
	async reload(name: string, wish: Pick<UpWish, 'waitMs' | 'signal' | 'onProgress'>): Promise<UpReport> {
		this.#loaded(name);
		return this.#serially(name, async () => {
			const entry = this.#loaded(name);
			const loaded = this.#load(requestOf(entry.record));
			this.#look(entry, loaded);
			if (!loaded.project) {
				this.#options.log.warn('project not reloaded', {
					project: name,
					problems: loaded.problems.map(({ message }) => message),
				});
				this.events.publish({ kind: 'invalid', project: name, problems: loaded.problems });
				throw new ProjectError({ kind: 'invalid', problems: loaded.problems });
			}
			const record = recordOf(requestOf(entry.record), loaded.project, entry.record, fingerprintOf(loaded));
			const report = await this.#apply(loaded.project, record, { ...wish, removeOrphans: true }, entry, 'changed');
			entry.reloads++;
			entry.reloadedAt = this.#options.clock.now();
			if (!isEmptyPlan(report.plan)) this.#options.log.info('project reloaded', { project: name, ...counts(report.plan) });
			this.events.publish({ kind: 'reloaded', project: name, plan: report.plan, faults: report.faults });
			return report;
		});
	}

	/** Takes away what the project has made, and nothing else. */
	async down(
		name: string,
		{
			only: asked,
			signal,
			onProgress,
		}: {
			readonly only?: readonly string[] | undefined;
			readonly signal: AbortSignal;
			readonly onProgress?: (progress: Progress) => void;
		},
	): Promise<DownReport> {
		return this.#serially(name, async () => {
			const { runtimes, links, types, store, clock } = this.#options;
			const startedMs = clock.monotonicMs();
			const only = asked && inFull(asked, name);
			const all = runtimes.list(name).map(({ declaration }) => declaration);
			const chosen =
				only === undefined
					? all
					: all.filter(({ name: each, group }) => only.includes(each) || (group && only.includes(group.name)));
			const entry = this.#entries.get(name);
			const unknown = only?.find((each) => !all.some(({ name: known, group }) => known === each || group?.name === each));
			if (unknown !== undefined)
				throw new ProjectError({
					kind: 'unknown_runtime',
					name: localName(unknown),
					known: all.map((each) => localName(each.name)),
				});
			const removed: string[] = [];
			const left: { name: string; reason: string }[] = [];
			const tell = (runtime: string, kind: Progress['kind'], reason: string | null = null) =>
				onProgress?.({ name: runtime, kind, reason, ms: Math.round(clock.monotonicMs() - startedMs) });
			await inReverse(chosen, async ({ name: runtime }) => {
				try {
					tell(runtime, 'stopping');
					await runtimes.stop(runtime, signal);
					await runtimes.remove(runtime, signal);
					tell(runtime, 'removed');
					removed.push(runtime);
				} catch (error) {
					left.push({ name: runtime, reason: sentenceOf(error) });
					tell(runtime, 'failed', sentenceOf(error));
				}
			});
			if (only !== undefined || left.length > 0) return { name, removed, left };
			if (entry) {
				const owned = new Set(entry.record.links);
				for (const link of links.list()) if (owned.has(linkKey(link))) await links.remove(link);
				await types.declare(name, {}, signal);
				await store.remove(name);
				this.#entries.delete(name);
				await entry.watch.close();
			}
			return { name, removed, left };
		});
	}

	/** Forgets all of them; what they have made is somebody else's to take away. */
	async clear(): Promise<void> {
		const names = [...this.#entries.keys()];
		await Promise.all(
			names.map((name) =>
				this.#serially(name, async () => {
					const entry = this.#entries.get(name);
					await this.#options.types.declare(name, {}, this.#closing.signal);
					await this.#options.store.remove(name);
					this.#entries.delete(name);
					await entry?.watch.close();
				}),
			),
		);
	}

	async close(): Promise<void> {
		this.#closing.abort(new Error('the daemon is closing'));
		await Promise.all([...this.#entries.values()].map(({ watch }) => watch.close()));
		await Promise.all([...this.#queues.values()].map(({ tail }) => tail));
	}

	#loaded(name: string): Entry {
		const entry = this.#entries.get(name);
		if (!entry) throw new ProjectError({ kind: 'not_loaded', name, known: [...this.#entries.keys()] });
		return entry;
	}

	#load(request: LoadRequest): Loaded {
		return loadProject(request, this.#options.load);
	}

	#understand(asked: LoadRequest): { readonly project: Project; readonly record: ProjectRecord; readonly loaded: Loaded } {
		const first = this.#load(asked);
		if (!first.project) throw new ProjectError({ kind: 'invalid', problems: first.problems });
		const known = this.#entries.get(first.project.name)?.record;
		const file = asked.files[0]?.path ?? '';
		const knownFile = known?.files[0]?.path;
		if (known && knownFile !== file) {
			const [from] = known.files;
			throw new ProjectError({
				kind: 'elsewhere',
				name: known.name,
				file: (from?.text === undefined ? from?.path : from.name) ?? '',
			});
		}
		// a project's programs keep the PATH that they were first given, wherever it is brought up again from
		const request = known ? { ...asked, inherited: known.inherited } : asked;
		const loaded = known ? this.#load(request) : first;
		const { project } = loaded;
		if (!project) throw new ProjectError({ kind: 'invalid', problems: loaded.problems });
		return { project, loaded, record: recordOf(request, project, known, fingerprintOf(loaded)) };
	}

	#prepare(project: Project, record: ProjectRecord, wish: Omit<UpWish, 'waitMs' | 'signal'>): Prepared {
		const before = this.#entries.get(project.name)?.record;
		const files = (of: ProjectRecord) => JSON.stringify(of.files.map(({ path }) => path));
		const sameFiles = before === undefined || files(before) === files(record);
		const prepared = prepare(currentState(this.#options, record, project), project, {
			...wish,
			only: wish.only && inFull(wish.only, project.name),
			removeOrphans: wish.removeOrphans ?? sameFiles,
		});
		const [unknown] = prepared.unknown;
		if (unknown !== undefined)
			throw new ProjectError({
				kind: 'unknown_runtime',
				name: localName(unknown),
				known: [...project.runtimes.keys()].map(localName),
			});
		return prepared;
	}

	async #apply(
		project: Project,
		record: ProjectRecord,
		wish: UpWish,
		entry: Entry,
		start: 'missing' | 'changed' = 'missing',
	): Promise<UpReport> {
		const prepared = this.#prepare(project, record, wish);
		const signal = AbortSignal.any([wish.signal, this.#closing.signal]);
		const { store } = this.#options;
		const keeping = {
			list: () => store.list(),
			remove: (name: string) => store.remove(name),
			save: async (saved: ProjectRecord) => {
				await store.save(saved);
				entry.record = saved;
			},
		};
		const applied = await apply({ ...this.#options, store: keeping }, project, prepared, record, {
			start: wish.startNothing ? 'nothing' : start,
			asked: wish.only && inFull(wish.only, project.name),
			noDeps: wish.noDeps,
			waitMs: wish.waitMs,
			signal,
			onProgress: wish.onProgress,
		});
		return { name: project.name, plan: prepared.plan, orphans: prepared.orphans, ...applied };
	}

	/** The entry of a project, made where there is none, with what its files were found to be. */
	#enter(record: ProjectRecord, loaded: Loaded): Entry {
		const { name } = record;
		let entry = this.#entries.get(name);
		if (!entry) {
			const watch = new SaveWatch(
				{
					clock: this.#options.clock,
					watchFiles: this.#options.watchFiles,
					look: () => this.#glance(name),
					saved: () => void this.#reloadQuietly(name),
				},
				record.fingerprint,
			);
			entry = {
				record,
				problems: [],
				reloadedAt: undefined,
				reloads: 0,
				watch,
				unended: new Set(),
				files: [],
				isFollowing: false,
			};
			this.#entries.set(name, entry);
			this.#look(entry, loaded);
			// what was applied is what the record says, which may be older than the files are now
			watch.know(record.fingerprint);
		} else this.#look(entry, loaded);
		return entry;
	}

	#follow(entry: Entry): void {
		entry.isFollowing = true;
		entry.watch.follow(entry.files);
	}

	/** Takes notice of what its files are now. */
	#look(entry: Entry, loaded: Loaded): void {
		entry.problems = loaded.problems;
		entry.unended = new Set([...loaded.texts].filter(([, text]) => !text.endsWith('\n')).map(([path]) => path));
		// while they cannot be read, those that were there before may come back
		const files = loaded.project ? loaded.files : [...new Set([...entry.files, ...loaded.files])];
		const changed = JSON.stringify(files) !== JSON.stringify(entry.files);
		entry.files = files;
		entry.watch.know(fingerprintOf(loaded, files));
		if (changed && entry.isFollowing) this.#follow(entry);
	}

	/** What the files are at this moment, and whether one of them looks as if it were being written. */
	#glance(name: string): { readonly fingerprint: string; readonly isUnfinished: boolean } {
		const entry = this.#entries.get(name);
		const texts = new Map<string, string>();
		for (const path of entry?.files ?? []) {
			const content = this.#options.load.read(path);
			if ('text' in content) texts.set(path, content.text);
		}
		const isUnfinished = [...texts].some(([path, text]) => !text.endsWith('\n') && !entry?.unended.has(path));
		return { fingerprint: fingerprint(entry?.files ?? [], texts), isUnfinished };
	}

	async #reloadQuietly(name: string): Promise<void> {
		if (this.#closing.signal.aborted || !this.#entries.has(name)) return;
		try {
			await this.reload(name, { waitMs: reloadWaitMs, signal: this.#closing.signal });
		} catch (error) {
			// told already, and kept for who asks
			if (!(error instanceof ProjectError)) this.#options.log.error('project not reloaded', { project: name, error });
		}
	}

	/** One command at a time for each project, in the order in which they came. */
	async #serially<T>(name: string, work: () => Promise<T>): Promise<T> {
		const queue = this.#queues.get(name) ?? { tail: Promise.resolve(), waiting: 0 };
		this.#queues.set(name, queue);
		if (queue.waiting >= maxWaiting) throw new ProjectError({ kind: 'busy', limit: maxWaiting });
		queue.waiting++;
		const turn = queue.tail.then(work);
		queue.tail = turn.then(
			() => {},
			() => {},
		);
		try {
			return await turn;
		} finally {
			queue.waiting--;
			if (queue.waiting === 0) this.#queues.delete(name);
		}
	}
}

/** Names as they are typed within a project. */
const inFull = (names: readonly string[], project: string): string[] =>
	names.map((name) => (name.includes('/') ? name : `${project}/${name}`));

function requestOf({ files, name, isNamed, profiles, environment, inherited }: ProjectRecord): LoadRequest {
	return { files, name: isNamed ? name : undefined, profiles, environment, inherited };
}

/** What an `up` leaves in the record before anything is done: what it owned before it still owns. */
function recordOf(request: LoadRequest, project: Project, before: ProjectRecord | undefined, texts: string): ProjectRecord {
	const asked = project.variables.flatMap((name) => {
		const value = request.environment[name];
		return value === undefined ? [] : [[name, value] as const];
	});
	return {
		name: project.name,
		files: request.files,
		isNamed: request.name !== undefined,
		profiles: request.profiles,
		environment: Object.fromEntries(asked),
		inherited: request.inherited,
		links: before?.links ?? [],
		starting: before?.starting ?? [],
		definitions: before?.definitions ?? noDefinitions,
		fingerprint: texts,
		appliedAt: before?.appliedAt ?? 0,
	};
}

const fingerprintOf = (loaded: Loaded, files: readonly string[] = loaded.files): string => fingerprint(files, loaded.texts);

function fingerprint(files: readonly string[], texts: ReadonlyMap<string, string>): string {
	const hash = createHash('sha256');
	for (const path of [...new Set(files)].sort()) {
		const text = texts.get(path);
		hash.update(JSON.stringify([path, text === undefined ? null : text.length])).update(text ?? '');
	}
	return hash.digest('hex');
}

const counts = ({ runtimes, links }: Plan): Readonly<Record<string, number>> => ({
	added: runtimes.added.length,
	removed: runtimes.removed.length,
	changed: runtimes.changed.length,
	restarted: runtimes.changed.filter(({ restart }) => restart.length > 0).length,
	links: links.added.length + links.removed.length + links.changed.length,
});
