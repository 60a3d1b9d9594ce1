/** How a probe stands, for people and for those who ask for them. */
import type { ProbeRole } from './probe.machine.ts';

export interface ProbeReport {
	readonly role: ProbeRole;
	/** What it does: "http http://localhost:3000/health". */
	readonly check: string;
	/** Undefined: not decided yet. */
	readonly good: boolean | undefined;
	/** Not asked yet: the startup probe comes first. */
	readonly isGated: boolean;
	/** Of the last look. */
	readonly answer: string | undefined;
	/** Failures in a row, and how many make it fail. */
	readonly fails: number;
	readonly failures: number;
}
