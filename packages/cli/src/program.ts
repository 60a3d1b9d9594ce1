/** The whole program: arguments in, exit code out. It runs as well inside a test as behind `bin/orch.cjs`. */
import { CliError, OutputClosed, toShownError } from './errors.ts';
import { Context } from './context.ts';
import type { Globals } from './globals.ts';
import { hotInvocation } from './hot.ts';
import type { Invocation } from './invocation.ts';
import { renderError, renderErrorJson } from './render/error.ts';
import { loadStyle, wantsColor } from './render/style.ts';
import type { World } from './world.ts';

/** For completion scripts, not for people: no command of the tree. */
const completionWord = '__complete';

export async function run(argv: readonly string[], world: World): Promise<number> {
	if (argv[0] === completionWord) return (await import('./completion/index.ts')).answerCompletion(argv.slice(1), world);
	// for errors that are found before the options are read
	let globals: Globals = guessGlobals(argv);
	try {
		const invocation = (await hotInvocation(argv)) ?? (await (await import('./tree.ts')).parse(argv));
		globals = invocation.globals;
		try {
			return await runOnce(invocation, world);
		} catch (error) {
			if (!isHeardAgain(error)) throw error;
			return await runOnce(invocation, world);
		}
	} catch (error) {
		return report(error, world, globals);
	}
}

async function runOnce({ command, globals, input }: Invocation, world: World): Promise<number> {
	const context = await Context.open(world, globals);
	try {
		const exitCode = (await command.run(context, input)) ?? 0;
		await context.afterwards();
		return exitCode;
	} finally {
		if (!world.endsWithProgram) context.close();
	}
}

/** An orchd whose socket was gone has made it anew because it was asked: nothing was said to it yet. */
function isHeardAgain(error: unknown): boolean {
	if (!(error instanceof CliError) || error.code !== 'daemon.unheard') return false;
	const { state } = (error as CliError<'daemon.unheard'>).data;
	return state === 'listens' || state === 'listens anew';
}

/** For what was thrown where nobody waits. */
export const reportDefect = (error: unknown, argv: readonly string[], world: World): Promise<number> =>
	report(error, world, guessGlobals(argv));

export async function report(error: unknown, world: World, globals: Globals): Promise<number> {
	if (error instanceof OutputClosed) return 0;
	const shown = toShownError(await withFacts(error, world));
	if (globals.json || globals.output === 'json') {
		world.err.write(renderErrorJson(shown));
		return shown.exit;
	}
	const style = await loadStyle(wantsColor({ env: world.env, isTerminal: world.err.isTerminal, globals }));
	const stack = error instanceof Error ? error.stack : undefined;
	world.err.write(renderError(shown, { style, verbose: globals.verbose === true, stack }));
	return shown.exit;
}

/** What it takes a look at this machine to tell. */
async function withFacts(error: unknown, world: World): Promise<unknown> {
	if ((error as { code?: unknown } | undefined)?.code !== 'protocol.version') return error;
	return (await import('./whereabouts.ts')).withWhereabouts(error, world, process.argv[1]);
}

function guessGlobals(argv: readonly string[]): Globals {
	const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
	const format = own.some(
		(word, at) =>
			word === '--json' ||
			word === '-ojson' ||
			word === '--output=json' ||
			(/^(-o|--output)$/.test(word) && own[at + 1] === 'json'),
	);
	return { json: format, noColor: own.includes('--no-color'), verbose: own.includes('-v') || own.includes('--verbose') };
}
