/**
 * The few commands that only ask and show, in a bundle so small that most of its time is Node's own: `bin/orch.cjs` tries it first.
 * It knows the way on which everything is well. Wherever it is not (no orchd, an error as the answer, an option that only the full
 * parser reads), it has written nothing and says so, and the whole program does it all again, from the beginning.
 */
import { Context } from './context.ts';
import { hotInvocation } from './hot.ts';
import type { Invocation } from './invocation.ts';
import { processWorld } from './process-world.ts';
import { report } from './program.ts';
import type { Sink } from './world.ts';

/** An orchd that takes longer is asked again by the whole program, which has all the time in the world. */
const answerMs = 1_000;

/** Undefined where the whole program has to do it. */
export async function main(argv: readonly string[]): Promise<number | undefined> {
	let invocation: Invocation | undefined;
	let exitCode: number;
	const world = processWorld();
	const out = held(world.out);
	const err = held(world.err);
	try {
		invocation = await hotInvocation(argv);
		// a time that was given is not to be waited for twice
		if (!invocation || invocation.globals.timeout !== undefined) return undefined;
		const context = await Context.open({ ...world, out, err }, { ...invocation.globals, timeout: answerMs });
		exitCode = (await invocation.command.run(context, invocation.input)) ?? 0;
	} catch {
		return undefined;
	}
	try {
		out.release();
		err.release();
		return exitCode;
	} catch (error) {
		// some of it may be written: it is not to be written twice
		return report(error, world, invocation.globals);
	}
}

interface Held extends Sink {
	/** Writes what was held. */
	release(): void;
}

/** Keeps what is written until it is known that nothing goes wrong any more. */
function held(sink: Sink): Held {
	const parts: (string | Uint8Array)[] = [];
	const never = () => {
		throw new Error('Output without end is for the whole program');
	};
	return {
		isTerminal: sink.isTerminal,
		get columns() {
			return sink.columns;
		},
		get rows() {
			return sink.rows;
		},
		write: (data) => void parts.push(data),
		flow: never,
		flushed: never,
		onReaderGone: never,
		release() {
			for (const part of parts) sink.write(part);
		},
	};
}
