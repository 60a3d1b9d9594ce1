/** Names that only orchd knows, asked for within a bound: a shell waits for them at every key that asks. */
import { statusText } from '@orch/base/text';
import type { RuntimeInfo } from '@orch/protocol';
import { within } from '../clock.ts';
import { type Connection, openConnection } from '../connect.ts';
import { placesOf } from '../places.ts';
import { linkText } from '../commands/link-text.ts';
import { plural } from '../render/time.ts';
import type { World } from '../world.ts';
import type { Candidate, Live } from './request.ts';

/** Connecting and all answers together; what is not there by then is not offered. */
const answersWithinMs = 300;
const longestWaitMs = 60_000;

/** Somebody whose machine is slow may wait for longer. */
function boundMs({ env }: World): number {
	const set = env['ORCH_COMPLETION_MS'] ?? '';
	return /^\d{1,5}$/.test(set) ? Math.min(Number(set), longestWaitMs) : answersWithinMs;
}

/** Nothing where no orchd answers in time: a completion never fails, starts nothing and says nothing. */
export async function liveCandidates(world: World, live: Live, given: Readonly<Record<string, string>>): Promise<Candidate[]> {
	let connection: Connection | undefined;
	try {
		connection = openConnection(world, placesOf(world, given['socket']));
		const { caller, session } = connection;
		const ask = () => (live.kind === 'types' ? typesOf(world, caller, given) : session.request(live.operation, {}).then(listed));
		return await within(world.clock, boundMs(world), ask, () => new Error('orchd does not answer'));
	} catch {
		return [];
	} finally {
		connection?.close();
	}
}

interface Listed {
	readonly name?: unknown;
	readonly shortId?: unknown;
	readonly id?: unknown;
	readonly status?: unknown;
	readonly summary?: unknown;
}

/** Whatever an operation lists: an array, or an object that has one, of what has a name or an id. */
function listed(answer: unknown): Candidate[] {
	const rows = Array.isArray(answer) ? answer : Object.values((answer ?? {}) as object).find(Array.isArray);
	return ((rows ?? []) as Listed[]).flatMap((row) => {
		const value = row.name ?? row.shortId ?? row.id;
		return typeof value === 'string' ? [{ value, description: describe(row) }] : [];
	});
}

function describe(row: Listed): string {
	if ('from' in row && 'to' in row && 'type' in row) return linkText(row as unknown as Parameters<typeof linkText>[0]);
	if ('lastExit' in row && 'restarts' in row) {
		const runtime = row as unknown as RuntimeInfo;
		return runtime.restarts > 0 ? `${statusText(runtime)}, ${plural(runtime.restarts, 'restart')}` : statusText(runtime);
	}
	const said = row.status ?? row.summary;
	return typeof said === 'string' ? said : '';
}

/** Of the links, and of what no link takes; narrowed by `--from` and `--to` where they are typed before. */
async function typesOf(
	world: World,
	caller: Connection['caller'],
	{ from, to }: Readonly<Record<string, string>>,
): Promise<Candidate[]> {
	const stats = caller.call('link.stats', {}).catch(() => undefined);
	const links = await caller.call('link.list', {});
	// which needs the router: it may take half of the time, and without it the links are still known
	const unrouted = (await Promise.race([stats, world.clock.sleep(boundMs(world) / 2)]))?.unrouted ?? [];
	const known = [
		...links.map((link) => ({ ...link, text: `${link.from.name} → ${link.to.name}` })),
		...unrouted.map((row) => ({ ...row, to: undefined, text: `from ${row.from.name}; no link takes it` })),
	];
	const is = (ref: string | undefined, party: { readonly id: string; readonly name: string } | undefined) =>
		ref === undefined || party === undefined || party.name === '*' || party.name === ref || party.id === ref;
	const fitting = known.filter((each) => is(from, each.from) && is(to, each.to));
	const byType = new Map<string, string[]>();
	for (const { type, text } of fitting.length > 0 ? fitting : known) byType.set(type, [...(byType.get(type) ?? []), text]);
	return [...byType].map(([value, texts]) => ({ value, description: [...new Set(texts)].slice(0, 3).join(', ') }));
}
