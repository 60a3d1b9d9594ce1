/** What is kept of a project, from how its files were asked to be read, and back again. */
import { createHash } from 'node:crypto';
import { noDefinitions, type Project } from './declaration.ts';
import type { Loaded, LoadRequest } from './load/index.ts';
import type { Mount, ProjectRecord } from './ports.ts';

export function requestOf({ files, name, isNamed, profiles, environment, inherited, mount }: ProjectRecord): LoadRequest {
	return {
		files,
		name: isNamed ? name : undefined,
		profiles,
		environment,
		inherited,
		loadedAs: name,
		...asRunner(mount, profiles),
	};
}

/** What is different about the files of a runner: of one that a file mounts, the profiles are those of that file. */
export const asRunner = (
	mount: Mount | undefined,
	profiles: readonly string[],
): Pick<LoadRequest, 'isRunner' | 'profilesElsewhere'> =>
	mount === undefined ? {} : { isRunner: true, ...(mount.parent === null ? {} : { profilesElsewhere: profiles }) };

/** What an `up` leaves in the record before anything is done: what it owned before it still owns. */
export function recordOf(
	request: LoadRequest,
	project: Project,
	before: ProjectRecord | undefined,
	{
		loaded,
		mount,
		variables = [],
	}: { readonly loaded: Loaded; readonly mount?: Mount | undefined; readonly variables?: readonly string[] },
): ProjectRecord {
	const asked = [...new Set([...project.variables, ...variables])].flatMap((name) => {
		const value = request.environment[name];
		return value === undefined ? [] : [[name, value] as const];
	});
	return {
		name: project.name,
		files: request.files,
		isNamed: request.name !== undefined,
		profiles: request.profiles,
		environment: Object.fromEntries(asked),
		inherited: request.inherited,
		links: before?.links ?? [],
		starting: before?.starting ?? [],
		definitions: before?.definitions ?? noDefinitions,
		fingerprint: fingerprintOf(loaded),
		appliedAt: before?.appliedAt ?? 0,
		...(mount === undefined ? {} : { mount }),
		...(before?.isMounting ? { isMounting: true } : {}),
	};
}

export const fingerprintOf = (loaded: Loaded, files: readonly string[] = loaded.files): string =>
	fingerprint(files, loaded.texts);

export function fingerprint(files: readonly string[], texts: ReadonlyMap<string, string>): string {
	const hash = createHash('sha256');
	for (const path of [...new Set(files)].sort()) {
		const text = texts.get(path);
		hash.update(JSON.stringify([path, text === undefined ? null : text.length])).update(text ?? '');
	}
	return hash.digest('hex');
}
