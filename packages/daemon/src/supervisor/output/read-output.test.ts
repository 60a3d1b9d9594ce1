/** The bytes of a stream, on a clock that stands still: what is told in time was told by the system. */
import { rmSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { maxChunkBytes, type ReadOutputOptions, readOutput } from './read-output.ts';
import type { RuntimeOutput } from './runtime-output.ts';
import { OutputRig } from './testing/rig.ts';

const rigs: OutputRig[] = [];
const begin = () => {
	const rig = new OutputRig();
	rigs.push(rig);
	return { rig, output: rig.open() };
};
afterEach(async () => {
	for (const rig of rigs.splice(0)) await rig.close();
});

const read = (output: RuntimeOutput, options: Partial<ReadOutputOptions> = {}) =>
	readOutput(output, { stream: 'stdout', follow: false, ...options });
const turns = async (count: number) => {
	for (let left = count; left > 0; left--) await new Promise((resolve) => setImmediate(resolve));
};

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
	const { rig, output } = begin();
	const content = Buffer.from(Array.from({ length: 150_000 }, (_, index) => index % 256));
	rig.write(content);
	expect(await all(read(output))).toEqual({
		text: content.toString('latin1'),
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
	const { rig, output } = begin();
	rig.write(content);
	expect(await all(read(output, { tailLines }))).toMatchObject({ text, ended: 'end' });
});

test('the last lines are found over any distance', async () => {
	const { rig, output } = begin();
	const long = 'x'.repeat(3 * maxChunkBytes + 17);
	rig.write(`first\n${long}\nlast\n`);
	expect((await all(read(output, { tailLines: 1 }))).text).toBe('last\n');
	expect((await all(read(output, { tailLines: 2 }))).text).toBe(`${long}\nlast\n`);
});

test('it can start at an offset', async () => {
	const { rig, output } = begin();
	rig.write('0123456789');
	expect((await all(read(output, { fromOffset: 7 }))).text).toBe('789');
	expect((await all(read(output, { fromOffset: 70 }))).text).toBe('');
});

test('what was never written to ends at once, unless it is followed', async () => {
	const { rig, output } = begin();
	expect(await all(read(output))).toEqual({ text: '', ended: 'end', sizes: [] });
	const chunks = read(output, { follow: true });
	const first = chunks.next();
	await turns(3);
	rig.write('hello');
	expect(await first).toEqual({ done: false, value: Buffer.from('hello') });
	await chunks.return('end');
});

test('what is appended comes, however it falls between looking and waiting', async () => {
	const { rig, output } = begin();
	const chunks = read(output, { follow: true });
	let text = '';
	let expected = '';
	for (let round = 0; round < 300; round++) {
		let isThere = false;
		const next = chunks.next().finally(() => {
			isThere = true;
		});
		// at any moment of the reader's way from its look to its wait
		await turns(round % 7);
		rig.write(`${round}\n`);
		expected += `${round}\n`;
		// often told of, it is looked at in turns
		while (!isThere) {
			await turns(1);
			await rig.manual.advance(1);
		}
		const { value } = await next;
		text += Buffer.from(value as Uint8Array).toString();
	}
	expect(text).toBe(expected);
	await chunks.return('end');
});

test('when the runtime is removed what there is still comes, and then it ends', async () => {
	const { rig, output } = begin();
	rig.write('one\n');
	const chunks = read(output, { follow: true });
	expect((await chunks.next()).value).toEqual(Buffer.from('one\n'));
	const waiting = chunks.next();
	rig.write('two\n');
	expect((await waiting).value).toEqual(Buffer.from('two\n'));
	rig.write('three\n');
	await rig.store.remove('one');
	expect(await all(chunks)).toMatchObject({ text: 'three\n', ended: 'removed' });
});

test('a caller that goes away ends it, also while it waits', async () => {
	const { output } = begin();
	const caller = new AbortController();
	const next = read(output, { follow: true, signal: caller.signal }).next();
	await turns(3);
	caller.abort(new Error('gone'));
	await expect(next).rejects.toThrow('gone');
	expect(output.streams.stdout.cursors.size).toBe(0);
});

test('without following it ends at the size that it found, however fast the file grows', async () => {
	const { rig, output } = begin();
	rig.write('x'.repeat(maxChunkBytes + 1));
	const chunks = read(output);
	await chunks.next();
	rig.write('y');
	expect(await all(chunks)).toEqual({ text: 'x', ended: 'end', sizes: [1] });
});

test('a file that somebody removed is read again once it is there again', async () => {
	const { rig, output } = begin();
	rig.write('before\n');
	const chunks = read(output, { follow: true });
	await chunks.next();
	rmSync(rig.path('one', 'stdout.log'));
	const next = chunks.next();
	await turns(3);
	rig.write('new\n');
	expect(Buffer.from((await next).value as Uint8Array).toString()).toBe('new\n');
	await chunks.return('end');
});
