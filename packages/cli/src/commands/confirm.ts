/** Asks yes or no, where there is somebody to ask. */
import type { Context } from '../context.ts';

export const canAsk = ({ world: { input, err, env }, json }: Context): boolean =>
	input.isTerminal && err.isTerminal && !json && !env['ORCH_NO_INPUT'];

/** One question at a time, in the order they came up. */
let before: Promise<unknown> = Promise.resolve();

/** No is the answer to everything but a yes. */
export function confirmed({ world, noteStyle }: Context, question: string): Promise<boolean> {
	const answer = before.then(() => world.input.ask(`${question} ${noteStyle.dim('[y/N]')} `));
	before = answer.catch(() => {});
	return answer.then((text) => /^\s*y(es)?\s*$/i.test(text ?? ''));
}
