/** Runtimes in columns, as a table has them. */
import type { RuntimeColumns, RuntimeInfo } from '@orch/protocol';

export const toColumns = (runtimes: readonly RuntimeInfo[]): RuntimeColumns => ({
	name: runtimes.map(({ name }) => name),
	id: runtimes.map(({ id }) => id),
	status: runtimes.map(({ status }) => status),
	ready: runtimes.map(({ ready }) => ready),
	pid: runtimes.map(({ pid }) => pid),
	restarts: runtimes.map(({ restarts }) => restarts),
	startedAt: runtimes.map(({ startedAt }) => startedAt),
	uptimeMs: runtimes.map(({ uptimeMs }) => uptimeMs),
	cpuPercent: runtimes.map(({ usage }) => usage?.cpuPercent ?? null),
	memoryBytes: runtimes.map(({ usage }) => usage?.memoryBytes ?? null),
	command: runtimes.map(({ command, args }) => [command, ...args].join(' ')),
	more: runtimes.map(({ lastExit, backoff, triggers, traffic, options: { ports } }, at) => ({
		at,
		...(lastExit && { lastExit }),
		...(backoff && { backoff }),
		...(triggers && { triggers }),
		...(ports && { ports }),
		...(traffic && { traffic }),
	})),
});
