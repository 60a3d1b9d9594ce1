/** The part of orchd that reads project files, loaded only by the commands that need no daemon for it. */
import { dirname, join } from 'node:path';
import type { FileProblem } from '@orch/protocol/wire';
import { CliError } from '../errors.ts';
import type { World } from '../world.ts';
import type { Reading } from './files.ts';

/** A declared runtime, as far as it is shown here. */
export interface CheckedRuntime {
	readonly name: string;
	readonly env: Readonly<Record<string, string>>;
	readonly needs?: readonly { readonly runtime: string; readonly condition: string }[];
	readonly group?: { readonly name: string };
}

export interface CheckedLink {
	readonly from: string;
	readonly type: string;
	readonly to: string;
}

export interface CheckedProject {
	readonly name: string;
	readonly directory: string;
	readonly files: readonly string[];
	readonly profiles: readonly string[];
	readonly inactive: readonly string[];
	readonly runtimes: ReadonlyMap<string, CheckedRuntime>;
	readonly links: ReadonlyMap<string, CheckedLink>;
	readonly definitions: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface CheckModule {
	readonly check: (reading: Reading) => {
		readonly project: CheckedProject | undefined;
		readonly problems: readonly FileProblem[];
	};
	/** The JSON Schema of project files. */
	readonly schema: () => Record<string, unknown>;
}

/** Beside the program of orchd. */
export function loadCheckModule(world: Pick<World, 'daemonProgram'>): CheckModule {
	const path = join(dirname(world.daemonProgram()), 'project-check.cjs');
	try {
		// the bundle must not hold it, nor look for it before it is needed
		return process.getBuiltinModule('node:module').createRequire(path)(path) as CheckModule;
	} catch (cause) {
		throw new CliError(
			'file.unreadable',
			{ file: path, reason: cause instanceof Error ? cause.message : String(cause) },
			{ cause },
		);
	}
}
