/** One operation on several runtimes: all at once, told in the order they were named; the first failure gives the exit code. */
import type { Context } from '../context.ts';
import { toShownError } from '../errors.ts';
import { maskRuntime } from '../secrets.ts';
import { renderError, renderErrorJson } from '../render/error.ts';

/** Requests under way on one connection; orchd takes 64. */
const atOnce = 32;

/** `tell` is called with each result once it and those before it are there, of a group with each of its instances. With --json all results are one array. */
export async function onEach<Result extends object>(
	context: Context,
	refs: readonly string[],
	act: (ref: string) => Promise<Result & { readonly instances?: readonly Result[] | undefined }>,
	tell: (result: Result) => void,
): Promise<number> {
	const unique = [...new Set(refs)];
	const results: Result[] = [];
	let exit = 0;
	for (const outcome of startBounded(unique, act)) {
		try {
			const { instances, ...one } = await outcome;
			// the name of a group stands for each of its instances
			const all = instances ?? [one as unknown as Result];
			results.push(...all);
			if (!context.json) for (const each of all) tell(each);
		} catch (error) {
			// a single one fails as the command itself does
			if (unique.length === 1) throw error;
			exit ||= showFailure(context, error);
		}
	}
	if (context.json) context.printJson(results.map(maskRuntime));
	return exit;
}

/** A promise for each; no more than `atOnce` are worked on at a time. */
function startBounded<Result>(refs: readonly string[], act: (ref: string) => Promise<Result>): Promise<Result>[] {
	const started: Promise<Result>[] = [];
	for (const [at, ref] of refs.entries()) {
		const before = started[at - atOnce];
		const outcome = before
			? before.then(
					() => act(ref),
					() => act(ref),
				)
			: act(ref);
		// it is looked at in its turn
		outcome.catch(() => {});
		started.push(outcome);
	}
	return started;
}

function showFailure(context: Context, error: unknown): number {
	const shown = toShownError(error);
	const { noteStyle: style, globals, world, json } = context;
	world.err.write(json ? renderErrorJson(shown) : renderError(shown, { style, verbose: globals.verbose === true }));
	return shown.exit;
}
