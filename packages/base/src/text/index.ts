/**
 * What people write and several of us read by the same rule (durations, sizes, names of variables, environment files), and what several of us show in the
 * same way: tables, times, what a runtime is and uses. No Node, and nothing else of base.
 */
export { ago, duration } from './age.ts';
export { drivingLetters, escapedLetter } from './driving.ts';
export { type EnvFile, type EnvFileFault, parseEnvFile } from './env-file.ts';
export { findJsonFault, type JsonFault, jsonFrame } from './json-fault.ts';
export { durationPattern, longestDurationMs, readDuration, readSize, sizePattern } from './quantities.ts';
export { rate } from './rate.ts';
export {
	exitText,
	howItEnded,
	lifetimeText,
	type ShownExit,
	type ShownStatus,
	statusMark,
	statusPaint,
	statusText,
} from './runtime-status.ts';
export { renderRuntimes, type RuntimeRows, type RuntimeTableOptions } from './runtime-table.ts';
export { plain, type Style } from './style.ts';
export { type Column, renderColumns, renderTable, type TableOptions, type TextColumn } from './table.ts';
export { cpuText, memory, memoryText, percent } from './usage.ts';
export { isVariableName, variableNamePattern, variableNameRule } from './variable-name.ts';
export { cut, displayWidth, printable } from './width.ts';
