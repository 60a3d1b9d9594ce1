/** All operations that orchd answers, merged. */
import { daemonOperations } from './operations/daemon.ts';
import { linkOperations } from './operations/link.ts';
import { projectOperations } from './operations/project.ts';
import { runnerOperations } from './operations/runner.ts';
import { binaryOperations, runtimeOperations } from './operations/runtime.ts';
import { watchOperations } from './operations/watching.ts';
import { whyOperations } from './operations/why.ts';

export const api = {
	...daemonOperations,
	...runtimeOperations,
	...binaryOperations,
	...linkOperations,
	...watchOperations,
	...whyOperations,
	...projectOperations,
	...runnerOperations,
} as const;

export type Api = typeof api;
export type OperationName = keyof Api;
