#!/usr/bin/env node
/** Writes schema/orch.schema.json, the JSON Schema of project files, from its declaration; with --check fails where it differs. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { fileURLToPath } from 'node:url';
import { publishedSchema } from '../packages/daemon/dist/projects/load/index.js';

const path = fileURLToPath(new URL('../schema/orch.schema.json', import.meta.url));
const schema = JSON.parse(JSON.stringify(publishedSchema()));
if (!process.argv.includes('--check')) {
	mkdirSync(fileURLToPath(new URL('../schema', import.meta.url)), { recursive: true });
	writeFileSync(path, JSON.stringify(schema));
	const biome = fileURLToPath(new URL('../node_modules/@biomejs/biome/bin/biome', import.meta.url));
	spawnSync(process.execPath, [biome, 'format', '--write', path], { stdio: ['ignore', 'ignore', 'inherit'] });
}
if (isDeepStrictEqual(read(path), schema)) console.log('schema: ok');
else {
	console.error('schema/orch.schema.json is not what the declaration says: run node scripts/generate-schema.mjs');
	process.exitCode = 1;
}

function read(file) {
	try {
		return JSON.parse(readFileSync(file, 'utf8'));
	} catch {
		return undefined;
	}
}
