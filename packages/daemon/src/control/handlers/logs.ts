/** The handler of `runtime.logs`: lines by time as they travel. */
import type { Call, Handlers, LogLine as LogLineSchema, ParamsOf, runtimeOperations } from '@orch/protocol';
import type { Static } from 'typebox';
import { createPattern, type LogBatch, type LogsEnd, type LogsQuery, PatternError } from '../../supervisor/index.ts';
import { isoTime, type Meant } from './directory.ts';

type Operation = (typeof runtimeOperations)['runtime.logs'];
type LogsCall = Call<'runtime.not_found' | 'runtime.ambiguous' | 'request.invalid'>;
type Wire = Static<typeof LogLineSchema>;

export interface LogsHandlerOptions {
	readonly find: (ref: string, call: LogsCall) => Meant;
	readonly logs: (query: LogsQuery) => AsyncGenerator<LogBatch, LogsEnd, undefined>;
}

export function logsHandler({ find, logs }: LogsHandlerOptions): Handlers<{ readonly logs: Operation }>['logs'] {
	return async function* (params, call) {
		const raw = params.raw ?? false;
		const batches = logs(queryOf(params, call, find));
		try {
			for (let next = await batches.next(); ; next = await batches.next()) {
				if (next.done) return { ended: next.value };
				yield itemOf(next.value, raw);
			}
		} catch (error) {
			if (error instanceof PatternError) return call.fail('request.invalid', { issues: [`grep: ${error.message}`] });
			throw error;
		} finally {
			await batches.return('end');
		}
	};
}

function queryOf(params: ParamsOf<Operation>, call: LogsCall, find: LogsHandlerOptions['find']): LogsQuery {
	const { runtimes, streams, follow, lines, grep, ignoreCase, previous, fromCursor } = params;
	const ids = runtimes.flatMap((ref) => find(ref, call).entries.map(({ id }) => id));
	const time = (name: 'since' | 'until'): number | undefined => {
		const text = params[name];
		if (text === undefined) return undefined;
		const at = Date.parse(text);
		return Number.isNaN(at) ? call.fail('request.invalid', { issues: [`${name} must be a time as in RFC 3339`] }) : at;
	};
	if (previous && follow) call.fail('request.invalid', { issues: ['previous output does not grow: it cannot be followed'] });
	const patternOf = (source: string) => {
		try {
			return createPattern(source, { ignoreCase: ignoreCase ?? false });
		} catch (error) {
			return call.fail('request.invalid', { issues: [`grep: ${(error as Error).message}`] });
		}
	};
	return {
		runtimes: runtimes.length === 0 ? undefined : [...new Set(ids)],
		streams: [...new Set(streams)],
		follow,
		lines,
		since: time('since'),
		until: time('until'),
		pattern: grep === undefined ? undefined : patternOf(grep),
		previous,
		from: fromCursor,
		signal: call.signal,
	};
}

function itemOf({ lines, gaps, position }: LogBatch, raw: boolean) {
	return {
		lines: lines.map(({ output, stream, line, text }): Wire => {
			const { at, from } = line.stamp;
			return {
				runtime: output.id,
				name: output.name,
				stream,
				at: isoTime(from ?? at),
				...(from === undefined ? {} : { atEnd: isoTime(at) }),
				...(raw ? { bytes: line.whole } : { text }),
				...(line.isPartial ? { partial: true } : {}),
				...(line.goesOn ? { goesOn: true } : {}),
			};
		}),
		dropped: gaps.map(({ output, stream, gap: { missed } }) => ({
			runtime: output.id,
			name: output.name,
			stream,
			dropped: missed.lines,
			bytes: missed.bytes,
			...(missed.isEstimate ? { about: true } : {}),
		})),
		cursor: Object.fromEntries(Object.entries(position).map(([id, offsets]) => [id, { ...offsets }])),
	};
}
