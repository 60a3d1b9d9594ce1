/** What the domains tell of, as events for those who follow: with the last words of what failed. */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import type { Clock } from '@orch/base';
import { emptyEvent, type EventKeeper, type EventLog, isoTime, type NewEvent } from '../control/index.ts';
import { groupOfEnd, type LinkChange, type LinkCounts, type Links, type RouterChange, type RouterLoss } from '../links/index.ts';
import type { StoredEvents } from '../store/index.ts';
import type { StatusChanged, Supervisor, SupervisorEvent } from '../supervisor/index.ts';
import { toLastExit } from './runtime-info.ts';

export interface TellOptions {
	readonly events: Pick<EventLog, 'append'>;
	readonly supervisor: Pick<Supervisor, 'events' | 'find'>;
	readonly clock: Clock;
}

/** Of what a failed process wrote to its standard error. */
const tailLines = 30;
const tailBytes = 8192;
const lineLength = 500;

/** Tells until the returned function is called. */
export function tellOfRuntimes({ events, supervisor }: TellOptions): () => void {
	/** Where the output of each present process begins in its file. */
	const beginnings = new Map<string, number>();
	const changed = (event: StatusChanged): Partial<NewEvent> => {
		const snapshot = supervisor.find(event.id);
		if (event.to === 'starting' && snapshot) beginnings.set(event.id, sizeOf(snapshot.stderrPath));
		// while a process is being ended its end changes no status: it is told with the next change
		const ended = event.from === 'stopping' && snapshot ? snapshot.lastExit : undefined;
		const exit = event.exit ?? (ended && ended.at >= (snapshot?.startedAt ?? 0) ? ended : undefined);
		const isFailure = event.to === 'failed' || event.to === 'backoff' || (event.exit !== undefined && event.exit.code !== 0);
		return {
			from: event.from,
			to: event.to,
			reason: event.reason ?? exit?.reason ?? null,
			exit: exit ? toLastExit(exit) : null,
			uptimeMs: exit && snapshot?.startedAt !== undefined ? Math.max(0, exit.at - snapshot.startedAt) : null,
			stderrTail: isFailure && snapshot ? lastLines(snapshot.stderrPath, beginnings.get(event.id) ?? 0) : [],
		};
	};
	const rest = (event: SupervisorEvent): Partial<NewEvent> => {
		if (event.kind === 'changed') return changed(event);
		if (event.kind === 'removed') beginnings.delete(event.id);
		if (event.kind === 'escaped')
			return { reason: event.escaped.map(({ pid, command }) => `pid ${pid} (${command})`).join(', ') };
		return 'reason' in event && typeof event.reason === 'string' ? { reason: event.reason } : {};
	};
	return supervisor.events.subscribe((event) => {
		events.append({
			at: isoTime(event.at),
			kind: event.kind,
			...emptyEvent,
			runtime: { id: event.id, name: event.name },
			pid: ('pid' in event ? event.pid : undefined) ?? null,
			generation: 'generation' in event ? event.generation : null,
			...rest(event),
		});
	});
}

/** The listener for changes of links: of one that is removed once it is known what it had counted. */
export const tellOfLinks =
	({ events, clock }: Pick<TellOptions, 'events' | 'clock'>, nameOf: (runtime: string) => string) =>
	(change: LinkChange): void => {
		const { from, type, to } = change.link;
		// its ends have no names by the time that the router answers
		const reason = `${from === '*' ? '*' : nameOf(from)} ─${type}→ ${nameOf(to)}`;
		const tell = (kind: 'link_added' | 'link_removed', counters?: LinkCounts) =>
			events.append({ at: isoTime(clock.now()), kind, ...emptyEvent, reason, ...(counters && { counters: { ...counters } }) });
		if (change.kind === 'added') tell('link_added');
		else void change.counted.then((counters) => tell('link_removed', counters));
	};

/** Its death is nobody's command, and explains what senders and receivers see. */
export const tellOfRouter =
	({ events, clock }: Pick<TellOptions, 'events' | 'clock'>) =>
	(change: RouterChange | RouterLoss): void =>
		void events.append({
			at: isoTime(clock.now()),
			kind: 'notice',
			...emptyEvent,
			pid: change.kind === 'messages' ? null : change.pid,
			reason: routerText(change),
		});

function routerText(change: RouterChange | RouterLoss): string {
	switch (change.kind) {
		case 'lost':
			return `the router (pid ${change.pid}) is lost: no message is carried until one is there again`;
		case 'back':
			return change.pid === change.before
				? `the router (pid ${change.pid}) is reached again, with all that it held`
				: `another router carries messages (pid ${change.pid}): what the one before held is lost`;
		case 'messages':
			return `${change.count} ${change.count === 1 ? 'message was' : 'messages were'} lost with the router, as far as senders have told: router_lost in orch link stats`;
	}
}

export const nameBy =
	(links: Pick<Links, 'port'>) =>
	(runtime: string): string =>
		links.port(runtime)?.name ?? groupOfEnd(runtime) ?? runtime.slice(-12, -4);

/** Keeps events in the store. */
export function createEventKeeper(stored: StoredEvents): EventKeeper {
	return {
		append: (event) =>
			stored.append({ at: Date.parse(event.at), kind: event.kind, runtimeId: event.runtime?.id ?? null, body: event }),
		since: (seq, limit) => stored.since(seq, limit).map(({ seq: own, body }) => ({ ...(body as NewEvent), seq: own })),
		get firstSeq() {
			return stored.firstSeq;
		},
		get lastSeq() {
			return stored.lastSeq;
		},
	};
}

function sizeOf(path: string): number {
	try {
		return statSync(path).size;
	} catch {
		return 0;
	}
}

/** The last lines of a file behind a place in it; nothing where it cannot be read. */
export function lastLines(path: string, from: number): string[] {
	let descriptor: number;
	try {
		descriptor = openSync(path, 'r');
	} catch {
		return [];
	}
	try {
		const { size } = fstatSync(descriptor);
		// a file that was begun anew holds nothing of before
		const beginning = from <= size ? from : 0;
		const at = Math.max(beginning, size - tailBytes);
		const bytes = Buffer.alloc(size - at);
		const text = bytes.toString('utf8', 0, readSync(descriptor, bytes, 0, bytes.length, at));
		// a line of which the beginning is cut off, and what was freed of the file, is nothing that anybody wrote
		const whole = at > beginning ? text.slice(text.indexOf('\n') + 1) : text;
		return whole
			.replaceAll('\0', '')
			.split('\n')
			.map((line) => line.trimEnd().slice(0, lineLength))
			.filter((line) => line !== '')
			.slice(-tailLines);
	} catch {
		return [];
	} finally {
		closeSync(descriptor);
	}
}
