#!/usr/bin/env node
/** Writes docs/reference from the declarations; with --check fails where what is there differs. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { api, errorsPage, operationsPage } from '@orch/protocol';

const pages = { 'operations.md': operationsPage(api), 'errors.md': errorsPage() };
const stale = [];
for (const [name, text] of Object.entries(pages)) {
	const path = fileURLToPath(new URL(`../docs/reference/${name}`, import.meta.url));
	if (!process.argv.includes('--check')) writeFileSync(path, text);
	else if (read(path) !== text) stale.push(name);
}
if (stale.length > 0) {
	console.error(`docs/reference is not what the declarations say (${stale.join(', ')}): run node scripts/generate-reference.mjs`);
	process.exitCode = 1;
} else {
	console.log('reference: ok');
}

function read(path) {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return undefined;
	}
}
