/** Changes orchd's database behind its back, as a defect or another version would have left it. */
import { spawnSync } from 'node:child_process';
import { repository } from './bundles.ts';

/**
 * By a process that ends without closing it, as a daemon that is killed does: closing would play the log into the database, and
 * what is to be seen is what becomes of that.
 */
export function changeDatabase(path: string, sql: string): void {
	const script = `
		const { createRequire } = require('node:module');
		const Database = createRequire(${JSON.stringify(`${repository}/packages/daemon/package.json`)})('better-sqlite3');
		new Database(${JSON.stringify(path)}).exec(${JSON.stringify(sql)});
		process.stdout.write('done', () => process.kill(process.pid, 'SIGKILL'));
		setInterval(() => {}, 1_000);`;
	const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
	if (stdout !== 'done') throw new Error(`Cannot change ${path}: ${stderr}`);
}
