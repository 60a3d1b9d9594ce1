/** Ids of types and ports keep their meaning, whatever happens to the files that they are kept in. */
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLogger } from '@orch/base';
import { PortRegistry } from './port-registry.ts';
import { TypeRegistry, typeNameProblem } from './type-registry.ts';

let directory: string;
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), 'orch-reg-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const types = () => TypeRegistry.open(join(directory, 'types'), silentLogger);
const ports = () => PortRegistry.open(join(directory, 'ports'), silentLogger);

test('an id is of a name and a codec, and means the same after a restart', () => {
	const first = types();
	const ids = [
		first.define('Ping', 'json'),
		first.define('Ping', 'raw'),
		first.define('a b::c "d"', 'json'),
		first.define('Ping', 'json'),
	].map((entry) => entry?.id);
	expect(ids).toEqual([1, 2, 3, 1]);
	first.close();
	const second = types();
	expect(second.byId(3)).toEqual({ id: 3, name: 'a b::c "d"', codec: 'json' });
	expect(second.named('Ping').map(({ id, codec }) => [id, codec])).toEqual([
		[1, 'json'],
		[2, 'raw'],
	]);
	expect(second.define('New', 'json')?.id).toBe(4);
	second.close();
});

test('a line that was being written when the router died is cut off', () => {
	const first = types();
	first.define('Ping', 'json');
	first.close();
	appendFileSync(join(directory, 'types'), '2 json "Po');
	const second = types();
	expect([second.size, second.define('Pong', 'json')?.id]).toEqual([1, 2]);
	second.close();
	expect(readFileSync(join(directory, 'types'), 'utf8')).toBe('1 json "Ping"\n2 json "Pong"\n');
});

test('ids end at 65,536', () => {
	const lines = Array.from({ length: 65_534 }, (_, index) => `${index + 1} json "t${index}"\n`);
	writeFileSync(join(directory, 'types'), lines.join(''));
	const registry = types();
	expect(registry.define('last', 'json')?.id).toBe(65_535);
	expect(registry.define('none', 'json')).toBeUndefined();
	expect(registry.define('t7', 'json')?.id).toBe(8);
	registry.close();
});

test.each([
	['', 'empty'],
	['x'.repeat(256), 'bytes'],
	['a\nb', 'control'],
	['\u007f', 'control'],
	['\u0085', 'control'],
	['\ud800', 'control'],
	['a\udfffb', 'control'],
	[7, 'text'],
])('%j is no name of a type', (name, word) => expect(typeNameProblem(name)).toContain(word));

test.each(['a', ' ', '~', 'ä\u00a0', '日本', '\u{1f600}', '\ud7ff\ue000\uffff'])('%j is the name of a type', (name) =>
	expect(typeNameProblem(name)).toBeUndefined(),
);

test('a process keeps its port, the next one has another, also after a restart', () => {
	const first = ports();
	expect([first.of('a', 1), first.of('b', 1), first.of('a', 1), first.of('a', 2)]).toEqual([1, 2, 1, 3]);
	first.close();
	const second = ports();
	expect([second.of('a', 2), second.known('b', 1), second.of('c', 1), second.of('a', 1)]).toEqual([3, 2, 4, 5]);
	second.close();
});

test('a long history of ports is written anew, and no number is given twice', () => {
	const first = ports();
	for (let generation = 1; generation <= 5_000; generation++) first.of('a', generation);
	first.of('b', 1);
	first.close();
	const second = ports();
	expect([second.of('a', 5_000), second.of('b', 1), second.of('c', 1)]).toEqual([5_000, 5_001, 5_002]);
	second.close();
	expect(readFileSync(join(directory, 'ports'), 'utf8').split('\n').length).toBe(4);
});

test.each([
	['the disk is full', (path: string) => symlinkSync('/dev/full', path)],
	['something is in the way', (path: string) => mkdirSync(path)],
])('a long history of ports goes on as it is when %s', (_what, prepare) => {
	const first = ports();
	for (let generation = 1; generation <= 5_000; generation++) first.of('a', generation);
	first.close();
	prepare(join(directory, 'ports.new'));
	const second = ports();
	expect([second.of('a', 5_000), second.of('b', 1)]).toEqual([5_000, 5_001]);
	second.close();
	rmSync(join(directory, 'ports.new'), { recursive: true, force: true });
	const third = ports();
	expect([third.of('b', 1), third.of('c', 1)]).toEqual([5_001, 5_002]);
	third.close();
	expect(readFileSync(join(directory, 'ports'), 'utf8')).toBe('5000 a 5000\n5001 b 1\n5002 c 1\n');
	expect(existsSync(join(directory, 'ports.new'))).toBe(false);
});
