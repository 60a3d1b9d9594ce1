/**
 * What programs write: kept in files that they write themselves, moved on into segments, told by time.
 *
 * Guarantees: no program waits for it, no byte is lost to a rotation, and offsets hold for ever, across rotations, readers
 * and daemons; a runtime never keeps more than its limit; what had to go is told to whoever reads. Deliberately not here:
 * what a line means, and who may read it.
 */
export { type StreamName, streamNames } from './layout.ts';
export { keepOutputMs } from './old-output.ts';
export { createPattern, type Pattern, PatternError } from '@orch/base/pattern';
export {
	type LogBatch,
	type LogGap,
	type LogLine,
	type LogPosition,
	type LogsEnd,
	type LogsQuery,
	readLogs,
} from './read-logs.ts';
export { OutputStore, type OutputStoreOptions } from './output-store.ts';
export { readOutput, type ReadOutputOptions } from './read-output.ts';
export { defaultMaxBytes, defaultSegmentBytes, type RuntimeOutput } from './runtime-output.ts';
