/** Whether orchd will find an SQLite here: npm skips what it cannot build or fetch for better-sqlite3, and ends well all the same. */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** From this version on Node brings its own, as orchd takes it. */
const firstNodeWithSqlite = 24;

function openBetterSqlite() {
	const Database = require('better-sqlite3');
	// its binary is loaded by the first database
	new Database(':memory:').close();
}

/** What is wrong, and what would do; undefined where nothing is. */
export function sqliteFault({ node = process.versions.node, open = openBetterSqlite } = {}) {
	if (Number.parseInt(node, 10) >= firstNodeWithSqlite) return undefined;
	try {
		open();
		return undefined;
	} catch (error) {
		return [
			`orchd cannot start on this Node (${node}): it has no SQLite of its own, and better-sqlite3 was neither built nor fetched at install`,
			`  ${String(error instanceof Error ? error.message : error).split('\n')[0]}`,
			`hint: npm_config_nodedir=DIRECTORY npm rebuild better-sqlite3, where that has Node's headers (include/node), or Node ${firstNodeWithSqlite} or later`,
		].join('\n');
	}
}
