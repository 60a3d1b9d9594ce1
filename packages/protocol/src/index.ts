/**
 * Every operation, error and frame of orch, declared once: socket, client, REST and reference are read from here.
 *
 * Guarantees: a handler that is missing or fails with an undeclared error does not compile; nothing of Node is used, so
 * any platform can import it. Deliberately not here: any behaviour of the daemon.
 */
export { type Api, api, type OperationName } from './api.ts';
export { errorsPage, operationsPage } from './describe/reference.ts';
export { type Check, createDispatch, type Dispatch, type DispatchOptions, type ItemSource, type Outcome } from './dispatch.ts';
export {
	type ErrorCode,
	type ErrorData,
	type ErrorEntry,
	errors,
	OrchError,
	RemoteError,
	toWireError,
	type WireError,
} from './errors.ts';
export {
	type Call,
	type Handler,
	type Handlers,
	type ItemOf,
	type Operation,
	type Operations,
	operation,
	type ParamsOf,
	type ResultOf,
	stream,
} from './operation.ts';
export { DaemonStatus, daemonOperations } from './operations/daemon.ts';
export { LinkInfo, LinkStats, linkOperations, TappedMessage, TypeInfo, UnroutedType } from './operations/link.ts';
export { ProjectInfo, ProjectPlan, ProjectProgress, projectOperations } from './operations/project.ts';
export { RunnerHealth, RunnerInfo, RunnerJob, runnerOperations } from './operations/runner.ts';
export {
	LinkReport,
	MisfitReport,
	PortReport,
	ProducerReport,
	RemovedLink,
	type RouterApi,
	RouterEvent,
	RouterLink,
	RouterPort,
	Routed,
	RouterSchema,
	RouterTable,
	RouterTableChange,
	routerOperations,
	SampleReport,
	TapItem,
	TypesReport,
	UnroutedReport,
} from './operations/router.ts';
export { binaryOperations, DroppedOutput, LogLine, runtimeOperations } from './operations/runtime.ts';
export {
	LinkCounters,
	Overflow,
	RestartPolicy,
	RuntimeColumns,
	RuntimeInfo,
	RuntimeOptions,
	runtimeOptions,
	RuntimeOrInstances,
	type RuntimeStatus,
	StopPolicy,
	Usage,
	WhileDown,
} from './operations/shapes.ts';
export { DaemonEvent, eventKinds, RuntimeFigures, watchOperations } from './operations/watching.ts';
export { ProbeReport, WhyRuntime, whyOperations } from './operations/why.ts';
export { type FileProblem, type ProblemStyle, renderProblem, renderProblems } from './problems.ts';
export { findByReference, linkEnds, type Named, suggestLinks } from './references.ts';
export { shortId } from './short-id.ts';
export { inheritedOf } from './inherited.ts';
export { type StartFault, startFaults } from './start-faults.ts';
export { suggest } from './suggest.ts';
export { version } from './version.ts';
