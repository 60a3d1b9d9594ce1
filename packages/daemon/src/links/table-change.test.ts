import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LinkRow, PortRow, RoutingTable, SchemaRow } from './ports.ts';
import { changeOf } from './table-change.ts';
import { applyChange } from './testing/apply-change.ts';

const port = (number: number, generation: number): PortRow => ({
	runtime: `runtime-${number}`,
	name: `r${number}`,
	socket: `/run/${number}.sock`,
	veecleSocket: `/run/${number}.v.sock`,
	privileged: false,
	generation,
	token: `token-${generation}`,
});
const link = (number: number, messages: number): LinkRow => ({
	id: `link-${number}`,
	from: '*',
	type: 'Ping',
	to: 'runtime-1',
	messages,
	bytes: 1,
	overflow: 'block',
	whileDown: 'drop',
});
const schema = (number: number, demand: number): SchemaRow => ({
	project: 'shop',
	type: `Type${number}`,
	schema: `{"minimum":${demand}}`,
});
const pair = fc.tuple(fc.nat(6), fc.nat(2));
const byNumber = { selector: ([number]: [number, number]) => number };
const tables = (version: number): fc.Arbitrary<RoutingTable> =>
	fc
		.record({
			ports: fc.uniqueArray(pair, byNumber),
			links: fc.uniqueArray(pair, byNumber),
			schemas: fc.uniqueArray(pair, { ...byNumber, maxLength: 2 }),
		})
		.map(({ ports, links, schemas }) => ({
			version,
			ports: ports.map(([number, generation]) => port(number, generation)),
			links: links.map(([number, messages]) => link(number, messages)),
			schemas: schemas.map(([number, demand]) => schema(number, demand)),
		}));
const sorted = ({ version, ports, links, schemas }: RoutingTable) => ({
	version,
	schemas,
	ports: [...ports].sort((one, other) => one.runtime.localeCompare(other.runtime)),
	links: [...links].sort((one, other) => one.id.localeCompare(other.id)),
});

test('a change makes of the one table the other, for any two', () => {
	fc.assert(
		fc.property(tables(1), tables(2), (before, after) => {
			const made = applyChange(before, changeOf(before, after));
			expect(made && sorted(made)).toEqual(sorted(after));
		}),
	);
});

test('what is the same in both is not told, whether it is the same row or one like it', () => {
	const before = { version: 1, ports: [port(1, 1), port(2, 1)], links: [link(1, 5)], schemas: [schema(1, 1)] };
	const next = port(2, 2);
	const after = { version: 2, ports: [before.ports[0] as PortRow, next], links: [link(1, 5)], schemas: [schema(1, 1)] };
	expect(changeOf(before, after)).toEqual({
		base: 1,
		version: 2,
		ports: [next],
		removedPorts: [],
		links: [],
		removedLinks: [],
		schemas: undefined,
	});
});
