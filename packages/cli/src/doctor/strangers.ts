/** Programs that some orchd has launched and that the one that runs here does not know: nobody stops them, and a second one may run beside them. */
import { readdirSync, statSync } from 'node:fs';
import { within } from '../clock.ts';
import { openConnection } from '../connect.ts';
import { CliError } from '../errors.ts';
import { type Check, machineFile, ok, type Subject, warn } from './check.ts';

const answersWithinMs = 3_000;
/** Named; of the others only their number is told. */
const mostNamed = 10;

/** By what each process has in its environment: the socket of its orchd, its runtime, and its own id. */
export async function strangers(subject: Subject): Promise<readonly Check[]> {
	// without an orchd what runs is to be known again by the next one
	if (subject.daemonPid === undefined || subject.platform !== 'linux') return [];
	const known = await knownRuntimes(subject);
	const found = ownPids(subject).flatMap((pid) => {
		const environment = machineFile(subject.world, `/proc/${pid}/environ`)?.split('\0') ?? [];
		const value = (name: string) => environment.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
		const isOurs = value('ORCH_PROCESS') !== undefined && value('ORCH_SOCKET') === subject.places.socket;
		return isOurs && !known.has(value('ORCH_RUNTIME_ID') ?? '') ? [{ pid, name: value('ORCH_RUNTIME_NAME') ?? 'unknown' }] : [];
	});
	if (found.length === 0) return [ok('strangers', 'no program runs here that orchd has launched and does not know any more')];
	const named = found.slice(0, mostNamed).map(({ pid, name }) => `${name} (pid ${pid})`);
	const more = found.length > named.length ? ` and ${found.length - named.length} more` : '';
	return [
		warn(
			'strangers',
			`processes of orch that no orchd knows: ${named.join(', ')}${more}: their state was removed, and nobody stops them`,
			`kill ${found.map(({ pid }) => pid).join(' ')}        (after a look at each: ps -fp PID)`,
		),
	];
}

async function knownRuntimes({ world, places }: Subject): Promise<ReadonlySet<string>> {
	const connection = openConnection(world, places);
	const late = () => new CliError('daemon.unreachable', { socket: places.socket, reason: 'it does not say what it runs' });
	try {
		const asked = connection.caller.call('runtime.list', {});
		asked.catch(() => {});
		const list = await within(world.clock, answersWithinMs, () => connection.connected.then(() => asked), late);
		return new Set(list.map(({ id }) => id));
	} finally {
		connection.close();
	}
}

function ownPids({ world }: Subject): number[] {
	return readdirSync(`${world.root}/proc`).flatMap((name) => {
		if (!/^\d+$/.test(name)) return [];
		try {
			return statSync(`${world.root}/proc/${name}`).uid === world.uid ? [Number(name)] : [];
		} catch {
			// it has ended
			return [];
		}
	});
}
