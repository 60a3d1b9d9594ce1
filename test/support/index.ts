/**
 * What the black-box tests stand on: a private orchd, the real CLI, clients of every face, and a look at /proc.
 *
 * Guarantees: a sandbox leaves nothing behind, or the test file fails and says what; waiting is for facts. Deliberately
 * not here: anything of the programs' insides. What is used of the packages is what any client uses.
 */
export { allocatedIn, mayMount, removeWhole, smallDisk, until } from '@orch/base/testing';
export { bundles, fixture, has, repository } from './bundles.ts';
export { type CliResult, RunningCli, runCli } from './cli.ts';
export {
	type Client,
	codeOf,
	connectClient,
	connectRouter,
	node,
	type Program,
	routerPidOf,
	type Runtime,
	sh,
	sleeper,
} from './client.ts';
export { countCollections } from './collections.ts';
export { changeDatabase } from './database.ts';
export { type Frame, FrameClient } from './frame-client.ts';
export { type Line, LineClient, storable } from './line-client.ts';
export { Orchd } from './orchd.ts';
export { Stage, type Stand } from './stage.ts';
export {
	allProcesses,
	connectionsOf,
	cpuMsOf,
	descriptorKindsOf,
	descriptorsOf,
	lowestFreeDescriptor,
	environmentOf,
	isAlive,
	keptShims,
	niceOf,
	processAt,
	processesAbout,
	processesWith,
	residentBytesOf,
	spareShimsOf,
	type Seen,
} from './proc.ts';
export { Watch } from './watch.ts';
export { inSandbox, Sandbox, useSandbox } from './sandbox.ts';
