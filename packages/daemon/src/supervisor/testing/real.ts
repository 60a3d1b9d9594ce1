/** A supervisor of real processes in a directory of its own, of which nothing outlives the test. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLogger, systemClock, systemRandom } from '@orch/base';
import { until } from '@orch/base/testing';
import { Cgroups } from '../cgroups.ts';
import type { Prepare } from '../ports.ts';
import { isDead, listPids, readStat, readVariable } from '../proc-scan.ts';
import { cookieName } from '../process-set.ts';
import type { RuntimeSnapshot, RuntimeStatus, SupervisorEvent } from '../snapshot.ts';
import { defaultRestart, defaultStop, type RuntimeSpec } from '../spec.ts';
import { createSupervisor } from '../supervisor.ts';
import { createMemoryJournal, type MemoryJournal } from './memory-journal.ts';

/** The interpreter itself, not what may stand in front of it. */
export const python = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();

export const fixture = (name: string): string =>
	fileURLToPath(new URL(`../../../../../test/fixtures/processes/${name}`, import.meta.url));

export type Real = ReturnType<typeof superviseReally>;

export function superviseReally(
	prepare: Prepare = () => ({ env: {}, ready: undefined }),
	/** What an earlier supervisor had, that is taken over. */
	{
		directory = mkdtempSync(join(tmpdir(), 'orch-real-')),
		journal = createMemoryJournal(),
		cgroups = new Cgroups(),
	}: { readonly directory?: string; readonly journal?: MemoryJournal; readonly cgroups?: Cgroups } = {},
) {
	const ended: [string, number][] = [];
	const supervisor = createSupervisor(
		{
			clock: systemClock,
			random: systemRandom,
			log: silentLogger,
			stateDirectory: directory,
			journal,
			prepare,
			ended: (id, generation) => ended.push([id, generation]),
		},
		cgroups,
	);
	const events: SupervisorEvent[] = [];
	const processIds = new Set<string>();
	supervisor.events.subscribe((event) => {
		events.push(event);
		if (event.kind !== 'changed') return;
		const processId = supervisor.find(event.id)?.processId;
		if (processId !== undefined) processIds.add(processId);
	});
	const notes = join(directory, 'notes');
	return {
		supervisor,
		directory,
		journal,
		events,
		ended,
		notes,
		cgroups,
		/** Of every process so far: by what `living` finds them. */
		processIds,
		/** Registers a program; its policy never restarts and gives a short grace, unless told otherwise. */
		add(program: string, args: readonly string[], wish: Partial<RuntimeSpec> = {}): string {
			const id = systemRandom.uuid();
			supervisor.add({
				id,
				name: `runtime-${id.slice(-4)}`,
				program,
				args,
				cwd: directory,
				env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
				priority: 'normal',
				privileged: false,
				restart: { ...defaultRestart, when: 'no' },
				stop: { ...defaultStop, graceMs: 150 },
				...wish,
			});
			return id;
		},
		/** Registers a family (see test/fixtures/processes/family.py). */
		addFamily(role: string, argument = '', wish: Partial<RuntimeSpec> = {}): string {
			return this.add(python, ['-S', fixture('family.py'), notes, role, argument], wish);
		},
		/** The pids that noted themselves as `who`, once there are so many. */
		noted: (who: string, count = 1): Promise<number[]> =>
			until(`${count} noted as ${who}`, () => {
				const pids = readNotes(notes).flatMap((note) => (note.who === who ? [note.pid] : []));
				return pids.length >= count ? pids : undefined;
			}),
		notesOf: () => readNotes(notes),
		status: (id: string, status: RuntimeStatus): Promise<RuntimeSnapshot> =>
			until(`status ${status}`, () => {
				const snapshot = supervisor.snapshot(id);
				return snapshot.status === status ? snapshot : undefined;
			}),
		/** Everything alive that carries the cookie of any process of this supervisor. */
		living: (): number[] => listPids().filter((pid) => processIds.has(readVariable(pid, cookieName) ?? '') && isAlive(pid)),
		async close(): Promise<void> {
			await supervisor.stopAll({ graceMs: 0 });
			await supervisor.close();
			for (const { pid } of readNotes(notes)) if (isAlive(pid)) throw new Error(`pid ${pid} outlived its test`);
			rmSync(directory, { recursive: true, force: true });
		},
	};
}

export function isAlive(pid: number): boolean {
	const stat = readStat(pid);
	return stat !== undefined && !isDead(stat);
}

function readNotes(path: string): { readonly who: string; readonly pid: number }[] {
	if (!existsSync(path)) return [];
	const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
	return lines.map((line) => ({ who: line.split(' ')[0] ?? '', pid: Number(line.split(' ')[1]) }));
}
