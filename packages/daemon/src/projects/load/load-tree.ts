/** A project with its runners, each of which is a project of its own: loaded together, refused together. */
import type { Project } from '../declaration.ts';
import { type Loaded, type LoadPorts, loadProject, type LoadRequest } from './load.ts';
import { type Problem, problem } from '../problem.ts';
import type { RunnerDeclaration } from './runner-section.ts';

export interface LoadedRunner {
	readonly declaration: RunnerDeclaration;
	readonly request: LoadRequest;
	readonly loaded: Loaded;
}

export interface LoadedTree {
	readonly project: Project | undefined;
	/** Of all files. */
	readonly problems: readonly Problem[];
	/** The project without its runners; where one of those does not hold, with its files, which are then to be watched with it. */
	readonly own: Loaded;
	/** What it mounts and was loaded. */
	readonly runners: readonly LoadedRunner[];
}

export interface TreeOptions {
	/** Variables of a runner that are known from before, under those of the request. */
	readonly known?: ((runner: RunnerDeclaration) => Pick<LoadRequest, 'environment' | 'inherited'> | undefined) | undefined;
	/** Runners that go on as they are, and are not looked at. */
	readonly leaves?: ((runner: RunnerDeclaration) => boolean) | undefined;
}

export function loadTree(request: LoadRequest, ports: LoadPorts, { known, leaves }: TreeOptions = {}): LoadedTree {
	const first = loadProject(request, ports);
	const looked = first.runners.filter((declaration) => !leaves?.(declaration));
	const runners = looked.map((declaration) => loadRunner(declaration, request, first, ports, known?.(declaration)));
	// a profile may be meant for the runners alone; what those know that are not looked at was found when they were
	const isWhole = looked.length === first.runners.length;
	const profilesElsewhere = isWhole ? runners.flatMap(({ loaded }) => loaded.knownProfiles) : request.profiles;
	const isLeft = request.profiles.some((name) => !first.knownProfiles.includes(name) && profilesElsewhere.includes(name));
	const own = isLeft ? loadProject({ ...request, profilesElsewhere }, ports) : first;
	const faulty = runners.filter(({ loaded }) => loaded.problems.length > 0);
	if (faulty.length === 0) return { project: own.project, problems: own.problems, own, runners };
	const problems = [...own.problems, ...faulty.flatMap(({ loaded }) => loaded.problems)];
	return {
		project: undefined,
		problems,
		own: {
			...own,
			project: undefined,
			problems,
			files: [...new Set([...own.files, ...faulty.flatMap(({ loaded }) => loaded.files)])],
			texts: new Map([...own.texts, ...faulty.flatMap(({ loaded }) => [...loaded.texts])]),
		},
		runners,
	};
}

function loadRunner(
	declaration: RunnerDeclaration,
	parent: LoadRequest,
	{ knownProfiles }: Loaded,
	ports: LoadPorts,
	known: Pick<LoadRequest, 'environment' | 'inherited'> | undefined,
): LoadedRunner {
	const request: LoadRequest = {
		files: [{ path: declaration.config, name: declaration.shownConfig }],
		name: declaration.name,
		profiles: parent.profiles,
		environment: { ...known?.environment, ...parent.environment },
		inherited: known?.inherited ?? parent.inherited,
		isRunner: true,
		profilesElsewhere: parent.profiles,
	};
	const content = ports.read(declaration.config);
	if ('text' in content) return { declaration, request, loaded: loadProject(request, ports) };
	// what is wrong is not in it, but where it is named
	const why = content.fault === 'missing' ? 'there is no such file' : content.reason;
	const problems = [
		problem('unreadable', `runner '${declaration.name}': cannot read ${declaration.shownConfig}: ${why}`, { at: declaration.at }),
	];
	const files = [declaration.config];
	return {
		declaration,
		request,
		loaded: { project: undefined, problems, runners: [], knownProfiles, files, texts: new Map() },
	};
}
