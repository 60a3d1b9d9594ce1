/** What `orch top` knows and what it does next: states, events and effects, with no terminal and no connection in sight. */
import type { Api, ItemOf, ResultOf, RuntimeInfo } from '@orch/protocol';
import { sortKeys, sorted, type SortKey } from './order.ts';
import type { Key } from './keys.ts';

export type Links = ResultOf<Api['link.stats']>;
export type Action = 'start' | 'stop' | 'restart';
export type View = 'runtimes' | 'links';

/** A runtime with the time, by the clock that only grows, at which it was told of. */
export interface Seen {
	readonly info: RuntimeInfo;
	readonly seenMs: number;
}

export interface LogLine {
	readonly stream: 'stdout' | 'stderr';
	readonly text: string;
}

export interface Log {
	/** The runtime whose output it is. */
	readonly id: string;
	readonly lines: readonly LogLine[];
}

export type Mode =
	| { readonly kind: 'browse' }
	/** Typing what to filter by; `before` is what it was. */
	| { readonly kind: 'filter'; readonly before: string }
	| { readonly kind: 'confirm'; readonly action: Action; readonly id: string; readonly name: string }
	| { readonly kind: 'help' };

export type Connection =
	| { readonly kind: 'connecting' }
	| { readonly kind: 'live' }
	| { readonly kind: 'lost'; readonly reason: string; readonly sinceMs: number };

export interface TopState {
	readonly size: { readonly columns: number; readonly rows: number };
	readonly nowMs: number;
	readonly connection: Connection;
	readonly view: View;
	readonly mode: Mode;
	readonly sort: { readonly key: SortKey; readonly reversed: boolean };
	readonly filter: string;
	/** Only these, where any were named. */
	readonly only: readonly string[];
	readonly runtimes: ReadonlyMap<string, Seen>;
	readonly selected: string | undefined;
	readonly links: Links | undefined;
	/** How many rows of links are above the screen. */
	readonly linksTop: number;
	readonly log: Log | undefined;
	readonly isLogWhole: boolean;
	readonly isErrorsOnly: boolean;
	/** So many lines of the log are below the screen; 0 follows. */
	readonly logBack: number;
	readonly message: { readonly text: string; readonly isError: boolean; readonly untilMs: number } | undefined;
}

export type TopEvent =
	| { readonly kind: 'key'; readonly key: Key }
	| { readonly kind: 'resized'; readonly columns: number; readonly rows: number }
	| { readonly kind: 'tick'; readonly nowMs: number }
	| { readonly kind: 'connected' }
	| { readonly kind: 'lost'; readonly reason: string }
	/** `isFirst`: it holds all runtimes that there are. */
	| { readonly kind: 'watched'; readonly item: ItemOf<Api['runtime.watch']>; readonly isFirst: boolean }
	| { readonly kind: 'links'; readonly links: Links }
	| { readonly kind: 'output'; readonly id: string; readonly lines: readonly LogLine[] }
	| { readonly kind: 'acted'; readonly text: string; readonly isError: boolean };

export type TopEffect =
	| { readonly kind: 'act'; readonly action: Action; readonly id: string; readonly name: string }
	/** Follow the output of this runtime, and of no other. */
	| { readonly kind: 'follow'; readonly id: string | undefined }
	| { readonly kind: 'quit' }
	| { readonly kind: 'suspend' }
	| { readonly kind: 'redraw' };

export interface Next {
	readonly state: TopState;
	readonly effects: readonly TopEffect[];
}

/** Of a log: more is let go from its beginning. */
export const mostLogLines = 1_000;
const longestLine = 4_096;
const messageMs = 5_000;

export const firstState = (wish: Pick<TopState, 'size' | 'nowMs' | 'sort' | 'only'>): TopState => ({
	...wish,
	connection: { kind: 'connecting' },
	view: 'runtimes',
	mode: { kind: 'browse' },
	filter: '',
	runtimes: new Map(),
	selected: undefined,
	links: undefined,
	linksTop: 0,
	log: undefined,
	isLogWhole: false,
	isErrorsOnly: false,
	logBack: 0,
	message: undefined,
});

const stay = (state: TopState): Next => ({ state, effects: [] });

/** The runtimes to show, in their order. */
export function rowsOf({ runtimes, filter, only, sort }: TopState): readonly Seen[] {
	const wanted = filter.toLowerCase();
	const shown = [...runtimes.values()].filter(
		({ info }) =>
			(only.length === 0 || only.includes(info.id)) &&
			(wanted === '' || info.name.toLowerCase().includes(wanted) || info.status.includes(wanted)),
	);
	return sorted(shown, sort.key, sort.reversed);
}

export const selectedOf = ({ runtimes, selected }: TopState): Seen | undefined =>
	selected === undefined ? undefined : runtimes.get(selected);

export function step(state: TopState, event: TopEvent): Next {
	switch (event.kind) {
		case 'key':
			return onKey(state, event.key);
		case 'resized':
			return {
				state: lookBack({ ...state, size: { columns: event.columns, rows: event.rows } }, state.logBack),
				effects: [{ kind: 'redraw' }],
			};
		case 'tick': {
			const isOver = state.message !== undefined && state.message.untilMs <= event.nowMs;
			return stay({ ...state, nowMs: event.nowMs, message: isOver ? undefined : state.message });
		}
		case 'connected':
			return stay({ ...state, connection: { kind: 'live' } });
		case 'lost': {
			const sinceMs = state.connection.kind === 'lost' ? state.connection.sinceMs : state.nowMs;
			return stay({ ...state, connection: { kind: 'lost', reason: event.reason, sinceMs } });
		}
		case 'watched':
			return onWatched(state, event.item, event.isFirst);
		case 'links':
			return stay(scrollLinks({ ...state, links: event.links }, 0));
		case 'output':
			return stay(onOutput(state, event));
		case 'acted':
			return stay(say(state, event.text, event.isError));
	}
}

const say = (state: TopState, text: string, isError: boolean): TopState => ({
	...state,
	message: { text, isError, untilMs: state.nowMs + messageMs },
});

function onWatched(state: TopState, item: ItemOf<Api['runtime.watch']>, isFirst: boolean): Next {
	const runtimes = new Map(isFirst ? [] : state.runtimes);
	for (const id of item.removed) runtimes.delete(id);
	for (const info of item.runtimes) runtimes.set(info.id, { info, seenMs: state.nowMs });
	for (const { id, cpuPercent, memoryBytes, processes } of item.figures) {
		const seen = runtimes.get(id);
		if (seen) runtimes.set(id, { ...seen, info: { ...seen.info, usage: { cpuPercent, memoryBytes, processes, at: item.at } } });
	}
	return keepSelected({ ...state, runtimes }, indexOfSelected(state), isFirst);
}

const indexOfSelected = (state: TopState): number => rowsOf(state).findIndex(({ info }) => info.id === state.selected);

/** Who is shown no more gives way to whoever stands at its place. `isAnew`: the output that was followed has ended. */
function keepSelected(state: TopState, place: number, isAnew = false): Next {
	const rows = rowsOf(state);
	const isShown = rows.some(({ info }) => info.id === state.selected);
	if (isShown && !isAnew) return stay(state);
	const selected = isShown ? state.selected : rows[Math.min(Math.max(0, place), rows.length - 1)]?.info.id;
	return select(state, selected);
}

function select(state: TopState, id: string | undefined): Next {
	return {
		state: {
			...state,
			selected: id,
			logBack: 0,
			log: id === undefined ? undefined : { id, lines: [] },
		},
		effects: [{ kind: 'follow', id }],
	};
}

function onOutput(state: TopState, { id, lines: come }: TopEvent & { kind: 'output' }): TopState {
	const { log } = state;
	// of one that was selected before
	if (log?.id !== id) return state;
	const cut = come.map(({ stream, text }): LogLine => ({ stream, text: text.slice(0, longestLine) }));
	const lines = [...log.lines, ...cut].slice(-mostLogLines);
	const shownMore = state.isErrorsOnly ? cut.filter(({ stream }) => stream === 'stderr').length : cut.length;
	// who reads what is further up is not moved, as long as that is kept
	return lookBack({ ...state, log: { id, lines } }, state.logBack === 0 ? 0 : state.logBack + shownMore);
}

/** No further than to where the first line is at the top of the screen. */
function lookBack(state: TopState, logBack: number): TopState {
	const most = Math.max(0, logLinesOf(state).length - logRowsOf(state));
	return { ...state, logBack: Math.min(most, Math.max(0, logBack)) };
}

/** What the log has of the screen when it has it to itself: but for the header, its title and the footer. */
const logRowsOf = ({ size }: TopState): number => Math.max(1, size.rows - 3);

function onKey(state: TopState, key: Key): Next {
	if (key === 'ctrl-c') return { state, effects: [{ kind: 'quit' }] };
	if (key === 'ctrl-z') return { state, effects: [{ kind: 'suspend' }] };
	if (key === 'ctrl-l') return { state, effects: [{ kind: 'redraw' }] };
	switch (state.mode.kind) {
		case 'help':
			return stay({ ...state, mode: { kind: 'browse' } });
		case 'confirm':
			return onAnswer(state, state.mode, key);
		case 'filter':
			return onFilterKey(state, state.mode.before, key);
		case 'browse':
			return onBrowseKey(state, key);
	}
}

function onAnswer(state: TopState, { action, id, name }: Mode & { kind: 'confirm' }, key: Key): Next {
	const browsing: TopState = { ...state, mode: { kind: 'browse' } };
	return key === 'y' || key === 'Y' ? act(browsing, action, id, name) : stay(browsing);
}

const act = (state: TopState, action: Action, id: string, name: string): Next => ({
	state: say(state, `$ orch ${action} ${name}`, false),
	effects: [{ kind: 'act', action, id, name }],
});

function onFilterKey(state: TopState, before: string, key: Key): Next {
	const place = indexOfSelected(state);
	const by = (filter: string): Next => keepSelected({ ...state, filter }, place);
	switch (key) {
		case 'enter':
			return stay({ ...state, mode: { kind: 'browse' } });
		case 'escape':
			return keepSelected({ ...state, filter: before, mode: { kind: 'browse' } }, place);
		case 'backspace':
			return by([...state.filter].slice(0, -1).join(''));
		case 'ctrl-u':
			return by('');
		case 'up':
		case 'down':
			return move(state, key === 'up' ? -1 : 1);
		default:
			return [...key].length === 1 ? by(state.filter + key) : stay(state);
	}
}

function onBrowseKey(state: TopState, key: Key): Next {
	const selected = selectedOf(state)?.info;
	switch (key) {
		case 'q':
			return { state, effects: [{ kind: 'quit' }] };
		case 'escape':
			if (state.isLogWhole) return stay({ ...state, isLogWhole: false, logBack: 0 });
			return keepSelected({ ...state, filter: '' }, indexOfSelected(state));
		case '?':
			return stay({ ...state, mode: { kind: 'help' } });
		case '/':
			return stay({ ...state, view: 'runtimes', mode: { kind: 'filter', before: state.filter } });
		case '1':
		case '2':
			return stay({ ...state, view: key === '1' ? 'runtimes' : 'links', isLogWhole: false, logBack: 0 });
		case 'tab':
			return stay({ ...state, view: state.view === 'runtimes' ? 'links' : 'runtimes', isLogWhole: false, logBack: 0 });
		case 'o':
			return stay({ ...state, sort: { key: after(state.sort.key), reversed: false } });
		case 'O':
			return stay({ ...state, sort: { ...state.sort, reversed: !state.sort.reversed } });
		case 'l':
		case 'enter':
			return stay({ ...state, isLogWhole: state.view === 'runtimes' && selected !== undefined && !state.isLogWhole, logBack: 0 });
		case 'e':
			return stay({ ...state, isErrorsOnly: !state.isErrorsOnly, logBack: 0 });
		case 's':
		case 'r':
			if (state.view !== 'runtimes' || !selected) return stay(state);
			return act(state, key === 's' ? 'start' : 'restart', selected.id, selected.name);
		case 'x':
			if (state.view !== 'runtimes' || !selected) return stay(state);
			return stay({ ...state, mode: { kind: 'confirm', action: 'stop', id: selected.id, name: selected.name } });
		default:
			return onMoveKey(state, key);
	}
}

const after = (key: SortKey): SortKey => sortKeys[(sortKeys.indexOf(key) + 1) % sortKeys.length] ?? 'status';

function onMoveKey(state: TopState, key: Key): Next {
	const page = Math.max(1, Math.floor(state.size.rows / 2));
	switch (key) {
		case 'k':
		case 'up':
			return move(state, -1);
		case 'j':
		case 'down':
			return move(state, 1);
		case 'page-up':
		case 'ctrl-u':
			return move(state, -page);
		case 'page-down':
		case 'ctrl-d':
		case ' ':
			return move(state, page);
		case 'g':
		case 'home':
			return move(state, Number.NEGATIVE_INFINITY);
		case 'G':
		case 'end':
			return move(state, Number.POSITIVE_INFINITY);
		default:
			return stay(state);
	}
}

function move(state: TopState, by: number): Next {
	if (state.view === 'links') return stay(scrollLinks(state, by));
	if (state.isLogWhole) return stay(lookBack(state, state.logBack - by));
	const rows = rowsOf(state);
	const at = Math.min(rows.length - 1, Math.max(0, indexOfSelected(state) + by));
	const id = rows[at]?.info.id;
	return id === state.selected ? stay(state) : select(state, id);
}

function scrollLinks(state: TopState, by: number): TopState {
	const { links } = state;
	const count = links === undefined ? 0 : links.links.length + links.unrouted.length + links.faults.length;
	return { ...state, linksTop: Math.min(Math.max(0, count - 1), Math.max(0, state.linksTop + by)) };
}

export const logLinesOf = ({ log, isErrorsOnly }: TopState): readonly LogLine[] =>
	log?.lines.filter(({ stream }) => !isErrorsOnly || stream === 'stderr') ?? [];
