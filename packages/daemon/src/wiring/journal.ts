/** The journals of supervisor and links, kept in the store. */
import type { Clock, Logger, Timer } from '@orch/base';
import { OrchError } from '@orch/protocol';
import type { Link, LinkJournal } from '../links/index.ts';
import { type Store, StoreError } from '../store/index.ts';
import {
	type Journal,
	type KeptRuntime,
	type LifeBegun,
	type LifeEnd,
	type RuntimeMemory,
	type RuntimeSpec,
	wholeRuntime,
} from '../supervisor/index.ts';

export interface JournalOptions {
	readonly store: Store;
	readonly clock: Clock;
	readonly log: Logger;
}

/** So often a full disk is tried again. */
const retryMs = 1_000;

/**
 * What a client adds or removes is refused where that cannot be written. What happens by itself cannot be refused: of each runtime the
 * last memory and spec that could not be written are held and written as soon as the disk takes them; the history of processes may
 * lose lives.
 */
export function createJournal({ store, clock, log }: JournalOptions): Journal & { close(): void } {
	const owed = new Map<string, RuntimeMemory>();
	const owedSpecs = new Map<string, RuntimeSpec>();
	let timer: Timer | undefined;
	const retry = () => {
		timer = undefined;
		try {
			for (const [id, spec] of owedSpecs) {
				store.runtimes.putSpec(id, spec);
				owedSpecs.delete(id);
			}
			for (const [id, memory] of owed) {
				store.runtimes.putMemory(id, memory);
				owed.delete(id);
			}
			log.info('the journal is whole again');
		} catch (error) {
			if (!(error instanceof StoreError)) throw error;
			later();
		}
	};
	const later = () => {
		timer ??= clock.setTimer(retryMs, retry, { background: true });
	};
	const attempt = (what: string, write: () => unknown): boolean => {
		try {
			write();
			return true;
		} catch (error) {
			if (!(error instanceof StoreError)) throw error;
			log.error('the journal could not be written', { what, error });
			return false;
		}
	};
	const row = ({ spec, addedAt, memory }: KeptRuntime) => ({
		id: spec.id,
		name: spec.name,
		spec,
		memory,
		addedAt,
		project: spec.project ?? null,
	});
	return {
		load: () => store.runtimes.list().map(wholeRuntime),
		added: (...kept) =>
			orRefuse(() =>
				store.transaction(() => {
					for (const one of kept) store.runtimes.put(row(one));
				}),
			),
		respecified(id, spec) {
			if (attempt('a spec', () => store.runtimes.putSpec(id, spec))) owedSpecs.delete(id);
			else {
				owedSpecs.set(id, spec);
				later();
			}
		},
		remembered(id, memory) {
			if (attempt('a memory', () => store.runtimes.putMemory(id, memory))) owed.delete(id);
			else {
				owed.set(id, memory);
				later();
			}
		},
		removed(id) {
			orRefuse(() => void store.runtimes.remove(id));
			owed.delete(id);
			owedSpecs.delete(id);
		},
		began: (life) => void attempt('a life', () => store.processes.begun(life)),
		ended: (processId, { at, exit }) => void attempt('an end', () => store.processes.ended(processId, at, exit)),
		close() {
			if (timer !== undefined) retry();
			timer?.cancel();
		},
	};
}

/** What a client asks for, or the error that tells it why not. */
function orRefuse(write: () => void): void {
	try {
		write();
	} catch (error) {
		if (error instanceof StoreError) throw new OrchError('state.refused', { reason: error.message }, { cause: error });
		throw error;
	}
}

/** A process that a runtime has had, and how it ended, where that is known. */
export type KeptLife = LifeBegun & { readonly end: LifeEnd | undefined };

/** The processes of a runtime, newest first. */
export function livesOf(store: Store, runtime: string): readonly KeptLife[] {
	return store.processes.historyOf(runtime, mostLives).map(({ endedAt, exit, ...life }) => ({
		...life,
		end: endedAt === null ? undefined : { at: endedAt, exit: exit as LifeEnd['exit'] },
	}));
}

const mostLives = 100;

export function createLinkJournal(store: Store): LinkJournal {
	return {
		load: () => store.links.list().map(({ body }) => body as Link),
		put: (link) => orRefuse(() => store.links.put({ id: link.id, body: link })),
		removed: (id) => orRefuse(() => void store.links.remove(id)),
	};
}
