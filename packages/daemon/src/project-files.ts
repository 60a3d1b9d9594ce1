/** What reading project files takes of others: the disk, programs, schemas, and what a runtime does that says nothing else. */
import { systemClock } from '@orch/base';
import { schemaFault } from '@orch/base/json-schema';
import { suggest, typeNameFault } from '@orch/protocol/wire';
import { defaultMailbox } from './links/index.ts';
import type { RuntimeDeclaration } from './projects/index.ts';
import { type LoadPorts, isThere, locateProgram, projectReader, readProjectFile } from './projects/load/index.ts';
import { cronFault, defaultRestart, defaultStop, findUser, isSignal } from './supervisor/index.ts';

const ports: LoadPorts = {
	read: readProjectFile,
	locate: (program, cwd, searchPath) => locateProgram(program, cwd, searchPath, suggest),
	isThere,
	hasUser,
	hasSignal: isSignal,
	scheduleFault: (schedule) => cronFault(schedule, systemClock.now()),
	schemaFault,
	typeNameFault,
	suggest,
	policies: {
		restart: defaultRestart as RuntimeDeclaration['restart'],
		stop: defaultStop as RuntimeDeclaration['stop'],
		mailbox: defaultMailbox,
	},
};

export const reader = projectReader(ports);

function hasUser(name: string): boolean {
	try {
		return findUser(name) !== undefined;
	} catch {
		// where the users of this system cannot be read, a launch says why
		return true;
	}
}
