/** The operations that orchd asks of the router, without their schemas: only orchd is on the other side. */
import type { ParamsOf, RouterApi } from '@orch/protocol';
import { type Dispatch, type ItemSource, OrchError, suggest, toWireError, version } from '@orch/protocol/wire';
import { InvalidMessage, MessageRefused } from './injection.ts';
import { NoReply } from './outside.ts';
import type { Router } from './router.ts';

export interface OperationsOptions {
	readonly router: Router;
	readonly pid: number;
	readonly memoryBytes: () => number;
	/** Asks the program to end, once the answer is out. */
	readonly stop: () => void;
	readonly onDefect: (error: unknown, operation: string) => void;
	/** Grows with each connection. */
	readonly asker: number;
}

type Once<Name extends keyof RouterApi> = (params: ParamsOf<RouterApi[Name]>, signal: AbortSignal) => unknown;
type Streamed<Name extends keyof RouterApi> = (
	params: ParamsOf<RouterApi[Name]>,
	signal: AbortSignal,
) => AsyncGenerator<unknown, unknown, undefined>;
type StreamName = 'router.tap' | 'router.events';

export function createOperations({ router, pid, memoryBytes, stop, onDefect, asker }: OperationsOptions): Dispatch {
	const once: { readonly [Name in Exclude<keyof RouterApi, StreamName>]: Once<Name> } = {
		'router.status': () => ({
			version,
			pid,
			startedAt: router.startedAt,
			tableVersion: router.tableVersion,
			memoryBytes: memoryBytes(),
			types: router.typeCount,
		}),
		'router.table': (table) => router.table(table, asker),
		'router.change': (change) => router.change(change, asker),
		'router.ended': ({ runtime, generation }) => {
			router.ended(runtime, generation);
			return {};
		},
		'router.stats': ({ windowSeconds }) => router.stats(windowSeconds),
		'router.types': () => router.types(),
		'router.send': (message) => router.send(message),
		'router.request': (message, signal) => router.request(message, signal),
		'router.answer': ({ request, ok, error }) => {
			router.answer(request, error === undefined ? { ok } : { error });
			return {};
		},
		'router.stop': () => {
			stop();
			return {};
		},
	};
	const streamed: { readonly [Name in StreamName]: Streamed<Name> } = {
		'router.tap': ({ links, ...looks }, signal) => router.tap(links, looks, signal),
		'router.events': (_params, signal) => router.events(signal),
	};
	const names = [...Object.keys(once), ...Object.keys(streamed)];
	const failure = (error: unknown, operation: string) => {
		if (error instanceof InvalidMessage) return toWireError(new OrchError('message.invalid', { reason: error.message }));
		if (error instanceof MessageRefused) return toWireError(new OrchError('message.refused', { ...error.misfit }));
		if (error instanceof NoReply) return toWireError(missingReply(error));
		if (error instanceof OrchError) return toWireError(error);
		onDefect(error, operation);
		return toWireError(new OrchError('internal', {}, { cause: error }));
	};
	return async (name, params, signal) => {
		try {
			if (Object.hasOwn(once, name)) {
				const handler = once[name as keyof typeof once] as Once<keyof RouterApi>;
				return { kind: 'ok', result: await handler((params ?? {}) as never, signal) };
			}
			if (Object.hasOwn(streamed, name)) {
				const handler = streamed[name as StreamName] as Streamed<StreamName>;
				return { kind: 'stream', items: itemsOf(handler((params ?? {}) as never, signal), (error) => failure(error, name)) };
			}
			return {
				kind: 'error',
				error: toWireError(new OrchError('operation.unknown', { operation: name, candidates: suggest(name, names) })),
			};
		} catch (error) {
			return { kind: 'error', error: failure(error, name) };
		}
	};
}

function missingReply({ type, code, from, message }: NoReply): OrchError {
	return from === undefined
		? new OrchError('reply.missing', { type, code, reason: message })
		: new OrchError('reply.error', { type, from, code, reason: message });
}

function itemsOf(
	generator: AsyncGenerator<unknown, unknown, undefined>,
	failure: (error: unknown) => ReturnType<typeof toWireError>,
): ItemSource {
	return {
		async next() {
			try {
				const { done, value } = await generator.next();
				return done ? { kind: 'end', summary: value } : { kind: 'item', item: value };
			} catch (error) {
				return { kind: 'error', error: failure(error) };
			}
		},
		async close() {
			try {
				await generator.return(undefined);
			} catch (error) {
				// the reader is gone: only the log is left to be told
				failure(error);
			}
		},
	};
}
