/** What the schema of a project file cannot say: names that are there, once, and needs that lead nowhere in circles. */
import { circleProblems } from './circle-problem.ts';
import { anySender } from '../declaration.ts';
import { didYouMean, type Problem, problem, type Suggest } from '../problem.ts';
import { needNames } from './runtime-section.ts';
import type { LinkSection } from './schema.ts';
import type { NeedsSection } from './schema-runtime.ts';
import { firstLine, placeOf, type Span } from '../source.ts';
import { type Entry, keySpan, spanAt, type Tree } from './tree.ts';

/** A name that the file gives, and what it stands for. */
export interface DeclaredName {
	readonly name: string;
	readonly entry: Entry;
	/** Undefined: one that has no number. */
	readonly instances: number | undefined;
	/** The profiles with one of which it is there. */
	readonly profiles: readonly string[];
	readonly isActive: boolean;
	readonly needs: NeedsSection | undefined;
	/** Whether a probe tells when it is ready. */
	readonly tellsReady: boolean;
}

export interface LinkText {
	readonly from: readonly string[];
	readonly types: readonly string[];
	readonly to: readonly string[];
	readonly at: Span;
	readonly fromAt: Span;
	readonly typeAt: Span;
	readonly toAt: Span;
}

export const instanceNames = ({ name, instances }: Pick<DeclaredName, 'name' | 'instances'>): string[] =>
	instances === undefined ? [name] : Array.from({ length: instances }, (_, index) => `${name}-${index + 1}`);

const define = 'define it under runtimes; one of another project is PROJECT/NAME';

export function checkNames(names: ReadonlyMap<string, DeclaredName>, suggest: Suggest): Problem[] {
	const problems: Problem[] = [];
	const needs = new Map<string, string[]>();
	const spans = new Map<string, Span>();
	for (const { name, entry, isActive, needs: given } of names.values()) {
		if (!isActive) continue;
		const needed: string[] = [];
		for (const need of needNames(given)) {
			const at = needSpan(entry.value, need.step);
			const target = names.get(need.name);
			if (target?.isActive) {
				needed.push(need.name);
				spans.set(JSON.stringify([name, need.name]), at);
			} else if (!need.name.includes('/')) {
				problems.push(unknown(`runtime '${name}' needs '${need.name}'`, need.name, target, at, names, suggest, name));
			}
		}
		needs.set(name, needed);
	}
	problems.push(
		...circleProblems(needs, 'runtimes', (from, to) => spans.get(JSON.stringify([from, to])) ?? namesSpan(names, from)),
	);
	return [...problems, ...checkInstances(names)];
}

const namesSpan = (names: ReadonlyMap<string, DeclaredName>, name: string): Span => (names.get(name) as DeclaredName).entry.key;

function unknown(
	subject: string,
	name: string,
	target: DeclaredName | undefined,
	at: Span,
	names: ReadonlyMap<string, DeclaredName>,
	suggest: Suggest,
	self?: string,
): Problem {
	if (target) {
		const profiles = target.profiles.join(', ');
		return problem('unknown_name', `${subject}, which is there only with the profile ${profiles}`, {
			at,
			hint: `orch up --profile ${target.profiles[0] ?? ''}`,
		});
	}
	const known = [...names.values()].filter((each) => each.isActive && each.name !== self).map((each) => each.name);
	return problem('unknown_name', `${subject}, which is not defined`, {
		at,
		note: didYouMean(suggest(name, known)),
		hint: define,
	});
}

/** The name itself, where it stands alone: in a list, as a key, or as the whole value. */
function needSpan(runtime: Tree, step: string | number | undefined): Span {
	if (typeof step === 'string') return keySpan(runtime, ['needs', step]);
	return spanAt(runtime, step === undefined ? ['needs'] : ['needs', step]);
}

/** `api` three times is also `api-1`, which may be somebody's name. */
function checkInstances(names: ReadonlyMap<string, DeclaredName>): Problem[] {
	const problems: Problem[] = [];
	for (const declared of names.values()) {
		if (declared.instances === undefined || !declared.isActive) continue;
		for (const each of instanceNames(declared)) {
			const other = names.get(each);
			if (!other?.isActive || other === declared) continue;
			const { line } = placeOf(declared.entry.key);
			problems.push(
				problem('duplicate', `'${each}' is also an instance of '${declared.name}' (line ${line})`, {
					at: other.entry.key,
					hint: 'give it another name',
				}),
			);
		}
	}
	return problems;
}

/** A link as it is written, short or long; undefined where it has not the shape of one. */
export function readLink(item: Tree, section: LinkSection): LinkText {
	if (typeof section === 'string') {
		const match = /^(\S+) +-(.+)-> +(\S+)$/.exec(section);
		const [, from = '', type = '', to = ''] = match ?? [];
		return { from: [from], types: [type], to: [to], at: item.at, fromAt: item.at, typeAt: item.at, toAt: item.at };
	}
	return {
		from: [section.from].flat(),
		types: [section.type].flat(),
		to: [section.to].flat(),
		at: item.at,
		fromAt: spanAt(item, ['from']),
		typeAt: spanAt(item, ['type']),
		toAt: spanAt(item, ['to']),
	};
}

export type TypeNameFault = (name: string) => string | undefined;

export const badTypeName = (fault: string, at: Span): Problem =>
	problem('bad_value', `the name of this type of messages ${fault}`, { at });

export function checkLinks(
	links: readonly LinkText[],
	names: ReadonlyMap<string, DeclaredName>,
	{ suggest, typeNameFault }: { readonly suggest: Suggest; readonly typeNameFault: TypeNameFault },
): Problem[] {
	const problems: Problem[] = [];
	const first = new Map<string, Span>();
	for (const link of links) {
		const end = (name: string, at: Span, way: string) => {
			const target = names.get(name);
			// with a runtime that is only there with a profile its links are, too
			if (target || name.includes('/')) return;
			problems.push(unknown(`a link ${way} '${name}'`, name, target, at, names, suggest));
		};
		for (const type of link.types) {
			const fault = typeNameFault(type);
			if (fault !== undefined) problems.push(badTypeName(fault, link.typeAt));
		}
		for (const name of link.from) if (name !== anySender) end(name, link.fromAt, 'comes from');
		for (const name of link.to) {
			if (name === anySender) problems.push(problem('bad_value', 'a link goes to a runtime, not to *', { at: link.toAt }));
			else end(name, link.toAt, 'goes to');
		}
		for (const from of link.from) {
			for (const type of link.types) {
				for (const to of link.to) {
					const key = JSON.stringify([from, type, to]);
					const earlier = first.get(key);
					if (earlier) {
						const { line } = placeOf(earlier);
						problems.push(
							problem('duplicate', `${from} ─${type}→ ${to} is linked already (line ${line})`, { at: firstLine(link.at) }),
						);
					} else first.set(key, link.at);
				}
			}
		}
	}
	return problems;
}
