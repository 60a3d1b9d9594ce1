/** Handlers of `runtime.why` and `runtime.wait`: a reference becomes runtimes, what the supervisor says becomes an answer. */
import type { Call, Handlers, WhyRuntime as WhyRuntimeSchema, whyOperations } from '@orch/protocol';
import type { Static } from 'typebox';
import { type Directory, resolveRuntimes } from './directory.ts';
import type { RuntimeInfo } from './runtime.ts';

export type WhyRuntime = Static<typeof WhyRuntimeSchema>;

export interface WhyHandlersOptions {
	readonly directory: Directory;
	/** The runtime and what it waits for. */
	readonly why: (id: string) => Promise<readonly WhyRuntime[]>;
	/** Refusals come as OrchError of the codes that the operation declares. */
	readonly waitFor: (
		id: string,
		goal: 'running' | 'ready' | 'stopped' | 'succeeded',
		signal: AbortSignal,
	) => Promise<RuntimeInfo>;
}

export function whyHandlers({ directory, why, waitFor }: WhyHandlersOptions): Handlers<typeof whyOperations> {
	const idsOf = (ref: string, call: Call<'runtime.not_found' | 'runtime.ambiguous'>) =>
		resolveRuntimes(directory, ref, call).entries.map(({ id }) => id);
	return {
		async 'runtime.why'({ runtime }, call) {
			return { runtimes: (await Promise.all(idsOf(runtime, call).map(why))).flat() };
		},

		async 'runtime.wait'({ runtime, for: goal }, call) {
			const ids = idsOf(runtime, call);
			return { runtimes: await Promise.all(ids.map((id) => waitFor(id, goal, call.signal))) };
		},
	};
}
