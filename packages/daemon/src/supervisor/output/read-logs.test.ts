/** Lines by time: scenarios 29, 33, 34, 36 and 37 on a clock that the tests move. */
import { ManualClock, until } from '@orch/base/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { createPattern, PatternError } from '@orch/base/pattern';
import { type LogBatch, type LogPosition, type LogsQuery, readLogs } from './read-logs.ts';
import { noPunch, numbered, OutputRig, type RigOptions } from './testing/rig.ts';

const kib = 1024;
const rigs: OutputRig[] = [];
const rig = (options: RigOptions = {}) => {
	const made = new OutputRig(options);
	rigs.push(made);
	return made;
};
afterEach(async () => {
	for (const made of rigs.splice(0)) await made.close();
});

const everything: LogsQuery = { runtimes: undefined, streams: ['stdout', 'stderr'], follow: false };

/** Writes, and lets it be noticed at this time. */
const say = (one: OutputRig, text: string | Uint8Array, stream: 'stdout' | 'stderr' = 'stdout', id = 'one') => {
	one.write(text, stream, id);
	one.store.find(id)?.look();
};

const shown = ({ lines, gaps }: LogBatch) => [
	...gaps.map(({ gap }) => `dropped ${gap.missed.lines}`),
	...lines.map(
		({ output, stream, text, line }) => `${output.name}${stream === 'stderr' ? '!' : ':'} ${text}${line.isPartial ? '…' : ''}`,
	),
];

async function all(one: OutputRig, query: Partial<LogsQuery> = {}): Promise<string[]> {
	const lines: string[] = [];
	for await (const batch of readLogs(one.store, { ...everything, ...query })) lines.push(...shown(batch));
	return lines;
}

/** Follows, and keeps what comes and where to go on. */
function follow(one: OutputRig, query: Partial<LogsQuery> = {}) {
	const controller = new AbortController();
	const lines: string[] = [];
	const position: Record<string, object> = {};
	const ended = (async () => {
		const batches = readLogs(one.store, { ...everything, follow: true, signal: controller.signal, ...query });
		for (let next = await batches.next(); ; next = await batches.next()) {
			if (next.done) return next.value;
			lines.push(...shown(next.value));
			for (const [id, offsets] of Object.entries(next.value.position)) position[id] = { ...position[id], ...offsets };
		}
	})().catch((error: Error) => error.message);
	return {
		lines,
		position: position as LogPosition,
		ended,
		has: (count: number) => until(`${count} lines`, () => lines.length >= count),
		async stop() {
			controller.abort(new Error('stopped'));
			expect(await ended).toBe('stopped');
		},
	};
}

describe('scenario 37: order', () => {
	it('is exact within a stream and by time across streams and runtimes', async () => {
		const one = rig();
		one.open('one', 'a');
		one.open('two', 'b');
		for (let round = 0; round < 50; round++) {
			say(one, `${round}\n`, 'stdout', 'one');
			await one.manual.advance(1);
			say(one, `${round}\n`, 'stderr', 'two');
			say(one, `${round}\n`, 'stderr', 'one');
			await one.manual.advance(1);
		}
		const expected = Array.from({ length: 50 }, (_, round) => [`a: ${round}`, `a! ${round}`, `b! ${round}`]).flat();
		expect(await all(one)).toEqual(expected);
		const live = follow(one);
		await live.has(150);
		say(one, 'late\n', 'stderr', 'two');
		await live.has(151);
		expect(live.lines).toEqual([...expected, 'b! late']);
		await live.stop();
	});

	it('each line has the time at which its end was noticed', async () => {
		const one = rig();
		one.open();
		say(one, 'begun ');
		await one.manual.advance(1_000);
		say(one, 'and ended\n');
		await one.manual.advance(1_000);
		say(one, 'next\n');
		const stamps: number[] = [];
		for await (const { lines } of readLogs(one.store, everything)) stamps.push(...lines.map(({ line }) => line.stamp.at));
		expect(stamps).toEqual([one.clock.now() - 1_000, one.clock.now()]);
	});

	it('lines of while no daemon was there carry that interval', async () => {
		const one = rig();
		one.open();
		say(one, 'before\n');
		await one.manual.advance(5_000);
		await one.restart();
		const closedAt = one.clock.now();
		await one.store.close();
		one.write('meanwhile\n');
		await one.manual.advance(60_000);
		await one.restart();
		await one.manual.advance(1);
		say(one, 'after\n');
		const stamps: unknown[] = [];
		for await (const { lines } of readLogs(one.store, everything))
			stamps.push(...lines.map(({ line, text }) => [text, line.stamp]));
		expect(stamps).toEqual([
			['before', { at: closedAt - 5_000 }],
			['meanwhile', { at: closedAt + 60_000, from: closedAt }],
			['after', { at: closedAt + 60_001 }],
		]);
	});
});

describe('scenario 34: what lines may look like', () => {
	it('no newline at the end, NUL, invalid UTF-8, CRLF, ANSI: all of it is there', async () => {
		const one = rig();
		one.open();
		say(one, Buffer.from('nul \0 here\ncrlf\r\n\x1b[2J\x1b[31mred\x1b[0m\nbad \xff\xfe utf\nlast', 'latin1'));
		expect(await all(one)).toEqual([
			'one: nul \0 here',
			'one: crlf',
			'one: \x1b[2J\x1b[31mred\x1b[0m',
			'one: bad \ufffd\ufffd utf',
			'one: last…',
		]);
		const raw: Buffer[] = [];
		for await (const { lines } of readLogs(one.store, everything)) raw.push(...lines.map(({ line }) => line.whole));
		expect(Buffer.concat(raw).toString('latin1')).toBe('nul \0 here\ncrlf\r\n\x1b[2J\x1b[31mred\x1b[0m\nbad \xff\xfe utf\nlast');
	});

	it('a letter that comes in two writes is one letter', async () => {
		const one = rig();
		one.open();
		const live = follow(one);
		const letter = Buffer.from('é');
		say(one, Buffer.concat([Buffer.from('caf'), letter.subarray(0, 1)]));
		say(one, Buffer.concat([letter.subarray(1), Buffer.from('\n')]));
		await live.has(1);
		expect(live.lines).toEqual(['one: café']);
		await live.stop();
	});

	it('a line of 10 MB comes in pieces of 64 KiB at most, none of which cuts a letter', async () => {
		const one = rig({ limits: { maxBytes: 64 * 1024 * kib } });
		one.open();
		const long = 'aé€😀'.repeat(1_000_000);
		await one.writeAndSettle(`${long}\nafter\n`);
		let text = '';
		let partial = 0;
		for await (const { lines } of readLogs(one.store, everything)) {
			for (const { line, text: piece } of lines) {
				expect(line.bytes.length).toBeLessThanOrEqual(64 * kib);
				text += `${piece}${line.isPartial ? '' : '\n'}`;
				if (line.isPartial) partial++;
			}
		}
		expect(partial).toBe(Math.floor(Buffer.byteLength(long) / (64 * kib)));
		expect(text === `${long}\nafter\n`).toBe(true);
	});

	it('a line that a process did not end is not gone on with by the next one', async () => {
		const one = rig();
		const output = one.open();
		output.began(1);
		const live = follow(one);
		say(one, 'asking: ');
		output.ended(1);
		await live.has(1);
		await one.manual.advance(10);
		output.began(2);
		say(one, 'second\n');
		await live.has(2);
		expect(live.lines).toEqual(['one: asking: …', 'one: second']);
		expect(await all(one)).toEqual(['one: asking: …', 'one: second']);
		await live.stop();
	});

	it('where one process ends with a whole line there is nothing between it and the next', async () => {
		const one = rig();
		const output = one.open();
		for (const generation of [1, 2, 3]) {
			output.began(generation);
			say(one, `of ${generation}\n`);
			await one.manual.advance(10);
			output.ended(generation);
		}
		expect(await all(one)).toEqual(['one: of 1', 'one: of 2', 'one: of 3']);
	});
});

describe('what is chosen', () => {
	it('since and until, the last lines of all together, a pattern, a stream, some runtimes', async () => {
		const one = rig();
		one.open('one', 'a');
		one.open('two', 'b');
		const start = one.clock.now();
		for (let second = 0; second < 100; second++) {
			say(one, `line ${second}\n`, second % 3 === 0 ? 'stderr' : 'stdout', second % 2 === 0 ? 'one' : 'two');
			await one.manual.advance(1_000);
		}
		const numbers = (lines: string[]) => lines.map((line) => Number(line.split(' ')[2]));
		expect(numbers(await all(one))).toEqual(Array.from({ length: 100 }, (_, second) => second));
		expect(numbers(await all(one, { since: start + 90_000 }))).toEqual([90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
		expect(numbers(await all(one, { until: start + 4_500 }))).toEqual([0, 1, 2, 3, 4]);
		expect(numbers(await all(one, { since: start + 10_000, until: start + 12_000 }))).toEqual([10, 11, 12]);
		expect(numbers(await all(one, { lines: 5 }))).toEqual([95, 96, 97, 98, 99]);
		expect(numbers(await all(one, { lines: 0 }))).toEqual([]);
		expect(numbers(await all(one, { lines: 3, pattern: createPattern('LINE \\d*7$', { ignoreCase: true }) }))).toEqual([
			77, 87, 97,
		]);
		expect(numbers(await all(one, { lines: 2, streams: ['stderr'] }))).toEqual([96, 99]);
		expect(numbers(await all(one, { runtimes: ['two'], lines: 3 }))).toEqual([95, 97, 99]);
		expect(numbers(await all(one, { lines: 2, until: start + 50_000 }))).toEqual([49, 50]);
		expect(await all(one, { runtimes: [] })).toEqual([]);
	});

	it('--previous: what the process before the present one wrote, also after the daemon has changed', async () => {
		const one = rig();
		const output = one.open();
		const live = async (generation: number, text: string) => {
			one.store.find('one')?.began(generation);
			say(one, text);
			say(one, `problem of ${generation}\n`, 'stderr');
			await one.manual.advance(10);
			one.store.find('one')?.ended(generation);
		};
		await live(1, 'first\n');
		expect(await all(one, { previous: true })).toEqual([]);
		await live(2, 'second, unfinished');
		output.began(3);
		output.neverBegan(3);
		output.began(4);
		say(one, 'fourth\n');
		expect(await all(one, { previous: true })).toEqual(['one: second, unfinished…', 'one! problem of 2']);
		await one.restart({ killed: true });
		expect(await all(one, { previous: true, streams: ['stdout'] })).toEqual(['one: second, unfinished…']);
		await live(5, 'fifth\n');
		expect(await all(one, { previous: true })).toEqual(['one: fourth']);
	});

	it('who asks for all there is is told first what had been removed, even where nothing is left', async () => {
		const one = rig({ limits: { maxBytes: 256 * kib } });
		const output = one.open();
		for (let round = 0; round < 4; round++) await one.writeAndSettle(numbered(round * 1_000, (round + 1) * 1_000));
		await output.dropOldest();
		const [first, second] = await all(one);
		const gone = output.streams.stdout.goneLines;
		expect(first).toBe(`dropped ${gone}`);
		expect(second?.startsWith(`one: ${gone}.`)).toBe(true);
		expect(gone).toBeGreaterThan(0);
		// not who asks for the last ones
		expect((await all(one, { lines: 1 }))[0]).toContain('one: 3999');
		while (await output.dropOldest());
		expect((await all(one))[0]).toBe(`dropped ${output.streams.stdout.goneLines}`);
	});

	it('a pattern that takes its time on long lines is looked for in all of them', async () => {
		const one = rig();
		one.open();
		say(one, `${`${'x'.repeat(3_000)}\n`.repeat(60)}Started\n`);
		expect(await all(one, { pattern: createPattern('.*Started.*') })).toEqual(['one: Started']);
	});

	it('a pattern that is none is refused, and one that takes for ever is ended', async () => {
		expect(() => createPattern('(')).toThrow(PatternError);
		const one = rig();
		one.open();
		say(one, `${'a'.repeat(40)}!\n`);
		await expect(all(one, { pattern: createPattern('^(a+)+$') })).rejects.toThrow('takes too long');
	});
});

describe.each([
	['holes', {}],
	['cuts', { punch: noPunch }],
] as const)('following over rotations by %s', (_how, how: RigOptions) => {
	it('scenario 33 and 35: every line once, in order, of two writers', async () => {
		const one = rig({ ...how, limits: { maxBytes: 4096 * kib, segmentBytes: 64 * kib } });
		one.open();
		const live = follow(one);
		for (let round = 0; round < 30; round++) {
			one.write(numbered(round * 1000, (round + 1) * 1000), 'stderr');
			await one.writeAndSettle(numbered(round * 1000, (round + 1) * 1000));
		}
		await live.has(60_000);
		for (const mark of [':', '!']) {
			const numbers = live.lines.filter((line) => line[3] === mark).map((line) => Number.parseInt(line.slice(5), 10));
			expect(numbers.length).toBe(30_000);
			expect(numbers.every((number, index) => number === index)).toBe(true);
		}
		expect(live.lines.some((line) => line.endsWith('…'))).toBe(false);
		await live.stop();
		expect((await all(one)).length).toBe(60_000);
		expect((await all(one, { lines: 1 }))[0]).toContain('29999');
	});

	it('scenario 36: who does not read costs others nothing, and is told exactly how many lines went by', async () => {
		const one = rig({ ...how, limits: { maxBytes: 512 * kib, segmentBytes: 32 * kib } });
		one.open();
		say(one, numbered(0, 1000));
		const slow = readLogs(one.store, { ...everything, follow: true });
		await slow.next();
		const first = (await slow.next()).value as LogBatch;
		expect(first.lines.length).toBe(256);
		const live = follow(one, { streams: ['stdout'] });
		const noise = (number: number) => `${number} ${Array.from({ length: 40 }, () => Math.random().toString(36)).join('')}\n`;
		let written = 1000;
		for (let round = 0; round < 60; round++) {
			let text = '';
			for (let line = 0; line < 40; line++) text += noise(written++);
			await one.writeAndSettle(text);
			await live.has(written);
		}
		expect(live.lines.some((line) => line.startsWith('dropped'))).toBe(false);
		await live.stop();
		let dropped = 0;
		const numbers: number[] = first.lines.map(({ text }) => Number.parseInt(text, 10));
		while (numbers.at(-1) !== written - 1) {
			const { lines, gaps } = (await slow.next()).value as LogBatch;
			for (const { gap } of gaps) {
				dropped += gap.missed.lines;
				expect(gap.missed.isEstimate).toBe(false);
			}
			numbers.push(...lines.map(({ text }) => Number.parseInt(text, 10)));
		}
		await slow.return('end');
		expect(dropped).toBeGreaterThan(1000);
		expect(numbers.length + dropped).toBe(written);
		expect(numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0))).toBe(true);
	});
});

describe('scenario 29: another daemon', () => {
	it.each([false, true])('goes on where the reader was: no gap, no duplicate (killed: %s)', async (killed) => {
		const one = rig({ limits: { maxBytes: 4096 * kib, segmentBytes: 64 * kib } });
		one.open('one', 'a');
		one.open('two', 'b');
		let written = 0;
		const lines: string[] = [];
		let position: LogPosition | undefined;
		for (let daemon = 0; daemon < 4; daemon++) {
			const live = follow(one, { from: position });
			for (let round = 0; round < 5; round++) {
				await one.writeAndSettle(numbered(written, written + 500), 'stdout', 'one');
				await one.writeAndSettle(numbered(written, written + 500), 'stdout', 'two');
				written += 500;
			}
			// somewhere in the middle of what there is
			await live.has(1);
			await one.restart({ killed });
			// what was written while no daemon was there
			one.write(numbered(written, written + 100), 'stdout', 'one');
			one.write(numbered(written, written + 100), 'stdout', 'two');
			written += 100;
			expect(await live.ended).toBe('closing');
			lines.push(...live.lines);
			position = { ...position, ...live.position };
		}
		lines.push(...(await all(one, { from: position })));
		for (const name of ['a', 'b']) {
			const numbers = lines.filter((line) => line.startsWith(name)).map((line) => Number.parseInt(line.slice(3), 10));
			expect(numbers).toEqual(Array.from({ length: written }, (_, number) => number));
		}
	});
});

describe('who comes and goes while somebody follows', () => {
	it('one that is added is shown from its beginning where all are followed; one that is removed to its end', async () => {
		const one = rig();
		one.open('one', 'a');
		const live = follow(one);
		const only = follow(one, { runtimes: ['one'] });
		say(one, 'first\n');
		await live.has(1);
		one.open('two', 'b');
		say(one, 'second\n', 'stdout', 'two');
		await live.has(2);
		one.write('unfinished', 'stdout', 'one');
		await one.store.remove('one');
		expect(await only.ended).toBe('removed');
		await live.has(3);
		expect(live.lines).toEqual(['a: first', 'b: second', 'a: unfinished…']);
		expect(only.lines).toEqual(['a: first', 'a: unfinished…']);
		await live.stop();
	});

	it('500 idle runtimes followed by one reader keep no file open and no timer', async () => {
		const clock = new ManualClock();
		const one = rig({ clock });
		for (let index = 0; index < 500; index++) one.open(`r${index}`);
		await clock.advance(2_000);
		const live = follow(one);
		await until('it waits', () => Object.keys(live.position).length === 500);
		expect(clock.pending).toBe(1);
		say(one, 'hello\n', 'stdout', 'r321');
		await live.has(1);
		expect(live.lines).toEqual(['r321: hello']);
		await live.stop();
	});
});
