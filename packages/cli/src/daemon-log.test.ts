import { appendFileSync, copyFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '@orch/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { followLog, lastRawLines } from './daemon-log.ts';
import { runCli } from './testing/run-cli.ts';

let directory: string;
let file: string;
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), 'orch-daemon-log-'));
	file = join(directory, 'orchd.log');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => `line ${from + at}`);
const text = (from: number, to: number) =>
	lines(from, to)
		.map((line) => `${line}\n`)
		.join('');

/** As orchd does it. */
function rotate(): void {
	copyFileSync(file, `${file}.1`);
	truncateSync(file, 0);
}

describe('the last lines', () => {
	it('go back into what was moved out of the file, in order', () => {
		writeFileSync(`${file}.2`, text(0, 10));
		writeFileSync(`${file}.1`, text(10, 20));
		writeFileSync(file, text(20, 23));
		expect(lastRawLines(file, 2).lines).toEqual(lines(21, 23));
		expect(lastRawLines(file, 5).lines).toEqual(lines(18, 23));
		expect(lastRawLines(file, 15).lines).toEqual(lines(8, 23));
		expect(lastRawLines(file, 100)).toEqual({ lines: lines(0, 23), end: text(20, 23).length });
		expect(lastRawLines(file, 0).lines).toEqual([]);
	});

	it('of one start are only those behind where it was then, also when the file was emptied since', () => {
		writeFileSync(`${file}.1`, text(0, 5));
		writeFileSync(file, text(5, 8));
		expect(lastRawLines(file, 10, text(5, 7).length).lines).toEqual(lines(7, 8));
		expect(lastRawLines(file, 10, 100_000).lines).toEqual(lines(5, 8));
	});
});

describe('a log that is followed', () => {
	async function follow() {
		const clock = new ManualClock(0);
		const ended = new AbortController();
		const seen: string[] = [];
		const done = (async () => {
			for await (const line of followLog(file, lastRawLines(file, 0).end, clock, ended.signal)) seen.push(line);
		})();
		await clock.advance(150);
		return {
			seen,
			look: () => clock.advance(150),
			async end() {
				ended.abort();
				await done;
			},
		};
	}

	it('loses no line when the file is emptied behind a copy, between two looks', async () => {
		writeFileSync(file, text(0, 5));
		const followed = await follow();
		appendFileSync(file, text(5, 7));
		await followed.look();
		expect(followed.seen).toEqual(lines(5, 7));
		// not looked at before it is moved, the last line in two parts
		appendFileSync(file, `${text(7, 9)}line `);
		await followed.look();
		appendFileSync(file, `9\n${text(10, 12)}`);
		rotate();
		appendFileSync(file, text(12, 13));
		await followed.look();
		expect(followed.seen).toEqual(lines(5, 13));
		await followed.end();
	});

	it('reads a file that was replaced from its start, and waits for one that is not there yet', async () => {
		const followed = await follow();
		writeFileSync(file, text(0, 2));
		await followed.look();
		expect(followed.seen).toEqual(lines(0, 2));
		writeFileSync(`${file}.new`, text(2, 9));
		renameSync(`${file}.new`, file);
		await followed.look();
		expect(followed.seen).toEqual(lines(0, 9));
		await followed.end();
	});
});

it('orch daemon logs --json gives an object a line, also of what the logger has not written', async () => {
	const logged = '{"level":"info","msg":"listening"}';
	writeFileSync(file, `${logged}\n(node:7) Warning: "x"\n[1]\n7\n`);
	const { out } = await runCli(['daemon', 'logs', '--json'], {
		socket: join(directory, 'o.sock'),
		env: { ORCH_HOME: directory },
	});
	const [first, ...others] = out.trimEnd().split('\n');
	expect(first).toBe(logged);
	expect(others.map((line) => JSON.parse(line))).toEqual([{ msg: '(node:7) Warning: "x"' }, { msg: '[1]' }, { msg: '7' }]);
});
