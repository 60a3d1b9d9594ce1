/** Project files without a daemon: what the CLI loads, from a bundle of its own, to check and to explain them. */
import { schemaFault } from '@orch/base/json-schema';
import { suggest } from '@orch/protocol/wire';
import { defaultMailbox } from './links/index.ts';
import {
	type Loaded,
	type LoadRequest,
	loadProject,
	locateProgram,
	publishedSchema,
	readProjectFile,
	type RuntimeDeclaration,
} from './projects/index.ts';
import { defaultRestart, defaultStop } from './supervisor/index.ts';

export const schema = publishedSchema;

export const check = (request: LoadRequest): Loaded =>
	loadProject(request, {
		read: readProjectFile,
		locate: (program, cwd, searchPath) => locateProgram(program, cwd, searchPath, suggest),
		schemaFault,
		suggest,
		policies: {
			restart: defaultRestart as RuntimeDeclaration['restart'],
			stop: defaultStop as RuntimeDeclaration['stop'],
			mailbox: defaultMailbox,
		},
	});
