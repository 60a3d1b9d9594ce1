/** The orchd that is meant, others that may be mistaken for it, and the unit that systemd would start it by. */
import { duration } from '@orch/base/text';
import { existsSync } from 'node:fs';
import type { Api, ResultOf } from '@orch/protocol';
import { version } from '@orch/protocol/wire';
import { within } from '../clock.ts';
import { openConnection } from '../connect.ts';
import { CliError, toShownError } from '../errors.ts';
import { plural } from '../render/time.ts';
import { isSystemdRunning, lingers, readUnit, unitFile } from '../systemd/systemd.ts';
import { isOurs, programsOf, type Scope, unitName } from '../systemd/unit.ts';
import type { World } from '../world.ts';
import { type Check, fail, ok, type Subject, warn } from './check.ts';

/** One that takes longer for its first words is not well. */
const answersWithinMs = 3000;

export interface Probed {
	readonly checks: readonly Check[];
	/** Of the orchd that answers. */
	readonly pid: number | undefined;
}

/** `daemon`: whether it is there, of which version, and what it has to say itself. */
export async function probeDaemon({ world, places }: Pick<Subject, 'world' | 'places'>): Promise<Probed> {
	let answer: { readonly status: ResultOf<Api['daemon.status']>; readonly ms: number };
	try {
		answer = await ask(world, places);
	} catch (error) {
		const { code, message, hint } = toShownError(error);
		const missing = code === 'daemon.not_running' || code === 'daemon.stale_socket';
		const [said = message] = message.split('\n');
		const check = missing ? warn('orchd', said, 'orch daemon start') : fail('orchd', said, hint);
		return { checks: [check], pid: undefined };
	}
	const { status, ms } = answer;
	const said = `orchd ${status.version} (pid ${status.pid}, up ${duration(status.uptimeMs)}) answers in ${Math.max(1, Math.round(ms))} ms`;
	const checks: Check[] = [
		status.version === version
			? ok('orchd', said)
			: warn('orchd', `${said}; this orch is ${version}`, 'orch daemon upgrade        (no runtime is restarted)'),
	];
	checks.push(
		status.router.status === 'running'
			? ok('router', `it runs (pid ${status.router.pid})`)
			: warn('router', `it is ${status.router.status}: no message is carried until it runs`, 'orch daemon logs'),
	);
	if (status.router.restarts > 0)
		checks.push(warn('router', `it was started anew ${plural(status.router.restarts, 'time')}`, 'orch daemon logs'));
	for (const notice of status.notices) checks.push(warn('notice', notice));
	return { checks, pid: status.pid };
}

async function ask(world: World, places: Subject['places']) {
	const connection = openConnection(world, places);
	const startedMs = world.clock.monotonicMs();
	const late = () =>
		new CliError('daemon.unreachable', { socket: places.socket, reason: 'it takes connections and says nothing' });
	try {
		const asked = connection.caller.call('daemon.status', {});
		asked.catch(() => {});
		const status = await within(world.clock, answersWithinMs, () => connection.connected.then(() => asked), late);
		return { status, ms: world.clock.monotonicMs() - startedMs };
	} finally {
		connection.close();
	}
}

/** Another orchd of this user is what explains "my runtimes are gone" most often. */
export async function otherDaemons({ world, places }: Subject): Promise<Check> {
	const elsewhere = [
		`${world.root}/run/user/${world.uid}/orch/orchd.sock`,
		`${world.temporaryDirectory()}/orch-${world.uid}/orchd.sock`,
		`${world.root}/run/orch/orchd.sock`,
	].filter((socket) => socket !== places.socket && existsSync(socket));
	const found = await Promise.all(
		elsewhere.map(async (socket) => {
			const { pid } = await probeDaemon({ world, places: { ...places, socket } });
			return pid === undefined ? undefined : { socket, pid };
		}),
	);
	const [first, ...more] = found.filter((each) => each !== undefined);
	if (!first) return ok('others', 'no other orchd at the usual places');
	return warn(
		'others',
		`another orchd runs (${[first, ...more].map(({ socket, pid }) => `pid ${pid} on ${socket}`).join(', ')}): its runtimes are not seen here`,
		`for that one: export ORCH_SOCKET=${first.socket}`,
	);
}

export function unitChecks({ world, platform }: Subject): Check[] {
	if (platform !== 'linux' || !isSystemdRunning(world))
		return [ok('systemd', 'systemd does not run here: orchd is started by the first runtime, or by orch daemon start')];
	const checks = (['user', 'system'] as const).flatMap((scope) => unitCheck(world, scope));
	return checks.length > 0 ? checks : [ok('systemd', 'orchd is not installed as a service (orch daemon install)')];
}

function unitCheck(world: World, scope: Scope): Check[] {
	const file = unitFile(world, scope);
	let unit: string | undefined;
	try {
		unit = readUnit(file);
	} catch (error) {
		return [warn('systemd', toShownError(error).message)];
	}
	if (unit === undefined) return [];
	if (!isOurs(unit)) return [warn('systemd', `${file} was not written by orch, and is not looked into`)];
	const again = `orch daemon install --${scope} --force`;
	const programs = programsOf(unit);
	for (const program of programs ? [programs.node, programs.orchd] : [])
		if (!existsSync(program)) return [fail('systemd', `${file} names ${program}, which is not there (any more)`, again)];
	const here = { node: world.nodeProgram, orchd: world.daemonProgram() };
	if (programs?.orchd !== here.orchd || programs.node !== here.node)
		return [
			warn(
				'systemd',
				`${file} starts ${programs?.orchd} with ${programs?.node}; this orch would start ${here.orchd} with ${here.node}`,
				again,
			),
		];
	if (scope === 'user' && !lingers(world))
		return [warn('systemd', `${unitName} of this user stops at log-out and does not start at boot`, 'loginctl enable-linger')];
	return [ok('systemd', `${file} starts what is installed`)];
}
