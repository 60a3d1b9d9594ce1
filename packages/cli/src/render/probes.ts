/** What the probes of a runtime are, in a line each. */
import { duration } from '@orch/base/text';
import type { RuntimeOptions } from '@orch/protocol';

type Probes = NonNullable<RuntimeOptions['probes']>;
type Probe = NonNullable<Probes[keyof Probes]>;

/** `ready: http http://localhost:3000/health, every 2s, fails after 3`. */
export function describeProbes(probes: Probes | undefined): string[] {
	const given = Object.entries(probes ?? {}) as [keyof Probes, Probe | undefined][];
	return given.flatMap(([role, probe]) => (probe ? [`${role}: ${[checkText(probe.check), ...timing(probe)].join(', ')}`] : []));
}

function checkText(check: Probe['check']): string {
	switch (check.kind) {
		case 'http':
			return `http ${check.url}${check.statuses ? ` (${check.statuses.join(', ')})` : ''}`;
		case 'tcp':
			return `tcp ${check.host ?? 'localhost'}:${check.port}`;
		case 'exec':
			return `exec ${check.command.join(' ')}`;
		case 'log':
			return `log /${check.pattern}/${check.stream ? ` on ${check.stream}` : ''}`;
		case 'notify':
			return 'notify';
	}
}

/** What is not said is the default. */
function timing({ everyMs, timeoutMs, delayMs, failures, successes }: Probe): string[] {
	return [
		...(everyMs === undefined ? [] : [`every ${duration(everyMs)}`]),
		...(timeoutMs === undefined ? [] : [`${duration(timeoutMs)} at most`]),
		...(delayMs === undefined ? [] : [`first after ${duration(delayMs)}`]),
		...(failures === undefined ? [] : [`fails after ${failures}`]),
		...(successes === undefined ? [] : [`succeeds after ${successes}`]),
	];
}
