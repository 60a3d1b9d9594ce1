/** What handlers need to turn what people write into a runtime. */
import { type Call, findByReference, type Named, shortId } from '@orch/protocol';

export interface Entry extends Named {
	readonly status: string;
}

export interface Directory {
	get(id: string): Entry | undefined;
	byName(name: string): Entry | undefined;
	list(): readonly Entry[];
	/** The instances of a group, by their numbers; none where there is no such group. */
	group(name: string): readonly Entry[];
	/** The names of all groups. */
	groups(): readonly string[];
}

/** The runtime that `ref` means, or the declared error that says why it means none. */
export function resolveRuntime(directory: Directory, ref: string, call: Call<'runtime.not_found' | 'runtime.ambiguous'>): Entry {
	const { entries, group } = resolveRuntimes(directory, ref, call);
	const [entry] = entries;
	return entry && group === undefined ? entry : ambiguous(ref, entries, call);
}

/** The same where the name of a group may stand for all its instances. */
export function resolveRuntimes(directory: Directory, ref: string, call: Call<'runtime.not_found' | 'runtime.ambiguous'>): Meant {
	return resolve(directory, [], ref, call);
}

/** `removed`: those that are not there any more, and are meant where none of today is. */
function resolve(
	directory: Directory,
	removed: readonly Entry[],
	ref: string,
	call: Call<'runtime.not_found' | 'runtime.ambiguous'>,
): Meant {
	// what scripts write, whole names and ids, must not cost a look at every runtime
	const named = directory.byName(ref);
	if (named) return { entries: [named], group: undefined };
	const instances = directory.group(ref);
	if (instances.length > 0) return { entries: instances, group: ref };
	const exact = directory.get(ref);
	if (exact) return { entries: [exact], group: undefined };
	const found = findByReference(ref, [
		...directory.list().map((entry) => ({ id: entry.id, name: entry.name, entries: [entry], group: undefined })),
		...removed.map((entry) => {
			// what one of today has as well is its name; by its own id the other one is meant
			const isTaken = directory.byName(entry.name) !== undefined || directory.group(entry.name).length > 0;
			return { id: entry.id, name: isTaken ? noName : entry.name, entries: [entry], group: undefined };
		}),
		...directory.groups().map((name) => ({ id: noId, name, entries: directory.group(name), group: name })),
	]);
	switch (found.kind) {
		case 'one':
			return { entries: found.one.entries, group: found.one.group };
		case 'none':
			return call.fail('runtime.not_found', {
				ref,
				candidates: found.candidates,
				...(directory.list().some(({ name }) => name.startsWith(`${ref}/`)) ? { project: ref } : {}),
			});
		case 'many':
			return ambiguous(
				ref,
				found.matches.flatMap(({ entries }) => entries),
				call,
			);
	}
}

/** Groups have names only. */
const noId = '';
/** Nobody means it, and it is near to nothing. */
const noName = '';

/**
 * The same for who reads what was written: where no runtime of today is meant, what is kept of removed ones is. Of several that had
 * one name it is that of all.
 */
export function resolveWriters(
	directory: Directory & { removed(): readonly Entry[] },
	ref: string,
	call: Call<'runtime.not_found' | 'runtime.ambiguous'>,
): Meant {
	const isPresent = (directory.byName(ref) ?? directory.get(ref)) !== undefined || directory.group(ref).length > 0;
	if (isPresent) return resolveRuntimes(directory, ref, call);
	const removed = directory.removed();
	const meant = removed.filter(({ id, name }) => name === ref || id === ref);
	return meant.length > 0 ? { entries: meant, group: undefined } : resolve(directory, removed, ref, call);
}

/** What a reference means. */
export interface Meant {
	/** One at least. */
	readonly entries: readonly Entry[];
	/** The whole name of the group that it means; undefined where it means one runtime. */
	readonly group: string | undefined;
}

const ambiguous = (ref: string, matches: readonly Entry[], call: Call<'runtime.ambiguous'>): never =>
	call.fail('runtime.ambiguous', {
		ref,
		matches: matches.map(({ id, name, status }) => ({ shortId: shortId(id), name, status })),
	});

/** Every list tells the same times again, and writing them out is most of what a list takes. */
const isoTexts = new Map<number, string>();
const mostTexts = 8_192;

export function isoTime(ms: number): string {
	const known = isoTexts.get(ms);
	if (known !== undefined) return known;
	if (isoTexts.size >= mostTexts) isoTexts.clear();
	const text = new Date(ms).toISOString();
	isoTexts.set(ms, text);
	return text;
}
