import { displayWidth, plain } from '@orch/base/text';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstState, logLinesOf, mostLogLines, rowsOf, step, type TopEffect, type TopEvent, type TopState } from './model.ts';
import { sorted, sortKeys } from './order.ts';
import { idOf, links, runtime, some } from './testing.ts';
import { viewOf } from './view.ts';

const at = '2026-01-01T00:00:00.000Z';
const watched = (runtimes = some, isFirst = true, more: Partial<{ removed: string[]; figures: never[] }> = {}): TopEvent => ({
	kind: 'watched',
	isFirst,
	item: { at, runtimes: [...runtimes], removed: [], figures: [], ...more },
});
const without = (name: string): TopEvent => watched([], false, { removed: [idOf(name)] });
const begin = (): TopState =>
	firstState({ size: { columns: 80, rows: 24 }, nowMs: 0, sort: { key: 'status', reversed: false }, only: [] });

function play(events: readonly (TopEvent | string)[], from = begin()): { state: TopState; effects: TopEffect[] } {
	let state = from;
	const effects: TopEffect[] = [];
	for (const event of events) {
		const next = step(state, typeof event === 'string' ? { kind: 'key', key: event } : event);
		state = next.state;
		effects.push(...next.effects);
	}
	return { state, effects };
}
const names = (state: TopState) => rowsOf(state).map(({ info }) => info.name);
const selected = (state: TopState) => state.runtimes.get(state.selected ?? '')?.info.name;
const output = (name: string, text: string, stream: 'stdout' | 'stderr' = 'stdout'): TopEvent => ({
	kind: 'output',
	id: idOf(name),
	lines: text
		.split('\n')
		.slice(0, -1)
		.map((line) => ({ stream, text: line })),
});

describe('the table', () => {
	it('shows first who needs a person, and follows the output of the first', () => {
		const { state, effects } = play([{ kind: 'connected' }, watched()]);
		expect(names(state)).toEqual(['cache', 'worker', 'api', 'db', 'migrate']);
		expect(effects).toEqual([{ kind: 'follow', id: idOf('cache') }]);
	});

	it('is sorted by each column, both ways', () => {
		const rows = some.map((info) => ({ info }));
		const by = (key: (typeof sortKeys)[number], reversed = false) => sorted(rows, key, reversed).map(({ info }) => info.name);
		expect(by('cpu').slice(0, 2)).toEqual(['api', 'db']);
		expect(by('mem').slice(0, 2)).toEqual(['db', 'api']);
		expect(by('restarts')[0]).toBe('worker');
		expect(by('uptime').slice(0, 2)).toEqual(['db', 'api']);
		expect(by('name', true)).toEqual(['worker', 'migrate', 'db', 'cache', 'api']);
		const { state } = play([watched(), ...sortKeys.map(() => 'o'), 'O']);
		expect(state.sort).toEqual({ key: 'status', reversed: true });
	});

	it('moves the selection with its runtime, wherever that goes', () => {
		const { state } = play([watched(), 'j', 'j']);
		expect(selected(state)).toBe('api');
		const moved = play([watched([runtime('api', { status: 'failed' })], false)], state).state;
		expect([selected(moved), names(moved)[0]]).toEqual(['api', 'api']);
		const gone = play([without('api')], moved);
		expect(selected(gone.state)).toBe('cache');
		expect(gone.effects).toEqual([{ kind: 'follow', id: idOf('cache') }]);
	});

	it('goes to the ends and no further', () => {
		expect(selected(play([watched(), 'G', 'j', 'down']).state)).toBe('migrate');
		expect(selected(play([watched(), 'G', 'g', 'k', 'up']).state)).toBe('cache');
		expect(selected(play([watched(), 'page-down']).state)).toBe('migrate');
		expect(play(['j', 'k', 'G', 's', 'x', 'r', 'l']).effects).toEqual([]);
	});

	it('takes figures without losing what else it knows', () => {
		const figures = [{ id: idOf('api'), cpuPercent: 50, memoryBytes: 7, processes: 2 }];
		const { state } = play([watched(), { ...watched([], false), item: { at, runtimes: [], removed: [], figures } } as TopEvent]);
		expect(state.runtimes.get(idOf('api'))?.info).toMatchObject({
			name: 'api',
			ready: true,
			usage: { cpuPercent: 50, memoryBytes: 7, processes: 2 },
		});
	});
});

describe('a filter', () => {
	it('holds while it is typed, is kept by enter and taken back by escape', () => {
		const typing = play([watched(), '/', 'd', 'b']).state;
		expect([names(typing), selected(typing)]).toEqual([['db'], 'db']);
		expect(play(['enter'], typing).state).toMatchObject({ filter: 'db', mode: { kind: 'browse' } });
		expect(names(play(['escape'], typing).state).length).toBe(5);
		expect(names(play(['backspace', 'backspace'], typing).state).length).toBe(5);
		expect(names(play(['enter', 'escape'], typing).state).length).toBe(5);
	});

	it('takes letters that are keys elsewhere, and words of the status', () => {
		expect(names(play([watched(), '/', ...'fail']).state)).toEqual(['cache']);
		expect(play([watched(), '/', 'q', 'x', 's']).effects.filter(({ kind }) => kind !== 'follow')).toEqual([]);
	});

	it('keeps to those that were named', () => {
		const { state } = play([watched()], { ...begin(), only: [idOf('db'), idOf('api')] });
		expect(names(state)).toEqual(['api', 'db']);
	});
});

describe('actions', () => {
	it('start and restart at once, and stop after a yes', () => {
		const of = (...keys: string[]) => play([watched(), ...keys]).effects.filter(({ kind }) => kind === 'act');
		const act = (action: string) => [{ kind: 'act', action, id: idOf('cache'), name: 'cache' }];
		expect([of('s'), of('r')]).toEqual([act('start'), act('restart')]);
		expect([of('x'), of('x', 'n'), of('x', 'escape'), of('x', 'enter'), of('x', 'y')]).toEqual([[], [], [], [], act('stop')]);
	});

	it('stop whom was asked about, even if another is selected by then', () => {
		const asked = play([watched(), 'x']).state;
		const { effects } = play([without('cache'), 'y'], asked);
		expect(effects).toContainEqual({ kind: 'act', action: 'stop', id: idOf('cache'), name: 'cache' });
	});

	it('say what they do, then what came of it, for a while', () => {
		const { state } = play([watched(), 'r']);
		expect(state.message?.text).toBe('$ orch restart cache');
		const told = play([{ kind: 'acted', text: 'no runtime', isError: true }], state).state;
		expect(told.message).toMatchObject({ text: 'no runtime', isError: true });
		expect(play([{ kind: 'tick', nowMs: 4_999 }], told).state.message).toBeDefined();
		expect(play([{ kind: 'tick', nowMs: 5_000 }], told).state.message).toBeUndefined();
	});

	it('quit, suspend and draw anew from everywhere', () => {
		for (const before of [[], ['/'], ['x'], ['?'], ['l'], ['2']]) {
			const kinds = (key: string) => play([watched(), ...before, key]).effects.at(-1)?.kind;
			expect([kinds('ctrl-c'), kinds('ctrl-z'), kinds('ctrl-l')]).toEqual(['quit', 'suspend', 'redraw']);
		}
		expect(play(['q']).effects).toEqual([{ kind: 'quit' }]);
	});
});

describe('the log', () => {
	const followed = () => play([watched()]).state;

	it('shows both streams, or only the errors', () => {
		const { state } = play([output('cache', 'one\ntwo\n'), output('cache', 'oops\n', 'stderr')], followed());
		expect(logLinesOf(state).map(({ stream, text }) => `${stream} ${text}`)).toEqual(['stdout one', 'stdout two', 'stderr oops']);
		expect(logLinesOf(play(['e'], state).state).map(({ text }) => text)).toEqual(['oops']);
	});

	it('is bounded, in lines and in each of them', () => {
		const text = `${'x\n'.repeat(5_000)}${'y'.repeat(100_000)}\n`;
		const { state } = play([output('cache', text)], followed());
		expect(state.log?.lines.length).toBe(mostLogLines);
		expect(state.log?.lines.at(-1)?.text.length).toBe(4_096);
	});

	it('stays where it is read when more comes, and follows again at its end', () => {
		const filled = play([output('cache', 'x\n'.repeat(100)), 'l', 'k', 'k'], followed()).state;
		expect(filled.logBack).toBe(2);
		const more = play([output('cache', 'y\ny\ny\n')], filled).state;
		expect(more.logBack).toBe(5);
		expect(play(['G'], more).state.logBack).toBe(0);
		const first = play(['g'], more).state;
		expect(first.logBack).toBe(103 - (first.size.rows - 3));
		expect(viewOf(first, { style: plain, now: 0 }).filter((line) => line === '  x').length).toBe(first.size.rows - 3);
	});

	it('goes on to fill its pane when what was read of it is let go', () => {
		const errors = play([output('cache', 'oops\n'.repeat(100), 'stderr'), 'l', 'e', 'g'], followed()).state;
		const state = play([output('cache', 'x\n'.repeat(mostLogLines - 50))], errors).state;
		expect(logLinesOf(state)).toHaveLength(50);
		expect(viewOf(state, { style: plain, now: 0 }).filter((line) => line === '! oops').length).toBe(state.size.rows - 3);
	});

	it.each(['escape', 'l', 'tab', '1'])('follows again when it has the screen to itself no longer (%s)', (key) => {
		const whole = play([output('cache', 'x\n'.repeat(100)), 'l', 'g'], followed()).state;
		expect(whole.logBack).toBeGreaterThan(0);
		expect(play([key], whole).state).toMatchObject({ isLogWhole: false, logBack: 0 });
	});

	it('of one that is not selected any more is nobody’s', () => {
		const { state } = play([output('cache', 'a\n'), 'j', output('cache', 'b\n'), output('worker', 'c\n')], followed());
		expect(logLinesOf(state).map(({ text }) => text)).toEqual(['c']);
	});
});

describe('the connection', () => {
	it('is said to be lost since when, and everything is followed anew when it is back', () => {
		const live = play([{ kind: 'connected' }, watched(), 'j']).state;
		const lost = play(
			[
				{ kind: 'lost', reason: 'gone' },
				{ kind: 'tick', nowMs: 3_000 },
				{ kind: 'lost', reason: 'still gone' },
			],
			live,
		).state;
		expect(lost.connection).toEqual({ kind: 'lost', reason: 'still gone', sinceMs: 0 });
		expect(rowsOf(lost).length).toBe(5);
		const back = play([{ kind: 'connected' }, watched(some.slice(0, 3))], lost);
		expect(back.state.connection).toEqual({ kind: 'live' });
		expect([names(back.state), selected(back.state)]).toEqual([['worker', 'api', 'db'], 'worker']);
		expect(back.effects).toEqual([{ kind: 'follow', id: idOf('worker') }]);
	});
});

it('whatever is typed and whatever comes, every screen is as large as the terminal, and who is selected is shown', () => {
	const key = fc.constantFrom(...'jkgGqsxryn/?12oOle ', 'enter', 'escape', 'backspace', 'tab', 'up', 'down', 'page-up', 'ctrl-d');
	const name = fc.constantFrom('api', 'db', 'worker', 'cache', 'migrate', 'other');
	const event = fc.oneof(
		key.map((one): TopEvent => ({ kind: 'key', key: one })),
		fc.subarray([...some, runtime('other')]).map((runtimes) => watched(runtimes)),
		fc.subarray([...some]).map((runtimes) => watched(runtimes, false)),
		name.map(
			(one): TopEvent => ({ kind: 'watched', isFirst: false, item: { at, runtimes: [], removed: [idOf(one)], figures: [] } }),
		),
		fc.tuple(name, fc.string({ unit: 'binary' })).map(([one, text]): TopEvent => output(one, `${text}\n`, 'stderr')),
		fc
			.tuple(fc.integer({ min: 0, max: 130 }), fc.integer({ min: 0, max: 40 }))
			.map(([columns, rows]): TopEvent => ({ kind: 'resized', columns, rows })),
		fc.constantFrom<TopEvent>(
			{ kind: 'links', links },
			{ kind: 'lost', reason: 'gone \u001b[2J' },
			{ kind: 'connected' },
			{ kind: 'tick', nowMs: 10_000 },
			{ kind: 'acted', text: 'done \u001b[2J', isError: true },
		),
	);
	fc.assert(
		fc.property(fc.array(event, { maxLength: 40 }), (events) => {
			let state = begin();
			for (const one of events) {
				state = step(state, one).state;
				const { columns, rows } = state.size;
				const lines = viewOf(state, { style: plain, now: 0 });
				expect(lines.length).toBe(columns < 1 ? Math.min(rows, lines.length) : rows);
				for (const line of lines) {
					expect(displayWidth(line)).toBeLessThanOrEqual(columns);
					// biome-ignore lint/suspicious/noControlCharactersInRegex: what would drive the terminal
					expect(line).not.toMatch(/[\u0000-\u001f\u007f]/);
				}
				const all = rowsOf(state);
				expect(all.length === 0 ? state.selected === undefined : all.some(({ info }) => info.id === state.selected)).toBe(true);
			}
		}),
		{ seed: 7, numRuns: 150 },
	);
});
