/** What is asked of projects, what they answer, and what happens to them. */
import type { Applied, Progress } from './apply.ts';
import type { Plan } from './plan.ts';
import type { Mount, ProjectRecord } from './ports.ts';
import type { Selection } from './prepare.ts';
import type { Problem } from './problem.ts';
import type { RunnerHealth, RunnerJob } from './runner-health.ts';
import type { TakenAway } from './take-away.ts';

export interface UpWish extends Omit<Selection, 'removeOrphans'> {
	/** Absent: where the files are the same as the last time. */
	readonly removeOrphans?: boolean | undefined;
	/** Registers and changes, starts nothing. */
	readonly startNothing?: boolean | undefined;
	readonly waitMs: number;
	readonly signal: AbortSignal;
	readonly onProgress?: ((progress: Progress) => void) | undefined;
}

export interface Diff {
	readonly name: string;
	readonly plan: Plan;
	readonly orphans: readonly string[];
}

export interface UpReport extends Diff, Applied {}

export interface DownReport extends TakenAway {
	readonly name: string;
}

export interface ProjectStatus {
	readonly record: ProjectRecord;
	/** Why what its files say now does not hold; empty while it does. */
	readonly problems: readonly Problem[];
	readonly reloadedAt: number | undefined;
	readonly reloads: number;
}

export type ProjectEvent =
	| { readonly kind: 'reloaded'; readonly project: string; readonly plan: Plan; readonly faults: readonly string[] }
	| { readonly kind: 'invalid'; readonly project: string; readonly problems: readonly Problem[] }
	/** It is a runner from now on, or is one elsewhere. */
	| { readonly kind: 'mounted'; readonly project: string; readonly basePath: string }
	| { readonly kind: 'unmounted'; readonly project: string };

/** A runner: a project, where it is mounted, how it is. */
export interface RunnerStatus extends ProjectStatus {
	readonly mount: Mount;
	readonly health: RunnerHealth;
	readonly jobs: readonly RunnerJob[];
}
