/** What a probe was asked to be, in full: its defaults, its name, and what may be wrong with it. */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { createPattern } from '../output/index.ts';
import type { Probe, ProbeCheck, Probes } from '../spec.ts';
import type { ProbePlan, ProbeRole } from './probe.machine.ts';

export const probeRoles = ['startup', 'ready', 'live'] as const satisfies readonly ProbeRole[];

const everyMs = 1_000;
/** A program that is soon ready is not to be kept waiting for the second look. */
const firstEveryMs = 100;
const timeoutMs = 1_000;
const failures = 3;
/** About as many seconds. */
const failuresOfStartup = 60;

export function planOf(role: ProbeRole, probe: Probe): ProbePlan {
	const waits = probe.check.kind === 'log' || probe.check.kind === 'notify';
	return {
		role,
		everyMs: probe.everyMs ?? everyMs,
		firstEveryMs: probe.everyMs ?? firstEveryMs,
		timeoutMs: probe.timeoutMs ?? (waits && role !== 'live' ? null : timeoutMs),
		delayMs: probe.delayMs ?? 0,
		failures: probe.failures ?? (role === 'startup' ? failuresOfStartup : failures),
		successes: probe.successes ?? 1,
		endsWithSuccess: role === 'startup' || (role === 'ready' && waits),
	};
}

/** `http http://localhost:3000/health`, `tcp localhost:5432`. */
export function describeCheck(check: ProbeCheck): string {
	switch (check.kind) {
		case 'http':
			return `http ${check.url}`;
		case 'tcp':
			return `tcp ${check.host ?? defaultHost}:${check.port}`;
		case 'exec':
			return `exec ${check.command.join(' ')}`;
		case 'log':
			return `log /${check.pattern}/${check.stream === undefined ? '' : ` on ${check.stream}`}`;
		case 'notify':
			return 'notify';
	}
}

export const defaultHost = 'localhost';

export const wantsNotes = (probes: Probes | undefined): boolean =>
	probeRoles.some((role) => probes?.[role]?.check.kind === 'notify');

/** What no look could ever make right; undefined where nothing is wrong. */
export function probeFault(probes: Probes): string | undefined {
	for (const role of probeRoles) {
		const check = probes[role]?.check;
		const fault = check && checkFault(check);
		if (fault !== undefined) return `the ${role} probe: ${fault}`;
	}
	return undefined;
}

function checkFault(check: ProbeCheck): string | undefined {
	try {
		if (check.kind === 'log') createPattern(check.pattern);
		if (check.kind === 'http') {
			const { protocol } = new URL(check.url);
			if (protocol !== 'http:' && protocol !== 'https:') return `${check.url} is neither http nor https`;
			for (const [name, value] of Object.entries(check.headers ?? {})) {
				validateHeaderName(name);
				validateHeaderValue(name, value);
			}
		}
		return undefined;
	} catch (error) {
		const reason = error instanceof Error ? error.message : String(error);
		return check.kind === 'http' && reason === 'Invalid URL' ? `${check.url} is not a URL` : reason;
	}
}
