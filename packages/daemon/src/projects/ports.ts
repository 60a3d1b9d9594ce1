/** What projects need of others, in their own words. */
import type { Definitions, LinkDeclaration, RuntimeDeclaration } from './declaration.ts';

/** How a runtime is, as far as a project cares. */
export interface RuntimeFacts {
	readonly declaration: RuntimeDeclaration;
	readonly status: 'stopped' | 'waiting' | 'starting' | 'running' | 'stopping' | 'backoff' | 'exited' | 'failed';
	readonly desired: 'running' | 'stopped';
	/** Null where nothing says whether it is. */
	readonly ready: boolean | null;
	/** Whether its last process ended well. */
	readonly succeeded: boolean;
	/** When its last process was started, in milliseconds since the epoch. */
	readonly startedAt: number | null;
	/** How many processes it has had. */
	readonly processes: number;
	/** When its schedule is due next, in milliseconds since the epoch; null where none is. */
	readonly dueAt: number | null;
	/** Whether somebody has ended its last process, rather than the program itself. */
	readonly wasStopped: boolean;
	readonly reason: string | null;
}

export interface RuntimesPort {
	/** What a project has declared and not taken away. */
	list(project: string): readonly RuntimeFacts[];
	/** Any runtime, by its full name. */
	find(name: string): RuntimeFacts | undefined;
	add(declaration: RuntimeDeclaration): Promise<void>;
	/** What only a new process can have, holds from its next start on. */
	change(declaration: RuntimeDeclaration): Promise<void>;
	/** Resolves once its program runs, or once it waits for something; rejects with the reason. */
	start(name: string, signal: AbortSignal): Promise<void>;
	/** Resolves once nothing of it is left; rejects with what is. */
	stop(name: string, signal: AbortSignal): Promise<void>;
	/** For one that is stopped. */
	remove(name: string, signal: AbortSignal): Promise<void>;
	/** Calls after something about runtimes has changed; returns what ends that. */
	subscribe(changed: () => void): () => void;
}

export interface LinksPort {
	/** All links of which both ends are known, by full names. */
	list(): readonly LinkDeclaration[];
	add(link: LinkDeclaration): Promise<void>;
	/** Its messages and counters stay. */
	change(link: LinkDeclaration): Promise<void>;
	/** Removing what is not there changes nothing. */
	remove(link: Pick<LinkDeclaration, 'from' | 'type' | 'to'>): Promise<void>;
}

export interface TypesPort {
	/** All that a project says of types, from now on; gives what is not enforced, in sentences, once everything else is. */
	declare(project: string, schemas: Definitions['types'], signal: AbortSignal): Promise<readonly string[]>;
}

/** What is kept of a project: enough to read its files again as they were asked to be read, and to know what is its own. */
export interface ProjectRecord {
	readonly name: string;
	/** With the text of what is no file, for nobody could read it again. */
	readonly files: readonly { readonly path: string; readonly name: string; readonly text?: string | undefined }[];
	/** Whether the name was given, not read. */
	readonly isNamed: boolean;
	readonly profiles: readonly string[];
	/** The variables that the files asked for, from where `up` was typed. */
	readonly environment: Readonly<Record<string, string>>;
	/** What every runtime's environment starts with, from the first `up`. */
	readonly inherited: Readonly<Record<string, string>>;
	/** Keys of the links that it made, written before they are made. */
	readonly links: readonly string[];
	/** Runtimes that were to be started when this was written. */
	readonly starting: readonly string[];
	readonly definitions: Definitions;
	/** Of the texts that it was made of. */
	readonly fingerprint: string;
	/** Milliseconds since the epoch. */
	readonly appliedAt: number;
	/** Where it is mounted, of a runner. */
	readonly mount?: Mount | undefined;
	/** Whether its runners were to be made as its files say when this was written. */
	readonly isMounting?: boolean | undefined;
}

export interface Mount {
	/** As `readBasePath` spells it. */
	readonly basePath: string;
	/** The project whose files mount it; null: somebody has, by a command. */
	readonly parent: string | null;
}

export interface ProjectStore {
	list(): Promise<readonly ProjectRecord[]>;
	/** Durable once it resolves. */
	save(record: ProjectRecord): Promise<void>;
	remove(name: string): Promise<void>;
}

/** Calls after something about one of the files has changed, or may have; returns what ends that. */
export type WatchFiles = (paths: readonly string[], changed: () => void) => () => Promise<void>;
