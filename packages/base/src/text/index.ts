/** What people write and several of us read by the same rule: durations, sizes, environment files. No Node, and nothing else of base. */
export { type EnvFile, type EnvFileFault, parseEnvFile } from './env-file.ts';
export { durationPattern, longestDurationMs, readDuration, readSize, sizePattern } from './quantities.ts';
