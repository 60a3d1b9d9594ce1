/** What is wrong with the files of a project: where, what, and what would do. */
import { type Frame, frameOf, type Place, placeOf, type Span } from './source.ts';

/** The numbers under which people look problems up. */
export const problemNumbers = {
	program: 'E107',
	directory: 'E139',
	schedule: 'E181',
	user: 'E182',
	cycle: 'E113',
	unknown_name: 'E114',
	syntax: 'E115',
	unknown_key: 'E116',
	bad_value: 'E117',
	missing: 'E200',
	variable: 'E201',
	duplicate: 'E202',
	unknown_profile: 'E203',
	unreadable: 'E204',
	too_much: 'E205',
	renamed: 'E215',
} as const;

export type ProblemKind = keyof typeof problemNumbers;

export interface Problem {
	readonly kind: ProblemKind;
	readonly number: (typeof problemNumbers)[ProblemKind];
	/** What is wrong, without its place. */
	readonly message: string;
	/** Undefined where it is in no place of a file. */
	readonly at?: Place;
	readonly frame?: Frame;
	/** Further lines. */
	readonly facts: readonly string[];
	readonly hint?: string;
}

export interface ProblemDetails {
	readonly at?: Span | undefined;
	/** Beside the mark in the frame. */
	readonly note?: string | undefined;
	/** Its place is enough: no lines of the file. */
	readonly bare?: boolean | undefined;
	readonly facts?: readonly string[] | undefined;
	readonly hint?: string | undefined;
}

export function problem(kind: ProblemKind, message: string, details: ProblemDetails = {}): Problem {
	const { at, note, bare, facts, hint } = details;
	return {
		kind,
		number: problemNumbers[kind],
		message,
		...(at === undefined ? {} : { at: placeOf(at) }),
		...(at === undefined || bare ? {} : { frame: frameOf(at, note) }),
		facts: facts ?? [],
		...(hint === undefined ? {} : { hint }),
	};
}

/** The nearest of the known names to a mistyped one; given to this room, which has no words of its own. */
export type Suggest = (wrong: string, known: Iterable<string>) => readonly string[];

export const didYouMean = (candidates: readonly string[]): string | undefined =>
	candidates.length === 0 ? undefined : `did you mean: ${candidates.join(', ')}`;

/** By file and place, those without one first. */
export function inOrder(problems: readonly Problem[], files: readonly string[]): Problem[] {
	const rank = ({ at }: Problem) => (at === undefined ? -1 : files.indexOf(at.file));
	return problems
		.map((each, index) => ({ each, index }))
		.sort(
			(a, b) =>
				rank(a.each) - rank(b.each) ||
				(a.each.at?.line ?? 0) - (b.each.at?.line ?? 0) ||
				(a.each.at?.column ?? 0) - (b.each.at?.column ?? 0) ||
				a.index - b.index,
		)
		.map(({ each }) => each);
}
