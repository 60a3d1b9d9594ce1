#!/usr/bin/env node
/**
 * Imports run one way, through doors; time and chance come in as parameters. Reads the rules below; fails with file:line,
 * the rule and the way out. `node scripts/check-architecture.mjs [root]`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What each package may import of the others, by name. */
const packages = {
	base: [],
	protocol: [],
	router: ['@orch/base', '@orch/base/json-schema', '@orch/protocol', '@orch/protocol/data', '@orch/protocol/wire'],
	daemon: [
		'@orch/base',
		'@orch/base/json-schema',
		'@orch/base/pattern',
		'@orch/base/text',
		'@orch/protocol',
		'@orch/protocol/wire',
	],
	cli: ['@orch/base/directory', '@orch/base/pattern', '@orch/base/text', '@orch/protocol', '@orch/protocol/wire'],
	sdk: ['@orch/protocol/data'],
};

/** Rooms of the daemon: what each may import, and which packages. `daemon` and `main` are the composition root. */
const rooms = {
	store: { rooms: [], packages: ['@orch/base'] },
	supervisor: { rooms: [], packages: ['@orch/base', '@orch/base/pattern'] },
	links: { rooms: [], packages: ['@orch/base'] },
	binaries: { rooms: [], packages: ['@orch/base'] },
	projects: { rooms: [], packages: ['@orch/base', '@orch/base/text'] },
	control: {
		rooms: ['supervisor', 'links', 'binaries', 'projects'],
		packages: ['@orch/base', '@orch/base/text', '@orch/protocol', '@orch/protocol/wire'],
	},
	wiring: {
		rooms: ['store', 'supervisor', 'links', 'binaries', 'projects', 'control', 'project-files'],
		packages: ['@orch/base', '@orch/base/text', '@orch/protocol', '@orch/protocol/wire'],
	},
	daemon: {
		rooms: ['store', 'supervisor', 'links', 'binaries', 'projects', 'control', 'wiring'],
		packages: ['@orch/base', '@orch/protocol', '@orch/protocol/wire'],
	},
	main: { rooms: ['daemon', 'control'], packages: ['@orch/base', '@orch/protocol', '@orch/protocol/wire'] },
	'project-files': {
		rooms: ['projects', 'supervisor', 'links'],
		packages: ['@orch/base', '@orch/base/json-schema', '@orch/protocol/wire'],
	},
	'project-check': { rooms: ['projects', 'project-files'], packages: [] },
	orchestrator: { rooms: ['daemon', 'project-check'], packages: ['@orch/base', '@orch/protocol', '@orch/protocol/wire'] },
	index: { rooms: ['orchestrator'], packages: [] },
};

/** Files that may read a clock or set a timer, and those that may draw chance: the SDK has no package below it. */
const clocks = ['packages/base/src/clock.ts', 'packages/sdk/src/clock.ts', 'packages/cli/src/clock.ts'];
const chances = ['packages/base/src/random.ts', 'packages/sdk/src/clock.ts'];
const clockPattern = /\b(?:Date\.now|performance\.now|process\.hrtime)\b|(?<![.\w])set(?:Timeout|Interval)\b|\bnew Date\(\)/g;
const chancePattern = /\bMath\.random\b|\brandomUUID\b/g;
const importPattern =
	/(?:^|\n)[ \t]*(?:import|export)\s(?:[^'";]*?\sfrom\s)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

export function checkArchitecture(root) {
	const problems = [];
	const graph = new Map();
	for (const [name, allowed] of Object.entries(packages)) {
		const source = join(root, 'packages', name, 'src');
		for (const file of sources(source)) {
			const text = readFileSync(file, 'utf8');
			const path = relative(root, file).split(sep).join('/');
			const testing = path.includes('/testing/') || path.endsWith('.test.ts');
			const at = (index) => `${path}:${text.slice(0, index + 1).split('\n').length}`;
			if (!testing) {
				checkWords(
					text,
					clocks.includes(path) ? undefined : clockPattern,
					at,
					'reads time or sets a timer: take a Clock as a parameter',
					problems,
				);
				checkWords(
					text,
					chances.includes(path) ? undefined : chancePattern,
					at,
					'draws chance: take a Random as a parameter',
					problems,
				);
			}
			for (const match of text.matchAll(importPattern)) {
				const target = match[1] ?? match[2];
				const where = at(match.index + match[0].length - 1);
				if (target.startsWith('@orch/')) {
					const room = name === 'daemon' ? roomOf(source, file) : undefined;
					const may = (room === undefined ? allowed : (rooms[room]?.packages ?? [])).concat(
						testing ? ['@orch/base/testing', '@orch/base', '@orch/protocol', '@orch/protocol/data', '@orch/protocol/wire'] : [],
					);
					if (!may.includes(target))
						problems.push(`${where} ${room ?? name} may not import ${target}: it may import ${may.join(', ') || 'no package'}`);
				} else if (target.startsWith('.')) {
					const resolved = resolve(dirname(file), target);
					graph.set(file, [...(graph.get(file) ?? []), resolved]);
					if (relative(source, resolved).startsWith('..'))
						problems.push(`${where} leaves its package: import ${target} by the package's name`);
					else if (name === 'daemon' && !testing) checkRooms(source, file, resolved, where, problems);
				} else if (name === 'protocol' && !testing && target.startsWith('node:')) {
					problems.push(`${where} protocol may not import ${target}: it is for any platform`);
				} else if (path.endsWith('.machine.ts') && target.startsWith('node:')) {
					problems.push(`${where} a machine may not import ${target}: it is pure`);
				}
			}
		}
	}
	findCycles(graph, root, problems);
	return problems;
}

function checkWords(text, pattern, at, rule, problems) {
	if (!pattern) return;
	for (const match of text.matchAll(pattern)) {
		const line = text.slice(text.lastIndexOf('\n', match.index) + 1, match.index);
		// a word in a comment does nothing
		if (/^\s*(?:\/\/|\*|\/\*)/.test(line) || line.includes('// ')) continue;
		problems.push(`${at(match.index)} ${match[0]} ${rule}`);
	}
}

function checkRooms(source, file, resolved, where, problems) {
	const from = roomOf(source, file);
	const to = roomOf(source, resolved);
	if (from === to) return;
	const rule = rooms[from];
	if (!rule) problems.push(`${where} ${from} is not a room: add it to scripts/check-architecture.mjs with what it may import`);
	else if (!rule.rooms.includes(to))
		problems.push(`${where} ${from} may not import ${to}: it may import ${rule.rooms.join(', ') || 'no other room'}`);
	else if (basename(resolved) !== 'index.ts' && relative(source, resolved).includes(sep))
		problems.push(`${where} imports ${relative(source, resolved)}: go through ${to}/index.ts`);
}

const roomOf = (source, file) => relative(source, file).split(sep)[0].replace(/\.ts$/, '');

function sources(directory) {
	return readdirSync(directory, { recursive: true })
		.filter((name) => name.endsWith('.ts'))
		.map((name) => join(directory, name));
}

function findCycles(graph, root, problems) {
	const state = new Map();
	const visit = (file, trail) => {
		if (state.get(file) === 'done') return;
		if (state.get(file) === 'open') {
			problems.push(
				`import cycle: ${[...trail.slice(trail.indexOf(file)), file].map((name) => relative(root, name)).join(' -> ')}`,
			);
			return;
		}
		state.set(file, 'open');
		for (const next of graph.get(file) ?? []) visit(next, [...trail, file]);
		state.set(file, 'done');
	};
	for (const file of graph.keys()) visit(file, []);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const problems = checkArchitecture(resolve(process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url))));
	console.log(problems.join('\n') || 'architecture: ok');
	process.exitCode = problems.length > 0 ? 1 : 0;
}
