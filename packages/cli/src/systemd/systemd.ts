/** systemd on this machine: whether it runs, where units are, and its own program for what is asked of it. */
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { CliError } from '../errors.ts';
import type { World } from '../world.ts';
import { isOurs, type Scope, socketOf, unitName } from './unit.ts';

/** systemctl answers within this time, or is taken to have failed; a stop of runtimes may take its part of it. */
const systemctlMs = 180_000;

/** The test that systemd itself documents. */
export const isSystemdRunning = ({ root }: World): boolean =>
	statSync(`${root}/run/systemd/system`, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** Whether this user's own systemd can be spoken to; not so in a container, behind su, or in cron. */
const isUserManagerThere = ({ env }: World): boolean =>
	statSync(`${env['XDG_RUNTIME_DIR']}/systemd/private`, { throwIfNoEntry: false }) !== undefined;

export function unitFile(world: World, scope: Scope): string {
	if (scope === 'system') return `${world.root}/etc/systemd/system/${unitName}`;
	return `${world.env['XDG_CONFIG_HOME'] || `${world.homeDirectory()}/.config`}/systemd/user/${unitName}`;
}

export function readUnit(file: string): string | undefined {
	try {
		return readFileSync(file, 'utf8');
	} catch (error) {
		const { code, message } = error as NodeJS.ErrnoException;
		if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
		throw new CliError('file.unreadable', { file, reason: message }, { cause: error });
	}
}

/** The installed unit of ours that serves a socket, where systemd is there to start it. */
export function unitFor(world: World, socket: string): Scope | undefined {
	if (!isSystemdRunning(world)) return undefined;
	for (const scope of ['user', 'system'] as const) {
		if (scope === 'user' && !isUserManagerThere(world)) continue;
		let unit: string | undefined;
		try {
			unit = readUnit(unitFile(world, scope));
		} catch {
			// not to be read: then it is not the one to start by
			continue;
		}
		if (unit !== undefined && isOurs(unit) && socketOf(unit) === socket) return scope;
	}
	return undefined;
}

/** Whether the user's services run on without a session: a file that loginctl keeps. */
export const lingers = ({ root, userName }: World): boolean =>
	statSync(`${root}/var/lib/systemd/linger/${userName()}`, { throwIfNoEntry: false }) !== undefined;

export const systemctlLine = (scope: Scope, ...args: readonly string[]): string =>
	['systemctl', ...(scope === 'user' ? ['--user'] : []), ...args].join(' ');

/** What went wrong, in systemctl's words; undefined where nothing did. */
export function systemctl(world: World, scope: Scope, ...args: readonly string[]): string | undefined {
	const flags = [...(scope === 'user' ? ['--user'] : []), '--no-ask-password', '--no-pager'];
	const ran = spawnSync('systemctl', [...flags, ...args], {
		env: world.env as NodeJS.ProcessEnv,
		stdio: ['ignore', 'ignore', 'pipe'],
		encoding: 'utf8',
		timeout: systemctlMs,
	});
	if (ran.error) return ran.error.message;
	return ran.status === 0 ? undefined : ran.stderr.trim() || `it ended with exit code ${ran.status ?? ran.signal}`;
}
