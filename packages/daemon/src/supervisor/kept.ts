/** What a journal gives back, made whole: an older or a newer daemon may have written it, and nothing of it may keep this one from starting. */
import type { KeptRuntime, RememberedAccount, RememberedCondemned, RememberedState, RuntimeMemory } from './journal.ts';
import { freshMemory } from './memory.ts';
import { defaultRestart, defaultStop, type RuntimeSpec } from './spec.ts';

export interface KeptText {
	readonly id: string;
	readonly name: string;
	readonly spec: unknown;
	readonly memory: unknown;
	readonly addedAt: number;
}

/** What it does not know stays as it is; what is missing is what a new runtime would have. */
export const wholeRuntime = ({ id, name, spec, memory, addedAt }: KeptText): KeptRuntime => ({
	spec: wholeSpec(id, name, fieldsOf(spec)),
	memory: wholeMemory(fieldsOf(memory)),
	addedAt,
});

type Fields = Readonly<Record<string, unknown>>;

function wholeSpec(id: string, name: string, spec: Fields): RuntimeSpec {
	const { program, args, cwd, env, priority, privileged, restart, stop } = spec;
	return {
		...spec,
		id,
		name,
		// without a program it fails at its next start, with the reason, and is there to be looked at
		program: typeof program === 'string' ? program : '',
		args: Array.isArray(args) ? args : [],
		cwd: typeof cwd === 'string' ? cwd : '/',
		env: fieldsOf(env) as RuntimeSpec['env'],
		priority: priority === 'high' || priority === 'low' ? priority : 'normal',
		privileged: privileged === true,
		restart: { ...defaultRestart, ...fieldsOf(restart) },
		stop: { ...defaultStop, ...fieldsOf(stop) },
	};
}

function wholeMemory(memory: Fields): RuntimeMemory {
	const { bootId, desired, generation, settled, readyGeneration, startedUpGeneration, restarts, state, lastExit } = memory;
	return {
		...freshMemory(typeof bootId === 'string' ? bootId : ''),
		// what runs is not to be stopped because nobody can tell any more what was wanted of it
		desired: desired === 'stopped' ? 'stopped' : 'running',
		generation: count(generation),
		settled: count(settled),
		readyGeneration: count(readyGeneration),
		startedUpGeneration: count(startedUpGeneration),
		restarts: count(restarts),
		state: wholeState(fieldsOf(state)),
		lastExit: typeof fieldsOf(lastExit)['by'] === 'string' ? (lastExit as RuntimeMemory['lastExit']) : null,
	};
}

/** One of which nothing is known is at rest: what lives is adopted from there, and what is wanted is started. */
function wholeState({ kind, account, thenStart, condemned, reason, nextAt }: Fields): RememberedState {
	const because = typeof reason === 'string' ? reason : '';
	switch (kind) {
		case 'exited':
			return { kind };
		case 'active':
			return { kind, account: wholeAccount(fieldsOf(account)) };
		case 'stopping':
			return {
				kind,
				thenStart: thenStart === true,
				...(condemned === undefined ? {} : { condemned: wholeCondemned(fieldsOf(condemned)) }),
			};
		case 'backoff':
			return { kind, account: wholeAccount(fieldsOf(account)), reason: because, nextAt: time(nextAt) ?? 0 };
		case 'failed':
			return { kind, account: wholeAccount(fieldsOf(account)), reason: because, nextAt: time(nextAt) };
		default:
			return { kind: 'stopped' };
	}
}

function wholeCondemned({ account, end }: Fields): RememberedCondemned {
	const { what, livedMs, at, chance } = fieldsOf(end);
	return {
		account: wholeAccount(fieldsOf(account)),
		end: {
			what: typeof what === 'string' ? what : '',
			livedMs: time(livedMs) ?? 0,
			at: time(at) ?? 0,
			chance: time(chance) ?? 0,
		},
	};
}

const wholeAccount = ({ failures, tries, gaveUp }: Fields): RememberedAccount => ({
	failures: Array.isArray(failures) ? failures.filter((at): at is number => time(at) !== null) : [],
	tries: count(tries),
	gaveUp: gaveUp === true,
});

const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});
const count = (value: unknown): number => (Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : 0);
const time = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null);
