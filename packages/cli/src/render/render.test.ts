import { ago, type Column, cut, displayWidth, duration, plain, printable, renderTable } from '@orch/base/text';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderError, renderErrorJson } from './error.ts';
import { fromJson, toJson } from './json.ts';
import { progressBar } from './progress.ts';
import { loadStyle, wantsColor } from './style.ts';
import { bytes, latency, rate, size } from './time.ts';

interface Row {
	readonly name: string;
	readonly count: number;
	readonly command: string;
}
const columns: Column<Row>[] = [
	{ header: 'NAME', rank: 0, shrinkTo: 6, text: ({ name }) => name },
	{ header: 'COUNT', rank: 1, align: 'right', text: ({ count }) => String(count) },
	{ header: 'COMMAND', rank: 2, shrinkTo: 8, text: ({ command }) => command },
];
const rows: Row[] = [
	{ name: 'ping', count: 7, command: 'node ping.js --port 80' },
	{ name: 'a-long-name', count: 1234, command: 'sh' },
];

describe('a table', () => {
	it('shows everything where there is no terminal', () => {
		expect(renderTable(rows, columns)).toBe(
			['NAME         COUNT  COMMAND', 'ping             7  node ping.js --port 80', 'a-long-name   1234  sh', ''].join('\n'),
		);
	});

	it('cuts a column that may shrink before it leaves one out', () => {
		expect(renderTable(rows, columns, { width: 32 })).toBe(
			['NAME         COUNT  COMMAND', 'ping             7  node ping.j…', 'a-long-name   1234  sh', ''].join('\n'),
		);
	});

	it('leaves out the least important column, then the next', () => {
		expect(renderTable(rows, columns, { width: 18 })).toBe(
			['NAME         COUNT', 'ping             7', 'a-long-name   1234', ''].join('\n'),
		);
		expect(renderTable(rows, columns, { width: 10 })).toBe(['NAME', 'ping', 'a-long-na…', ''].join('\n'));
	});

	it('never wraps: no line is wider than the terminal, whatever is in it', () => {
		const row = fc.record({ name: fc.string({ unit: 'grapheme' }), count: fc.integer(), command: fc.string({ unit: 'binary' }) });
		fc.assert(
			fc.property(fc.array(row, { maxLength: 5 }), fc.integer({ min: 1, max: 100 }), (all, width) => {
				const lines = renderTable(all, columns, { width }).split('\n').slice(0, -1);
				expect(lines).toHaveLength(all.length + 1);
				for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(width);
			}),
		);
	});

	it('colours do not move anything', async () => {
		const painted: Column<Row>[] = [
			{ ...(columns[0] as Column<Row>), paint: (text, _row, style) => style.red(text) },
			...columns.slice(1),
		];
		const style = await loadStyle(true);
		// biome-ignore lint/suspicious/noControlCharactersInRegex: what colours are made of
		expect(renderTable(rows, painted, { style }).replace(/\u001b\[\d+m/g, '')).toBe(renderTable(rows, columns));
	});
});

describe('text for a terminal', () => {
	it('cannot drive it', () => {
		expect(printable('a\u001b[2Jb\r\n\t\u0007\u009b\u202e\u061c')).toBe('a\\x1b[2Jb\\r\\n\\t\\x07\\x9b\\u202e\\u061c');
	});

	it('is as wide as it is drawn', () => {
		expect(displayWidth('abc')).toBe(3);
		expect(displayWidth('日本')).toBe(4);
		expect(displayWidth('e\u0301')).toBe(1);
		expect(displayWidth('🙂')).toBe(2);
		expect(displayWidth('✅❌⚡🟢')).toBe(8);
		expect(displayWidth('✓✗●○◌▸→')).toBe(7);
		expect(cut('日本語', 5)).toBe('日本…');
		expect(cut('日本語', 6)).toBe('日本語');
		expect(cut('abcdef', 4)).toBe('abc…');
	});
});

describe('times and amounts', () => {
	it.each([
		[0, '0s'],
		[449, '0.4s'],
		[9_990, '9.9s'],
		[12_000, '12s'],
		[60_000, '1m'],
		[61_000, '1m 1s'],
		[8_040_000, '2h 14m'],
		[90_000_000, '1d 1h'],
	])('%i ms is %s', (ms, text) => expect(duration(ms)).toBe(text));

	it('is ago, and never in the future', () => {
		expect(ago('2026-01-01T00:00:00.000Z', Date.UTC(2026, 0, 1, 0, 3))).toBe('3m ago');
		expect(ago('2026-01-01T00:00:00.000Z', Date.UTC(2025, 0, 1))).toBe('0s ago');
	});

	it.each([
		[0, '0 B'],
		[38, '38 B'],
		[999, '999 B'],
		[1000, '1 kB'],
		[4_100_000, '4.1 MB'],
		[999_999, '1 MB'],
		[123_456_789, '123 MB'],
	])('%i bytes are %s', (count, text) => expect(bytes(count)).toBe(text));

	it('sizes that were set are shown as they were', () => {
		expect([size(8_388_608), size(65_536), size(1000), size(2 ** 30)]).toEqual(['8 MiB', '64 KiB', '1 kB', '1 GiB']);
	});

	it('latencies and rates have three digits at most', () => {
		expect([
			latency(null),
			latency(0),
			latency(0.001),
			latency(0.0412),
			latency(0.2),
			latency(9.87),
			latency(14.2),
			latency(1234),
		]).toEqual(['–', '<0.01ms', '<0.01ms', '0.04ms', '0.2ms', '9.9ms', '14ms', '1.2s']);
		expect([latency(9.97), latency(999.6)]).toEqual(['10ms', '1s']);
		expect([rate(99.96), rate(9_999.7), rate(999_700)]).toEqual(['100', '10k', '1M']);
		expect([rate(0), rate(2), rate(120.4), rate(12_345), rate(1_234_567)]).toEqual(['0.0', '2.0', '120', '12.3k', '1.23M']);
	});
});

describe('colours', () => {
	const wants = (env: Record<string, string>, isTerminal: boolean, globals = {}) => wantsColor({ env, isTerminal, globals });

	it('are for terminals', () => {
		expect(wants({}, true)).toBe(true);
		expect(wants({}, false)).toBe(false);
		expect(wants({ TERM: 'dumb' }, true)).toBe(false);
	});

	it('NO_COLOR takes them away where it is not empty, FORCE_COLOR brings them into a pipe', () => {
		expect(wants({ NO_COLOR: '1' }, true)).toBe(false);
		expect(wants({ NO_COLOR: '' }, true)).toBe(true);
		expect(wants({ ORCH_NO_COLOR: '1' }, true)).toBe(false);
		expect(wants({ FORCE_COLOR: '1' }, false)).toBe(true);
		expect(wants({ CLICOLOR_FORCE: '1' }, false)).toBe(true);
		expect(wants({ FORCE_COLOR: '0' }, true)).toBe(false);
		expect(wants({ FORCE_COLOR: '1', NO_COLOR: '1' }, true)).toBe(false);
	});

	it('the options come before all variables', () => {
		expect(wants({ FORCE_COLOR: '1' }, true, { noColor: true })).toBe(false);
		expect(wants({ FORCE_COLOR: '1' }, true, { color: 'never' })).toBe(false);
		expect(wants({ NO_COLOR: '1' }, false, { color: 'always' })).toBe(true);
		expect(wants({}, false, { color: 'auto' })).toBe(false);
	});
});

describe('an error', () => {
	const error = {
		code: 'runtime.not_found',
		number: 'E104',
		message: "no runtime 'wroker'\n  did you mean: worker",
		hint: 'orch ps',
		exit: 4,
		retryable: false,
		causes: ['the list was \u001b[31mempty'],
	};

	it('is a sentence, facts, causes, and one thing to do', () => {
		expect(renderError(error, { style: plain, verbose: false })).toBe(
			"orch: no runtime 'wroker'\n  did you mean: worker\n  cause: the list was \\x1b[31mempty\nhint: orch ps\n",
		);
	});

	it('says its code and where, when asked', () => {
		expect(renderError({ ...error, causes: [] }, { style: plain, verbose: true, stack: 'at x' })).toContain(
			'E104 runtime.not_found, exit 4\nat x\n',
		);
	});
});

describe('JSON', () => {
	it('carries bytes both ways', () => {
		expect(toJson({ bytes: Buffer.from([1, 2]) }, false)).toBe('{"bytes":{"b64":"AQI="}}\n');
		expect(fromJson('{"body":{"b64":"AQI="}}')).toEqual({ body: new Uint8Array([1, 2]) });
	});

	it('cannot drive a terminal, and says the same', () => {
		const value = { 'a\u009b': '\u001b[2J\u009b2J\u007f\u202e\u061cé日' };
		const text = toJson(value, false);
		expect(text).toBe('{"a\\u009b":"\\u001b[2J\\u009b2J\\u007f\\u202e\\u061cé日"}\n');
		expect(JSON.parse(text)).toEqual(value);
		const error = { code: 'x', number: 'E1', message: 'no \u009b2J', exit: 1, retryable: false };
		expect(renderErrorJson(error)).toContain('no \\u009b2J');
	});
});

describe('a progress bar', () => {
	it.each([20, 30, 50, 60, 70])('fits into %i columns, and its name cannot drive the terminal', (columns) => {
		let written = '';
		let ms = 0;
		const err = {
			isTerminal: true,
			columns,
			write: (text: string | Uint8Array) => {
				written += String(text);
			},
		};
		const name = 'sending a\u001b[2Jvery-long-name-of-a-program';
		const bar = progressBar(name, 999_900_000, { err: err as never, clock: { monotonicMs: () => ms } as never }, plain);
		for (const done of [0, 500_000_000, 999_900_000]) {
			bar.show(done);
			ms += 5_000;
		}
		const lines = written.split('\r\u001b[K').slice(1);
		expect(lines).toHaveLength(3);
		for (const line of lines) {
			expect(displayWidth(line)).toBeLessThan(columns);
			expect(line).toContain('%');
			expect(line).not.toContain('\u001b');
		}
	});

	it('is drawn over itself, not too often, and leaves nothing', () => {
		let written = '';
		let ms = 0;
		const err = {
			isTerminal: true,
			columns: 80,
			write: (text: string | Uint8Array) => {
				written += String(text);
			},
		};
		const bar = progressBar('sending ping', 1000, { err: err as never, clock: { monotonicMs: () => ms } as never }, plain);
		bar.show(250);
		ms = 10;
		bar.show(300);
		ms = 500;
		bar.show(500);
		bar.show(1000);
		bar.clear();
		expect(written.split('\r\u001b[K').slice(1)).toEqual([
			'sending ping  ━━━━━━──────────────────  25%  250 B of 1 kB',
			'sending ping  ━━━━━━━━━━━━────────────  50%  500 B of 1 kB  1 kB/s',
			'sending ping  ━━━━━━━━━━━━━━━━━━━━━━━━  100%  1 kB of 1 kB  2 kB/s',
			'',
		]);
	});
});
