/** What a workflow's schema cannot say: jobs or steps, one kind of step, needs that are there and lead nowhere in circles. */
import { circleProblems } from './circle-problem.ts';
import { didYouMean, type Problem, problem, type Suggest } from '../problem.ts';
import { stepKinds } from './schema-workflow.ts';
import { subject } from './shape.ts';
import { firstLine, type Span } from '../source.ts';
import { at, type MapTree, type Path, type Tree } from './tree.ts';

/** Looks only at what has the shape it should have; what has not was said already. */
export function checkWorkflow(tree: Tree, path: Path, owner: Span, suggest: Suggest): Problem[] {
	if (tree.kind !== 'map') return [];
	const problems: Problem[] = [];
	const jobs = tree.entries.get('jobs');
	const steps = tree.entries.get('steps');
	if (jobs && steps) {
		problems.push(problem('bad_value', `${subject(path)} has both jobs and steps; it must have one of them`, { at: steps.key }));
	} else if (!jobs && !steps) {
		problems.push(problem('missing', `${subject(path)} lacks 'jobs' or 'steps'`, { at: owner, hint: 'orch explain workflows' }));
	}
	if (steps) problems.push(...checkSteps(steps.value, [...path, 'steps']));
	if (jobs?.value.kind === 'map') problems.push(...checkJobs(jobs.value, [...path, 'jobs'], suggest));
	const hooks = tree.entries.get('hooks')?.value;
	if (hooks?.kind === 'map') {
		for (const [name, { value }] of hooks.entries) problems.push(...checkSteps(value, [...path, 'hooks', name]));
	}
	return problems;
}

function checkJobs(jobs: MapTree, path: Path, suggest: Suggest): Problem[] {
	const problems: Problem[] = [];
	const needs = new Map<string, string[]>();
	const spans = new Map<string, Span>();
	for (const [name, { value }] of jobs.entries) {
		if (value.kind !== 'map') continue;
		const steps = value.entries.get('steps')?.value;
		if (steps) problems.push(...checkSteps(steps, [...path, name, 'steps']));
		const needed: string[] = [];
		for (const { text, span } of neededJobs(value.entries.get('needs')?.value)) {
			if (jobs.entries.has(text)) {
				needed.push(text);
				spans.set(JSON.stringify([name, text]), span);
				continue;
			}
			const candidates = suggest(
				text,
				[...jobs.entries.keys()].filter((each) => each !== name),
			);
			problems.push(
				problem('unknown_name', `job '${name}' needs '${text}', which is not defined`, {
					at: span,
					note: didYouMean(candidates),
				}),
			);
		}
		needs.set(name, needed);
	}
	return [...problems, ...circleProblems(needs, 'jobs', (from, to) => spans.get(JSON.stringify([from, to])) ?? jobs.at)];
}

function neededJobs(tree: Tree | undefined): { readonly text: string; readonly span: Span }[] {
	if (tree === undefined) return [];
	return (tree.kind === 'list' ? tree.items : [tree]).flatMap((item) => {
		const name = item.kind === 'map' ? at(item, ['job']) : item;
		return name?.kind === 'scalar' && typeof name.value === 'string' ? [{ text: name.value, span: name.at }] : [];
	});
}

function checkSteps(tree: Tree, path: Path): Problem[] {
	if (tree.kind !== 'list') return [];
	const ids = new Map<string, Span>();
	return tree.items.flatMap((step, index) => {
		if (step.kind !== 'map') return [];
		const problems: Problem[] = [];
		const kinds = stepKinds.filter((kind) => step.entries.has(kind));
		// `wait` and `approval` beside another kind would be a gate that nobody sees
		if (kinds.length !== 1) {
			const found = kinds.length === 0 ? 'none of them' : kinds.join(' and ');
			const where = kinds[1] === undefined ? step.at : (step.entries.get(kinds[1])?.key ?? step.at);
			problems.push(
				problem('bad_value', `${subject([...path, index])} must have one of ${stepKinds.join(', ')}; it has ${found}`, {
					at: firstLine(where),
				}),
			);
		}
		const id = step.entries.get('id')?.value;
		if (id?.kind === 'scalar' && typeof id.value === 'string') {
			if (ids.has(id.value))
				problems.push(problem('duplicate', `the id '${id.value}' is taken by an earlier step`, { at: id.at }));
			ids.set(id.value, id.at);
		}
		return problems;
	});
}
