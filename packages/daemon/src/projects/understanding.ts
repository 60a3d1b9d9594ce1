/** What a request means beside what is loaded, or why it cannot be: reads files and states, and changes nothing. */
import { type ApplyPorts, currentState } from './apply.ts';
import { localName, type RuntimeDeclaration } from './declaration.ts';
import type { LoadedTree, LoadRequest, ProjectReader, RunnerDeclaration, TreeOptions } from './load/index.ts';
import type { LoadedProject } from './loaded-project.ts';
import { asKnown, clashesOf, clashProblems, joined, type Member, type Members, membersOf } from './member.ts';
import type { Mount, ProjectRecord } from './ports.ts';
import { type Prepared, prepare } from './prepare.ts';
import type { Problem } from './problem.ts';
import { requestOf } from './record.ts';
import { ProjectError } from './refusal.ts';
import type { Diff, UpWish } from './reports.ts';

/** A runner that a command makes of files. */
export interface Mounting {
	readonly mount: Mount;
	/** Whether it is meant to be there already. */
	readonly replaces: boolean;
}

/** Runners that the files mount no longer. */
export interface Gone {
	readonly removed: readonly string[];
	readonly left: readonly string[];
}

export interface UnderstandingOptions {
	readonly reader: () => ProjectReader;
	/** By their names. */
	readonly loaded: ReadonlyMap<string, LoadedProject>;
	readonly ports: ApplyPorts;
}

export class Understanding {
	readonly #options: UnderstandingOptions;

	constructor(options: UnderstandingOptions) {
		this.#options = options;
	}

	readonly record = (name: string): ProjectRecord | undefined => this.#options.loaded.get(name)?.record;

	declarations(name: string): RuntimeDeclaration[] {
		return this.#options.ports.runtimes.list(name).map(({ declaration }) => declaration);
	}

	/** The runners that a project's files mount, or have mounted. */
	runnersOf(parent: string): string[] {
		return [...this.#options.loaded.values()].flatMap(({ record }) => (record.mount?.parent === parent ? [record.name] : []));
	}

	/** Whether a runner is there as its file mounts it; what it is then follows its own files. */
	isMounted(parent: string, { name, config, basePath }: RunnerDeclaration): boolean {
		const record = this.record(name);
		if (!record?.mount || record.appliedAt === 0) return false;
		return record.mount.parent === parent && record.mount.basePath === basePath && record.files[0]?.path === config;
	}

	tree(request: LoadRequest, { leaves }: Pick<TreeOptions, 'leaves'> = {}): LoadedTree {
		return this.#options.reader().tree(request, { leaves, known: ({ name }) => this.record(name) });
	}

	understand(asked: LoadRequest, mounting?: Mounting): Members {
		const first = this.tree(asKnown(asked, undefined, mounting?.mount));
		if (!first.project) throw new ProjectError({ kind: 'invalid', problems: first.problems });
		const { name } = first.project;
		const known = this.record(name);
		if (mounting) this.#refuseName(name, known, mounting);
		else if (known && known.files[0]?.path !== (asked.files[0]?.path ?? '')) {
			const [from] = known.files;
			throw new ProjectError({ kind: 'elsewhere', name, file: (from?.text === undefined ? from?.path : from.name) ?? '' });
		} else this.#refuseRenamed(name, asked);
		const mount = mounting?.mount ?? known?.mount;
		const request = asKnown(asked, known, mount);
		const tree = known ? this.tree(request) : first;
		const members = membersOf(request, tree, { known: this.record, mount });
		if (!members) throw new ProjectError({ kind: 'invalid', problems: tree.problems });
		return members;
	}

	/** Where the file was given another name since it was loaded, all of it would be there twice. */
	#refuseRenamed(name: string, { files: [first], name: given }: LoadRequest): void {
		if (given !== undefined) return;
		for (const { record } of this.#options.loaded.values()) {
			if (record.name === name || record.files[0]?.path !== first?.path) continue;
			const { problems } = this.tree(requestOf(record), { leaves: () => true });
			if (!problems.some(({ kind }) => kind === 'renamed')) continue;
			throw new ProjectError({ kind: 'renamed', name, loaded: record.name, file: first?.path ?? '' });
		}
	}

	#refuseName(name: string, known: ProjectRecord | undefined, { replaces }: Mounting): void {
		if (!replaces) {
			if (known) throw new ProjectError({ kind: 'name_taken', name, file: known.files[0]?.path ?? '' });
			return;
		}
		if (!known?.mount) throw new ProjectError({ kind: 'not_mounted', name, known: this.#mounted() });
		this.refuseDeclared(known);
	}

	refuseDeclared({ name, mount }: ProjectRecord): void {
		if (!mount || mount.parent === null) return;
		const file = this.record(mount.parent)?.files[0]?.path ?? '';
		throw new ProjectError({ kind: 'declared', name, parent: mount.parent, file });
	}

	/** Of some runtimes that were named, runners are none. */
	chosen(members: Members, { only }: Pick<UpWish, 'only'>): Members {
		return only === undefined ? members : { ...members, runners: [] };
	}

	/** Runners that the files mount no longer; those that stay without being mounted by them are orphans. */
	gone({ own, declared }: Members, wish: Pick<UpWish, 'only' | 'removeOrphans'>): Gone {
		if (wish.only !== undefined) return { removed: [], left: [] };
		const names = new Set(declared.map(({ name }) => name));
		const gone = this.runnersOf(own.project.name).filter((name) => !names.has(name));
		return (wish.removeOrphans ?? this.#hasSameFiles(own.record)) ? { removed: gone, left: [] } : { removed: [], left: gone };
	}

	#hasSameFiles(record: ProjectRecord): boolean {
		const before = this.record(record.name);
		const files = (of: ProjectRecord) => JSON.stringify(of.files.map(({ path }) => path));
		return before === undefined || files(before) === files(record);
	}

	clashes(members: Members, gone: readonly string[]): Problem[] {
		return clashProblems(clashesOf(members, gone, this.#options.loaded.values()), members.declared);
	}

	refuseClashes(members: Members, gone: readonly string[]): void {
		const clashes = clashesOf(members, gone, this.#options.loaded.values());
		// of one that nobody's file mounts there is no place to show
		const own = clashes.find(({ name }) => name === members.own.project.name);
		if (own?.kind === 'path') {
			const { name, basePath, other } = own;
			throw new ProjectError({ kind: 'path_taken', name, basePath, other });
		}
		if (clashes.length > 0) throw new ProjectError({ kind: 'invalid', problems: clashProblems(clashes, members.declared) });
	}

	/** A runner's files are those that its mount says: what the ones before have left is taken away. */
	wishFor<Wish extends Omit<UpWish, 'waitMs' | 'signal'>>(member: Member, { own }: Members, wish: Wish): Wish {
		return member === own && own.record.mount === undefined ? wish : { ...wish, removeOrphans: wish.removeOrphans ?? true };
	}

	prepare({ project, record }: Member, wish: Omit<UpWish, 'waitMs' | 'signal'>): Prepared {
		const prepared = prepare(currentState(this.#options.ports, record, project), project, {
			...wish,
			only: wish.only && inFull(wish.only, project.name),
			removeOrphans: wish.removeOrphans ?? this.#hasSameFiles(record),
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

	joined({ own, runners }: Members, gone: Gone, preparedOf: (member: Member) => Prepared): Diff {
		const { name } = own.project;
		const ofRunners = runners.map((member) => ({ name: member.project.name, ...preparedOf(member) }));
		const { plan, orphans } = joined(
			preparedOf(own),
			ofRunners,
			gone.removed.flatMap((each) => this.declarations(each)),
		);
		const left = gone.left.flatMap((each) => this.declarations(each).map((declaration) => declaration.name));
		return { name, plan, orphans: [...orphans, ...left] };
	}

	#mounted(): string[] {
		return [...this.#options.loaded.values()].flatMap(({ record }) => (record.mount ? [record.name] : []));
	}
}

/** Names as they are typed within a project. */
export const inFull = (names: readonly string[], project: string): string[] =>
	names.map((name) => (name.includes('/') ? name : `${project}/${name}`));
