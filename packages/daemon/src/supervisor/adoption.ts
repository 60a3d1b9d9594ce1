/** Takes up what earlier daemons launched: reads their records, and watches over those who live, who are nobody's children here. */
import { type FSWatcher, statSync, watch } from 'node:fs';
import type { Clock, Logger, Timer } from '@orch/base';
import { type ExitStatus, readExitRecord, readLaunch } from './exit-record.ts';
import type { Adoption, Identity, Launched, Recorded } from './ports.ts';
import { bootId, isDead, listPids, readStat } from './proc-scan.ts';
import { type ProcessRecord, ProcessRecords, type ReadRecord } from './process-record.ts';
import type { ProcessTable } from './process-table.ts';
import { settleLeftovers } from './settle.ts';

export interface AdoptionOptions {
	readonly stateDirectory: string;
	/** Of the same directory, shared with whoever launches. */
	readonly records?: ProcessRecords;
	readonly clock: Clock;
	readonly log: Logger;
	readonly table: ProcessTable;
}

/** A launch whose daemon died is over within this: its shim finds the word or the end of file at once. */
const launchMs = 5_000;
const lookEveryMs = 5;
/** The system tells of changed records; who is killed together with his shim is found by asking. So much per process, 1 s at least. */
const askMsPerProcess = 20;
const askAtLeastMs = 1_000;
/** From the last line of a record to the end of its shim. */
const shimEndMs = 2_000;

interface Watched {
	readonly processId: string;
	readonly root: Identity;
	readonly killed: () => boolean;
	readonly listener: (status: ExitStatus) => void;
}

export function createAdoption(options: AdoptionOptions): Adoption {
	const { clock, log, table } = options;
	const { records = new ProcessRecords(options.stateDirectory) } = options;
	const watched = new Map<string, Watched>();
	const leaving = new Set<string>();
	/** What `recorded` has read, until what is nobody's of it is settled. */
	let read: readonly ReadRecord[] = [];
	let watcher: FSWatcher | undefined;
	let timer: Timer | undefined;

	const lives = ({ pid, startTicks }: Identity): boolean => table.identify(pid)?.startTicks === startTicks;

	const over = (one: Watched) => {
		const status = readExitRecord(records.readShim(one.processId), one.killed());
		watched.delete(one.processId);
		if (watched.size === 0) rest();
		one.listener(status);
	};
	/** Its record says that it has ended, or somebody asks whether it has. */
	const look = async (one: Watched) => {
		if (!lives(one.root)) {
			over(one);
			return;
		}
		if (leaving.has(one.processId) || !readLaunch(records.readShim(one.processId)).hasEnded) return;
		leaving.add(one.processId);
		const deadline = clock.monotonicMs() + shimEndMs;
		try {
			while (lives(one.root) && clock.monotonicMs() < deadline) await clock.sleep(lookEveryMs);
		} finally {
			leaving.delete(one.processId);
		}
		if (watched.get(one.processId) === one) over(one);
	};
	/** It is asked about again, as all are. */
	const notSeen = (error: unknown) => log.error('an adopted process was not looked at', { error });
	const lookAt = (one: Watched) => void look(one).catch(notSeen);
	const overIfGone = (one: Watched) => {
		try {
			if (!lives(one.root)) over(one);
		} catch (error) {
			notSeen(error);
		}
	};
	const ask = () => {
		timer = clock.setTimer(
			Math.max(askAtLeastMs, watched.size * askMsPerProcess),
			() => {
				for (const one of [...watched.values()]) overIfGone(one);
				if (watched.size > 0) ask();
			},
			{ background: true },
		);
	};
	const begin = () => {
		try {
			watcher = watch(records.directory, { persistent: false }, (_event, name) => {
				const one = name === null ? undefined : watched.get(name);
				if (one) lookAt(one);
			});
			watcher.on('error', (error) => log.warn('records are not watched any more', { error }));
		} catch (error) {
			// then asking has to do
			log.warn('records cannot be watched', { error });
		}
		ask();
	};
	const rest = () => {
		watcher?.close();
		timer?.cancel();
		watcher = timer = undefined;
	};

	return {
		recover() {
			// where there is no /proc nobody can be asked
			const recovered = records.recover(readStat(process.pid) ? listPids() : []);
			if (recovered.length > 0) log.warn('records of processes were gone, and were written again', { processes: recovered });
			return recovered.length;
		},
		async recorded() {
			this.recover();
			const found = new Map<string, Recorded>();
			const underWay = (all: readonly ReadRecord[]): string[] =>
				all.flatMap(({ processId, record, shim }) => {
					if (!record) return [];
					const one = recordedOf(record, shim, records, lives);
					found.set(processId, one);
					return one.rootLives && !one.launch.isLetGo ? [processId] : [];
				});
			const deadline = clock.monotonicMs() + launchMs;
			read = records.list().map((processId) => records.read(processId));
			let open = underWay(read);
			// a shim that has not come to its program yet finds that nobody is there any more
			while (open.length > 0 && clock.monotonicMs() < deadline) {
				await clock.sleep(lookEveryMs);
				open = underWay(open.map((processId) => records.read(processId)));
			}
			// who lives nevertheless has got its word, and could not write it down: the end of file ends all others
			for (const processId of open) {
				const one = found.get(processId);
				if (one) found.set(processId, { ...one, launch: { ...one.launch, isLetGo: true } });
			}
			return [...found.values()];
		},

		settle(known) {
			const nobodys = read.filter(({ record }) => record === undefined || !known.has(record.runtimeId));
			read = [];
			return settleLeftovers(nobodys, { records, clock, log, table });
		},

		adopt({ record, launch }): Launched {
			const root = { pid: record.pid, startTicks: record.startTicks };
			const program = launch.pid === undefined ? root : programOf(root, launch.pid);
			return {
				root,
				program,
				cgroup: record,
				warnings: [],
				onExit(killed, listener) {
					const one: Watched = { processId: record.processId, root, killed, listener };
					if (watched.size === 0) begin();
					watched.set(one.processId, one);
					// it may have ended before the watch was there
					queueMicrotask(() => watched.get(one.processId) === one && lookAt(one));
				},
				release() {
					watched.delete(record.processId);
					if (watched.size === 0) rest();
				},
			};
		},

		drop(processId) {
			try {
				records.drop(processId);
			} catch (error) {
				log.warn('record not removed', { process: processId, error });
			}
		},
		close() {
			rest();
			records.close();
		},
	};
}

/** The shim's child. Where that has ended the number may be somebody else's: then it gets a start at which no process starts. */
function programOf(root: Identity, pid: number): Identity {
	const stat = readStat(pid);
	const isOurs = stat !== undefined && !isDead(stat) && stat.parent === root.pid;
	return { pid, startTicks: isOurs ? stat.startTicks : 0 };
}

/** `text` is what the shim had written when it was read. */
function recordedOf(record: ProcessRecord, text: string, records: ProcessRecords, lives: (root: Identity) => boolean): Recorded {
	const isThisBoot = record.bootId === bootId();
	const rootLives = isThisBoot && lives({ pid: record.pid, startTicks: record.startTicks });
	// it may have ended since: only what is read after that is its last word
	const said = isThisBoot && !rootLives ? records.readShim(record.processId) : text;
	return {
		record,
		launch: readLaunch(said),
		isThisBoot,
		rootLives,
		statusIf: (killed) => readExitRecord(said, killed),
		changedAt: changedAt(records.path(record.processId)) ?? record.launchedAt,
	};
}

/** Of the last line, which is that of the end once there is one. */
function changedAt(path: string): number | undefined {
	try {
		return statSync(path).mtimeMs;
	} catch {
		return undefined;
	}
}
