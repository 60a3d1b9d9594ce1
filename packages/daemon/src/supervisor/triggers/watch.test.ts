import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@orch/base';
import { ManualClock, until } from '@orch/base/testing';
import { afterEach, expect, test } from 'vitest';
import { watchFiles } from './file-watcher.ts';
import { matcherOf } from './globs.ts';
import { FileTrigger, type OpenWatch } from './watch.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
	for (const clean of cleanups.splice(0).reverse()) clean();
});

/** A trigger whose files change as the test says, of a program that is up for as long. */
function trigger() {
	const clock = new ManualClock();
	const restarts: string[] = [];
	const troubles: (string | undefined)[] = [];
	const opened: Parameters<OpenWatch>[0][] = [];
	let isOpen = false;
	let startedAt = 0;
	let state: 'changing' | 'over' | 'running' = 'running';
	const files = new FileTrigger({
		clock,
		watch: { paths: ['/app/src'], ignore: ['*.log', 'dist/**'] },
		ownDirectory: '/state/',
		cwd: '/app',
		openWatch: (options) => {
			opened.push(options);
			isOpen = true;
			return {
				close: () => {
					isOpen = false;
				},
			};
		},
		program: {
			uptimeMs: () => (state === 'running' ? clock.monotonicMs() - startedAt : state),
			restart: (reason) => {
				restarts.push(reason);
				startedAt = clock.monotonicMs();
			},
			onTrouble: (trouble) => troubles.push(trouble),
		},
	});
	return {
		clock,
		files,
		restarts,
		troubles,
		change: (path: string) => opened.at(-1)?.onChange(path),
		isIgnored: (path: string) => opened.at(-1)?.isIgnored(path),
		isOpen: () => isOpen,
		be: (now: typeof state) => {
			state = now;
		},
	};
}

test('what changes together is one restart, which names the file that changed first', async () => {
	const { clock, files, restarts, change } = trigger();
	files.begin();
	change('/app/src/a.js');
	await clock.advance(200);
	change('/app/src/b.js');
	await clock.advance(299);
	expect(restarts).toEqual([]);
	await clock.advance(1);
	expect(restarts).toEqual(['src/a.js and 1 more file changed']);
	await clock.advance(10_000);
	change('/app/src/a.js');
	await clock.advance(300);
	expect(restarts).toEqual(['src/a.js and 1 more file changed', 'src/a.js changed']);
	expect(files.facts).toMatchObject({ restarts: 2, suspended: undefined, last: { file: 'src/a.js' } });
});

test('changes that never cease are not waited out for ever', async () => {
	const { clock, files, restarts, change } = trigger();
	files.begin();
	for (let at = 0; at < 150; at++) {
		change(`/app/src/${at}`);
		await clock.advance(100);
	}
	expect(restarts).toEqual(['src/0 and 99 more files changed']);
});

test('supervision 3.1.21: a program that writes into what is watched is restarted a few times, then its watch is suspended with the reason', async () => {
	const { clock, files, restarts, troubles, change, isOpen } = trigger();
	files.begin();
	change('/app/src/a.js');
	for (let at = 0; at < 20; at++) {
		await clock.advance(300);
		if (isOpen()) change('/app/src/out.txt');
	}
	expect(restarts).toHaveLength(5);
	expect(isOpen()).toBe(false);
	expect(files.facts.suspended).toContain('a change of src/out.txt within 3s');
	expect(troubles).toEqual([`its watch is suspended until the next start by command: ${files.facts.suspended}`]);
	expect(clock.pending).toBe(0);
	// nothing but a command lifts it
	files.begin();
	expect(isOpen()).toBe(false);
	files.commanded();
	files.begin();
	expect(isOpen()).toBe(true);
	expect(troubles.at(-1)).toBeUndefined();
	change('/app/src/a.js');
	await clock.advance(300);
	expect(restarts).toHaveLength(6);
});

test('what a program writes when it ends counts as its own, what comes later than that does not', async () => {
	const { clock, files, change, be, isOpen, restarts } = trigger();
	files.begin();
	change('/app/src/a.js');
	be('over');
	for (let at = 0; at < 20; at++) {
		await clock.advance(300 + 3_000);
		change('/app/src/a.js');
	}
	expect({ open: isOpen(), restarts: restarts.length }).toEqual({ open: true, restarts: 20 });
	for (const state of ['over', 'changing', 'over', 'changing', 'over'] as const) {
		be(state);
		await clock.advance(300);
		change('/app/src/state.json');
	}
	await clock.advance(300);
	expect(isOpen()).toBe(false);
});

test('somebody who saves often, but not that often, is not taken for a loop', async () => {
	const { clock, files, restarts, change } = trigger();
	files.begin();
	for (let at = 0; at < 20; at++) {
		change('/app/src/a.js');
		await clock.advance(300 + 3_000);
	}
	expect(restarts).toHaveLength(20);
});

test('what is left out triggers nothing: patterns, histories, what editors write beside a file, and our own state', () => {
	const { files, isIgnored } = trigger();
	files.begin();
	const ignored = ['a.log', 'deep/b.log', 'dist/x', 'dist/y/z', '.git/HEAD', 'node_modules/m/i.js', 'a.js~', '.a.js.swp', '4913'];
	expect(ignored.filter((path) => !isIgnored(`/app/src/${path}`))).toEqual([]);
	expect(isIgnored('/state/logs/x/stdout.log')).toBe(true);
	expect(['', 'a.js', 'lib/dist/x', 'log', 'a.logs'].filter((path) => isIgnored(join('/app/src', path)))).toEqual([]);
});

test('patterns mean what they mean elsewhere', () => {
	const matches = (pattern: string, path: string) => matcherOf([pattern])(path);
	expect(matches('*.js', 'a/b/c.js')).toBe(true);
	expect(matches('/*.js', 'a/c.js')).toBe(false);
	expect(matches('/*.js', 'c.js')).toBe(true);
	expect(matches('a/**/c', 'a/c')).toBe(true);
	expect(matches('a/**/c', 'a/b/b/c/d')).toBe(true);
	expect(matches('**/*.{js,ts}', 'x/y.ts')).toBe(true);
	expect(matches('**/*.{js,ts}', 'x/y.tsx')).toBe(false);
	expect(matches('[ab]?.c', 'b1.c')).toBe(true);
	expect(matches('[!ab]?.c', 'b1.c')).toBe(false);
	expect(matches('tmp/', 'x/tmp/y')).toBe(true);
	expect(matches('a.c', 'abc')).toBe(false);
	expect(matches('(x', '(x')).toBe(true);
	expect(matches('', 'anything')).toBe(false);
});

test('supervision 3.1.21: an editor that saves by renaming, and a burst of a thousand files, are one restart each', async () => {
	const directory = realpathSync(mkdtempSync(join(tmpdir(), 'orch-watch-')));
	cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
	const tree = join(directory, 'tree');
	mkdirSync(tree);
	writeFileSync(join(tree, 'app.js'), 'one');
	const seen = new Set<string>();
	const restarts: string[] = [];
	const files = new FileTrigger({
		clock: systemClock,
		// longer than anything that belongs together takes, on a slow machine too
		watch: { paths: [tree], quietMs: 2_000 },
		ownDirectory: `${directory}/state/`,
		cwd: tree,
		openWatch: (options) =>
			watchFiles({
				...options,
				onChange: (path) => {
					seen.add(path);
					if (path !== probe) options.onChange(path);
				},
			}),
		program: { uptimeMs: () => 1e9, restart: (reason) => restarts.push(reason), onTrouble: () => {} },
	});
	cleanups.push(() => files.end());
	const probe = join(tree, 'probe');
	let written = 0;
	files.begin();
	await until('the watcher', () => {
		writeFileSync(probe, String(written++));
		return seen.has(probe);
	});

	writeFileSync(join(tree, 'app.js.new'), 'two');
	renameSync(join(tree, 'app.js.new'), join(tree, 'app.js'));
	await until('the restart', () => restarts.length > 0);
	expect(restarts).toHaveLength(1);
	for (let at = 0; at < 1_000; at++) writeFileSync(join(tree, `file-${at}`), 'x');
	await until('the restart', () => restarts.length > 1);
	expect(restarts).toEqual([restarts[0], expect.stringMatching(/^file-\d+ and 999 more files changed$/)]);
}, 60_000);
