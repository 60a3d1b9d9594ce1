/** The store in memory: the same port, for tests and for parts that need a store and no disk. */
import { bodyOf, textOf } from './body.ts';
import { StoreError } from './errors.ts';
import {
	defaultLimits,
	type Placed,
	type Store,
	type StoredEvent,
	type StoredEvents,
	type StoredLink,
	type StoredLinks,
	type StoredProcess,
	type StoredProcesses,
	type StoredProject,
	type StoredProjects,
	type StoredRuntime,
	type StoredRuntimes,
	type StoredSettings,
	type StoreLimits,
} from './ports.ts';
import { isThenable } from './thenable.ts';

export function createMemoryStore(limits: StoreLimits = defaultLimits): Store {
	const undo = new UndoLog();
	const processes = new MemoryProcesses(undo, limits.processesPerRuntime, (id) => runtimes.has(id));
	const runtimes = new MemoryRuntimes(undo, (id) => processes.removeOf(id));
	return {
		runtimes,
		processes,
		links: new MemoryLinks(undo),
		events: new MemoryEvents(undo, limits.events),
		settings: new MemorySettings(undo),
		projects: new MemoryProjects(undo),
		transaction: (work) => undo.transaction(work),
		async settled() {
			undo.checkOpen();
		},
		isThere: () => true,
		async backUp() {},
		async close() {
			undo.close();
		},
	};
}

/** How to take back what has been done since the outermost transaction began. */
class UndoLog {
	readonly #steps: (() => void)[] = [];
	#depth = 0;
	#closed = false;

	close(): void {
		this.#closed = true;
	}

	checkOpen(): void {
		if (this.#closed) throw new StoreError('closed', 'Cannot use the store: it is closed');
	}

	/** Called by every verb that changes something, when it is certain to. */
	push(step: () => void): void {
		if (this.#depth > 0) this.#steps.push(step);
	}

	transaction<Result>(work: () => Result): Result {
		this.checkOpen();
		const mark = this.#steps.length;
		this.#depth += 1;
		try {
			const result = work();
			if (isThenable(result)) throw new TypeError('Cannot hold a transaction across turns: its work must not be asynchronous');
			return result;
		} catch (error) {
			while (this.#steps.length > mark) this.#steps.pop()?.();
			throw error;
		} finally {
			this.#depth -= 1;
			if (this.#depth === 0) this.#steps.length = 0;
		}
	}
}

/** Rows by key, as text, in order of insertion; every change can be taken back. */
class Rows<Row> {
	readonly #rows = new Map<string, { readonly order: number; readonly row: Row }>();
	readonly #undo: UndoLog;
	#order = 0;

	constructor(undo: UndoLog) {
		this.#undo = undo;
	}

	get(key: string): Row | undefined {
		this.#undo.checkOpen();
		return this.#rows.get(key)?.row;
	}

	/** Keeps the place of a row that is replaced. */
	set(key: string, row: Row): void {
		this.#undo.checkOpen();
		const before = this.#rows.get(key);
		this.#undo.push(() => (before ? this.#rows.set(key, before) : this.#rows.delete(key)));
		this.#rows.set(key, { order: before?.order ?? this.#order++, row });
	}

	delete(key: string): boolean {
		this.#undo.checkOpen();
		const before = this.#rows.get(key);
		if (before === undefined) return false;
		this.#undo.push(() => this.#rows.set(key, before));
		return this.#rows.delete(key);
	}

	/** In order of insertion. */
	values(): Row[] {
		this.#undo.checkOpen();
		return [...this.#rows.values()].sort((one, other) => one.order - other.order).map(({ row }) => row);
	}
}

function inOrder<Row extends { readonly position: number; readonly id: string }>(rows: Row[]): Row[] {
	return rows.sort((one, other) => one.position - other.position || compareText(one.id, other.id));
}

/** As SQLite compares: by code points, which for ids and names is what everybody expects. */
function compareText(one: string, other: string): number {
	return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

function placeOf(
	wish: number | undefined,
	known: { readonly position: number } | undefined,
	rows: readonly { readonly position: number }[],
) {
	return wish ?? known?.position ?? rows.reduce((last, { position }) => Math.max(last, position), 0) + 1;
}

type Text<Row, Bodies extends keyof Row> = Omit<Row, Bodies> & { readonly [Body in Bodies]: string };

class MemoryRuntimes implements StoredRuntimes {
	readonly #rows: Rows<Text<StoredRuntime, 'spec' | 'memory'>>;
	readonly #undo: UndoLog;
	readonly #removed: (id: string) => void;

	constructor(undo: UndoLog, removed: (id: string) => void) {
		this.#rows = new Rows(undo);
		this.#undo = undo;
		this.#removed = removed;
	}

	has(id: string): boolean {
		return this.#rows.get(id) !== undefined;
	}

	put({ id, name, position, spec, memory, addedAt, project }: Placed<StoredRuntime>): void {
		const place = placeOf(position, this.#rows.get(id), this.#rows.values());
		this.#rows.set(id, { id, name, position: place, spec: textOf(spec), memory: textOf(memory), addedAt, project });
	}

	putSpec(id: string, spec: unknown): boolean {
		return this.#change(id, { spec: textOf(spec) });
	}

	putMemory(id: string, memory: unknown): boolean {
		return this.#change(id, { memory: textOf(memory) });
	}

	rename(id: string, name: string): boolean {
		return this.#change(id, { name });
	}

	remove(id: string): boolean {
		return this.#undo.transaction(() => {
			this.#removed(id);
			return this.#rows.delete(id);
		});
	}

	list(): StoredRuntime[] {
		return inOrder(this.#rows.values()).map((row) => ({ ...row, spec: bodyOf(row.spec), memory: bodyOf(row.memory) }));
	}

	#change(id: string, change: Partial<Text<StoredRuntime, 'spec' | 'memory'>>): boolean {
		const row = this.#rows.get(id);
		if (row === undefined) return false;
		this.#rows.set(id, { ...row, ...change });
		return true;
	}
}

class MemoryProcesses implements StoredProcesses {
	readonly #rows: Rows<Text<StoredProcess, 'exit'>>;
	readonly #bound: number;
	readonly #known: (runtimeId: string) => boolean;

	constructor(undo: UndoLog, bound: number, known: (runtimeId: string) => boolean) {
		this.#rows = new Rows(undo);
		this.#bound = bound;
		this.#known = known;
	}

	begun({
		processId,
		runtimeId,
		generation,
		pid,
		startTicks,
		bootId,
		startedAt,
	}: Omit<StoredProcess, 'endedAt' | 'exit'>): boolean {
		if (!this.#known(runtimeId)) return false;
		this.#rows.set(processId, {
			...{ processId, runtimeId, generation, pid, startTicks, bootId, startedAt },
			...{ endedAt: null, exit: 'null' },
		});
		for (const old of this.#of(runtimeId).slice(0, -this.#bound)) this.#rows.delete(old.processId);
		return true;
	}

	ended(processId: string, endedAt: number, exit: unknown): boolean {
		const text = textOf(exit);
		const row = this.#rows.get(processId);
		if (row === undefined) return false;
		this.#rows.set(processId, { ...row, endedAt, exit: text });
		return true;
	}

	historyOf(runtimeId: string, limit: number): StoredProcess[] {
		return this.#of(runtimeId).reverse().slice(0, limit).map(readProcess);
	}

	unended(): StoredProcess[] {
		return this.#rows
			.values()
			.filter(({ endedAt }) => endedAt === null)
			.map(readProcess);
	}

	removeOf(runtimeId: string): void {
		for (const { processId } of this.#of(runtimeId)) this.#rows.delete(processId);
	}

	#of(runtimeId: string) {
		return this.#rows.values().filter((row) => row.runtimeId === runtimeId);
	}
}

const readProcess = (row: Text<StoredProcess, 'exit'>): StoredProcess => ({ ...row, exit: bodyOf(row.exit) });

class MemoryLinks implements StoredLinks {
	readonly #rows: Rows<Text<StoredLink, 'body'>>;

	constructor(undo: UndoLog) {
		this.#rows = new Rows(undo);
	}

	put({ id, position, body }: Placed<StoredLink>): void {
		const place = placeOf(position, this.#rows.get(id), this.#rows.values());
		this.#rows.set(id, { id, position: place, body: textOf(body) });
	}

	remove(id: string): boolean {
		return this.#rows.delete(id);
	}

	list(): StoredLink[] {
		return inOrder(this.#rows.values()).map((row) => ({ ...row, body: bodyOf(row.body) }));
	}
}

class MemoryEvents implements StoredEvents {
	readonly #undo: UndoLog;
	readonly #bound: number;
	readonly #events: Text<StoredEvent, 'body'>[] = [];
	#lastSeq = 0;

	constructor(undo: UndoLog, bound: number) {
		this.#undo = undo;
		this.#bound = bound;
	}

	get lastSeq(): number {
		this.#undo.checkOpen();
		return this.#lastSeq;
	}

	get firstSeq(): number {
		this.#undo.checkOpen();
		return this.#lastSeq + 1 - this.#events.length;
	}

	append({ at, kind, runtimeId, body }: Omit<StoredEvent, 'seq'>): number {
		this.#undo.checkOpen();
		const seq = this.#lastSeq + 1;
		this.#events.push({ seq, at, kind, runtimeId, body: textOf(body) });
		const dropped = this.#events.length > this.#bound ? this.#events.shift() : undefined;
		this.#lastSeq = seq;
		this.#undo.push(() => {
			this.#events.pop();
			if (dropped) this.#events.unshift(dropped);
			this.#lastSeq = seq - 1;
		});
		return seq;
	}

	since(seq: number, limit: number): StoredEvent[] {
		const from = Math.max(0, seq + 1 - this.firstSeq);
		return this.#events.slice(from, from + limit).map((event) => ({ ...event, body: bodyOf(event.body) }));
	}
}

class MemorySettings implements StoredSettings {
	readonly #rows: Rows<string>;

	constructor(undo: UndoLog) {
		this.#rows = new Rows(undo);
	}

	get(key: string): unknown {
		const text = this.#rows.get(key);
		return text === undefined ? undefined : bodyOf(text);
	}

	set(key: string, value: unknown): void {
		this.#rows.set(key, textOf(value));
	}

	delete(key: string): boolean {
		return this.#rows.delete(key);
	}
}

class MemoryProjects implements StoredProjects {
	readonly #rows: Rows<Text<StoredProject, 'body'>>;

	constructor(undo: UndoLog) {
		this.#rows = new Rows(undo);
	}

	put({ name, body }: StoredProject): void {
		this.#rows.set(name, { name, body: textOf(body) });
	}

	remove(name: string): boolean {
		return this.#rows.delete(name);
	}

	list(): StoredProject[] {
		return this.#rows
			.values()
			.sort((one, other) => compareText(one.name, other.name))
			.map((row) => ({ ...row, body: bodyOf(row.body) }));
	}
}
