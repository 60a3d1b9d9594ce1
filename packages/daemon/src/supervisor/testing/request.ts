/** What a launcher is asked for by tests that have no runtimes: a shell with these arguments. */
import { join } from 'node:path';
import { systemRandom } from '@orch/base';
import type { LaunchRequest } from '../ports.ts';
import { defaultRestart, defaultStop } from '../spec.ts';

/** It runs in `directory`, and writes to `out` and `err` there. */
export function requestOf(directory: string, args: readonly string[], wish: Partial<LaunchRequest> = {}): LaunchRequest {
	const processId = systemRandom.uuid();
	return {
		processId,
		generation: 1,
		runtimeId: processId,
		runtimeName: 'one',
		spec: {
			id: processId,
			name: 'one',
			program: '/bin/sh',
			args,
			cwd: directory,
			env: {},
			priority: 'normal',
			privileged: false,
			restart: defaultRestart,
			stop: defaultStop,
		},
		program: '/bin/sh',
		args,
		cwd: directory,
		env: { PATH: '/usr/bin:/bin' },
		priority: 'normal',
		mayGo: undefined,
		stop: defaultStop,
		stdoutPath: join(directory, 'out'),
		stderrPath: join(directory, 'err'),
		...wish,
	};
}
