/** The census of this machine, by /proc. */
import { nextTurn } from '@orch/base';
import { cookieName } from '../process-set.ts';
import { listPids, readUsage, readVariable } from '../proc-scan.ts';
import { Census } from './census.ts';

/** Undefined where there is no /proc. */
export function createCensus(): Census | undefined {
	const pageBytes = pageSize();
	if (pageBytes === undefined) return undefined;
	return new Census({
		pids: listPids,
		usage: readUsage,
		cookie: (pid) => readVariable(pid, cookieName),
		pageBytes,
		self: process.pid,
		breathe: nextTurn,
	});
}

/** Node does not tell it: what it says of our own memory in bytes, and /proc in pages, comes nearest to one of the sizes there are. */
function pageSize(): number | undefined {
	const pages = readUsage(process.pid)?.residentPages;
	if (!pages) return undefined;
	return 2 ** Math.round(Math.log2(process.memoryUsage.rss() / pages));
}
