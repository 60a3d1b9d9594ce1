/** The projects that are loaded: each is made so when it is asked for, and kept so while its files change. */
import { Publisher } from '@orch/base';
import { type Applied, apply, type ApplyPorts, type Progress } from './apply.ts';
import { linkKey, localName, type RuntimeDeclaration } from './declaration.ts';
import type { Loaded, LoadRequest, ProjectReader } from './load/index.ts';
import { readBasePath } from './base-path.ts';
import { LoadedProject } from './loaded-project.ts';
import { joinedOutcomes, type Member, type Members, membersOf } from './member.ts';
import { isEmptyPlan, type Plan } from './plan.ts';
import type { ProjectRecord, WatchFiles } from './ports.ts';
import type { Prepared } from './prepare.ts';
import { Queues } from './queues.ts';
import { requestOf } from './record.ts';
import { ProjectError } from './refusal.ts';
import type { Diff, DownReport, ProjectEvent, ProjectStatus, RunnerStatus, UpReport, UpWish } from './reports.ts';
import { healthOf, jobsOf } from './runner-health.ts';
import { takeAway, type TakenAway } from './take-away.ts';
import { Together } from './together.ts';
import { type Gone, inFull, type Mounting, Understanding } from './understanding.ts';

export interface ProjectsOptions extends ApplyPorts {
	/** Asked for once, when the first project comes. */
	readonly reader: () => Promise<ProjectReader>;
	readonly watchFiles: WatchFiles;
}

/** A reload that nobody waits for looks this long at what it has started. */
const reloadWaitMs = 60_000;

export class Projects {
	readonly events: Publisher<ProjectEvent>;
	readonly #options: ProjectsOptions;
	readonly #entries = new Map<string, LoadedProject>();
	readonly #queues = new Queues();
	readonly #closing = new AbortController();
	readonly #understanding: Understanding;
	#reader: ProjectReader | undefined;

	constructor(options: ProjectsOptions) {
		this.#options = options;
		this.#understanding = new Understanding({ reader: () => this.#files, loaded: this.#entries, ports: options });
		this.events = new Publisher((error) => options.log.error('an event of a project was not handled', { error }));
	}

	/** Goes on with what an earlier daemon had loaded; a file that was changed meanwhile is a change. */
	async restore(): Promise<void> {
		const interrupted: string[] = [];
		for (const record of await this.#options.store.list()) {
			try {
				await this.#ready();
				this.#enter(record, this.#understanding.tree(requestOf(record), { leaves: () => true }).own).follow();
			} catch (error) {
				// what runs goes on; the next `up` loads it anew
				this.#options.log.error('project not restored', { project: record.name, error });
				continue;
			}
			if (record.starting.length > 0 || record.isMounting) interrupted.push(record.name);
		}
		// an `up` or a reload was in the middle of it
		for (const name of interrupted) void this.#reloadQuietly(name);
	}

	/** With the runners that its files mount: every problem of every file. */
	async check(request: LoadRequest): Promise<Loaded> {
		await this.#ready();
		return this.#understanding.tree(request).own;
	}

	list(): readonly ProjectStatus[] {
		return [...this.#entries.values()];
	}

	find(name: string): ProjectStatus | undefined {
		return this.#entries.get(name);
	}

	runners(): readonly RunnerStatus[] {
		return [...this.#entries.values()].flatMap(({ record, problems, reloadedAt, reloads }) => {
			if (!record.mount) return [];
			const facts = this.#options.runtimes.list(record.name);
			const status = { record, problems, reloadedAt, reloads, mount: record.mount };
			return [{ ...status, health: healthOf(facts, problems), jobs: jobsOf(facts) }];
		});
	}

	/** What `up` would change. */
	async diff(request: LoadRequest, selection: Omit<UpWish, 'waitMs' | 'signal'>): Promise<Diff> {
		await this.#ready();
		const members = this.#understanding.chosen(this.#understanding.understand(request), selection);
		const gone = this.#understanding.gone(members, selection);
		this.#understanding.refuseClashes(members, gone.removed);
		return this.#understanding.joined(members, gone, (member) =>
			this.#understanding.prepare(member, this.#understanding.wishFor(member, members, selection)),
		);
	}

	async up(request: LoadRequest, wish: UpWish): Promise<UpReport> {
		return this.#up(request, wish);
	}

	/** Makes a runner of files: one that is new, or, where it replaces one, the one of that name. */
	async mount(request: LoadRequest, wish: UpWish & { readonly basePath: string; readonly replaces: boolean }): Promise<UpReport> {
		const { basePath, replaces } = wish;
		const read = readBasePath(basePath);
		if ('fault' in read) throw new ProjectError({ kind: 'bad_path', basePath, reason: read.fault });
		return this.#up(request, wish, { mount: { basePath: read.path, parent: null }, replaces });
	}

	async #up(request: LoadRequest, wish: UpWish, mounting?: Mounting): Promise<UpReport> {
		await this.#ready();
		const { own } = this.#understanding.understand(request, mounting);
		return this.#queues.run(own.project.name, async () =>
			// the one before may have taken a while, and files change
			this.#bringUp(this.#understanding.chosen(this.#understanding.understand(request, mounting), wish), wish),
		);
	}

	/** Takes a runner away that was mounted by a command. */
	async unmount(name: string, options: Omit<Parameters<Projects['down']>[1], 'only'>): Promise<DownReport> {
		if (!this.#understanding.record(name)?.mount)
			throw new ProjectError({ kind: 'not_mounted', name, known: this.runners().map(({ record }) => record.name) });
		return this.down(name, options);
	}

	/** Reads the files again, as they were asked to be read; of its runners, those that they mount otherwise than before. */
	async reload(name: string, wish: Pick<UpWish, 'waitMs' | 'signal' | 'onProgress'>): Promise<UpReport> {
		this.#loaded(name);
		return this.#queues.run(name, async () => {
			const entry = this.#loaded(name);
			const request = requestOf(entry.record);
			const tree = this.#understanding.tree(request, {
				leaves: entry.record.isMounting ? undefined : (each) => this.#understanding.isMounted(name, each),
			});
			const members = membersOf(request, tree, { known: this.#understanding.record, mount: entry.record.mount });
			const whole = { ...wish, removeOrphans: true };
			const clashes = members ? this.#understanding.clashes(members, this.#understanding.gone(members, whole).removed) : [];
			const problems = [...tree.problems, ...clashes];
			entry.look(clashes.length > 0 ? { ...tree.own, problems } : tree.own);
			if (!members || clashes.length > 0) {
				this.#options.log.warn('project not reloaded', { project: name, problems: problems.map(({ message }) => message) });
				this.events.publish({ kind: 'invalid', project: name, problems });
				throw new ProjectError({ kind: 'invalid', problems });
			}
			const report = await this.#bringUp(members, whole, 'changed');
			entry.reloads++;
			entry.reloadedAt = this.#options.clock.now();
			if (!isEmptyPlan(report.plan)) this.#options.log.info('project reloaded', { project: name, ...counts(report.plan) });
			this.events.publish({ kind: 'reloaded', project: name, plan: report.plan, faults: report.faults });
			return report;
		});
	}

	/** Takes away what the project and its runners have made, and nothing else. */
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
		const only = asked && inFull(asked, name);
		return this.#queues.run(name, async () => {
			const record = this.#understanding.record(name);
			if (only === undefined && record) this.#understanding.refuseDeclared(record);
			const runners = only === undefined ? this.#understanding.runnersOf(name) : [];
			return this.#queues.runAll(runners, async () => {
				const all = [name, ...runners].flatMap((each) => this.#understanding.declarations(each));
				const isMeant = (full: string) => only === undefined || only.includes(full);
				const unknown = only?.find((each) => !all.some(({ name: known, group }) => known === each || group?.name === each));
				if (unknown !== undefined)
					throw new ProjectError({
						kind: 'unknown_runtime',
						name: localName(unknown),
						known: all.map((each) => localName(each.name)),
					});
				const chosen = all.filter((each) => isMeant(each.name) || (each.group && isMeant(each.group.name)));
				const taken = await this.#takeAway(chosen, { signal, onProgress, name });
				if (only === undefined && taken.left.length === 0) for (const each of [...runners, name]) await this.#forget(each);
				return { name, ...taken };
			});
		});
	}

	/** Forgets all of them; what they have made is somebody else's to take away. */
	async clear(): Promise<void> {
		const names = [...this.#entries.keys()];
		await Promise.all(
			names.map((name) =>
				this.#queues.run(name, async () => {
					const entry = this.#entries.get(name);
					if (entry) await this.#drop(entry);
				}),
			),
		);
	}

	async close(): Promise<void> {
		this.#closing.abort(new Error('the daemon is closing'));
		await Promise.all([...this.#entries.values()].map((entry) => entry.close()));
		await this.#queues.idle();
	}

	/** From then on files are read and understood at one go, with nothing in between. */
	async #ready(): Promise<void> {
		this.#reader ??= await this.#options.reader();
	}

	get #files(): ProjectReader {
		if (!this.#reader) throw new Error('nothing was read yet');
		return this.#reader;
	}

	#loaded(name: string): LoadedProject {
		const entry = this.#entries.get(name);
		if (!entry) throw new ProjectError({ kind: 'not_loaded', name, known: [...this.#entries.keys()] });
		return entry;
	}

	/** To be called in the turn of the project. From the first look at what is loaded until all is entered nothing is waited for. */
	async #bringUp(members: Members, wish: UpWish, start: 'missing' | 'changed' = 'missing'): Promise<UpReport> {
		const { own, runners } = members;
		const gone = this.#understanding.gone(members, wish);
		this.#understanding.refuseClashes(members, gone.removed);
		const before = new Map(this.#entries);
		const all = [own, ...runners];
		for (const { record, loaded } of all) this.#enter(record, loaded).mount = record.mount;
		let isApplied = false;
		try {
			const names = [...runners.map(({ project }) => project.name), ...gone.removed];
			const report = await this.#queues.runAll(names, () => this.#applyAll(members, gone, wish, start));
			isApplied = true;
			return report;
		} finally {
			for (const { project } of [...runners, own]) {
				const entry = this.#entries.get(project.name);
				if (!entry) continue;
				const isNew = !before.has(project.name) && entry.record.appliedAt === 0;
				// where nothing was written down, nothing was done; what has mounted others is there as long as they are
				if (isNew && this.#understanding.runnersOf(project.name).length === 0)
					await this.#forgetNew(project.name, runners.length > 0);
				else if (isApplied) entry.follow();
				else entry.lookAgain();
				entry.mount = entry.record.mount;
			}
		}
	}

	async #applyAll(asked: Members, gone: Gone, wish: UpWish, start: 'missing' | 'changed'): Promise<UpReport> {
		// what was before its turn came may have changed what a runner has
		const members = { ...asked, runners: asked.runners.map((each) => ({ ...each, record: this.#asItIs(each.record) })) };
		const { own, runners } = members;
		const all = [own, ...runners];
		const signal = AbortSignal.any([wish.signal, this.#closing.signal]);
		const prepared = new Map(
			all.map((member) => [member, this.#understanding.prepare(member, this.#understanding.wishFor(member, members, wish))]),
		);
		const diff = this.#understanding.joined(members, gone, (member) => prepared.get(member) as Prepared);
		const isWhole = wish.only === undefined;
		const isMounting = isWhole && (runners.length + gone.removed.length > 0 || own.record.isMounting === true);
		// whoever is interrupted from here on finds by this what is left to do
		if (isMounting) await this.#save({ ...own.record, isMounting });
		const faults: string[] = [];
		for (const name of gone.removed) {
			const { left } = await this.#takeAway(this.#understanding.declarations(name), { ...wish, signal, name: own.project.name });
			for (const each of left) faults.push(`cannot take away ${each.name}: ${each.reason}`);
			if (left.length === 0) await this.#forget(name);
		}
		const together = isMounting ? new Together(all.length) : undefined;
		const applied = await Promise.allSettled(
			all.map((member) => {
				const record = member === own && isMounting ? { ...own.record, isMounting } : member.record;
				const onProgress = ofRunner(member === own ? undefined : member.project.name, wish.onProgress);
				return this.#apply(
					{ ...member, record },
					prepared.get(member) as Prepared,
					{ ...wish, signal, onProgress },
					{ start, together },
				);
			}),
		);
		const failed = applied.find((each) => each.status === 'rejected');
		if (failed) throw failed.reason;
		if (isMounting) await this.#save({ ...(this.#understanding.record(own.project.name) ?? own.record), isMounting: undefined });
		const joint = joinedOutcomes(applied.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : [])));
		return { ...diff, ...joint, faults: [...faults, ...joint.faults] };
	}

	/** With what is done as of now in the place of what was when the files were read. */
	#asItIs(record: ProjectRecord): ProjectRecord {
		const now = this.#understanding.record(record.name);
		if (!now) return record;
		const { links, starting, definitions, appliedAt } = now;
		return { ...record, links, starting, definitions, appliedAt };
	}

	#apply(
		{ project, record }: Member,
		prepared: Prepared,
		wish: UpWish,
		{ start, together }: { readonly start: 'missing' | 'changed'; readonly together: Together | undefined },
	): Promise<Applied> {
		const { store } = this.#options;
		const keeping = { list: () => store.list(), remove: (name: string) => store.remove(name), save: this.#save };
		return apply({ ...this.#options, store: keeping }, project, prepared, record, {
			start: wish.startNothing ? 'nothing' : start,
			asked: wish.only && inFull(wish.only, project.name),
			noDeps: wish.noDeps,
			waitMs: wish.waitMs,
			signal: wish.signal,
			closing: this.#closing.signal,
			onProgress: wish.onProgress,
			together,
		});
	}

	/** Durable once it resolves. */
	readonly #save = async (record: ProjectRecord): Promise<void> => {
		await this.#options.store.save(record);
		const entry = this.#entries.get(record.name);
		if (!entry) return;
		const before = entry.record.appliedAt === 0 ? undefined : entry.record.mount;
		entry.record = record;
		if (record.mount && record.appliedAt > 0 && record.mount.basePath !== before?.basePath)
			this.events.publish({ kind: 'mounted', project: record.name, basePath: record.mount.basePath });
	};

	async #takeAway(
		declarations: readonly RuntimeDeclaration[],
		{ signal, onProgress, name }: Pick<UpWish, 'signal' | 'onProgress'> & { readonly name: string },
	): Promise<TakenAway> {
		const { runtimes, clock } = this.#options;
		const startedMs = clock.monotonicMs();
		const owners = new Map(declarations.map((each) => [each.name, each.project]));
		return takeAway(runtimes, declarations, {
			signal,
			tell(runtime, kind, reason) {
				const owner = owners.get(runtime);
				const ms = Math.round(clock.monotonicMs() - startedMs);
				ofRunner(owner === name ? undefined : owner, onProgress)?.({ name: runtime, kind, reason, ms });
			},
		});
	}

	/** For one that could not even be written down; its mark may have been, where it has runners. */
	async #forgetNew(name: string, isMarked: boolean): Promise<void> {
		this.#entries.delete(name);
		if (!isMarked) return;
		try {
			await this.#options.store.remove(name);
		} catch (error) {
			this.#options.log.error('project not forgotten', { project: name, error });
		}
	}

	/** For one of which nothing is there any more but its links. */
	async #forget(name: string): Promise<void> {
		const { links } = this.#options;
		const entry = this.#entries.get(name);
		if (!entry) return;
		const owned = new Set(entry.record.links);
		for (const link of links.list()) if (owned.has(linkKey(link))) await links.remove(link);
		await this.#drop(entry);
	}

	/** Its types are enforced as long as its record says so: the record may be what cannot be taken away. */
	async #drop(entry: LoadedProject): Promise<void> {
		const { name, mount } = entry.record;
		await this.#options.store.remove(name);
		this.#entries.delete(name);
		await entry.close();
		if (mount) this.events.publish({ kind: 'unmounted', project: name });
		await this.#options.types.declare(name, {}, this.#closing.signal);
	}

	/** Made where there is none, with what its files were found to be. */
	#enter(record: ProjectRecord, loaded: Loaded): LoadedProject {
		const { name } = record;
		const known = this.#entries.get(name);
		if (known) {
			known.look(loaded);
			return known;
		}
		const { clock, watchFiles } = this.#options;
		const saved = () => void this.#reloadQuietly(name);
		const entry = new LoadedProject(record, loaded, { clock, watchFiles, read: this.#files.read, saved });
		this.#entries.set(name, entry);
		return entry;
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
}

/** What is told of a runner, told with its name. */
const ofRunner = (runner: string | undefined, tell: UpWish['onProgress']): UpWish['onProgress'] =>
	tell && runner !== undefined ? (progress) => tell({ ...progress, runner }) : tell;

const counts = ({ runtimes, links }: Plan): Readonly<Record<string, number>> => ({
	added: runtimes.added.length,
	removed: runtimes.removed.length,
	changed: runtimes.changed.length,
	restarted: runtimes.changed.filter(({ restart }) => restart.length > 0).length,
	links: links.added.length + links.removed.length + links.changed.length,
});
