import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock } from '@orch/base';
import { until } from '@orch/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readProjectFile } from './load/read-file.ts';
import { SaveWatch } from './watch.ts';
import { createWatchFiles } from './watch-files.ts';

let directory: string;
const closing: (() => Promise<void>)[] = [];
beforeEach(() => {
	directory = realpathSync(mkdtempSync(join(tmpdir(), 'orch-watch-')));
});
afterEach(async () => {
	await Promise.all(closing.splice(0).map((close) => close()));
	rmSync(directory, { recursive: true, force: true });
});

/** Follows one file, and tells what it was at each save. */
async function follow(path: string) {
	const text = () => {
		const content = readProjectFile(path);
		return 'text' in content ? content.text : content.fault;
	};
	const saves: string[] = [];
	let changes = 0;
	const watchFiles = createWatchFiles(silentLogger);
	const watch = new SaveWatch(
		{
			clock: systemClock,
			watchFiles: (paths, changed) =>
				watchFiles(paths, () => {
					changes++;
					changed();
				}),
			look: () => ({ fingerprint: text(), isUnfinished: text() !== 'missing' && !text().endsWith('\n') }),
			saved: () => void saves.push(text()),
		},
		text(),
	);
	watch.follow([path]);
	closing.push(() => watch.close());
	await until('it is followed', () => changes > 0);
	return saves;
}

const last = (saves: readonly string[], text: string) =>
	until(`the last save is ${JSON.stringify(text)}`, () => saves.at(-1) === text);

describe('a file that is followed', () => {
	it('is seen when it is written in place, also when it is truncated first', async () => {
		const path = join(directory, 'orch.yaml');
		writeFileSync(path, 'a\n');
		const saves = await follow(path);
		writeFileSync(path, 'b\n');
		await last(saves, 'b\n');
		writeFileSync(path, '');
		writeFileSync(path, 'c\n');
		await last(saves, 'c\n');
		expect(saves).toEqual(['b\n', 'c\n']);
	});

	it('is seen when an editor writes another and renames it over, again and again', async () => {
		const path = join(directory, 'orch.yaml');
		writeFileSync(path, 'a\n');
		const saves = await follow(path);
		for (const text of ['b\n', 'c\n', 'd\n']) {
			writeFileSync(`${path}~`, text);
			renameSync(`${path}~`, path);
			await last(saves, text);
		}
		// as vim does: the old one is moved away, the new one is made
		renameSync(path, `${path}.bak`);
		writeFileSync(path, 'e\n');
		await last(saves, 'e\n');
		expect(saves).toEqual(['b\n', 'c\n', 'd\n', 'e\n']);
	});

	it('is seen once for a burst of a thousand saves', async () => {
		const path = join(directory, 'orch.yaml');
		writeFileSync(path, 'a\n');
		const saves = await follow(path);
		for (let count = 0; count < 1000; count++) writeFileSync(path, `${count}\n`);
		await last(saves, '999\n');
		expect(saves).toEqual(['999\n']);
	});

	it('is seen when it goes, and when it comes back', async () => {
		const path = join(directory, 'orch.yaml');
		writeFileSync(path, 'a\n');
		const saves = await follow(path);
		unlinkSync(path);
		await last(saves, 'missing');
		writeFileSync(path, 'b\n');
		await last(saves, 'b\n');
	});

	it('may be there only later', async () => {
		const path = join(directory, '.env');
		const saves = await follow(path);
		writeFileSync(path, 'A=1\n');
		await last(saves, 'A=1\n');
	});

	it('may stand in a directory that is a symbolic link', async () => {
		mkdirSync(join(directory, 'real'));
		symlinkSync(join(directory, 'real'), join(directory, 'link'));
		const path = join(directory, 'link', 'orch.yaml');
		writeFileSync(path, 'a\n');
		const saves = await follow(path);
		writeFileSync(path, 'b\n');
		await last(saves, 'b\n');
		writeFileSync(`${path}~`, 'c\n');
		renameSync(`${path}~`, path);
		await last(saves, 'c\n');
	});

	it('may be a symbolic link, to a file that is written elsewhere', async () => {
		mkdirSync(join(directory, 'real'));
		const real = join(directory, 'real', 'shop.yaml');
		const path = join(directory, 'orch.yaml');
		writeFileSync(real, 'a\n');
		symlinkSync(real, path);
		const saves = await follow(path);
		writeFileSync(real, 'b\n');
		await last(saves, 'b\n');
	});

	it('may be a symbolic link that is put in the place of another, as a deployment does', async () => {
		for (const version of ['1', '2']) {
			mkdirSync(join(directory, version));
			writeFileSync(join(directory, version, 'orch.yaml'), `${version}\n`);
		}
		const path = join(directory, 'orch.yaml');
		symlinkSync('1/orch.yaml', path);
		const saves = await follow(path);
		symlinkSync('2/orch.yaml', `${path}~`);
		renameSync(`${path}~`, path);
		await last(saves, '2\n');
		expect(saves).toEqual(['2\n']);
	});

	it('is not seen when another file beside it changes, or it is saved as it was', async () => {
		const path = join(directory, 'orch.yaml');
		writeFileSync(path, 'a\n');
		const saves = await follow(path);
		writeFileSync(join(directory, 'other.txt'), 'x');
		writeFileSync(path, 'a\n');
		writeFileSync(path, 'b\n');
		await last(saves, 'b\n');
		expect(saves).toEqual(['b\n']);
	});
});
