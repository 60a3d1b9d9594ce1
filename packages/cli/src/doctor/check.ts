/** One thing that was looked at: how it is, and what to do about it. */
import { readFileSync } from 'node:fs';
import type { Places } from '@orch/protocol/wire';
import type { World } from '../world.ts';

export type CheckStatus = 'ok' | 'warn' | 'fail';

export interface Check {
	readonly name: string;
	/** `warn`: it works, but not everything, or not for long; `fail`: it does not work. */
	readonly status: CheckStatus;
	/** A sentence. */
	readonly text: string;
	/** What to do, where there is something. */
	readonly fix?: string;
}

/** What is looked at. */
export interface Subject {
	readonly world: World;
	readonly places: Places;
	/** The orchd that runs, as far as it is known: its limits count, not those of this shell. */
	readonly daemonPid: number | undefined;
	readonly platform: NodeJS.Platform;
}

export const ok = (name: string, text: string): Check => ({ name, status: 'ok', text });
export const warn = (name: string, text: string, fix?: string): Check => withFix({ name, status: 'warn', text }, fix);
export const fail = (name: string, text: string, fix?: string): Check => withFix({ name, status: 'fail', text }, fix);

const withFix = (check: Check, fix: string | undefined): Check => (fix === undefined ? check : { ...check, fix });

/** A file of the machine; undefined where it is not there, or not for us. */
export function machineFile({ root }: World, path: string): string | undefined {
	try {
		return readFileSync(`${root}${path}`, 'utf8');
	} catch {
		return undefined;
	}
}
