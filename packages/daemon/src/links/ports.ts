/** What the links room needs of the world: a router, wherever it runs. Its shapes are this room's own. */

export type Overflow = 'block' | 'drop-oldest' | 'drop-newest' | 'latest';
export type WhileDown = 'drop' | 'block';

/** Where a runtime meets the router. */
export interface PortRow {
	readonly runtime: string;
	readonly name: string;
	readonly socket: string;
	readonly veecleSocket: string;
	readonly privileged: boolean;
	readonly generation: number;
	readonly token: string;
	/** Whose schemas hold for what it sends and gets. */
	readonly project?: string;
}

/** A schema of a project, as JSON text. */
export interface SchemaRow {
	readonly project: string;
	readonly type: string;
	readonly schema: string;
}

export interface LinkRow {
	readonly id: string;
	/** A runtime's id, or `*`. */
	readonly from: string;
	readonly type: string;
	readonly to: string;
	readonly messages: number;
	readonly bytes: number;
	readonly overflow: Overflow;
	readonly whileDown: WhileDown;
}

/** What makes table `version` of table `base`. */
export interface TableChange {
	readonly base: number;
	readonly version: number;
	/** New, or other than before. */
	readonly ports: readonly PortRow[];
	readonly removedPorts: readonly string[];
	readonly links: readonly LinkRow[];
	readonly removedLinks: readonly string[];
	/** All of them, where any is other than before. */
	readonly schemas: readonly SchemaRow[] | undefined;
}

export interface RoutingTable {
	readonly version: number;
	readonly ports: readonly PortRow[];
	readonly links: readonly LinkRow[];
	readonly schemas: readonly SchemaRow[];
}

/** What the router says of a table that it took. */
export interface Routed {
	/** Runtimes whose sockets could not be made. */
	readonly problems: readonly { readonly runtime: string; readonly path: string; readonly message: string }[];
	/** Schemas that it cannot enforce; absent where it was told none. */
	readonly schemas?: readonly { readonly project: string; readonly type: string; readonly message: string }[] | undefined;
	/** Rows that are gone by it, with what they had counted in the end; an older router tells none. */
	readonly removedLinks?: readonly { readonly id: string; readonly counters: LinkCounts }[] | undefined;
}

/** Times in milliseconds since the Unix epoch. */
export interface TypeFigures {
	readonly producers: readonly {
		/** Its id, or `@cli`. */
		readonly runtime: string;
		readonly type: string;
		readonly messages: number;
		readonly refused: number;
	}[];
	readonly samples: readonly {
		readonly type: string;
		readonly from: string;
		readonly at: number;
		readonly codec: string;
		readonly bytes: number;
		readonly body: Uint8Array;
	}[];
	readonly misfits: readonly {
		readonly type: string;
		readonly from: string;
		readonly at: number;
		readonly reason: string;
		readonly project: string;
	}[];
}

export interface LinkCounts {
	readonly received: number;
	readonly delivered: number;
	readonly deliveredBytes: number;
	/** By reason. */
	readonly dropped: Readonly<Record<string, number>>;
	readonly queued: number;
	readonly queuedBytes: number;
	readonly inFlight: number;
}

export interface LinkFigures {
	readonly id: string;
	readonly counters: LinkCounts;
	readonly messagesPerSecond: number;
	readonly bytesPerSecond: number;
	readonly latencyP50Ms: number | null;
	readonly latencyP99Ms: number | null;
	/** Milliseconds since the Unix epoch. */
	readonly lastAt: number | null;
	readonly blocking: boolean;
}

export interface RouterFigures {
	readonly links: readonly LinkFigures[];
	readonly unrouted: readonly {
		readonly from: string;
		readonly type: string;
		readonly count: number;
		readonly messagesPerSecond: number;
		readonly lastAt: number;
	}[];
	readonly ports: readonly {
		readonly runtime: string;
		readonly connected: boolean;
		readonly codec: 'binary' | 'json' | 'veecle' | null;
		readonly faults: Readonly<Record<string, number>>;
	}[];
}

export interface TappedMessage {
	readonly at: number;
	readonly link: string;
	readonly from: string;
	readonly to: string;
	readonly type: string;
	readonly seq: number;
	readonly bytes: number;
	readonly codec: string;
	readonly body: Uint8Array;
}

export type RouterEvent =
	| { readonly kind: 'connected'; readonly runtime: string; readonly generation: number; readonly codec: string }
	| { readonly kind: 'disconnected'; readonly runtime: string; readonly generation: number }
	| { readonly kind: 'ready'; readonly runtime: string; readonly generation: number }
	| {
			readonly kind: 'control';
			readonly request: number;
			readonly runtime: string;
			readonly operation: string;
			readonly params: unknown;
	  }
	| { readonly kind: 'spoof'; readonly runtime: string; readonly claimed: number };

export type Injection = {
	readonly type: string;
	readonly codec: 'json' | 'msgpack' | 'raw';
	readonly body: Uint8Array;
	readonly from: string | null;
	readonly to: string | null;
};

/** What a runtime has replied to a request. */
export interface Reply {
	/** Its name. */
	readonly from: string;
	readonly codec: string;
	readonly body: Uint8Array;
}

/** What is wanted of messages that pass. */
export interface Looks {
	/** Of each body at most so much. */
	readonly bodyBytes: number;
	/** Only the first so many of each stretch of time. */
	readonly sample?: { readonly count: number; readonly everyMs: number };
}

/** One connection to a living router. */
export interface RouterConnection {
	readonly pid: number;
	readonly version: string;
	route(table: RoutingTable): Promise<Routed>;
	/** Undefined where it routes by another table than the one that this changes, or is too old for changes: it has to be told all of it. */
	change(change: TableChange): Promise<Routed | undefined>;
	/** Whether all that was said has left this process, so that the router has it before whatever happens next. */
	readonly isClear: boolean;
	ended(runtime: string, generation: number): Promise<void>;
	/** Rates of the last so many seconds, ten unless said. */
	figures(windowSeconds?: number): Promise<RouterFigures>;
	types(): Promise<TypeFigures>;
	memoryBytes(): Promise<number>;
	tap(
		links: readonly string[],
		looks: Looks,
		signal: AbortSignal,
	): AsyncGenerator<{ readonly messages: readonly TappedMessage[]; readonly skipped: number }, { readonly skipped: number }>;
	/** The reply to it; the signal ends the waiting. */
	request(message: Injection, signal: AbortSignal): Promise<Reply>;
	inject(message: Injection): Promise<{ readonly accepted: number; readonly dropped: Readonly<Record<string, number>> }>;
	answer(request: number, outcome: { readonly ok: unknown } | { readonly error: unknown }): Promise<void>;
	/** Ends with the connection. */
	events(signal: AbortSignal): AsyncIterable<RouterEvent>;
	/** Asks the router itself to end. */
	stop(): Promise<void>;
	/** Settles when the connection is gone, for whatever reason. */
	readonly closed: Promise<void>;
	close(): void;
}

export interface RouterGate {
	/** Finds the living router or starts one; rejects when neither works. */
	connect(signal: AbortSignal): Promise<RouterConnection>;
}
