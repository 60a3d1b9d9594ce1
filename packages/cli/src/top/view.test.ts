import { plain } from '@orch/base/text';
import { expect, it } from 'vitest';
import { loadStyle } from '../render/style.ts';
import { firstState, step, type TopEvent, type TopState } from './model.ts';
import { createScreen } from './screen.ts';
import { idOf, links, runtime, some } from './testing.ts';
import { plainText, viewOf } from './view.ts';

const now = Date.UTC(2026, 0, 1, 0, 0, 4);

function stateOf(columns: number, rows: number, events: readonly (TopEvent | string)[]): TopState {
	const begin = firstState({ size: { columns, rows }, nowMs: 0, sort: { key: 'status', reversed: false }, only: [] });
	const first: TopEvent[] = [
		{ kind: 'connected' },
		{
			kind: 'watched',
			isFirst: true,
			item: { at: '2026-01-01T00:00:00.000Z', runtimes: [...some], removed: [], figures: [] },
		},
	];
	return [...first, ...events].reduce<TopState>(
		(state, event) => step(state, typeof event === 'string' ? { kind: 'key', key: event } : event).state,
		begin,
	);
}
/** With a mark at the end of each line, so that blanks there are seen. */
const screenOf = (columns: number, rows: number, events: readonly (TopEvent | string)[] = []) =>
	`\n${viewOf(stateOf(columns, rows, events), { style: plain, now })
		.map((line) => `${line}|\n`)
		.join('')}`;
const output = (name: string, text: string, stream: 'stdout' | 'stderr' = 'stdout'): TopEvent => ({
	kind: 'output',
	id: idOf(name),
	lines: text
		.split('\n')
		.slice(0, -1)
		.map((line) => ({ stream, text: line })),
});

it('a screen of 80 × 24', () => {
	const log = [
		output('worker', 'connecting\n'),
		output('worker', 'Error: \u001b[31mconnect\u001b[0m ECONNREFUSED\r\n', 'stderr'),
	];
	expect(screenOf(80, 24, ['j', ...log, { kind: 'tick', nowMs: 3_000 }])).toMatchInlineSnapshot(`
		"
		 orch top  ● 2 running  ✗ 1 failed  ✗ 1 backoff  ○ 1 at rest  CPU 3.5%  MEM 496M|
		  NAME     STATUS↓       READY  UPTIME   CPU   MEM  RESTARTS  PROCS   PID|
		  cache    ✗ failed      –      –          –     –         0      –     –|
		▸ worker   ✗ backoff 9s  –      –          –     –         7      –     –|
		  api      ● running     yes    2h 14m  3.1%   84M         0      3  4300|
		  db       ● running     –      2h 15m  0.4%  412M         0      6  4300|
		  migrate  ○ exited 0    –      –          –     –         0      –     –|
		─ LOG worker ─────────────────────────────────────────────────────── following ─|
		  connecting|
		! Error: connect ECONNREFUSED|
		|
		|
		|
		|
		|
		|
		|
		|
		|
		|
		|
		|
		|
		 s start  x stop  r restart  l log  / filter  o sort  2 links  ? help  q quit|
		"
	`);
});

it('a wide screen shows more columns, and why', () => {
	expect(screenOf(120, 12)).toMatchInlineSnapshot(`
		"
		 orch top  ● 2 running  ✗ 1 failed  ✗ 1 backoff  ○ 1 at rest  CPU 3.5%  MEM 496M|
		  NAME     STATUS↓        READY  UPTIME   CPU   MEM  RESTARTS  PROCS   PID  WHY|
		▸ cache    ✗ failed       –      –          –     –         0      –     –  gave up after 5 failures in 60s; last: exit…|
		  worker   ✗ backoff 12s  –      –          –     –         7      –     –  exit code 1|
		  api      ● running      yes    2h 14m  3.1%   84M         0      3  4300|
		  db       ● running      –      2h 15m  0.4%  412M         0      6  4300|
		  migrate  ○ exited 0     –      –          –     –         0      –     –|
		─ LOG cache ──────────────────────────────────────────────────────────────────────────────────────────────── following ─|
		|
		|
		|
		 s start  x stop  r restart  l log  / filter  o sort  2 links  ? help  q quit|
		"
	`);
});

it('a narrow and low screen keeps to names, statuses and what fits', () => {
	expect(screenOf(40, 8)).toMatchInlineSnapshot(`
		"
		 orch top  ● 2 running  ✗ 1 failed  ✗ 1…|
		  NAME     STATUS↓         CPU   MEM|
		▸ cache    ✗ failed          –     –|
		  worker   ✗ backoff 12s     –     –|
		  api      ● running      3.1%   84M|
		  db       ● running      0.4%  412M|
		  migrate  ○ exited 0        –     –|
		 s start  x stop  r restart  l log  / f…|
		"
	`);
	expect(screenOf(24, 5, ['G'])).toMatchInlineSnapshot(`
		"
		 orch top  ● 2 running|
		  NAME     STATUS↓|
		  db       ● running|
		▸ migrate  ○ exited 0|
		 s start  x stop  r res…|
		"
	`);
});

it('a question, a filter, a message and the loss of orchd', () => {
	expect(screenOf(80, 8, ['x'])).toMatchInlineSnapshot(`
		"
		 orch top  ● 2 running  ✗ 1 failed  ✗ 1 backoff  ○ 1 at rest  CPU 3.5%  MEM 496M|
		  NAME     STATUS↓        READY  UPTIME   CPU   MEM  RESTARTS  PROCS   PID|
		▸ cache    ✗ failed       –      –          –     –         0      –     –|
		  worker   ✗ backoff 12s  –      –          –     –         7      –     –|
		  api      ● running      yes    2h 14m  3.1%   84M         0      3  4300|
		  db       ● running      –      2h 15m  0.4%  412M         0      6  4300|
		  migrate  ○ exited 0     –      –          –     –         0      –     –|
		 stop cache? y does it, any other key does not   $ orch stop cache|
		"
	`);
	expect(screenOf(80, 8, ['/', ...'nope'])).toMatchInlineSnapshot(`
		"
		 orch top  ● 2 running  ✗ 1 failed  ✗ 1 backoff  ○ 1 at rest  CPU 3.5%  MEM 496M|
		|
		  no runtime matches nope|
		|
		|
		|
		|
		 /nope▏  enter keeps it, escape takes it back|
		"
	`);
	expect(
		screenOf(80, 8, [
			{ kind: 'lost', reason: 'orchd is not running' },
			{ kind: 'tick', nowMs: 4_000 },
			{ kind: 'acted', text: 'cannot stop api: orchd is away', isError: true },
		]),
	).toMatchInlineSnapshot(`
		"
		 orch top  reconnecting for 4s: orchd is not running  ● 2 running  ✗ 1 failed|
		  NAME     STATUS↓       READY  UPTIME   CPU   MEM  RESTARTS  PROCS   PID|
		▸ cache    ✗ failed      –      –          –     –         0      –     –|
		  worker   ✗ backoff 8s  –      –          –     –         7      –     –|
		  api      ● running     yes    2h 14m  3.1%   84M         0      3  4300|
		  db       ● running     –      2h 15m  0.4%  412M         0      6  4300|
		  migrate  ○ exited 0    –      –          –     –         0      –     –|
		 cannot stop api: orchd is away|
		"
	`);
});

it('the log alone, some lines back', () => {
	const lines = Array.from({ length: 20 }, (_, line) => `line ${line + 1}\n`).join('');
	expect(screenOf(60, 8, [output('cache', lines), 'l', 'k', 'k', 'k'])).toMatchInlineSnapshot(`
		"
		 orch top  ● 2 running  ✗ 1 failed  ✗ 1 backoff  ○ 1 at rest|
		─ LOG cache ───────────────────────────────── 3 lines back ─|
		  line 13|
		  line 14|
		  line 15|
		  line 16|
		  line 17|
		 s start  x stop  r restart  l log  / filter  o sort  2 lin…|
		"
	`);
});

it('links with what no link takes and what was wrong', () => {
	expect(screenOf(100, 8, ['2', { kind: 'links', links }])).toMatchInlineSnapshot(`
		"
		 orch top  ● 2 running  ✗ 1 failed  ✗ 1 backoff  ○ 1 at rest  CPU 3.5%  MEM 496M|
		LINK                  MSG/S  BYTES/S    P50    P99      QUEUE  DROPPED  LAST|
		api ─Job→ worker        2.0     76 B  0.2ms  0.9ms  12/1024 ▲        0  4s ago|
		(unrouted) api Debug    1.0        –      –      –          –       71  4s ago|
		(faults) api              –        –      –      –          –        1  –|
		|
		|
		 1 runtimes  j k move  ? help  q quit|
		"
	`);
});

it('help fits on the smallest usual screen', () => {
	const lines = viewOf(stateOf(80, 24, ['?']), { style: plain, now });
	expect(lines.join('\n')).toContain('quit; nothing is stopped by that');
});

it('the selected row stays on the screen among hundreds', () => {
	const many = Array.from({ length: 500 }, (_, at) => runtime(`r${String(at).padStart(3, '0')}`, { id: idOf(`r${at}`) }));
	const all: TopEvent = { kind: 'watched', isFirst: true, item: { at: '', runtimes: many, removed: [], figures: [] } };
	for (const keys of [['G'], ['G', 'g'], [...'jjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjj'], ['page-down', 'page-down']]) {
		const lines = viewOf(stateOf(80, 24, [all, ...keys]), { style: plain, now });
		expect(lines.filter((line) => line.startsWith('▸ r')).length).toBe(1);
		expect(lines[1]).toContain('NAME');
	}
});

it('colours change no letter', async () => {
	const style = await loadStyle(true);
	const state = stateOf(100, 24, [output('cache', 'a\n', 'stderr')]);
	// biome-ignore lint/suspicious/noControlCharactersInRegex: what colours are made of
	const bare = viewOf(state, { style, now }).map((line) => line.replace(/\u001b\[\d+m/g, ''));
	expect(bare).toEqual(viewOf(state, { style: plain, now }));
});

it('what a program writes cannot drive the terminal', () => {
	expect(plainText('a\u001b[31mb\u001b[2J\u001b]0;title\u0007c\td\r')).toBe('abc    d');
	expect(plainText('\u0007\u001bc [red]')).toBe('\\x07\\x1bc [red]');
});

it('a frame draws only lines that have changed, and clears what is left of a higher screen', () => {
	const written: string[] = [];
	const screen = createScreen((text) => written.push(text));
	screen.draw(['one', 'two', 'three']);
	screen.draw(['one', 'TWO', 'three']);
	screen.draw(['one', 'TWO', 'three']);
	screen.draw(['one']);
	screen.forget();
	screen.draw(['one']);
	const rest = '\u001b[0m\u001b[K';
	const frame = (text: string) => `\u001b[?2026h${text}\u001b[?2026l`;
	expect(written.slice(1)).toEqual([
		frame(`\u001b[2;1HTWO${rest}`),
		frame('\u001b[2;1H\u001b[J'),
		frame(`\u001b[1;1Hone${rest}`),
	]);
});
