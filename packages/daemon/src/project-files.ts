/** What reading project files takes of others: the disk, programs, schemas, and what a runtime does that says nothing else. */
import { schemaFault } from '@orch/base/json-schema';
import { suggest, typeNameFault } from '@orch/protocol/wire';
import { defaultMailbox } from './links/index.ts';
import type { RuntimeDeclaration } from './projects/index.ts';
import { type LoadPorts, locateProgram, projectReader, readProjectFile } from './projects/load/index.ts';
import { defaultRestart, defaultStop } from './supervisor/index.ts';

const ports: LoadPorts = {
	read: readProjectFile,
	locate: (program, cwd, searchPath) => locateProgram(program, cwd, searchPath, suggest),
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
