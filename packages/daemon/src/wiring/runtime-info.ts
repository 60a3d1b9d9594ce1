/** A supervisor's snapshot of a runtime as clients see it. */
import { shortId } from '@orch/protocol';
import { type Flows, isoTime, type RuntimeColumns, type RuntimeInfo, type WhichRuntimes } from '../control/index.ts';
import type { LastExit, LifeEnd, RuntimeSnapshot, RuntimeSpec } from '../supervisor/index.ts';

export function toInfo(snapshot: RuntimeSnapshot, problem: string | undefined): RuntimeInfo {
	const { spec, lastExit, backoff } = snapshot;
	return {
		id: spec.id,
		shortId: shortId(spec.id),
		name: spec.name,
		status: snapshot.status,
		desired: snapshot.desired,
		ready: snapshot.ready ?? null,
		reason: snapshot.reason ?? null,
		pid: snapshot.pid ?? null,
		generation: snapshot.generation,
		restarts: snapshot.restarts,
		startedAt: snapshot.startedAt === undefined ? null : isoTime(snapshot.startedAt),
		uptimeMs: snapshot.uptimeMs === undefined ? null : Math.round(snapshot.uptimeMs),
		usage: snapshot.usage ? toUsage(snapshot.usage) : null,
		lastExit: lastExit ? toLastExit(lastExit) : null,
		backoff: backoff ? toBackoff(backoff) : null,
		command: spec.program,
		args: [...spec.args],
		cwd: spec.cwd,
		priority: spec.priority,
		privileged: spec.privileged,
		restart: spec.restart as RuntimeInfo['restart'],
		stop: spec.stop as RuntimeInfo['stop'],
		options: optionsOf(spec),
		group: spec.group ?? null,
		...(snapshot.triggers && { triggers: toTriggers(snapshot.triggers) }),
		addedAt: isoTime(snapshot.addedAt),
		escaped: [...snapshot.escaped],
		warnings: problem === undefined ? [...snapshot.warnings] : [...snapshot.warnings, problem],
	};
}

/** Many of them are asked for at once, by somebody who waits. */
export function toColumns(snapshots: readonly RuntimeSnapshot[], flows: Flows = new Map()): RuntimeColumns {
	const columns: RuntimeColumns = {
		name: [],
		id: [],
		status: [],
		ready: [],
		pid: [],
		restarts: [],
		startedAt: [],
		uptimeMs: [],
		cpuPercent: [],
		memoryBytes: [],
		command: [],
		more: [],
	};
	for (const [at, snapshot] of snapshots.entries()) {
		const { spec, startedAt, uptimeMs, usage, lastExit, backoff, triggers } = snapshot;
		columns.name.push(spec.name);
		columns.id.push(spec.id);
		columns.status.push(snapshot.status);
		columns.ready.push(snapshot.ready ?? null);
		columns.pid.push(snapshot.pid ?? null);
		columns.restarts.push(snapshot.restarts);
		columns.startedAt.push(startedAt === undefined ? null : isoTime(startedAt));
		columns.uptimeMs.push(uptimeMs === undefined ? null : Math.round(uptimeMs));
		columns.cpuPercent.push(usage?.cpuPercent ?? null);
		columns.memoryBytes.push(usage?.memoryBytes ?? null);
		columns.command.push(spec.args.length === 0 ? spec.program : `${spec.program} ${spec.args.join(' ')}`);
		const traffic = flows.get(spec.id);
		if (lastExit || backoff || triggers || spec.ports || traffic)
			columns.more.push({
				at,
				...(lastExit && { lastExit: toLastExit(lastExit) }),
				...(backoff && { backoff: toBackoff(backoff) }),
				...(triggers && { triggers: toTriggers(triggers) }),
				...(spec.ports && { ports: [...spec.ports] }),
				...(traffic && { traffic }),
			});
	}
	return columns;
}

export function isMeant({ spec, status }: RuntimeSnapshot, which: WhichRuntimes): boolean {
	return (
		(which.status === undefined || status === which.status) &&
		(which.ids === undefined || which.ids.has(spec.id)) &&
		(which.labels === undefined || hasLabels(spec, which.labels))
	);
}

function hasLabels({ labels }: RuntimeSpec, wanted: Readonly<Record<string, string>>): boolean {
	return Object.entries(wanted).every(([name, value]) => {
		const has = labels?.[name];
		return has !== undefined && (value === '' || has === value);
	});
}

const toBackoff = (backoff: NonNullable<RuntimeSnapshot['backoff']>): NonNullable<RuntimeInfo['backoff']> => ({
	failures: backoff.failures,
	of: backoff.of,
	withinMs: backoff.withinMs,
	nextAt: backoff.nextAt === undefined ? null : isoTime(backoff.nextAt),
	nextInMs: backoff.nextInMs === undefined ? null : Math.round(backoff.nextInMs),
});

function toTriggers({ schedule, watch }: NonNullable<RuntimeSnapshot['triggers']>): NonNullable<RuntimeInfo['triggers']> {
	const time = (at: number | undefined) => (at === undefined ? null : isoTime(at));
	return {
		...(schedule && {
			schedule: { nextAt: time(schedule.nextAt), lastAt: time(schedule.lastAt), last: schedule.last ?? null },
		}),
		...(watch && {
			watch: {
				suspended: watch.suspended ?? null,
				restarts: watch.restarts,
				last: watch.last ? { at: isoTime(watch.last.at), file: watch.last.file } : null,
			},
		}),
	};
}

export const toLastExit = (exit: LastExit): NonNullable<RuntimeInfo['lastExit']> => ({
	code: exit.code ?? null,
	signal: exit.signal ?? null,
	coreDumped: exit.coreDumped,
	at: isoTime(exit.at),
	...(exit.notBefore === undefined ? {} : { notBefore: isoTime(exit.notBefore) }),
	by: exit.by,
	reason: exit.reason ?? null,
});

export const toKeptExit = ({ at, notBefore, ...exit }: LifeEnd['exit']): NonNullable<RuntimeInfo['lastExit']> => ({
	...exit,
	at: isoTime(at),
	...(notBefore === undefined ? {} : { notBefore: isoTime(notBefore) }),
});

const toUsage = ({ cpuPercent, memoryBytes, processes, at }: NonNullable<RuntimeSnapshot['usage']>): RuntimeUsage => ({
	cpuPercent: cpuPercent ?? null,
	memoryBytes,
	processes,
	at: isoTime(at),
});

type RuntimeUsage = NonNullable<RuntimeInfo['usage']>;

/** What a spec has beside the parts that every runtime has. */
function optionsOf(spec: RuntimeSpec): RuntimeInfo['options'] {
	const { id, name, program, args, cwd, env, priority, privileged, restart, stop, group, ...options } = spec;
	return options as RuntimeInfo['options'];
}
