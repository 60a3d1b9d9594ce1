import { expect, it } from 'vitest';
import { sqliteFault } from './check-sqlite.mjs';

const missing = () => {
	throw new Error('Could not locate the bindings file. Tried:\n → /somewhere');
};

it('a Node without SQLite whose better-sqlite3 has no binary is told, with what would do', () => {
	expect(sqliteFault({ node: '20.19.0', open: missing })).toBe(
		[
			'orchd cannot start on this Node (20.19.0): it has no SQLite of its own, and better-sqlite3 was neither built nor fetched at install',
			'  Could not locate the bindings file. Tried:',
			"hint: npm_config_nodedir=DIRECTORY npm rebuild better-sqlite3, where that has Node's headers (include/node), or Node 24 or later",
		].join('\n'),
	);
});

it('one that has an SQLite is fine, and is not asked for another', () => {
	expect(sqliteFault({ node: '24.0.0', open: missing })).toBeUndefined();
	expect(sqliteFault({ node: '22.12.0', open: () => {} })).toBeUndefined();
	expect(sqliteFault()).toBeUndefined();
});
