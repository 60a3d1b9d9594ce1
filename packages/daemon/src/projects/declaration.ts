/** What a project declares, as plain data with nothing left open: paths absolute, durations in milliseconds, names in full. */

export interface RuntimeDeclaration {
	/** In full: `project/name`. */
	readonly name: string;
	/** Its project. */
	readonly project: string;
	/** An absolute path. */
	readonly program: string;
	readonly args: readonly string[];
	/** An absolute path. */
	readonly cwd: string;
	readonly env: Readonly<Record<string, string>>;
	readonly priority: 'high' | 'normal' | 'low';
	readonly privileged: boolean;
	readonly restart: RestartDeclaration;
	readonly stop: StopDeclaration;
	readonly autostart?: boolean;
	readonly labels?: Readonly<Record<string, string>>;
	readonly envFiles?: readonly string[];
	readonly user?: string;
	readonly umask?: string;
	readonly probes?: { readonly startup?: ProbeDeclaration; readonly ready?: ProbeDeclaration; readonly live?: ProbeDeclaration };
	readonly needs?: readonly NeedDeclaration[];
	readonly ports?: readonly number[];
	readonly limits?: { readonly memoryBytes?: number };
	readonly schedule?: {
		readonly cron: string;
		readonly timeZone?: string;
		readonly action: 'start' | 'restart';
		readonly overlap?: 'skip' | 'queue' | 'replace';
	};
	readonly watch?: { readonly paths: readonly string[]; readonly ignore?: readonly string[]; readonly quietMs?: number };
	readonly output?: { readonly maxBytes: number; readonly segmentBytes?: number };
	readonly group?: { readonly name: string; readonly index: number };
}

export interface RestartDeclaration {
	readonly when: 'no' | 'on-failure' | 'always';
	readonly firstMs: number;
	readonly capMs: number;
	readonly failures: number;
	readonly withinMs: number;
	readonly retryEveryMs: number | null;
	readonly healthyMs: number;
	readonly successExitCodes?: readonly number[];
}

export interface StopDeclaration {
	readonly signal: string;
	readonly graceMs: number;
	readonly command?: readonly string[];
	readonly commandMs?: number;
}

export interface ProbeDeclaration {
	readonly check: ProbeCheckDeclaration;
	readonly everyMs?: number;
	readonly timeoutMs?: number;
	readonly delayMs?: number;
	readonly failures?: number;
	readonly successes?: number;
}

export type ProbeCheckDeclaration =
	| {
			readonly kind: 'http';
			readonly url: string;
			readonly headers?: Readonly<Record<string, string>>;
			readonly statuses?: readonly number[];
	  }
	| { readonly kind: 'tcp'; readonly port: number; readonly host?: string }
	| { readonly kind: 'exec'; readonly command: readonly string[] }
	| { readonly kind: 'log'; readonly pattern: string; readonly stream?: 'stdout' | 'stderr' }
	| { readonly kind: 'notify' };

export interface NeedDeclaration {
	/** In full. */
	readonly runtime: string;
	readonly condition: 'started' | 'ready' | 'succeeded';
	readonly onRestart?: 'keep' | 'restart' | 'stop';
}

export interface LinkDeclaration {
	/** In full, or `*`. */
	readonly from: string;
	readonly type: string;
	readonly to: string;
	readonly messages: number;
	readonly bytes: number;
	readonly overflow: 'block' | 'drop-oldest' | 'drop-newest' | 'latest';
	readonly whileDown: 'drop' | 'block';
}

/** What a project says of other things than runtimes and links: kept for who does them. */
export interface Definitions {
	readonly types: Readonly<Record<string, unknown>>;
	readonly workflows: Readonly<Record<string, unknown>>;
	readonly runners: Readonly<Record<string, { readonly config: string; readonly basePath: string }>>;
	readonly services: Readonly<Record<string, unknown>>;
	/** Empty, or one entry `gateway`. */
	readonly gateway: Readonly<Record<string, unknown>>;
}

/** All that is wanted, and in the same form all that is. */
export interface ProjectState {
	readonly runtimes: ReadonlyMap<string, RuntimeDeclaration>;
	readonly links: ReadonlyMap<string, LinkDeclaration>;
	readonly definitions: Definitions;
}

export interface Project extends ProjectState {
	readonly name: string;
	/** Where relative paths start: the directory of the first file. */
	readonly directory: string;
	/** Every file that it was read from, absolute, those that could be there and are not included. */
	readonly files: readonly string[];
	readonly profiles: readonly string[];
	/** Names of the runtimes that are only there with a profile that was not chosen. */
	readonly inactive: readonly string[];
	/** Names of variables that the files ask for. */
	readonly variables: readonly string[];
}

/** What a runtime does that says nothing else; given to this room by who knows. */
export interface Policies {
	readonly restart: RestartDeclaration;
	readonly stop: StopDeclaration;
	readonly mailbox: { readonly messages: number; readonly bytes: number };
}

export const linkKey = ({ from, type, to }: Pick<LinkDeclaration, 'from' | 'type' | 'to'>): string =>
	JSON.stringify([from, type, to]);

export const anySender = '*';

export const noDefinitions: Definitions = { types: {}, workflows: {}, runners: {}, services: {}, gateway: {} };

export const emptyState: ProjectState = { runtimes: new Map(), links: new Map(), definitions: noDefinitions };

/** The name of a runtime within its project. */
export const localName = (name: string): string => name.slice(name.indexOf('/') + 1);
