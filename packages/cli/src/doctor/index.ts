/**
 * The doctor: looks at everything that orch needs of the machine, and says of each thing how it is and what to do.
 *
 * Guarantees: it works without an orchd, starts none, changes nothing but a file that it makes and removes in the state, and
 * ends in bounded time. Deliberately not here: repairing.
 */
import type { Places } from '@orch/protocol/wire';
import type { World } from '../world.ts';
import { type Check, fail } from './check.ts';
import { otherDaemons, probeDaemon, unitChecks } from './daemons.ts';
import { machineChecks } from './machine.ts';
import { placeChecks } from './places.ts';
import { strangers } from './strangers.ts';

export type { Check, CheckStatus } from './check.ts';

export async function examine(world: World, places: Places, platform: NodeJS.Platform): Promise<Check[]> {
	const daemon = await attempt('orchd', async () => await probeDaemon({ world, places }));
	const pid = 'pid' in daemon ? daemon.pid : undefined;
	const subject = { world, places, daemonPid: pid, platform };
	const others = await attempt('others', async () => ({ checks: [await otherDaemons(subject)] }));
	return [
		...daemon.checks,
		...others.checks,
		...(await attempt('strangers', async () => ({ checks: await strangers(subject) }))).checks,
		...(await attempt('machine', async () => ({ checks: machineChecks(subject) }))).checks,
		...(await attempt('places', async () => ({ checks: placeChecks(subject) }))).checks,
		...(await attempt('systemd', async () => ({ checks: unitChecks(subject) }))).checks,
	];
}

/** A part that cannot be looked at takes nothing from the others. */
async function attempt<Found extends { readonly checks: readonly Check[] }>(
	name: string,
	look: () => Promise<Found>,
): Promise<Found | { readonly checks: readonly Check[] }> {
	try {
		return await look();
	} catch (error) {
		return { checks: [fail(name, `it cannot be looked at: ${error instanceof Error ? error.message : String(error)}`)] };
	}
}
