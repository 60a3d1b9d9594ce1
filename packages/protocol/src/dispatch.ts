/** The only way into a handler: the socket, REST and tests all call `dispatch`. */
import type { TSchema } from 'typebox';
import { type ErrorCode, OrchError, toWireError, type WireError } from './errors.ts';
import type { Call, Handlers, Operations } from './operation.ts';

export type Outcome =
	| { readonly kind: 'ok'; readonly result: unknown }
	| { readonly kind: 'error'; readonly error: WireError }
	| { readonly kind: 'stream'; readonly items: ItemSource };

/** A started stream: pulled item by item, so that a reader that does not read costs nothing. */
export interface ItemSource {
	/** The next item; or the summary at the end; or what went wrong. */
	next(): Promise<
		| { readonly kind: 'item'; readonly item: unknown }
		| { readonly kind: 'end'; readonly summary: unknown }
		| { readonly kind: 'error'; readonly error: WireError }
	>;
	/** Ends it early; tolerant of being called after its end. */
	close(): Promise<void>;
}

export type Dispatch = (name: string, params: unknown, signal: AbortSignal) => Promise<Outcome>;

/** Checks a value against a schema, filling in defaults: gives what is wrong, in sentences, or nothing. */
export type Check = (schema: TSchema, value: unknown) => readonly string[];

export interface DispatchOptions {
	readonly check: Check;
	/** Results and items are checked too: on in tests, where it keeps the declaration true. */
	readonly checkResults?: boolean;
	/** Called for what should never happen: an error that the operation does not declare. */
	readonly onDefect: (error: unknown, operation: string) => void;
	/** Names near to an unknown one. */
	readonly suggest: (name: string, known: readonly string[]) => readonly string[];
}

interface AnyCall extends Call<ErrorCode> {}
type AnyHandler = (params: unknown, call: AnyCall) => Promise<unknown> | AsyncGenerator<unknown, unknown, undefined>;

export function createDispatch<Api extends Operations>(api: Api, handlers: Handlers<Api>, options: DispatchOptions): Dispatch {
	const { check, onDefect } = options;
	const checkResult = (name: string, schema: TSchema, value: unknown) => {
		if (!options.checkResults) return;
		const issues = check(schema, value);
		if (issues.length > 0) throw new Error(`The answer of ${name} is not what is declared: ${issues.join('; ')}`);
	};
	return async (name, rawParams, signal) => {
		if (!Object.hasOwn(api, name)) {
			return failed(new OrchError('operation.unknown', { operation: name, candidates: options.suggest(name, Object.keys(api)) }));
		}
		const declared = api[name as keyof Api] as Operations[string];
		const params = rawParams ?? {};
		const issues = check(declared.params, params);
		if (issues.length > 0) return failed(new OrchError('request.invalid', { issues }));
		const toFailure = (error: unknown): Outcome & { kind: 'error' } => {
			if (error instanceof OrchError && (isAlwaysAllowed(error.code) || declared.errors.includes(error.code)))
				return failed(error);
			if (signal.aborted) return failed(new OrchError('cancelled', {}));
			onDefect(error, name);
			return failed(new OrchError('internal', {}, { cause: error }));
		};
		const call: AnyCall = {
			signal,
			fail(code, data, failure) {
				throw new OrchError(code, data, failure);
			},
		};
		try {
			const handler = handlers[name as keyof Api] as unknown as AnyHandler;
			const answer = handler(params, call);
			if (declared.item === undefined) {
				const result = await answer;
				checkResult(name, declared.result, result);
				return { kind: 'ok', result };
			}
			return {
				kind: 'stream',
				items: itemSource(
					answer as AsyncGenerator<unknown, unknown, undefined>,
					declared.item,
					(schema, value) => checkResult(name, schema, value),
					declared.result,
					toFailure,
				),
			};
		} catch (error) {
			return toFailure(error);
		}
	};
}

const isAlwaysAllowed = (code: ErrorCode): boolean => alwaysAllowed.has(code);
const alwaysAllowed: ReadonlySet<ErrorCode> = new Set(['cancelled', 'internal', 'timeout', 'state.refused']);

function itemSource(
	generator: AsyncGenerator<unknown, unknown, undefined>,
	itemSchema: TSchema,
	check: (schema: TSchema, value: unknown) => void,
	summarySchema: TSchema,
	toFailure: (error: unknown) => { readonly kind: 'error'; readonly error: WireError },
): ItemSource {
	return {
		async next() {
			try {
				const { done, value } = await generator.next();
				check(done ? summarySchema : itemSchema, value);
				return done ? { kind: 'end', summary: value } : { kind: 'item', item: value };
			} catch (error) {
				return toFailure(error);
			}
		},
		async close() {
			try {
				await generator.return(undefined);
			} catch (error) {
				// the reader is gone: whom to tell but the log
				toFailure(error);
			}
		},
	};
}

function failed(error: OrchError): Outcome & { kind: 'error' } {
	return { kind: 'error', error: toWireError(error) };
}
