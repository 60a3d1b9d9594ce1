/** Why runtimes are as they are, as clients see it. */
import { isoTime, type RuntimeInfo, type WhyHandlersOptions, type WhyRuntime } from '../control/index.ts';
import type { Supervisor, Why } from '../supervisor/index.ts';
import { toOrchError } from './runtime-errors.ts';
import { toLastExit } from './runtime-info.ts';

export interface JoinWhyOptions {
	readonly supervisor: Pick<Supervisor, 'why' | 'waitFor'>;
	readonly describe: (id: string) => RuntimeInfo;
}

export function joinWhy({ supervisor, describe }: JoinWhyOptions): Pick<WhyHandlersOptions, 'why' | 'waitFor'> {
	return {
		why: async (id) => (await supervisor.why(id)).map((one) => toWhy(one, describe)),

		async waitFor(id, goal, signal) {
			try {
				const { spec } = await supervisor.waitFor(id, goal, signal);
				return describe(spec.id);
			} catch (error) {
				throw toOrchError(error);
			}
		},
	};
}

function toWhy({ depth, need, name, snapshot, waitsFor, words, next }: Why, describe: JoinWhyOptions['describe']): WhyRuntime {
	const info = snapshot && describe(snapshot.spec.id);
	const scheduledAt = snapshot?.triggers?.schedule?.nextAt;
	return {
		depth,
		need: need ? toNeed(need) : null,
		id: info?.id ?? null,
		name,
		status: snapshot?.status ?? null,
		desired: snapshot?.desired ?? null,
		ready: snapshot?.ready ?? null,
		reason: snapshot?.reason ?? null,
		pid: snapshot?.pid ?? null,
		uptimeMs: info?.uptimeMs ?? null,
		restarts: snapshot?.restarts ?? 0,
		waitsFor: waitsFor.map((one) => ({ need: toNeed(one.need), how: one.how })),
		lastExit: snapshot?.lastExit ? toLastExit(snapshot.lastExit) : null,
		backoff: info?.backoff ?? null,
		probes: (snapshot?.probes ?? []).map((report) => ({ ...report, good: report.good ?? null, answer: report.answer ?? null })),
		scheduledAt: scheduledAt === undefined ? null : isoTime(scheduledAt),
		stderr: [...words],
		escaped: [...(snapshot?.escaped ?? [])],
		warnings: info?.warnings ?? [],
		next: [...next],
	};
}

function toNeed({ runtime, condition, onRestart }: NonNullable<Why['need']>): NonNullable<WhyRuntime['need']> {
	return { runtime, condition, ...(onRestart && { onRestart }) };
}
