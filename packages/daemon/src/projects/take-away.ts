/** Takes runtimes away: what needs others goes before them; what cannot be stopped stays, and is named. */
import { inReverse, type Progress, sentenceOf } from './apply.ts';
import type { RuntimeDeclaration } from './declaration.ts';
import type { RuntimesPort } from './ports.ts';

export interface TakenAway {
	readonly removed: readonly string[];
	/** What is left, with the reason. */
	readonly left: readonly { readonly name: string; readonly reason: string }[];
}

export async function takeAway(
	runtimes: RuntimesPort,
	declarations: readonly RuntimeDeclaration[],
	{
		signal,
		tell,
	}: {
		readonly signal: AbortSignal;
		readonly tell: (name: string, kind: Progress['kind'], reason: string | null) => void;
	},
): Promise<TakenAway> {
	const removed: string[] = [];
	const left: { name: string; reason: string }[] = [];
	await inReverse(declarations, async ({ name }) => {
		try {
			tell(name, 'stopping', null);
			await runtimes.stop(name, signal);
			await runtimes.remove(name, signal);
			tell(name, 'removed', null);
			removed.push(name);
		} catch (error) {
			left.push({ name, reason: sentenceOf(error) });
			tell(name, 'failed', sentenceOf(error));
		}
	});
	return { removed, left };
}
