/** Files to a project: read, parsed, merged, filled in, checked, declared. Either there is a project, or there are problems: all of them. */
import { basename, dirname, join, resolve } from 'node:path';
import type { TSchema } from 'typebox';
import { badTypeName, checkLinks, checkNames, type DeclaredName, instanceNames, readLink, type TypeNameFault } from './check.ts';
import {
	anySender,
	type Definitions,
	type LinkDeclaration,
	linkKey,
	type Policies,
	type Project,
	type RuntimeDeclaration,
} from '../declaration.ts';
import { dialectOf, plainName, projectOfWorkflow, workflowName } from './dialect.ts';
import { readDotenv } from './dotenv.ts';
import type { Machine } from './machine.ts';
import { layProfiles, merge } from './merge.ts';
import { parse } from './parse.ts';
import { didYouMean, inOrder, type Problem, problem, type Suggest } from '../problem.ts';
import { sizeBytes } from './quantities.ts';
import { definedRunners, readRunners, type RunnerDeclaration } from './runner-section.ts';
import { declareRuntime, files as pathsOf, texts } from './runtime-section.ts';
import { Link, type LinkSection, ProjectFile, Runner, RunnersFile, Workflow } from './schema.ts';
import { Defaults, type DefaultsSection, Needs, type NeedsSection, Runtime, type RuntimeSection } from './schema-runtime.ts';
import { Env, Files } from './schema-parts.ts';
import { checkShape, readAs } from './shape.ts';
import { createSource, type Source, type Span } from '../source.ts';
import { substitute } from './substitute.ts';
import { at, type MapTree, type Path, spanAt, type Tree, plainData } from './tree.ts';
import { checkWorkflow } from './workflow-check.ts';

export interface ProjectFileName {
	/** Absolute. */
	readonly path: string;
	/** As people know it. */
	readonly name: string;
	/** What it holds, where it is no file: nothing is read at its path. */
	readonly text?: string | undefined;
}

export interface LoadRequest {
	/** The first one's directory is the project's; later ones are laid over earlier ones. */
	readonly files: readonly ProjectFileName[];
	/** Instead of the file's own. */
	readonly name?: string | undefined;
	readonly profiles: readonly string[];
	/** Variables that the files may ask for; before those of `.env`. */
	readonly environment: Readonly<Record<string, string>>;
	/** What every runtime's environment starts with. */
	readonly inherited: Readonly<Record<string, string>>;
	/** Whether it is mounted as a runner: then it has none of its own. */
	readonly isRunner?: boolean | undefined;
	/** Of one that is loaded: what it is called. The files of another do not change it. */
	readonly loadedAs?: string | undefined;
	/** Profiles that are known elsewhere, so that it is no mistake when these files have none of that name. */
	readonly profilesElsewhere?: readonly string[] | undefined;
}

export type FileContent = { readonly text: string } | { readonly fault: 'missing' | 'unreadable'; readonly reason: string };

export interface LoadPorts extends Machine {
	readonly read: (path: string) => FileContent;
	/** Why a JSON Schema is none; undefined where it is one. */
	readonly schemaFault: (schema: unknown) => string | undefined;
	/** Why a type cannot be called so, to be said behind its name; undefined where it can. */
	readonly typeNameFault: TypeNameFault;
	readonly suggest: Suggest;
	readonly policies: Policies;
}

export interface Loaded {
	/** Undefined where there are problems. */
	readonly project: Project | undefined;
	readonly problems: readonly Problem[];
	/** What the files mount, whether there are problems or not. */
	readonly runners: readonly RunnerDeclaration[];
	/** The profiles that the files name. */
	readonly knownProfiles: readonly string[];
	/** Every file that was looked at, there or not: what is to be watched. A text that was given is none. */
	readonly files: readonly string[];
	/** The texts that were read, by path: what a hash is made of. */
	readonly texts: ReadonlyMap<string, string>;
}

export function loadProject(request: LoadRequest, ports: LoadPorts): Loaded {
	return new Loading(request, ports).run();
}

/** One loading: what it finds wrong is kept until the end. */
class Loading {
	readonly #request: LoadRequest;
	readonly #ports: LoadPorts;
	readonly #problems: Problem[] = [];
	readonly #texts = new Map<string, string>();
	readonly #files: string[] = [];
	readonly #shownNames: string[] = [];
	#runners: readonly RunnerDeclaration[] = [];
	#knownProfiles: readonly string[] = [];

	constructor(request: LoadRequest, ports: LoadPorts) {
		this.#request = request;
		this.#ports = ports;
	}

	run(): Loaded {
		const project = this.#load();
		const problems = inOrder(firstOfEach(this.#problems), this.#shownNames);
		return {
			project: problems.length > 0 ? undefined : project,
			problems,
			runners: this.#runners,
			knownProfiles: this.#knownProfiles,
			files: this.#files,
			texts: this.#texts,
		};
	}

	#load(): Project | undefined {
		const trees = this.#request.files.map((file) => this.#readProjectFile(file));
		const [first, ...rest] = trees;
		const directory = dirname(this.#request.files[0]?.path ?? '/');
		const variables = this.#variables(directory);
		if (first === undefined || rest.includes(undefined)) return undefined;
		const merged = rest.reduce<Tree>((base, over) => (over ? merge(base, over) : base), first);
		this.#checkProfiles(merged);
		const laid = layProfiles(merged, this.#request.profiles);
		const substituted = substitute(laid, {
			variables,
			suggest: this.#ports.suggest,
			leaves: ([section]) => section === 'workflows' || section === 'types' || section === 'profiles',
		});
		this.#problems.push(...substituted.problems);
		const root = substituted.tree;
		this.#problems.push(...checkShape(ProjectFile, root, { suggest: this.#ports.suggest }));
		if (root.kind !== 'map') return undefined;
		return this.#declare(root, directory, [...substituted.used].sort());
	}

	#readSource({ path, name, text }: ProjectFileName, at?: Span): Source | undefined {
		this.#shownNames.push(name);
		if (text !== undefined) return createSource({ name, path, text });
		this.#files.push(path);
		const content = this.#ports.read(path);
		if ('text' in content) {
			this.#texts.set(path, content.text);
			return createSource({ name, path, text: content.text });
		}
		const why = content.fault === 'missing' ? 'there is no such file' : content.reason;
		const isGone = content.fault === 'missing' && at === undefined;
		this.#problems.push(problem('unreadable', `cannot read ${name}: ${why}`, { at, hint: isGone ? this.#instead : undefined }));
		return undefined;
	}

	/** What to do where a file is not there. */
	get #instead(): string {
		const { loadedAs } = this.#request;
		return loadedAs === undefined ? 'orch init' : `orch down -p ${loadedAs}, where it is not to come back`;
	}

	#readProjectFile(file: ProjectFileName): Tree | undefined {
		const source = this.#readSource(file);
		if (!source) return undefined;
		const { tree, problems } = parse(source);
		this.#problems.push(...problems);
		if (!tree || (tree.kind === 'scalar' && tree.value === null)) {
			if (problems.length === 0) this.#problems.push(emptyFile(source));
			return undefined;
		}
		switch (dialectOf(file.path, tree)) {
			case 'workflow':
				// in its own words, before they are those of a project
				this.#problems.push(...checkShape(Workflow, tree, { suggest: this.#ports.suggest }));
				this.#problems.push(...checkWorkflow(tree, [], tree.at, this.#ports.suggest));
				return projectOfWorkflow(file.path, tree);
			case 'runners':
				return this.#projectOfRunners(tree);
			case 'project':
				return tree;
		}
	}

	/** What it says besides is its server's, which is not a project's. */
	#projectOfRunners(tree: Tree): Tree | undefined {
		this.#problems.push(...checkShape(RunnersFile, tree, { suggest: this.#ports.suggest }));
		if (tree.kind !== 'map') return undefined;
		return { ...tree, entries: new Map([...tree.entries].filter(([key]) => ['version', 'name', 'runners'].includes(key))) };
	}

	#variables(directory: string): ReadonlyMap<string, string> {
		const path = join(directory, '.env');
		const content = this.#ports.read(path);
		this.#files.push(path);
		const environment = Object.entries(this.#request.environment);
		if (!('text' in content)) {
			if (content.fault === 'unreadable') this.#problems.push(problem('unreadable', `cannot read .env: ${content.reason}`));
			return new Map(environment);
		}
		this.#texts.set(path, content.text);
		const name = join(dirname(this.#request.files[0]?.name ?? ''), '.env');
		this.#shownNames.push(name);
		const { variables, problems } = readDotenv(createSource({ name, path, text: content.text }));
		this.#problems.push(...problems);
		return new Map([...variables, ...environment]);
	}

	#checkProfiles(tree: Tree): void {
		const known = new Set<string>();
		const declared = at(tree, ['profiles']);
		if (declared?.kind === 'map') for (const name of declared.entries.keys()) known.add(name);
		for (const section of [tree, ...(declared?.kind === 'map' ? [...declared.entries.values()].map(({ value }) => value) : [])]) {
			const runtimes = at(section, ['runtimes']);
			if (runtimes?.kind !== 'map') continue;
			for (const { value } of runtimes.entries.values()) {
				const profiles = at(value, ['profiles']);
				if (profiles?.kind === 'list') for (const each of profiles.items) if (each.kind === 'scalar') known.add(each.text);
			}
		}
		this.#knownProfiles = [...known];
		const elsewhere = new Set(this.#request.profilesElsewhere);
		for (const name of this.#request.profiles) {
			if (known.has(name) || elsewhere.has(name)) continue;
			const near = didYouMean(this.#ports.suggest(name, known));
			const all = known.size > 0 ? `the profiles are: ${[...known].join(', ')}` : 'the file names no profiles';
			this.#problems.push(problem('unknown_profile', `no profile '${name}'`, { facts: [near ?? all] }));
		}
	}

	#declare(root: MapTree, directory: string, variables: readonly string[]): Project {
		const name = this.#request.name ?? this.#nameOf(root, directory);
		this.#checkName(root, name);
		const names = this.#namesOf(root);
		this.#problems.push(...checkNames(names, this.#ports.suggest));
		const runtimes = this.#runtimesOf(root, name, directory, names);
		const links = this.#linksOf(root, name, names);
		this.#readRunners(root, name, directory);
		const definitions = this.#definitionsOf(root, directory);
		return {
			name,
			directory,
			files: this.#files,
			profiles: this.#request.profiles,
			inactive: [...names.values()]
				.filter(({ isActive }) => !isActive)
				.flatMap(instanceNames)
				.map((each) => `${name}/${each}`),
			variables,
			runtimes,
			links,
			definitions,
		};
	}

	#readRunners(root: MapTree, project: string, directory: string): void {
		const { runners, problems } = readRunners(root, {
			project,
			directory,
			shownFile: this.#request.files[0]?.name ?? '',
			isRunner: this.#request.isRunner ?? false,
			fits: (item) => this.#fits(Runner, item),
		});
		this.#problems.push(...problems);
		this.#runners = runners;
	}

	#nameOf(root: MapTree, directory: string): string {
		const given = at(root, ['name']);
		const text = given?.kind === 'scalar' && typeof given.value === 'string' ? given.value : undefined;
		return text ?? plainName(basename(directory), 'project');
	}

	/** What runs under the name before would not be looked after by anybody. */
	#checkName(root: MapTree, name: string): void {
		const { loadedAs } = this.#request;
		if (loadedAs === undefined || loadedAs === name) return;
		const message = `the file names the project '${name}', and it is loaded as '${loadedAs}'`;
		const hint = `orch down -p ${loadedAs}, then orch up`;
		this.#problems.push(problem('renamed', message, { at: at(root, ['name'])?.at, hint }));
	}

	#fits(schema: TSchema, tree: Tree): boolean {
		return checkShape(schema, tree, { suggest: () => [] }).length === 0;
	}

	#namesOf(root: MapTree): Map<string, DeclaredName> {
		const names = new Map<string, DeclaredName>();
		const runtimes = root.entries.get('runtimes')?.value;
		if (runtimes?.kind !== 'map') return names;
		for (const [name, entry] of runtimes.entries) {
			// what does not fit was said; the name is there all the same
			const read = <T>(key: string, schema: TSchema): T | undefined => {
				const part = at(entry.value, [key]);
				return part && this.#fits(schema, part) ? (readAs(schema, part) as T) : undefined;
			};
			const profiles = read<string[]>('profiles', Runtime.properties.profiles) ?? [];
			const isActive = profiles.length === 0 || profiles.some((profile) => this.#request.profiles.includes(profile));
			const instances = read<number>('instances', Runtime.properties.instances);
			const needs = read<NeedsSection>('needs', Needs);
			const own = at(entry.value, ['probes']) ?? at(root, ['defaults', 'probes']);
			const tellsReady = own?.kind === 'map' && (own.entries.has('ready') || own.entries.has('startup'));
			names.set(name, { name, entry, instances, profiles, isActive, needs, tellsReady });
		}
		return names;
	}

	#runtimesOf(
		root: MapTree,
		project: string,
		directory: string,
		names: ReadonlyMap<string, DeclaredName>,
	): Map<string, RuntimeDeclaration> {
		const read = <T>(key: string, schema: TSchema): T | undefined => {
			const tree = root.entries.get(key)?.value;
			return tree && this.#fits(schema, tree) ? (readAs(schema, tree) as T) : undefined;
		};
		const defaults = read<DefaultsSection>('defaults', Defaults) ?? {};
		const env = { ...this.#request.inherited, ...texts(read<Record<string, unknown>>('env', Env)) };
		const envFiles = pathsOf(read<string | string[]>('env_file', Files), directory);
		const lost = envFiles.find((file) => !this.#ports.isThere(file, 'anything'));
		if (lost !== undefined)
			this.#problems.push(problem('unreadable', `env_file: there is no file ${lost}`, { at: spanAt(root, ['env_file']) }));
		const declared = new Map<string, RuntimeDeclaration>();
		for (const each of names.values()) {
			const { name, entry, isActive, instances } = each;
			if (!isActive || !this.#fits(Runtime, entry.value)) continue;
			const path: Path = ['runtimes', name];
			const section = readAs(Runtime, entry.value) as RuntimeSection;
			const runtime = declareRuntime(name, section, path, {
				project,
				directory,
				policies: this.#ports.policies,
				defaults,
				env,
				envFiles,
				fullNames: (needed) => fullNames(needed, project, names),
				tellsReady: (needed) => names.get(needed)?.tellsReady ?? false,
				machine: this.#ports,
				say: (where, message, { hint, note, kind } = {}) => {
					const below = where.slice(2);
					const place = at(entry.value, below) ? spanAt(entry.value, below) : spanAt(root, ['defaults', ...below]);
					const text = kind === 'program' ? `runtime '${name}': ${message}` : `${pathOf(where)}: ${message}`;
					this.#problems.push(problem(kind ?? 'bad_value', text, { at: place, note, hint }));
				},
			});
			if (!runtime) continue;
			if (instances === undefined) declared.set(runtime.name, runtime);
			else {
				for (let index = 1; index <= instances; index++) {
					const full = `${runtime.name}-${index}`;
					declared.set(full, { ...runtime, name: full, group: { name: runtime.name, index } });
				}
			}
		}
		return declared;
	}

	#linksOf(root: MapTree, project: string, names: ReadonlyMap<string, DeclaredName>): Map<string, LinkDeclaration> {
		const list = root.entries.get('links')?.value;
		const links = new Map<string, LinkDeclaration>();
		if (list?.kind !== 'list') return links;
		const read = list.items
			.filter((item) => this.#fits(Link, item))
			.map((item) => {
				const section = readAs(Link, item) as LinkSection;
				return { section, text: readLink(item, section) };
			});
		this.#problems.push(
			...checkLinks(
				read.map(({ text }) => text),
				names,
				this.#ports,
			),
		);
		const { mailbox } = this.#ports.policies;
		for (const { section, text } of read) {
			const given: Partial<Exclude<LinkSection, string>> = typeof section === 'string' ? {} : section;
			const queue = typeof given.queue === 'object' ? given.queue : { messages: given.queue };
			const bytes = 'bytes' in queue && queue.bytes !== undefined ? sizeBytes(String(queue.bytes)) : mailbox.bytes;
			const ends = (texts: readonly string[]) =>
				texts
					.filter((each) => names.get(each)?.isActive !== false)
					.flatMap((each) => (each === anySender ? [each] : fullNames(each, project, names)));
			for (const from of ends(text.from)) {
				for (const type of text.types) {
					for (const to of ends(text.to)) {
						const link: LinkDeclaration = {
							from,
							type,
							to,
							messages: queue.messages ?? (given.overflow === 'latest' ? 1 : mailbox.messages),
							bytes,
							overflow: given.overflow ?? 'block',
							whileDown: given.while_down ?? 'drop',
						};
						links.set(linkKey(link), link);
					}
				}
			}
		}
		return links;
	}

	#definitionsOf(root: MapTree, directory: string): Definitions {
		const plain = (key: string): Record<string, unknown> => {
			const tree = root.entries.get(key)?.value;
			return tree?.kind === 'map' ? (plainData(tree) as Record<string, unknown>) : {};
		};
		const gateway = root.entries.get('gateway')?.value;
		return {
			types: this.#typesOf(root),
			workflows: this.#workflowsOf(root, directory),
			runners: definedRunners(this.#runners),
			services: plain('services'),
			gateway: gateway?.kind === 'map' ? { gateway: plainData(gateway) } : {},
		};
	}

	#typesOf(root: MapTree): Record<string, unknown> {
		const types = root.entries.get('types')?.value;
		if (types?.kind !== 'map') return {};
		const schemas: Record<string, unknown> = {};
		for (const [name, { key, value }] of types.entries) {
			const schema = plainData(value);
			const nameFault = this.#ports.typeNameFault(name);
			if (nameFault !== undefined) this.#problems.push(badTypeName(nameFault, key));
			const fault = value.kind === 'map' ? this.#ports.schemaFault(schema) : undefined;
			if (fault !== undefined)
				this.#problems.push(problem('bad_value', `types.${name} is no JSON Schema: ${fault}`, { at: key }));
			schemas[name] = schema;
		}
		return schemas;
	}

	#workflowsOf(root: MapTree, directory: string): Record<string, unknown> {
		const section = root.entries.get('workflows')?.value;
		const workflows: Record<string, unknown> = {};
		const add = (name: string, tree: Tree, path: Path, owner: Span) => {
			this.#problems.push(...checkWorkflow(tree, path, owner, this.#ports.suggest));
			workflows[name] = plainData(tree);
		};
		const read = (item: Tree): { readonly path: string; readonly tree: Tree } | undefined => {
			if (item.kind !== 'scalar' || typeof item.value !== 'string') return undefined;
			const path = resolve(directory, item.value);
			const source = this.#readSource({ path, name: item.value }, item.at);
			if (!source) return undefined;
			const { tree, problems } = parse(source);
			this.#problems.push(...problems);
			if (!tree) {
				if (problems.length === 0) this.#problems.push(emptyFile(source));
				return undefined;
			}
			this.#problems.push(...checkShape(Workflow, tree, { suggest: this.#ports.suggest }));
			return { path, tree };
		};
		if (section?.kind === 'map') {
			for (const [name, { key, value }] of section.entries) {
				if (value.kind === 'map') add(name, value, ['workflows', name], key);
				const file = read(value);
				if (file) add(name, file.tree, [], file.tree.at);
			}
		}
		if (section?.kind === 'list') {
			for (const item of section.items) {
				const file = read(item);
				if (!file) continue;
				const name = workflowName(file.path, file.tree);
				if (Object.hasOwn(workflows, name)) {
					this.#problems.push(problem('duplicate', `a workflow '${name}' is there already`, { at: item.at }));
				}
				add(name, file.tree, [], file.tree.at);
			}
		}
		return workflows;
	}
}

/** What is wrong in one place is said once, as it was found first. */
function firstOfEach(problems: readonly Problem[]): Problem[] {
	const seen = new Set<string>();
	return problems.filter(({ kind, at: place, message }) => {
		const key = JSON.stringify(place === undefined ? [kind, message] : [kind, place.file, place.line, place.column]);
		return !seen.has(key) && seen.add(key);
	});
}

const pathOf = (path: Path): string => path.join('.');

const emptyFile = (source: Source): Problem =>
	problem('unreadable', `${source.name} is empty`, { hint: 'orch init writes one to start from' });

/** A name as it is meant: a runtime of this project, all instances of one, or another project's. */
function fullNames(name: string, project: string, names: ReadonlyMap<string, DeclaredName>): string[] {
	const own = names.get(name);
	if (own) return instanceNames(own).map((each) => `${project}/${each}`);
	return [name.includes('/') ? name : `${project}/${name}`];
}
