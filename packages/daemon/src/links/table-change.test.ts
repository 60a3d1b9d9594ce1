import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LinkRow, PortRow, RoutingTable } from './ports.ts';
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
const pair = fc.tuple(fc.nat(6), fc.nat(2));
const byNumber = { selector: ([number]: [number, number]) => number };
const tables = (version: number): fc.Arbitrary<RoutingTable> =>
	fc.record({ ports: fc.uniqueArray(pair, byNumber), links: fc.uniqueArray(pair, byNumber) }).map(({ ports, links }) => ({
		version,
		ports: ports.map(([number, generation]) => port(number, generation)),
		links: links.map(([number, messages]) => link(number, messages)),
	}));
const sorted = ({ version, ports, links }: RoutingTable) => ({
	version,
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
	const before = { version: 1, ports: [port(1, 1), port(2, 1)], links: [link(1, 5)] };
	const next = port(2, 2);
	expect(changeOf(before, { version: 2, ports: [before.ports[0] as PortRow, next], links: [link(1, 5)] })).toEqual({
		base: 1,
		version: 2,
		ports: [next],
		removedPorts: [],
		links: [],
		removedLinks: [],
	});
});
