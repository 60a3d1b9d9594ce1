/** Ends what an earlier daemon left running: before this one starts anything, so that nothing ever runs twice. */
import type { Clock, Logger } from '@orch/base';
import { Ending } from './ending.ts';
import { readProgramPid } from './exit-record.ts';
import { bootId } from './proc-scan.ts';
import type { SettleReport } from './ports.ts';
import type { ProcessRecords, ReadRecord } from './process-record.ts';
import { createProcessSet, type ProcessSet } from './process-set.ts';
import type { ProcessTable } from './process-table.ts';
import type { Escaped } from './snapshot.ts';
import { defaultStop, isSignal } from './spec.ts';

export interface SettleOptions {
	readonly records: ProcessRecords;
	readonly clock: Clock;
	readonly log: Logger;
	readonly table: ProcessTable;
}

/** Where the daemon died before its record was written the cookie has to do. */
interface Leftover extends ReadRecord {
	readonly set: ProcessSet;
}

/**
 * Resolves when nothing of the recorded processes is left, all of them ended within one grace. Identity is pid, start time and
 * boot; where the root of a process is gone, only its cookie and its output say what belongs to it, for its group may be
 * someone else's by now.
 */
export async function settleLeftovers(read: readonly ReadRecord[], options: SettleOptions): Promise<SettleReport> {
	const { records, log, table } = options;
	const leftovers = read.map((one) => leftoverOf(one, table));
	const ours = leftovers.filter(({ record }) => record === undefined || record.bootId === bootId());
	for (const { set } of ours) table.register(set);
	const members = await Promise.all(ours.map(({ set }) => table.members(set)));
	const living = ours.filter((_leftover, index) => (members[index]?.length ?? 0) > 0);
	const stopped = living.map(({ processId, record, shim, set }) => ({
		runtimeId: record?.runtimeId ?? '',
		name: record?.runtimeName ?? processId,
		pid: readProgramPid(shim) ?? record?.pid ?? [...set.known.keys()][0] ?? 0,
	}));
	const escaped = await Promise.all(living.map((leftover) => endLeftover(leftover, options, table)));
	for (const { set } of ours) table.unregister(set);
	for (const { processId, set } of leftovers) {
		const index = living.findIndex((one) => one.processId === processId);
		if (index !== -1 && escaped[index]?.length !== 0) continue;
		try {
			records.drop(processId);
			table.removeCgroup?.(set);
		} catch (error) {
			// whatever stands there, nothing of it lives
			log.warn('record not removed', { process: processId, error });
		}
	}
	for (const { runtimeId, name, pid } of stopped)
		log.warn('stopped what an earlier daemon had left running', { runtimeId, runtime: name, processPid: pid });
	if (escaped.flat().length > 0) log.error('could not end what an earlier daemon had left running', { escaped: escaped.flat() });
	return { stopped, escaped: escaped.flat(), gone: leftovers.length - living.length };
}

function leftoverOf(read: ReadRecord, table: ProcessTable): Leftover {
	const { processId, record } = read;
	const root = record && { pid: record.pid, startTicks: record.startTicks };
	const set = createProcessSet({ processId, root, outputDirectory: record?.outputDirectory, cgroup: record });
	set.holdsGroup = root !== undefined && table.identify(root.pid)?.startTicks === root.startTicks;
	// nobody tells us of its end: what the looks find is all there is
	set.exited = true;
	return { ...read, set };
}

function endLeftover({ record, set }: Leftover, options: SettleOptions, table: ProcessTable): Promise<readonly Escaped[]> {
	const { signal, graceMs } = record?.stop ?? defaultStop;
	return new Promise((resolve) => {
		new Ending({
			clock: options.clock,
			log: options.log,
			table,
			sets: [set],
			signal: isSignal(signal) ? signal : defaultStop.signal,
			graceMs,
			onOver: resolve,
		}).begin();
	});
}
