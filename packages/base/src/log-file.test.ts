import {
	closeSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	openSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
	writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLogFile } from './log-file.ts';

let directory: string;
let path: string;
let descriptor: number;
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), 'orch-log-'));
	path = join(directory, 'orchd.log');
	descriptor = openSync(path, 'a', 0o600);
});
afterEach(() => {
	closeSync(descriptor);
	rmSync(directory, { recursive: true, force: true });
});

const line = (number: number) =>
	`${JSON.stringify({ level: 'info', time: '2026-01-01T00:00:00.000Z', name: 'x', pid: 1, msg: String(number) })}\n`;
/** Numbers of the lines of all files, the oldest first; of what is no such line, its text. */
const said = () =>
	[`${path}.2`, `${path}.1`, path]
		.filter((file) => existsSync(file))
		.flatMap((file) => readFileSync(file, 'utf8').split('\n'))
		.filter((text) => text !== '')
		.map((text) => (JSON.parse(text) as { msg: string }).msg);
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => String(from + at));

function open(maxBytes: number) {
	const file = openLogFile({ descriptor, path, maxBytes });
	if (!file) throw new Error('it is not taken');
	return file;
}

describe('a log file', () => {
	it('keeps the newest lines in three files, each within its limit and a line, and loses none between them', () => {
		const file = open(10_000);
		for (let number = 0; number < 1000; number++) {
			file.write(line(number));
			for (const each of [path, `${path}.1`, `${path}.2`])
				if (existsSync(each)) expect(statSync(each).size).toBeLessThan(10_000 + 200);
		}
		const kept = said();
		expect(kept).toEqual(numbers(1000 - kept.length, 1000));
		expect(kept.length).toBeGreaterThan(200);
		expect(existsSync(`${path}.3`)).toBe(false);
	});

	it('stays the file that others have open to append, who write into it as before', () => {
		const file = open(5000);
		const other = openSync(path, 'a');
		const before = statSync(path).ino;
		for (let number = 0; number < 300; number++) {
			if (number % 2 === 0) file.write(line(number));
			else writeSync(other, line(number));
		}
		closeSync(other);
		expect(statSync(path).ino).toBe(before);
		const kept = said();
		expect(kept).toEqual(numbers(300 - kept.length, 300));
	});

	it('cuts what an earlier process has left too large', () => {
		writeFileSync(path, line(0).repeat(200));
		const file = open(5000);
		file.write(line(1));
		expect(readFileSync(path, 'utf8')).toBe(line(1));
		expect(readFileSync(`${path}.1`, 'utf8')).toBe(line(0).repeat(200));
	});

	it('grows to twice its limit where no copy can be made, then gives its content up and says so', () => {
		mkdirSync(`${path}.2/full`, { recursive: true });
		writeFileSync(`${path}.1`, '');
		const file = open(5000);
		let largest = 0;
		for (let number = 0; number < 400; number++) {
			file.write(line(number));
			largest = Math.max(largest, statSync(path).size);
		}
		expect(largest).toBeLessThan(10_000 + 700);
		expect(readFileSync(path, 'utf8')).toMatch(
			/^{"level":"warn","time":"2026-01-01T00:00:00.000Z","name":"x","pid":1,"msg":"1\d{4} bytes of the log were given up/,
		);
		expect(JSON.parse(readFileSync(path, 'utf8').trimEnd().split('\n').at(-1) ?? '')).toMatchObject({ msg: '399' });
	});

	it('takes no file but the one that is meant, open to append', () => {
		const elsewhere = join(directory, 'other.log');
		writeFileSync(elsewhere, '');
		expect(openLogFile({ descriptor, path: elsewhere })).toBeUndefined();
		expect(openLogFile({ descriptor, path: join(directory, 'none.log') })).toBeUndefined();
		const written = openSync(path, 'r+');
		expect(openLogFile({ descriptor: written, path }) === undefined).toBe(existsSync('/proc/self/fdinfo'));
		closeSync(written);
	});

	it('counts the lines that could not be written, and tells of them once they can', () => {
		const file = open(5000);
		file.write(line(0));
		// a closed descriptor refuses as a full disk does
		closeSync(descriptor);
		for (let number = 1; number < 4; number++) file.write(line(number));
		expect(openSync(path, 'a')).toBe(descriptor);
		file.write(line(4));
		expect(said()).toEqual(['0', '3 lines of the log were lost: they could not be written', '4']);
	});
});
