/** A typed client over a session: names, params and results are those of the declared operations. */
import type { IsStream, ItemOf, Operations, ParamsOf, ResultOf } from '../operation.ts';
import type { Session } from './session.ts';

type OnceNames<Api extends Operations> = { [Name in keyof Api]: IsStream<Api[Name]> extends true ? never : Name }[keyof Api] &
	string;
type StreamNames<Api extends Operations> = { [Name in keyof Api]: IsStream<Api[Name]> extends true ? Name : never }[keyof Api] &
	string;

export interface Caller<Api extends Operations> {
	call<Name extends OnceNames<Api>>(
		name: Name,
		params: ParamsOf<Api[Name]>,
		options?: { readonly signal?: AbortSignal },
	): Promise<ResultOf<Api[Name]>>;
	stream<Name extends StreamNames<Api>>(
		name: Name,
		params: ParamsOf<Api[Name]>,
		options?: { readonly signal?: AbortSignal; readonly window?: number },
	): AsyncGenerator<ItemOf<Api[Name]>, ResultOf<Api[Name]>, undefined>;
}

/** Types only: nothing of the declarations is needed at run time. */
export function createCaller<Api extends Operations>(session: Pick<Session, 'request' | 'stream'>): Caller<Api> {
	return {
		call: (name, params, options) => session.request(name, params, options) as never,
		stream: (name, params, options) => session.stream(name, params, options) as never,
	};
}
