/** An operation: the one declaration that the socket, REST, OpenAPI, the client and the reference all read. */
import type {} from './platform.ts';
import type { Static, TSchema } from 'typebox';
import type { ErrorCode, ErrorData } from './errors.ts';

export interface Operation<
	Params extends TSchema = TSchema,
	Result extends TSchema = TSchema,
	Item extends TSchema | undefined = TSchema | undefined,
	Code extends ErrorCode = ErrorCode,
> {
	/** What it does, as an order, without a final period. */
	readonly summary: string;
	/** What its user should know besides, in sentences. */
	readonly notes?: string;
	readonly params: Params;
	/** The answer; of a stream, the summary at its end. */
	readonly result: Result;
	/** Of a stream: one item. */
	readonly item?: Item;
	readonly errors: readonly Code[];
	/** How REST offers it; operations without are for the socket only. */
	readonly http?: { readonly method: 'GET' | 'POST' | 'DELETE'; readonly path: `/${string}` };
}

/** Declares an operation that is asked and answered once. */
export function operation<Params extends TSchema, Result extends TSchema, const Code extends ErrorCode = never>(
	definition: Omit<Operation<Params, Result, undefined, Code>, 'item'>,
): Operation<Params, Result, undefined, Code> {
	return definition;
}

/** Declares an operation that answers with items until its end. */
export function stream<
	Params extends TSchema,
	Item extends TSchema,
	Result extends TSchema,
	const Code extends ErrorCode = never,
>(
	definition: Operation<Params, Result, Item, Code> & { readonly item: Item },
): Operation<Params, Result, Item, Code> & { readonly item: Item } {
	return definition;
}

export type Operations = Readonly<Record<string, Operation<TSchema, TSchema, TSchema | undefined, ErrorCode>>>;
export type ParamsOf<O> = O extends { readonly params: infer P extends TSchema } ? Static<P> : never;
export type ResultOf<O> = O extends { readonly result: infer R extends TSchema } ? Static<R> : never;
export type ItemOf<O> = O extends { readonly item: infer I extends TSchema } ? Static<I> : never;
export type CodeOf<O> = O extends { readonly errors: readonly (infer C extends ErrorCode)[] } ? C : never;
export type IsStream<O> = O extends { readonly item: TSchema } ? true : false;

/** What a handler is given besides its params. */
export interface Call<Code extends ErrorCode> {
	/** Aborted when the caller cancels or goes away. */
	readonly signal: AbortSignal;
	/** Ends the call with a declared error; others do not compile. */
	fail<C extends Code>(code: C, data: ErrorData<C>, options?: { readonly cause?: unknown }): never;
}

/** A stream's handler is an async generator: its items go out as the reader asks for them, its return value ends the stream. */
export type Handler<O> =
	IsStream<O> extends true
		? (params: ParamsOf<O>, call: Call<CodeOf<O>>) => AsyncGenerator<ItemOf<O>, ResultOf<O>, undefined>
		: (params: ParamsOf<O>, call: Call<CodeOf<O>>) => Promise<ResultOf<O>>;

/** One handler for each operation: a missing or a superfluous one is a type error. */
export type Handlers<Api extends Operations> = { readonly [Name in keyof Api]: Handler<Api[Name]> };
