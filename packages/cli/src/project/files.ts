/** Which files a project is read from, and with what: found upwards from here, or named. */
import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { inheritedOf } from '@orch/protocol/wire';
import { runtimeName, nonEmpty } from '../args/values.ts';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { list, type OptionValues, value } from '../option.ts';

export const fileOptions = {
	file: list(
		'-f, --file FILE',
		'a project file, or - for standard input; several are laid over each other. Else the first orch.yaml upwards from here',
		nonEmpty,
	),
	project: value('-p, --project NAME', 'the name of the project, instead of the file’s own', runtimeName),
	profile: list('--profile NAME', 'a profile of the file; may be given several times', runtimeName),
} as const;

export const fileNames = ['orch.yaml', 'orch.yml', '.loom.yml', 'orchestrator.yaml'] as const;

export interface Reading {
	readonly files: { readonly path: string; readonly name: string; readonly text?: string }[];
	readonly name?: string;
	readonly profiles: string[];
	readonly environment: Record<string, string>;
	readonly inherited: Record<string, string>;
}

/** What a project file may have, and so what is read of standard input. */
const mostBytes = 1_048_576;
const inputName = 'standard input';

export async function readingOf(context: Context, options: OptionValues<typeof fileOptions>): Promise<Reading> {
	const { world } = context;
	const files = await filesOf(context, options.file);
	const environment: Record<string, string> = {};
	for (const [name, text] of Object.entries(world.env)) if (text !== undefined) environment[name] = text;
	const name = options.project ?? (world.env['ORCH_PROJECT'] || undefined);
	return {
		files,
		...(name === undefined ? {} : { name }),
		profiles: [...(options.profile ?? [])],
		environment,
		inherited: inheritedOf(environment),
	};
}

async function filesOf(context: Context, named: readonly string[] | undefined): Promise<Reading['files']> {
	const { cwd } = context.world;
	if (named === undefined) {
		const path = findUpwards(cwd);
		return [{ path, name: shownPath(path, cwd) }];
	}
	if (named.filter((each) => each === '-').length > 1)
		throw new CliError('usage.conflict', {
			reason: 'standard input can be read only once, and - stands there twice',
			hint: 'put one of them into a file',
		});
	const files: Reading['files'] = [];
	// its path says from where its own paths are
	for (const each of named)
		files.push(
			each === '-'
				? { path: join(cwd, '-'), name: inputName, text: await readInput(context) }
				: { path: resolve(cwd, each), name: each },
		);
	return files;
}

async function readInput({ world }: Context): Promise<string> {
	const bytes = await world.input.read(mostBytes);
	if (bytes.length > mostBytes)
		throw new CliError('file.unreadable', { file: inputName, reason: `it has more than the ${mostBytes} bytes that are taken` });
	return Buffer.from(bytes).toString('utf8');
}

function findUpwards(from: string): string {
	for (let directory = from; ; directory = dirname(directory)) {
		for (const name of fileNames) if (existsSync(join(directory, name))) return join(directory, name);
		if (dirname(directory) === directory) throw new CliError('project.no_file', { directory: from });
	}
}

/** As one would type it from here. */
export function shownPath(path: string, cwd: string): string {
	const shown = relative(cwd, path);
	return shown.startsWith('../../..') ? path : shown;
}

/** The name of the project that is meant: as it was said, or that of the loaded one with these files; of several, the one they name. */
export async function loadedName(context: Context, options: OptionValues<typeof fileOptions>): Promise<string> {
	const reading = options.project !== undefined && options.file === undefined ? undefined : await readingOf(context, options);
	if (!reading) return options.project as string;
	if (reading.name !== undefined) return reading.name;
	const [first] = reading.files;
	if (first?.text === undefined) {
		const found = (await context.read('project.list', {})).filter(({ files }) => files[0] === first?.path);
		// what a file is by itself, before what others make of it
		const own = found.filter(({ mount }) => mount === null);
		if (own.length > 1)
			return namedOf(
				context,
				reading,
				own.map(({ name }) => name),
			);
		const loaded = own[0] ?? found[0];
		if (loaded) return loaded.name;
	}
	// it may have left something behind without being loaded
	const { project } = await context.read('project.validate', reading);
	if (!project) throw new CliError('project.not_loaded', { file: first?.name ?? '' });
	return project.name;
}

/** Of several projects that came from one file, the one that it names; the others are told. */
async function namedOf(context: Context, reading: Reading, loaded: readonly string[]): Promise<string> {
	const { project } = await context.read('project.validate', reading);
	const file = reading.files[0]?.name ?? '';
	if (!project) throw new CliError('project.not_loaded', { file });
	const { name } = project;
	if (!loaded.includes(name)) throw new CliError('project.not_this', { name, file, loaded });
	for (const other of loaded)
		if (other !== name) context.note(`note: project '${other}' came from ${file}, too, and is left: orch down -p ${other}`);
	return name;
}
