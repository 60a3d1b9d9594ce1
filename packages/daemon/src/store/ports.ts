/**
 * What is durable, in verbs of the domain: the port that the memory store and SQLite both fulfil.
 *
 * Every verb is synchronous and whole: when it has returned, a death of the process loses nothing of it; when it throws a
 * StoreError, nothing of it has happened. Bodies (`spec`, `memory`, `exit`, `body`, values of settings) are whatever JSON can tell;
 * they come back as new values, and `undefined` where a body is due is a TypeError. Times are milliseconds since the Unix epoch.
 */

export interface Store {
	readonly runtimes: StoredRuntimes;
	readonly processes: StoredProcesses;
	readonly links: StoredLinks;
	readonly events: StoredEvents;
	readonly settings: StoredSettings;
	readonly projects: StoredProjects;
	/**
	 * All verbs of `work`, or none of them where it throws (the error goes on to the caller). Within another transaction it is a part of it:
	 * thrown away alone when it throws, kept only when the outer one is. `work` must not be asynchronous.
	 */
	transaction<Result>(work: () => Result): Result;
	/** Resolves once all that has been written so far would survive a power cut as well; rejects with a StoreError where the disk refuses. */
	settled(): Promise<void>;
	/** Whether what is written still has its name on the disk: not where somebody has removed it, or has put something else there. */
	isThere(): boolean;
	/** Keeps a backup now where something has changed since the newest, or where that is gone; makes the directory where it is missing. */
	backUp(): Promise<void>;
	/** Settles, keeps a backup where something has changed, closes; tolerant of being called twice. Verbs throw 'closed' from then on. */
	close(): Promise<void>;
}

export interface StoredRuntime {
	readonly id: string;
	readonly name: string;
	/** Where it stands in the list. */
	readonly position: number;
	readonly spec: unknown;
	/** What its owner remembers of it between two daemons. */
	readonly memory: unknown;
	readonly addedAt: number;
	/** The project that declared it. */
	readonly project: string | null;
}

export interface StoredRuntimes {
	/**
	 * Adds it, or replaces all of it. Without a position a new one stands behind all others and a known one stays where it is. Names need
	 * not be unique here.
	 */
	put(runtime: Placed<StoredRuntime>): void;
	/** These four answer whether there is such a runtime; where there is none nothing happens. */
	putSpec(id: string, spec: unknown): boolean;
	putMemory(id: string, memory: unknown): boolean;
	rename(id: string, name: string): boolean;
	/** With the history of its processes; its events stay. */
	remove(id: string): boolean;
	/** In order of position, then of id. */
	list(): StoredRuntime[];
}

/** One life of a runtime. */
export interface StoredProcess {
	readonly processId: string;
	readonly runtimeId: string;
	readonly generation: number;
	readonly pid: number;
	readonly startTicks: number;
	readonly bootId: string;
	readonly startedAt: number;
	/** Null while nobody has seen it end. */
	readonly endedAt: number | null;
	readonly exit: unknown;
}

export interface StoredProcesses {
	/**
	 * A life begins, or more is known of one that has begun (same processId: all of it is replaced, its place in the history stays). Only the
	 * last `limits.processesPerRuntime` of a runtime are kept. False where there is no such runtime: nothing is written then.
	 */
	begun(life: Omit<StoredProcess, 'endedAt' | 'exit'>): boolean;
	/** False where no such life is kept (any more). */
	ended(processId: string, endedAt: number, exit: unknown): boolean;
	/** Newest first: in reverse order of their beginnings. */
	historyOf(runtimeId: string, limit: number): StoredProcess[];
	/** Every life without an end, oldest first: what a new daemon has to look for. */
	unended(): StoredProcess[];
}

export interface StoredLink {
	readonly id: string;
	readonly position: number;
	readonly body: unknown;
}

export interface StoredLinks {
	/** As with runtimes. */
	put(link: Placed<StoredLink>): void;
	remove(id: string): boolean;
	/** In order of position, then of id. */
	list(): StoredLink[];
}

export interface StoredEvent {
	/** Without gaps, ascending, never given twice: not after pruning, not after a restart, not after a backup had to be used. */
	readonly seq: number;
	readonly at: number;
	readonly kind: string;
	readonly runtimeId: string | null;
	readonly body: unknown;
}

export interface StoredEvents {
	/** Its seq. The last `limits.events` are kept. */
	append(event: Omit<StoredEvent, 'seq'>): number;
	/** Those behind `seq`, oldest first. A reader whose `seq` is less than `firstSeq - 1` or more than `lastSeq` has missed some. */
	since(seq: number, limit: number): StoredEvent[];
	/** Of the oldest that is kept; `lastSeq + 1` where none is. */
	readonly firstSeq: number;
	/** Of the newest that was ever appended; 0 before the first. */
	readonly lastSeq: number;
}

export interface StoredSettings {
	/** Undefined where it was never set, or deleted. */
	get(key: string): unknown;
	set(key: string, value: unknown): void;
	delete(key: string): boolean;
}

export interface StoredProject {
	readonly name: string;
	readonly body: unknown;
}

export interface StoredProjects {
	put(project: StoredProject): void;
	remove(name: string): boolean;
	/** In order of name. */
	list(): StoredProject[];
}

/** What is put, where the store may choose the place. */
export type Placed<Row extends { readonly position: number }> = Omit<Row, 'position'> & {
	readonly position?: number | undefined;
};

/** How much is kept. */
export interface StoreLimits {
	readonly processesPerRuntime: number;
	readonly events: number;
}

export const defaultLimits: StoreLimits = { processesPerRuntime: 100, events: 10_000 };
