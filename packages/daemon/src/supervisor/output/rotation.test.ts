/** Scenario 35, with fakes of nothing but time: whole lines move into segments, and one stream of bytes stays one. */
import {
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	renameSync,
	rmdirSync,
	rmSync,
	statSync,
	truncateSync,
	unlinkSync,
	writeFileSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { randomBytes } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { systemRandom } from '@orch/base';
import { afterEach, describe, expect, it } from 'vitest';
import { createPunch, type Punch } from './punch.ts';
import { readOutput } from './read-output.ts';
import { difference, noPunch, numbered, OutputRig, type RigOptions } from './testing/rig.ts';

const rigs: OutputRig[] = [];
const rig = (options: RigOptions = {}) => {
	const made = new OutputRig(options);
	rigs.push(made);
	return made;
};
afterEach(async () => {
	for (const made of rigs.splice(0)) await made.close();
});

const kib = 1024;
const limits = { maxBytes: 2048 * kib, segmentBytes: 64 * kib };

/** The same holds where holes can be made in files and where they cannot. */
describe.each([
	['by making holes', {}],
	['by cutting', { punch: noPunch }],
] as const)('rotation %s', (_how, how: RigOptions) => {
	it('scenario 35: nothing is lost or cut, names tell monotonic offsets, the size stays under the limit', async () => {
		const one = rig({ ...how, limits });
		one.open();
		let expected = '';
		for (let round = 0; round < 40; round++) {
			const text = numbered(round * 1000, (round + 1) * 1000);
			expected += text;
			// not at a line's end, as programs that write in blocks do
			await one.writeAndSettle(text.slice(0, 12_345));
			await one.writeAndSettle(text.slice(12_345));
			expect(one.allocated()).toBeLessThanOrEqual(limits.maxBytes);
		}
		expect(difference(await one.text(), expected)).toBe('');
		const segments = one.files().filter((name) => /-/.test(name));
		expect(segments.length).toBeGreaterThan(10);
		const ranges = segments.map(
			(name) => /^stdout\.(\d{15})-(\d{15})\.(\d+)\.log(\.gz)?$/.exec(name)?.slice(1, 4).map(Number) ?? [],
		);
		for (const [index, [start = 0, end = 0, lines]] of ranges.entries()) {
			expect(start).toBe(ranges[index - 1]?.[1] ?? 0);
			expect(lines).toBe((end - start) / 40);
			expect((end - start) % 40).toBe(0);
		}
		expect(statSync(one.path('one', 'stdout.log')).blocks * 512).toBeLessThan(2 * limits.segmentBytes);
	});

	it('a reader that follows gets every byte once, over any number of rotations', async () => {
		const one = rig({ ...how, limits });
		const output = one.open();
		const signal = new AbortController();
		const chunks = readOutput(output, { stream: 'stdout', follow: true, signal: signal.signal });
		const parts: Buffer[] = [];
		const read = (async () => {
			for await (const bytes of chunks) parts.push(Buffer.from(bytes));
		})().catch((error: Error) => error.message);
		let expected = '';
		for (let round = 0; round < 60; round++) {
			const text = numbered(round * 500, (round + 1) * 500);
			expected += text;
			await one.writeAndSettle(text);
		}
		while (Buffer.concat(parts).length < expected.length) await new Promise((resolve) => setImmediate(resolve));
		signal.abort(new Error('enough'));
		expect(await read).toBe('enough');
		expect(difference(Buffer.concat(parts).toString(), expected)).toBe('');
	});

	it('a reader whose bytes are moved on between its look and its read gets them from where they are', async () => {
		const one = rig({ ...how, limits });
		const output = one.open();
		const expected = numbered(0, 10_000);
		one.write(expected);
		const chunks = readOutput(output, { stream: 'stdout', follow: true });
		let text = '';
		while (text.length < expected.length) {
			const next = chunks.next();
			// all of it moves while the reader is on its way
			output.look();
			void one.store.settled();
			const { value } = await next;
			text += Buffer.from(value as Uint8Array).toString();
		}
		await one.store.settled();
		await chunks.return('end');
		expect(difference(text, expected)).toBe('');
	});

	it('the oldest goes first, of both streams together, and what is left begins with a whole line', async () => {
		const small = { maxBytes: 512 * kib, segmentBytes: 64 * kib };
		const one = rig({ ...how, limits: small });
		const output = one.open();
		const noise = () => Buffer.from(Array.from({ length: 50_000 }, () => 33 + Math.floor(Math.random() * 90))).toString('latin1');
		for (let round = 0; round < 40; round++) {
			await one.writeAndSettle(`${round} ${noise()}\n`, round % 2 === 0 ? 'stdout' : 'stderr');
			expect(one.allocated()).toBeLessThanOrEqual(small.maxBytes + 64 * kib);
		}
		const kept = [...(await one.text()).split('\n'), ...(await one.text('stderr')).split('\n')].filter(Boolean);
		const rounds = kept.map((line) => Number(line.split(' ')[0])).sort((a, b) => a - b);
		expect(rounds.at(-1)).toBe(39);
		// of the last ones none is missing
		expect(rounds).toEqual(Array.from({ length: rounds.length }, (_, index) => 40 - rounds.length + index));
		expect(output.streams.stdout.start).toBeGreaterThan(0);
		expect(one.files().filter((name) => name.endsWith('.gone'))).toHaveLength(2);
	});

	it('offsets and bytes are the same for the daemon after, with or without a goodbye of the one before', async () => {
		const one = rig({ ...how, limits });
		one.open();
		let expected = '';
		for (let round = 0; round < 12; round++) {
			const text = numbered(round * 2000, (round + 1) * 2000);
			expected += text;
			await one.writeAndSettle(text);
			if (round % 3 === 2) await one.restart({ killed: round === 5 });
			expect(difference(await one.text(), expected)).toBe('');
			const tail = one.store.find('one')?.streams.stdout;
			expect(tail?.end).toBe(expected.length);
		}
	});

	it('of a line that is longer than all that is kept the end is kept, and more than a third of the limit', async () => {
		const one = rig({ ...how, limits: { maxBytes: 1024 * kib } });
		one.open();
		const text = `first\n${randomBytes(1024 * kib).toString('hex')}`;
		await one.writeAndSettle(text);
		const kept = await one.text();
		expect(text.endsWith(kept)).toBe(true);
		expect(kept.length).toBeGreaterThan((1024 * kib) / 3);
		expect(one.allocated()).toBeLessThanOrEqual(1024 * kib);
	});

	it.each([0, 1])('a burst of more than is kept is cut at a line, after others, with %i bytes more', async (more) => {
		const one = rig({ ...how, limits });
		one.open();
		await one.writeAndSettle(numbered(0, 4_000));
		const burst = `${numbered(4_000, 90_000)}${'x'.repeat(more)}\n`;
		await one.writeAndSettle(burst);
		const kept = await one.text();
		expect(burst.endsWith(kept)).toBe(true);
		expect(kept).toMatch(/^\d+\.+\n/);
		expect(kept.length).toBeGreaterThan(limits.maxBytes / 4);
		expect(one.allocated()).toBeLessThanOrEqual(limits.maxBytes);
	});

	it('a line that is longer than a segment is kept whole as long as that is bearable', async () => {
		const one = rig({ ...how, limits });
		one.open();
		const long = `${'x'.repeat(200 * kib)}\n`;
		await one.writeAndSettle(`short\n${long.slice(0, 150 * kib)}`);
		await one.writeAndSettle(`${long.slice(150 * kib)}after\n`);
		expect(difference(await one.text(), `short\n${long}after\n`)).toBe('');
		const endless = 'y'.repeat(300 * kib);
		await one.writeAndSettle(endless);
		await one.writeAndSettle(`${endless}\n`);
		expect(difference(await one.text(), `short\n${long}after\n${endless}${endless}\n`)).toBe('');
		const cut = one.files().filter((name) => name.includes('-'));
		expect(cut.length).toBeGreaterThanOrEqual(2);
	});
});

describe('what daemons leave half done', () => {
	// where it has to be cut, all of it is there twice before any of it is given back
	it.each([
		['less than', 0.6],
		['nearly as long as', 0.9],
	])('a line that is %s what is kept, written at once, costs nothing of what is within the limit', async (_what, share) => {
		const one = rig({ limits: { maxBytes: 1024 * kib } });
		one.open();
		// nothing that becomes smaller
		const line = randomBytes((1024 * kib * share) / 2).toString('hex');
		const text = `first\n${line}\nlast\n`;
		await one.writeAndSettle(text);
		expect(difference(await one.text(), text)).toBe('');
		expect(one.allocated()).toBeLessThanOrEqual(1024 * kib);
	});

	it('a segment in the making stands for nothing', async () => {
		const one = rig({ limits });
		one.open();
		await one.writeAndSettle(numbered(0, 100));
		writeFileSync(one.path('one', 'stdout.000000000000000-000000000004000.0.log.tmp'), 'half');
		await one.restart({ killed: true });
		expect(difference(await one.text(), numbered(0, 100))).toBe('');
		expect(one.files().some((name) => name.endsWith('.tmp'))).toBe(false);
	});

	it('a segment that was taken, and whose room was not given back, is in the stream once', async () => {
		const one = rig({ limits });
		one.open();
		await one.writeAndSettle(numbered(0, 1000));
		writeFileSync(one.path('one', 'stdout.000000000000000-000000000020000.500.log'), numbered(0, 500));
		await one.restart({ killed: true });
		expect(difference(await one.text(), numbered(0, 1000))).toBe('');
		expect(one.store.find('one')?.streams.stdout.liveFrom).toBe(20_000);
	});

	it('of a segment in both forms the compressed one holds', async () => {
		const one = rig({ limits });
		one.open();
		await one.writeAndSettle(numbered(0, 3000));
		const packed = one.files().find((name) => name.endsWith('.gz')) ?? '';
		writeFileSync(one.path('one', packed.replace('.gz', '')), gunzipSync(readFileSync(one.path('one', packed))));
		await one.restart({ killed: true });
		expect(difference(await one.text(), numbered(0, 3000))).toBe('');
		expect(one.files()).not.toContain(packed.replace('.gz', ''));
	});

	it.each([
		['before the file was cut', (size: number) => size],
		['when it was cut', () => 0],
		['in the middle of putting the last line back', () => 3],
	])('a cutting that ended %s is finished', async (_when, sizeLeft) => {
		const one = rig({ limits, punch: noPunch });
		one.open();
		one.write(`${numbered(0, 1000)}unfinished`);
		await one.restart();
		const live = one.path('one', 'stdout.log');
		const size = statSync(live).size;
		writeFileSync(one.path('one', 'stdout.000000000000000-000000000040000.1000.log'), numbered(0, 1000));
		const cutting = { from: 0, size, tail: Buffer.from('unfinished').toString('base64') };
		writeFileSync(one.path('one', 'stdout.base'), JSON.stringify({ base: 40_000, cutting }));
		if (sizeLeft(size) !== size) writeFileSync(live, 'unf'.slice(0, sizeLeft(size)));
		await one.restart({ killed: true });
		one.write(' no more\n');
		expect(difference(await one.text(), `${numbered(0, 1000)}unfinished no more\n`)).toBe('');
	});

	/** A daemon has cut 40000 bytes off and died before it could put the last line back, or write down that it has cut. */
	const cutInHalf = async () => {
		const one = rig({ limits, punch: noPunch });
		one.open();
		one.write(`${numbered(0, 1000)}unfinished`);
		await one.restart();
		const cutting = { from: 0, size: 40_010, tail: Buffer.from('unfinished').toString('base64') };
		writeFileSync(one.path('one', 'stdout.000000000000000-000000000040000.1000.log'), numbered(0, 1000));
		writeFileSync(one.path('one', 'stdout.base'), JSON.stringify({ base: 40_000, cutting }));
		truncateSync(one.path('one', 'stdout.log'), 0);
		return one;
	};
	const more = `\n${numbered(1000, 2200)}`;

	it.each([
		['as soon as it can be', true],
		['by the next daemon, however much has come meanwhile', false],
	])('a cutting whose end cannot be written down is finished %s', async (_when, isPossible) => {
		const one = await cutInHalf();
		const inTheWay = one.path('one', 'stdout.base.tmp');
		mkdirSync(inTheWay);
		await one.restart({ killed: true });
		// more than was there before it was cut
		one.write(more);
		if (isPossible) rmdirSync(inTheWay);
		one.store.find('one')?.look();
		if (isPossible) expect(JSON.parse(readFileSync(one.path('one', 'stdout.base'), 'utf8'))).toEqual({ base: 40_000 });
		expect(difference(await one.text(), `${numbered(0, 1000)}unfinished${more}`)).toBe('');
		await one.restart({ killed: true });
		expect(difference(await one.text(), `${numbered(0, 1000)}unfinished${more}`)).toBe('');
		expect(one.store.find('one')?.streams.stdout.end).toBe(40_010 + more.length);
	});

	it.each([
		['nothing', '', 'new\n'],
		['a part', 'unf', 'new\n'],
		['a part, and more than was missing,', 'unf', 'something new\n'],
	])(
		'a line of which %s was put back when the program went on is not torn, and offsets go on behind it',
		async (_what, there, then) => {
			const one = await cutInHalf();
			one.write(`${there}${then}`);
			await one.restart({ killed: true });
			expect(difference(await one.text(), `${numbered(0, 1000)}${there}${then}`)).toBe('');
			expect(one.store.find('one')?.streams.stdout.end).toBe(40_010 + then.length);
		},
	);
});

describe('output that cannot be read when a daemon starts', () => {
	/** A store whose daemon starts while `file` is something that cannot be read, until `putBack` is called. */
	const startWithout = async (one: OutputRig, file: string) => {
		const path = resolve(one.path('one', file));
		await one.store.close();
		renameSync(path, `${path}-away`);
		const isDirectory = statSync(`${path}-away`).isDirectory();
		if (isDirectory) writeFileSync(path, '');
		else mkdirSync(path);
		await one.restart();
		return () => {
			rmSync(path, { recursive: true });
			renameSync(`${path}-away`, path);
		};
	};

	it.each([
		['its directory', '', {}],
		['where its file begins', 'stdout.base', { punch: noPunch }],
	])('is as it was once it can be read: %s', async (_what, file, how: RigOptions) => {
		const one = rig({ ...how, limits });
		one.open();
		let expected = '';
		for (let round = 0; round < 8; round++) {
			const text = numbered(round * 2000, (round + 1) * 2000);
			expected += text;
			await one.writeAndSettle(text);
		}
		const putBack = await startWithout(one, file);
		const stdout = () => one.store.find('one')?.streams.stdout;
		one.store.find('one')?.look();
		await one.store.settled();
		expect([stdout()?.backlog, stdout()?.allocated]).toEqual([0, 0]);
		putBack();
		const before = one.files();
		// noticed with whatever comes next
		one.write('more\n');
		expected += 'more\n';
		one.store.find('one')?.look();
		await one.store.settled();
		expect(one.files()).toEqual(before);
		expect(difference(await one.text(), expected)).toBe('');
		expect(stdout()?.times.end).toBe(expected.length);
		await one.restart({ killed: true });
		expect(one.files()).toEqual(before);
		expect(difference(await one.text(), expected)).toBe('');
	});
});

describe('what others do to the files', () => {
	it('a live file that was made shorter goes on behind what was there, and what is gone is skipped', async () => {
		const one = rig({ limits });
		const output = one.open();
		const chunks = readOutput(output, { stream: 'stdout', follow: true });
		one.write('before\n');
		expect(Buffer.from((await chunks.next()).value as Uint8Array).toString()).toBe('before\n');
		const next = chunks.next();
		truncateSync(one.path('one', 'stdout.log'), 0);
		one.write('new\n');
		expect(Buffer.from((await next).value as Uint8Array).toString()).toBe('new\n');
		await chunks.return('end');
		expect(difference(await one.text(), 'new\n')).toBe('');
		await one.restart({ killed: true });
		expect(difference(await one.text(), 'new\n')).toBe('');
		expect(one.store.find('one')?.streams.stdout.end).toBe(11);
	});

	it('that a live file was made shorter is written down as soon as it can be', async () => {
		const one = rig({ limits });
		const output = one.open();
		one.write('before\n');
		output.look();
		mkdirSync(one.path('one', 'stdout.base'));
		truncateSync(one.path('one', 'stdout.log'), 0);
		output.look();
		rmdirSync(one.path('one', 'stdout.base'));
		one.write('new\n');
		output.look();
		await one.restart({ killed: true });
		expect(difference(await one.text(), 'new\n')).toBe('');
		expect(one.store.find('one')?.streams.stdout.end).toBe(11);
	});

	it('a segment that is gone or broken is skipped, and the rest is read', async () => {
		const one = rig({ limits });
		one.open();
		for (let round = 0; round < 8; round++) await one.writeAndSettle(numbered(round * 2000, (round + 1) * 2000));
		const [first = '', second = '', third = ''] = one.files().filter((name) => name.includes('-'));
		unlinkSync(one.path('one', second));
		writeFileSync(one.path('one', third), 'not gzip at all');
		const text = await one.text();
		const end = Number(third.split(/[.-]/)[2]);
		expect(text.length).toBe(8 * 80_000 - end + Number(first.split(/[.-]/)[2]));
		expect(text.endsWith(numbered(15_000, 16_000))).toBe(true);
	});

	it('who reads over what was removed is told how much that was, before what follows it', async () => {
		const one = rig({ limits });
		const output = one.open();
		for (let round = 0; round < 8; round++) await one.writeAndSettle(numbered(round * 2000, (round + 1) * 2000));
		const [, second = ''] = one.files().filter((name) => name.includes('-'));
		const [from = 0, to = 0] = second.split(/[.-]/).slice(1, 3).map(Number);
		unlinkSync(one.path('one', second));
		let given = 0;
		const removed: (readonly [at: number, bytes: number])[] = [];
		const chunks = readOutput(output, {
			stream: 'stdout',
			follow: false,
			onRemoved: (bytes) => removed.push([given, bytes]),
		});
		for await (const bytes of chunks) given += bytes.length;
		expect(removed).toEqual([[from, to - from]]);
	});
});

it('what could not be moved on is, a moment later, also where nothing more is written', async () => {
	const { isSupported, punch } = createPunch(systemRandom);
	let fails = 3;
	const failing: Punch = {
		isSupported,
		punch: async (...range) => {
			if (fails-- > 0) throw new Error('Input/output error');
			await punch(...range);
		},
	};
	const one = rig({ punch: failing, limits });
	one.open();
	await one.writeAndSettle(numbered(0, 90_000));
	const over = () => one.allocated() > limits.maxBytes;
	expect([fails, over()]).toEqual([2, true]);
	// later each time
	for (const afterMs of [1_000, 2_000, 4_000]) {
		await one.manual.advance(afterMs - 1);
		await one.store.settled();
		expect(over()).toBe(true);
		await one.manual.advance(1);
		await one.store.settled();
	}
	expect(over()).toBe(false);
});

it('a runtime that is removed leaves no file, whatever is being done to its output', async () => {
	const one = rig({ limits });
	const nextTurn = () => new Promise((resolve) => setImmediate(resolve));
	for (let round = 0; round < 52; round++) {
		const output = one.open();
		one.write(numbered(0, 10_000));
		output.look();
		const settled = one.store.settled();
		// once a segment is there the compressor makes a file of its own, by other threads
		if (round % 4 > 0) while (output.streams.stdout.segments.length === 0) await nextTurn();
		for (let turn = 0; turn < round % 13; turn++) await nextTurn();
		await one.store.remove('one');
		expect(openFilesIn(one.path('one'))).toEqual([]);
		await settled;
		expect(existsSync(one.path('one'))).toBe(false);
	}
	expect(readdirSync(one.directory)).toContain('logs');
});

/** What this process has open there, also what has no name any more. */
const openFilesIn = (directory: string): string[] =>
	readdirSync('/proc/self/fd').flatMap((fd) => {
		try {
			const path = readlinkSync(`/proc/self/fd/${fd}`);
			return path.startsWith(directory) ? [path] : [];
		} catch {
			return [];
		}
	});

it('a burst has the disk for itself for a moment before what it wrote is moved on', async () => {
	const one = rig({ limits });
	const output = one.open();
	one.write(numbered(0, 10_000));
	output.look();
	await one.manual.advance(99);
	expect(output.streams.stdout.segments).toEqual([]);
	await one.manual.advance(1);
	await one.store.settled();
	expect(output.streams.stdout.segments.length).toBeGreaterThan(3);
});
