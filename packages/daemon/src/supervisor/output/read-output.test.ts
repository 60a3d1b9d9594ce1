import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '@orch/base/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { maxChunkBytes, type ReadOutputOptions, readOutput } from './output.ts';

let directory: string;
let files = 0;
beforeAll(() => {
	directory = mkdtempSync(join(tmpdir(), 'orch-output-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const newPath = (): string => join(directory, `${files++}.log`);
/** On a clock that stands still: what is told in time was told by the system, not by the safety poll. */
const read = (path: string, options: Partial<ReadOutputOptions> = {}) =>
	readOutput({ path, clock: new ManualClock(), follow: false, ...options });

async function all(chunks: AsyncGenerator<Uint8Array, 'end' | 'removed', void>) {
	const bytes: Uint8Array[] = [];
	for (;;) {
		const next = await chunks.next();
		if (next.done)
			return { text: Buffer.concat(bytes).toString('latin1'), ended: next.value, sizes: bytes.map(({ length }) => length) };
		bytes.push(next.value);
	}
}

test('the backlog comes in pieces of 64 KiB at most, byte for byte', async () => {
	const path = newPath();
	const content = Buffer.from(Array.from({ length: 150_000 }, (_, index) => index % 256)).toString('latin1');
	writeFileSync(path, content, 'latin1');
	expect(await all(read(path))).toEqual({
		text: content,
		ended: 'end',
		sizes: [maxChunkBytes, maxChunkBytes, 150_000 - 2 * maxChunkBytes],
	});
});

test.each([
	['one\ntwo\nthree\n', 0, ''],
	['one\ntwo\nthree\n', 1, 'three\n'],
	['one\ntwo\nthree\n', 2, 'two\nthree\n'],
	['one\ntwo\nthree\n', 9, 'one\ntwo\nthree\n'],
	['one\ntwo\nthree', 1, 'three'],
	['one\ntwo\nthree', 2, 'two\nthree'],
	['\n\n\n', 2, '\n\n'],
	['', 5, ''],
])('of %j the last %i lines are %j', async (content, tailLines, text) => {
	const path = newPath();
	writeFileSync(path, content);
	expect(await all(read(path, { tailLines }))).toMatchObject({ text, ended: 'end' });
});

test('the last lines are found over any distance', async () => {
	const path = newPath();
	const long = 'x'.repeat(3 * maxChunkBytes + 17);
	writeFileSync(path, `first\n${long}\nlast\n`);
	expect((await all(read(path, { tailLines: 1 }))).text).toBe('last\n');
	expect((await all(read(path, { tailLines: 2 }))).text).toBe(`${long}\nlast\n`);
});

test('it can start at an offset', async () => {
	const path = newPath();
	writeFileSync(path, '0123456789');
	expect((await all(read(path, { fromOffset: 7 }))).text).toBe('789');
	expect((await all(read(path, { fromOffset: 70 }))).text).toBe('');
});

test('a file that does not exist ends at once, unless it is followed', async () => {
	const path = newPath();
	expect(await all(read(path))).toEqual({ text: '', ended: 'end', sizes: [] });
	const chunks = read(path, { follow: true });
	const first = chunks.next();
	await new Promise((resolve) => setImmediate(resolve));
	writeFileSync(path, 'hello');
	expect(await first).toEqual({ done: false, value: Buffer.from('hello') });
	await chunks.return('end');
});

test('what is appended comes, however it falls between looking and waiting', async () => {
	const path = newPath();
	writeFileSync(path, '');
	const chunks = read(path, { follow: true });
	let text = '';
	let expected = '';
	for (let round = 0; round < 300; round++) {
		const next = chunks.next();
		// at any moment of the reader's way from its look to its wait
		for (let turns = round % 7; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
		appendFileSync(path, `${round}\n`);
		expected += `${round}\n`;
		const { value } = await next;
		text += Buffer.from(value as Uint8Array).toString();
	}
	expect(text).toBe(expected);
	await chunks.return('end');
});

test('what the system does not tell of is found by the safety poll', async () => {
	const path = newPath();
	writeFileSync(path, '');
	const clock = new ManualClock();
	const chunks = readOutput({ path: join(directory, 'missing', 'x.log'), clock, follow: true });
	const next = chunks.next();
	// not even the directory is there to be watched
	while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
	expect(clock.nextMs).toBe(1_000);
	void next.catch(() => {});
	await clock.advance(1_000);
	while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
	expect(clock.nextMs).toBe(1_000);
});

test('when the runtime is removed what there is still comes, and then it ends', async () => {
	const path = newPath();
	writeFileSync(path, 'one\n');
	const removed = new AbortController();
	const chunks = read(path, { follow: true, removed: removed.signal });
	expect((await chunks.next()).value).toEqual(Buffer.from('one\n'));
	const waiting = chunks.next();
	appendFileSync(path, 'two\n');
	expect((await waiting).value).toEqual(Buffer.from('two\n'));
	appendFileSync(path, 'three\n');
	removed.abort();
	rmSync(path);
	expect(await all(chunks)).toMatchObject({ text: 'three\n', ended: 'removed' });
	expect(await all(read(newPath(), { follow: true, removed: removed.signal }))).toMatchObject({ text: '', ended: 'removed' });
});

test('a caller that goes away ends it, also while it waits', async () => {
	const path = newPath();
	writeFileSync(path, '');
	const caller = new AbortController();
	const clock = new ManualClock();
	const next = readOutput({ path, clock, follow: true, signal: caller.signal }).next();
	while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
	caller.abort(new Error('gone'));
	await expect(next).rejects.toThrow('gone');
	expect(clock.pending).toBe(0);
});

test('without following it ends at the size that it found, however fast the file grows', async () => {
	const path = newPath();
	writeFileSync(path, 'x'.repeat(maxChunkBytes + 1));
	const chunks = read(path);
	await chunks.next();
	appendFileSync(path, 'y');
	expect(await all(chunks)).toEqual({ text: 'x', ended: 'end', sizes: [1] });
});

test('a file that was made shorter is read from its beginning', async () => {
	const path = newPath();
	writeFileSync(path, 'before');
	const chunks = read(path, { follow: true });
	await chunks.next();
	const next = chunks.next();
	truncateSync(path, 0);
	appendFileSync(path, 'new');
	expect((await next).value).toEqual(Buffer.from('new'));
	await chunks.return('end');
});
