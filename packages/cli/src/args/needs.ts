/** What a runtime needs, as it is typed: `db`, `db:ready`, `db:ready:restart`. */
import type { RuntimeOptions } from '@orch/protocol';
import { isRuntimeName, suggest } from '@orch/protocol/wire';
import { BadValue } from './bad-value.ts';

export type Need = NonNullable<RuntimeOptions['needs']>[number];

const conditions: readonly Need['condition'][] = ['started', 'ready', 'succeeded'];
const whenRestarted: readonly NonNullable<Need['onRestart']>[] = ['keep', 'restart', 'stop'];

export function parseNeed(text: string): Need {
	const [name = '', condition = 'started', onRestart, ...rest] = text.split(':');
	if (rest.length > 0) throw new BadValue('NAME, NAME:CONDITION or NAME:CONDITION:keep|restart|stop', []);
	return {
		runtime: neededName(name),
		condition: oneOf(conditions, condition, `${name}:`),
		...(onRestart === undefined ? {} : { onRestart: oneOf(whenRestarted, onRestart, `${name}:${condition}:`) }),
	};
}

/** What runtimes are called: those of a project PROJECT/NAME. */
function neededName(text: string): string {
	if (!isRuntimeName(text)) throw new BadValue('the name of a runtime, of a project PROJECT/NAME, and maybe :CONDITION', []);
	return text;
}

function oneOf<T extends string>(allowed: readonly T[], typed: string, before: string): T {
	const found = allowed.find((one) => one === typed);
	if (found === undefined)
		throw new BadValue(
			`${before} and one of: ${allowed.join(', ')}`,
			suggest(typed, allowed).map((one) => `${before}${one}`),
		);
	return found;
}

/** `db: ready`, with what becomes of it when db is restarted. */
export function describeNeed({ runtime, condition, onRestart = 'keep' }: Need): string {
	const then = { keep: 'goes on', restart: 'is restarted', stop: 'is stopped' }[onRestart];
	return `${runtime}: ${condition}; ${then} when ${runtime} is restarted or stopped`;
}
