/** `orch daemon install` and `uninstall`: orchd as a service of systemd. */
import { lstatSync, mkdirSync, readlinkSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { command } from '../command.ts';
import { placesOf } from '../places.ts';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { flag } from '../option.ts';
import { lineDiff } from '../systemd/line-diff.ts';
import { isSystemdRunning, lingers, readUnit, systemctl, systemctlLine, unitFile } from '../systemd/systemd.ts';
import { isOurs, renderUnit, type Scope, unitName, type UnitOptions } from '../systemd/unit.ts';

const scopeOptions = {
	user: flag('--user', 'as a service of this user (unless this is root)'),
	system: flag('--system', 'as a service of the machine, run by root'),
} as const;

export const daemonInstall = command({
	path: ['daemon', 'install'],
	summary: 'Write the systemd unit under which orchd starts at boot and may be restarted while the runtimes run on',
	notes: [
		'systemctl restart ends orchd and starts it again, and the runtimes run on; systemctl stop and a shutdown stop the runtimes first. The guide systemd.md tells what each verb does.',
		'The unit names node and orchd by absolute paths. Run it again after one of them has moved; where the unit differs it shows how, and --force overwrites it. What is to stay belongs into a drop-in (systemctl edit).',
		'Without --now no systemctl is run.',
	],
	options: {
		...scopeOptions,
		print: flag('--print', 'print the unit, and write nothing'),
		now: flag('--now', 'tell systemd at once: enable it, and start it'),
		force: flag('--force', 'overwrite a unit that differs'),
	},
	examples: ['orch daemon install --now', 'orch daemon install --print', 'sudo orch daemon install --system --now'],
	json: '{"file","scope","changed","started","unit"}',
	async run(context, { options: { user, system, print = false, now = false, force = false } }) {
		const scope = scopeFrom(context, user, system);
		const options = unitOptions(context, scope);
		const unit = renderUnit(options);
		const file = unitFile(context.world, scope);
		if (print) {
			if (context.json) context.printJson({ file, scope, changed: false, started: false, unit });
			else context.print(unit);
			return undefined;
		}
		requireSystemd(context, 'install --print');
		const changed = writeUnit(file, unit, scope, force);
		makeHome(context, options.home);
		if (now) {
			tellSystemd(context, scope, 'daemon-reload');
			tellSystemd(context, scope, 'enable', '--now', unitName);
		}
		if (context.json) context.printJson({ file, scope, changed, started: now, unit });
		else sayInstalled(context, { scope, file, changed, now, options });
		return undefined;
	},
});

export const daemonUninstall = command({
	path: ['daemon', 'uninstall'],
	summary: 'Remove the systemd unit of orchd; what runs is left alone, unless --now is given',
	notes: ['State, output and the registered runtimes are kept.'],
	options: {
		...scopeOptions,
		now: flag('--now', 'tell systemd at once: stop it, and with it the runtimes, and disable it'),
		force: flag('--force', 'remove a unit that orch has not written'),
	},
	examples: ['orch daemon uninstall', 'sudo orch daemon uninstall --system --now'],
	json: '{"file","scope","removed","stopped"}',
	async run(context, { options: { user, system, now = false, force = false } }) {
		const scope = scopeFrom(context, user, system);
		const file = unitFile(context.world, scope);
		const found = readUnit(file);
		if (found !== undefined && !isOurs(found) && !force)
			throw new CliError('unit.foreign', { file, again: `orch daemon uninstall --${scope} --force` });
		if (found !== undefined && now) tellSystemd(context, scope, 'disable', '--now', unitName);
		if (found !== undefined) removeUnit(file);
		if (found !== undefined && now) tellSystemd(context, scope, 'daemon-reload');
		const removed = found !== undefined;
		if (context.json) context.printJson({ file, scope, removed, stopped: removed && now });
		else if (!removed) context.note(`orch: there is no ${file}`);
		else {
			context.note(`orch: removed ${file}`);
			if (!now) {
				context.note('An orchd that systemd runs goes on until it ends; systemd forgets the unit with:');
				context.note(`  ${systemctlLine(scope, 'daemon-reload')}`);
			}
		}
		return undefined;
	},
});

function scopeFrom({ world }: Context, user: boolean | undefined, system: boolean | undefined): Scope {
	if (user && system)
		throw new CliError('usage.conflict', {
			reason: 'it is a service of a user or of the machine, not of both',
			hint: 'orch help daemon install',
		});
	if (user || system) return user ? 'user' : 'system';
	return world.uid === 0 ? 'system' : 'user';
}

function unitOptions(context: Context, scope: Scope): UnitOptions {
	const { world, globals } = context;
	const named = globals.socket ?? world.env['ORCH_SOCKET'];
	const standard = scope === 'system' ? '/run/orch/orchd.sock' : `/run/user/${world.uid}/orch/orchd.sock`;
	const socket = named ? context.places.socket : standard;
	const home = homeOf(context, scope, named ? socket : undefined);
	// what a service of this user comes to by itself: systemd gives it XDG_RUNTIME_DIR, and no XDG_STATE_HOME
	const { ORCH_HOME: _1, ORCH_SOCKET: _2, XDG_STATE_HOME: _3, ...bare } = world.env;
	const byItself = placesOf({ ...world, env: { ...bare, XDG_RUNTIME_DIR: `/run/user/${world.uid}` } }, undefined);
	const needsSocket = scope === 'system' || socket !== byItself.socket;
	const needsHome = scope === 'system' || home !== byItself.home;
	for (const path of [socket, home, world.nodeProgram, world.daemonProgram()])
		if (/[\n\r]/.test(path))
			throw new CliError('usage.conflict', { reason: `a unit cannot name ${JSON.stringify(path)}`, hint: 'move it' });
	return {
		scope,
		node: world.nodeProgram,
		orchd: world.daemonProgram(),
		socket,
		home,
		environment: { ...(needsSocket ? { ORCH_SOCKET: socket } : {}), ...(needsHome ? { ORCH_HOME: home } : {}) },
	};
}

function homeOf({ world, places, globals }: Context, scope: Scope, socket: string | undefined): string {
	if (world.env['ORCH_HOME']) return places.home;
	if (scope === 'system') return '/var/lib/orch';
	return placesOf({ ...world, env: { ...world.env, XDG_RUNTIME_DIR: `/run/user/${world.uid}` } }, globals.socket ?? socket).home;
}

function requireSystemd({ world }: Context, instead: string): void {
	if (!isSystemdRunning(world)) throw new CliError('systemd.missing', { instead: `orch daemon ${instead}` });
}

/** Whether it was written: not where it is there and the same. */
function writeUnit(file: string, unit: string, scope: Scope, force: boolean): boolean {
	const found = readUnit(file);
	if (found === unit) return false;
	if (found !== undefined && !force)
		throw new CliError('unit.differs', {
			file,
			diff: lineDiff(found, unit),
			again: `orch daemon install --${scope} --force`,
		});
	try {
		mkdirSync(dirname(file), { recursive: true });
		writeFileSync(file, unit);
	} catch (error) {
		throw new CliError('file.unwritable', { file, reason: (error as Error).message }, { cause: error });
	}
	return true;
}

/** systemd opens the log in it, and makes no directory for that. */
function makeHome({ world }: Context, home: string): void {
	const directory = home.startsWith('/var/') ? `${world.root}${home}` : home;
	try {
		mkdirSync(directory, { recursive: true, mode: 0o700 });
	} catch (error) {
		throw new CliError('file.unwritable', { file: directory, reason: (error as Error).message }, { cause: error });
	}
}

/** With the link by which it is started at boot, which would else point nowhere. */
function removeUnit(file: string): void {
	try {
		unlinkSync(file);
	} catch (error) {
		throw new CliError('file.unwritable', { file, reason: (error as Error).message }, { cause: error });
	}
	for (const target of ['default.target.wants', 'multi-user.target.wants']) {
		const link = join(dirname(file), target, unitName);
		if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() && readlinkSync(link) === file) unlinkSync(link);
	}
}

function tellSystemd({ world }: Context, scope: Scope, ...args: readonly string[]): void {
	const reason = systemctl(world, scope, ...args);
	if (reason !== undefined) throw new CliError('systemd.refused', { line: systemctlLine(scope, ...args), reason });
}

function sayInstalled(
	context: Context,
	{ scope, file, changed, now, options }: { scope: Scope; file: string; changed: boolean; now: boolean; options: UnitOptions },
): void {
	const { world } = context;
	context.note(changed ? `orch: wrote ${file}` : `orch: ${file} is there already, and the same`);
	if (now) context.note(`orch: systemd runs orchd (socket ${options.socket}) and will at every boot`);
	else {
		context.note('next:');
		context.note(`  ${systemctlLine(scope, 'daemon-reload')}`);
		context.note(`  ${systemctlLine(scope, 'enable', '--now', unitName)}`);
	}
	if (context.places.socket !== options.socket)
		context.note(`It will listen on ${options.socket}: export ORCH_SOCKET=${options.socket}`);
	if (scope === 'user' && !lingers(world))
		context.note(`Without lingering it stops when you log out, and starts when you log in: loginctl enable-linger`);
	if (scope === 'system') {
		for (const program of [options.node, options.orchd]) {
			const owner = statSync(program, { throwIfNoEntry: false })?.uid;
			if (owner !== undefined && owner !== 0) context.note(`Mind that root will run ${program}, which uid ${owner} can change.`);
		}
	}
}
