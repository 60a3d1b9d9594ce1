/** What handlers need to turn what people write into a runtime. */
import type { Call } from '@orch/protocol';
import { findByReference, type Named, shortId } from '../references.ts';

export interface Entry extends Named {
	readonly status: string;
}

export interface Directory {
	get(id: string): Entry | undefined;
	byName(name: string): Entry | undefined;
	list(): readonly Entry[];
}

/** The runtime that `ref` means, or the declared error that says why it means none. */
export function resolveRuntime(directory: Directory, ref: string, call: Call<'runtime.not_found' | 'runtime.ambiguous'>): Entry {
	// what scripts write, whole names and ids, must not cost a look at every runtime
	const exact = directory.byName(ref) ?? directory.get(ref);
	if (exact) return exact;
	const found = findByReference(ref, directory.list());
	switch (found.kind) {
		case 'one':
			return found.one;
		case 'none':
			return call.fail('runtime.not_found', { ref, candidates: found.candidates });
		case 'many':
			return call.fail('runtime.ambiguous', {
				ref,
				matches: found.matches.map(({ id, name, status }) => ({ shortId: shortId(id), name, status })),
			});
	}
}

export const isoTime = (ms: number): string => new Date(ms).toISOString();
