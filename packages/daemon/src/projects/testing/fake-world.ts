/** Runtimes, links and a store in memory: programs do what a test says, and the world may end at any call. */
import type { Clock } from '@orch/base';
import { type LinkDeclaration, linkKey, type RuntimeDeclaration } from '../declaration.ts';
import type { LinksPort, ProjectRecord, ProjectStore, RuntimeFacts, RuntimesPort, TypesPort } from '../ports.ts';

/** What a program does once it is started. */
export type Behaviour = 'runs' | 'ready' | 'slow' | 'waits' | 'succeeds' | 'fails' | 'refuses';

interface Fake extends Omit<RuntimeFacts, 'declaration'> {
	declaration: RuntimeDeclaration;
	/** Of the process that runs, or ran last. */
	processDeclaration?: RuntimeDeclaration;
	starts: number;
}

/** One with a probe is ready as soon as it runs, unless it is slow; of others nobody knows. */
function readyAtOnce({ probes }: RuntimeDeclaration, behaviour: Behaviour): boolean | null {
	if (behaviour === 'slow') return false;
	return behaviour === 'ready' || probes?.ready !== undefined || probes?.startup !== undefined ? true : null;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export class FakeWorld {
	readonly runtimes = new Map<string, Mutable<Fake>>();
	readonly links = new Map<string, LinkDeclaration>();
	/** What is said of types, as JSON, by project. */
	readonly types = new Map<string, string>();
	/** What the router does not enforce. */
	readonly typeFaults: string[] = [];
	readonly records = new Map<string, ProjectRecord>();
	/** Every call that changes something, in order. */
	readonly calls: string[] = [];
	readonly behaviours = new Map<string, Behaviour>();
	/** Calls that are still answered; then the world has ended. */
	callsLeft = Number.POSITIVE_INFINITY;
	/** The most that were being stopped or started at the same time. */
	busiest = 0;
	#busy = 0;
	readonly #clock: Clock;
	readonly #listeners = new Set<() => void>();

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	readonly runtimesPort: RuntimesPort = {
		list: (project) => [...this.runtimes.values()].filter(({ declaration }) => declaration.project === project),
		find: (name) => this.runtimes.get(name),
		add: (declaration) =>
			this.#do(`add ${declaration.name}`, () => {
				if (this.runtimes.has(declaration.name)) throw new Error(`${declaration.name} is there already`);
				this.runtimes.set(declaration.name, {
					declaration,
					status: 'stopped',
					desired: 'stopped',
					ready: null,
					succeeded: false,
					startedAt: null,
					processes: 0,
					dueAt: null,
					wasStopped: false,
					reason: null,
					starts: 0,
				});
			}),
		change: (declaration) =>
			this.#do(`change ${declaration.name}`, () => {
				this.#get(declaration.name).declaration = declaration;
			}),
		start: (name) =>
			this.#do(`start ${name}`, async () => {
				const runtime = this.#get(name);
				const behaviour = this.behaviours.get(name) ?? 'runs';
				if (behaviour === 'refuses') throw new Error('it cannot be started');
				if (runtime.status === 'running') throw new Error(`${name} runs already`);
				// for what it needs, as the supervisor makes it wait
				if (behaviour === 'waits') return this.#set(name, { status: 'waiting', desired: 'running', reason: 'waits' });
				runtime.processDeclaration = runtime.declaration;
				runtime.starts++;
				runtime.processes++;
				this.#set(name, { status: 'starting', desired: 'running', startedAt: this.#clock.now(), reason: null });
				await Promise.resolve();
				if (behaviour === 'succeeds') this.#set(name, { status: 'exited', succeeded: true });
				else if (behaviour === 'fails') this.#set(name, { status: 'failed', reason: 'exit 1 after 3 tries' });
				else this.#set(name, { status: 'running', ready: readyAtOnce(runtime.declaration, behaviour) });
			}),
		stop: (name) =>
			this.#do(`stop ${name}`, async () => {
				this.#set(name, { status: 'stopping', desired: 'stopped' });
				await Promise.resolve();
				this.#set(name, { status: 'stopped', ready: null });
			}),
		remove: (name) =>
			this.#do(`remove ${name}`, () => {
				if (this.#get(name).status !== 'stopped') throw new Error(`${name} is not stopped`);
				this.runtimes.delete(name);
				for (const [key, { from, to }] of this.links) if (from === name || to === name) this.links.delete(key);
			}),
		subscribe: (changed) => {
			this.#listeners.add(changed);
			return () => this.#listeners.delete(changed);
		},
	};

	readonly linksPort: LinksPort = {
		list: () => [...this.links.values()],
		add: (link) =>
			this.#do(`link ${link.from} ${link.type} ${link.to}`, () => {
				for (const end of [link.from, link.to])
					if (end !== '*' && !this.runtimes.has(end)) throw new Error(`${end} is not there`);
				if (this.links.has(linkKey(link))) throw new Error('it is linked already');
				this.links.set(linkKey(link), link);
			}),
		change: (link) => this.#do(`relink ${link.from} ${link.type} ${link.to}`, () => void this.links.set(linkKey(link), link)),
		remove: (link) => this.#do(`unlink ${link.from} ${link.type} ${link.to}`, () => void this.links.delete(linkKey(link))),
	};

	readonly typesPort: TypesPort = {
		declare: async (project, schemas) => {
			const declared = JSON.stringify(schemas);
			if (declared === (this.types.get(project) ?? '{}')) return [];
			await this.#do(`types ${Object.keys(schemas).join(' ')}`, () => void this.types.set(project, declared));
			return this.typeFaults;
		},
	};

	/** What a daemon that starts anew does before anything else. */
	restoreTypes(): void {
		this.types.clear();
		for (const { name, definitions } of this.records.values()) this.types.set(name, JSON.stringify(definitions.types));
	}

	store: ProjectStore = {
		list: async () => [...this.records.values()],
		save: (record) => this.#do('save', () => void this.records.set(record.name, structuredClone(record))),
		remove: (name) => this.#do('forget', () => void this.records.delete(name)),
	};

	get listeners(): number {
		return this.#listeners.size;
	}

	set(name: string, facts: Partial<Mutable<Fake>>): void {
		this.#set(name, facts);
	}

	/** What is, without what differs from life to life. */
	facts(): unknown {
		return {
			runtimes: Object.fromEntries(
				[...this.runtimes]
					.sort(([a], [b]) => (a < b ? -1 : 1))
					.map(([name, { declaration, processDeclaration, status, desired }]) => [
						name,
						{ declaration, status, desired, process: status === 'running' ? processDeclaration : undefined },
					]),
			),
			// in whatever order they are declared, they are the same
			types: Object.fromEntries(
				[...this.types].filter(([, said]) => said !== '{}').map(([name, said]) => [name, JSON.parse(said)]),
			),
			links: Object.fromEntries([...this.links].sort(([a], [b]) => (a < b ? -1 : 1))),
			records: Object.fromEntries(
				[...this.records].map(([name, { links, starting, definitions, profiles }]) => [
					name,
					{ links: [...links].sort(), starting, definitions, profiles },
				]),
			),
		};
	}

	#get(name: string): Mutable<Fake> {
		const runtime = this.runtimes.get(name);
		if (!runtime) throw new Error(`${name} is not there`);
		return runtime;
	}

	#set(name: string, facts: Partial<Mutable<Fake>>): void {
		Object.assign(this.#get(name), facts);
		for (const listener of [...this.#listeners]) listener();
	}

	async #do(call: string, work: () => void | Promise<void>): Promise<void> {
		if (this.callsLeft <= 0) throw new Error('the world has ended');
		this.callsLeft--;
		this.calls.push(call);
		this.busiest = Math.max(this.busiest, ++this.#busy);
		try {
			await Promise.resolve();
			await work();
		} finally {
			this.#busy--;
		}
	}
}
