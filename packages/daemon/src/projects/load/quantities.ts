/** Durations and sizes of texts that fit their patterns. */
import { longestDurationMs, readDuration, readSize } from '@orch/base/text';

/** More than a timer takes is the most that it takes. */
export const durationMs = (text: string): number => Math.min(longestDurationMs, readDuration(text) ?? Number.NaN);

export const sizeBytes = (text: string): number => readSize(text) ?? Number.NaN;

/** `5/60s`: so many failures within so long. */
export const giveUpPattern = '^(never|[1-9]\\d{0,4}/(\\d+(\\.\\d+)?(ms|s|m|h|d))+)$';
