/** What makes one routing table of another: a start changes a row of many, and sending all of them each time grows with the square. */
import type { LinkRow, PortRow, RoutingTable, SchemaRow, TableChange } from './ports.ts';

/** Rows are never changed, only replaced: the same one is the same row. */
export function changeOf(before: RoutingTable, after: RoutingTable): TableChange {
	const ports = compare(before.ports, after.ports, ({ runtime }: PortRow) => runtime);
	const links = compare(before.links, after.links, ({ id }: LinkRow) => id);
	return {
		base: before.version,
		version: after.version,
		ports: ports.put,
		removedPorts: ports.removed,
		links: links.put,
		removedLinks: links.removed,
		schemas: isSameList(before.schemas, after.schemas) ? undefined : after.schemas,
	};
}

function compare<Row extends object>(
	before: readonly Row[],
	after: readonly Row[],
	keyOf: (row: Row) => string,
): { readonly put: readonly Row[]; readonly removed: readonly string[] } {
	const gone = new Map(before.map((row) => [keyOf(row), row]));
	const put: Row[] = [];
	for (const row of after) {
		const key = keyOf(row);
		const known = gone.get(key);
		gone.delete(key);
		if (known !== row && !(known && hasSameFields(known, row))) put.push(row);
	}
	return { put, removed: [...gone.keys()] };
}

const isSameList = (one: readonly SchemaRow[], other: readonly SchemaRow[]): boolean =>
	one.length === other.length && one.every((row, at) => hasSameFields(row, other[at] as SchemaRow));

/** Rows of links between groups, and those of schemas, are made anew each time. */
function hasSameFields(one: object, other: object): boolean {
	const [mine, theirs] = [Object.entries(one), other as Readonly<Record<string, unknown>>];
	return mine.length === Object.keys(theirs).length && mine.every(([name, value]) => theirs[name] === value);
}
