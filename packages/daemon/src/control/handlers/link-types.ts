/** Every type that is declared, linked or has been sent: put together of what projects say, of the links, and of what the router saw. */
import type { TypeInfo as TypeInfoSchema } from '@orch/protocol';
import type { Static } from 'typebox';
import type { Links, TypeFigures } from '../../links/index.ts';
import { isoTime } from './directory.ts';

type TypeInfo = Static<typeof TypeInfoSchema>;

export interface TypesRequest {
	readonly links: Pick<Links, 'list' | 'meant' | 'declaredTypes'>;
	readonly seen: TypeFigures;
	readonly party: (end: string) => { readonly id: string; readonly name: string };
	/** Only this one, with its schemas. */
	readonly type: string | undefined;
}

export function typeInfos({ links, seen, party, type: only }: TypesRequest): TypeInfo[] {
	const declared = links.declaredTypes;
	const linked = links.list();
	const names = [...declared, ...linked, ...seen.producers, ...seen.samples].map(({ type }) => type);
	const wanted = [...new Set(names)].filter((name) => only === undefined || name === only);
	return wanted.sort().map((name): TypeInfo => {
		const ofType = <T extends { readonly type: string }>(rows: readonly T[]): readonly T[] =>
			rows.filter(({ type }) => type === name);
		const ends = new Set(ofType(linked).map(({ from }) => from));
		/** One of a group that is linked as a whole is told as the group. */
		const endOf = (runtime: string) => [...ends].find((end) => links.meant(end).includes(runtime)) ?? runtime;
		const producers = new Map([...ends].map((end) => [end, { ...party(end), messages: 0, refused: 0 }]));
		for (const { runtime, messages, refused } of ofType(seen.producers)) {
			const end = endOf(runtime);
			const before = producers.get(end) ?? { ...party(end), messages: 0, refused: 0 };
			producers.set(end, { ...before, messages: before.messages + messages, refused: before.refused + refused });
		}
		const consumers = new Set(ofType(linked).map(({ to }) => to));
		const [last] = ofType(seen.samples);
		const [lastRefused] = ofType(seen.misfits);
		const all = [...producers.values()];
		return {
			name,
			producers: all,
			consumers: [...consumers].map(party),
			messages: all.reduce((sum, { messages }) => sum + messages, 0),
			refused: all.reduce((sum, { refused }) => sum + refused, 0),
			schemas: ofType(declared).map(({ project, problem, schema }) => ({
				project,
				problem: problem ?? null,
				...(only === undefined ? {} : { schema }),
			})),
			last: last === undefined ? null : { ...untyped(last), at: isoTime(last.at) },
			lastRefused: lastRefused === undefined ? null : { ...untyped(lastRefused), at: isoTime(lastRefused.at) },
		};
	});
}

function untyped<T extends { readonly type: string }>({ type: _type, ...rest }: T): Omit<T, 'type'> {
	return rest;
}
