/** `orch __complete SHELL …`: what a completion script asks at every TAB. Silent whatever happens, and never a failure. */
import { printable } from '@orch/base/text';
import { commands } from '../commands/index.ts';
import type { World } from '../world.ts';
import { type BashLine, readBashLine, writeForBash } from './bash-line.ts';
import { liveCandidates } from './live.ts';
import { type Candidate, type Request, requestOf } from './request.ts';

/** More than anybody reads through; the shell narrows them by what is typed. */
const maxCandidates = 2000;
const longestDescription = 80;

export async function answerCompletion(argv: readonly string[], world: World): Promise<0> {
	try {
		world.out.write(await answer(argv, world));
	} catch {
		// the line stays as it is: a shell in the middle of a line is no place for an error
	}
	return 0;
}

async function answer([shell, ...rest]: readonly string[], world: World): Promise<string> {
	if (shell === 'bash') {
		const [line = '', breaks = ''] = rest;
		const read = readBashLine(line, breaks);
		const request = requestOf(read.words.slice(1), commands);
		return reply(
			request,
			(await fitting(request, world)).map(({ value }) => forBash(value, request, read)),
		);
	}
	const request = requestOf(shell === 'fish' ? fishWords(rest) : rest, commands);
	const lines = (await fitting(request, world)).map(({ value, description }) => {
		const text = printable(description);
		const short = text.length > longestDescription ? `${text.slice(0, longestDescription - 1)}…` : text;
		return `${request.before}${value}\t${short}`;
	});
	return reply(request, lines);
}

const reply = ({ paths }: Request, lines: readonly string[]): string =>
	[...lines, lines.length === 0 && paths ? `:${paths}` : ':', ''].join('\n');

/** `before` is part of the word, and readline keeps some or all of it. */
const forBash = (value: string, { before }: Request, line: BashLine): string => writeForBash(`${before}${value}`, line);

/** Fish gives its last word as it is typed. */
const fishWords = (words: readonly string[]): string[] =>
	words.map((word, at) => (at === words.length - 1 ? (readBashLine(word, '').words.at(-1) ?? '') : word));

async function fitting(request: Request, world: World): Promise<Candidate[]> {
	const live = request.live ? await liveCandidates(world, request.live, request.given) : [];
	const seen = new Set(request.taken);
	return [...request.known, ...live]
		.filter(({ value }) => {
			// what could not be told apart from the next line, or would drive the terminal, is typed by hand
			if (!value.startsWith(request.word) || seen.has(value) || printable(value) !== value) return false;
			seen.add(value);
			return true;
		})
		.slice(0, maxCandidates);
}
