/** `orch graph` and `orch link graph`: who needs whom, and who sends what to whom; of what runs, or of a project file. */
import { OrchError, RemoteError } from '@orch/protocol/wire';
import { choice, runtimeName } from '../args/values.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { graphDot } from '../graph/dot.ts';
import { declaredGraph, type Graph, liveGraph } from '../graph/graph.ts';
import { graphMermaid } from '../graph/mermaid.ts';
import { graphText, type Shows } from '../graph/text.ts';
import { flag, type OptionValues, value } from '../option.ts';
import { loadCheckModule } from '../project/check-module.ts';
import { fileOptions, readingOf } from '../project/files.ts';

const options = {
	file: fileOptions.file,
	profile: fileOptions.profile,
	project: value('-p, --project NAME', 'only this project; with -f, its name instead of the file’s own', runtimeName),
	output: value(
		'-o, --output FORMAT',
		'ascii (a tree), mermaid, dot or json',
		choice(['ascii', 'table', 'mermaid', 'dot', 'json']),
	),
} as const;

export const graph = command({
	path: ['graph'],
	summary: 'Draw who needs whom, and who sends what to whom',
	notes: [
		'Of what orchd knows, or of one PROJECT of it, with rates and drops; with -f of a project file, which needs no orchd. Instances of one thing are one node.',
		'-o dot is for Graphviz, -o mermaid for Markdown: needs are dashed there, links are drawn through.',
	],
	args: [{ name: 'PROJECT' }],
	options: {
		deps: flag('--deps', 'only who needs whom'),
		links: flag('--links', 'only who sends what to whom'),
		...options,
	},
	examples: [
		'orch graph',
		'orch graph shop --deps',
		'orch graph -f orch.yaml -o mermaid',
		'orch graph -o dot | dot -Tsvg > graph.svg',
	],
	json: '{"runtimes", "needs", "links"}; "flow" of a link is there where it runs',
	async run(context, { args: [project], options: { deps = false, links = false, ...given } }) {
		const both = deps === links;
		return draw(context, project, given, { needs: deps || both, links: links || both });
	},
});

export const linkGraph = command({
	path: ['link', 'graph'],
	summary: 'Draw who sends what to whom, with rates and drops',
	notes: ['As orch graph --links.'],
	args: [{ name: 'PROJECT' }],
	options,
	examples: ['orch link graph', 'orch link graph -o mermaid'],
	json: '{"runtimes", "needs", "links"}',
	run: (context, { args: [project], options: given }) => draw(context, project, given, { needs: false, links: true }),
});

async function draw(
	context: Context,
	named: string | undefined,
	given: OptionValues<typeof options>,
	shows: Shows,
): Promise<undefined> {
	if (named !== undefined && given.file !== undefined)
		throw new CliError('usage.conflict', {
			reason: `${named} is a loaded project and -f a file: one of them can be drawn`,
			hint: 'orch help graph',
		});
	if (named !== undefined && given.project !== undefined && named !== given.project)
		throw new CliError('usage.conflict', {
			reason: `${named} and -p ${given.project} are two projects: one of them can be drawn`,
			hint: 'orch help graph',
		});
	const whole = given.file === undefined ? await live(context, named ?? given.project) : await declared(context, given);
	const drawn: Graph = { ...whole, needs: shows.needs ? whole.needs : [], links: shows.links ? whole.links : [] };
	if (context.json) context.printJson(drawn);
	else if (context.namesOnly) context.print(drawn.runtimes.map(({ name }) => `${name}\n`).join(''));
	else if (given.output === 'dot') context.print(graphDot(drawn, shows));
	else if (given.output === 'mermaid') context.print(graphMermaid(drawn, shows));
	else if (drawn.runtimes.length === 0) context.note('nothing to draw: no runtimes');
	else if (!shows.needs && drawn.links.length === 0) context.note('no links; add one: orch link add --from A --type T --to B');
	else context.print(graphText(drawn, shows, context.style));
	return undefined;
}

async function live(context: Context, project: string | undefined): Promise<Graph> {
	const [runtimes, links] = await Promise.all([context.read('runtime.list', {}), linksOf(context)]);
	const isThere = project === undefined || runtimes.some(({ options: { project: of } }) => of === project);
	// knows what it may have been meant to be
	if (!isThere) await context.read('project.show', { project });
	return liveGraph(runtimes, links, project);
}

/** What there is of links is known also while the router does not tell how they are. */
async function linksOf(context: Context): Promise<Parameters<typeof liveGraph>[1]> {
	try {
		return (await context.read('link.stats', {})).links;
	} catch (error) {
		if (!(error instanceof RemoteError) || error.code !== 'router.unavailable') throw error;
		return context.read('link.list', {});
	}
}

async function declared(context: Context, given: OptionValues<typeof options>): Promise<Graph> {
	const { project, problems } = loadCheckModule(context.world).check(await readingOf(context, given));
	if (!project) throw new OrchError('project.invalid', { problems });
	return declaredGraph(project);
}
