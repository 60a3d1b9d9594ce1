/** What a router makes of a change: the table that a test may look at. */
import type { RoutingTable, TableChange } from '../ports.ts';

/** Undefined where the change is one of another table. */
export function applyChange(table: RoutingTable | undefined, change: TableChange): RoutingTable | undefined {
	if (table?.version !== change.base) return undefined;
	const ports = new Map(table.ports.map((row) => [row.runtime, row]));
	const links = new Map(table.links.map((row) => [row.id, row]));
	for (const runtime of change.removedPorts) ports.delete(runtime);
	for (const id of change.removedLinks) links.delete(id);
	for (const row of change.ports) ports.set(row.runtime, row);
	for (const row of change.links) links.set(row.id, row);
	return {
		version: change.version,
		ports: [...ports.values()],
		links: [...links.values()],
		schemas: change.schemas ?? table.schemas,
	};
}
