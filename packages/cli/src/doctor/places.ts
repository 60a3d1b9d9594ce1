/** Where orch keeps things: the socket, the state, the cache, and its programs. */
import { spawnSync } from 'node:child_process';
import {
	accessSync,
	closeSync,
	constants,
	lstatSync,
	mkdirSync,
	openSync,
	readSync,
	realpathSync,
	rmSync,
	type Stats,
	statfsSync,
	statSync,
	writeSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { longestSocketPathBytes } from '../places.ts';
import { bytes } from '../render/time.ts';
import { type Check, fail, ok, type Subject, warn } from './check.ts';

export function placeChecks(subject: Subject): Check[] {
	return [
		programs(subject),
		socketPath(subject),
		home(subject),
		freeSpace(subject),
		punchHole(subject),
		store(subject),
		cache(subject),
	];
}

/** The usual trap after another Node was installed: two of them, each with its own orch. */
function programs({ world }: Subject): Check {
	const found = new Map<string, string>();
	for (const directory of (world.env['PATH'] ?? '').split(delimiter)) {
		if (directory === '') continue;
		const file = join(directory, 'orch');
		const real = attempt(() => {
			accessSync(file, constants.X_OK);
			return realpathSync(file);
		});
		if (real !== undefined && statSync(real).isFile() && !found.has(real)) found.set(real, file);
	}
	const daemon = attempt(() => world.daemonProgram());
	if (daemon === undefined)
		return fail('programs', 'orchd is not installed beside orch (package @orch/daemon)', 'install orch again');
	const [first, ...others] = found.values();
	if (others.length > 0)
		return warn(
			'programs',
			`${others.length + 1} different orch are on PATH: ${[first, ...others].join(', ')}; the first one is used`,
			`remove ${others.join(' and ')}, or take its directory from PATH`,
		);
	return ok('programs', `orchd is ${daemon}`);
}

/** What is made beside the socket of orchd for a runtime. */
const longestSocketName = '.d/0123456789ab.v.sock';

function socketPath({ world, places }: Subject): Check {
	const { socket } = places;
	const limit = longestSocketPathBytes;
	const length = Buffer.byteLength(`${socket}${longestSocketName}`);
	if (length > limit)
		return fail(
			'socket',
			`${socket} is too long: sockets of runtimes beside it would have ${length} bytes, the system allows ${limit}`,
			`export ORCH_SOCKET=/tmp/orch-${world.uid}/orchd.sock`,
		);
	const directory = dirname(socket);
	const stats = statOf(directory);
	if (stats && !stats.isDirectory()) return fail('socket', `${directory} is not a directory`, 'check ORCH_SOCKET');
	if (stats && stats.uid !== world.uid && stats.uid !== 0)
		return fail(
			'socket',
			`${directory} belongs to uid ${stats.uid}: no orchd in it can be trusted`,
			'name another socket: export ORCH_SOCKET=/path/orchd.sock',
		);
	const own = statOf(socket);
	if (own && !own.isSocket()) return fail('socket', `${socket} is not a socket`, 'check ORCH_SOCKET');
	if (own && (own.mode & 0o077) !== 0)
		return warn('socket', `others may connect to ${socket} (mode ${modeText(own)})`, `chmod 600 ${socket}`);
	if (stats && (stats.mode & 0o022) !== 0 && (stats.mode & 0o1000) === 0)
		return warn('socket', `others may replace the socket: ${directory} has mode ${modeText(stats)}`, `chmod go-w ${directory}`);
	if (!world.env['ORCH_SOCKET'] && !world.env['XDG_RUNTIME_DIR'])
		return ok('socket', `${socket} (XDG_RUNTIME_DIR is not set; where it is, as in a login, another socket is used)`);
	return ok('socket', socket);
}

function home({ world, places }: Subject): Check {
	const stats = statOf(places.home);
	if (!stats) {
		const above = nearestThatExists(places.home);
		return isWritable(above)
			? ok('state', `${places.home} will be made`)
			: fail('state', `${places.home} cannot be made: ${above} is not writable`, 'export ORCH_HOME=/a/directory/of/yours');
	}
	if (!stats.isDirectory()) return fail('state', `${places.home} is not a directory`, 'check ORCH_HOME');
	if (!isWritable(places.home))
		return fail('state', `${places.home} is not writable`, `chown -R ${world.userName()} ${places.home}`);
	if ((stats.mode & 0o077) !== 0)
		return warn(
			'state',
			`others may read ${places.home} (mode ${modeText(stats)}): it holds environments and output`,
			`chmod 700 ${places.home}`,
		);
	return ok('state', places.home);
}

const littleSpace = 1024 ** 3;
const noSpace = 64 * 1024 ** 2;

function freeSpace({ places }: Subject): Check {
	const at = nearestThatExists(places.home);
	const system = attempt(() => statfsSync(at));
	if (!system) return warn('space', `the free space of ${at} cannot be read`);
	const free = system.bavail * system.bsize;
	const said = `${bytes(free)} free for state and output`;
	if (system.ffree === 0 && system.files > 0) return fail('space', `no inodes are left at ${at}`, 'remove files');
	if (free < noSpace) return fail('space', `${said}: output will be lost`, 'make room, or export ORCH_HOME=/a/larger/place');
	return free < littleSpace ? warn('space', said, 'make room before it runs out') : ok('space', said);
}

/** More than one block of any file system. */
const trialBytes = 256 * 1024;

/** Rotation frees the copied part of a live file; where that cannot be done it has to stop the program for a moment. */
function punchHole({ world, places, platform }: Subject): Check {
	if (platform !== 'linux') return warn('rotation', 'a program is paused for a moment when its output is rotated');
	const directory = nearestThatExists(places.home);
	const file = join(directory, `.orch-doctor-${process.pid}`);
	const frees = attempt(() => {
		const descriptor = openSync(file, 'wx', 0o600);
		try {
			writeSync(descriptor, Buffer.alloc(trialBytes, 1));
		} finally {
			closeSync(descriptor);
		}
		const ran = spawnSync('fallocate', ['--punch-hole', '--offset', '0', '--length', String(trialBytes), file], {
			env: world.env as NodeJS.ProcessEnv,
			stdio: 'ignore',
		});
		if (ran.error) return 'missing';
		// there are file systems that take the call and do nothing
		return ran.status === 0 && statSync(file).blocks * 512 < trialBytes / 2;
	});
	attempt(() => rmSync(file, { force: true }));
	if (frees === true) return ok('rotation', 'output is rotated without pausing programs');
	if (frees === 'missing')
		return warn(
			'rotation',
			'there is no fallocate: programs are paused for a moment when output is rotated',
			'install util-linux',
		);
	if (frees === undefined) return warn('rotation', `nothing can be written to ${directory} to try it`);
	return warn(
		'rotation',
		`the file system of ${directory} cannot free parts of files: programs are paused for a moment when output is rotated`,
		'keep the state on ext4, xfs, btrfs or tmpfs (ORCH_HOME)',
	);
}

function store({ places }: Subject): Check {
	const file = join(places.home, 'orch.db');
	const stats = statOf(file);
	if (!stats) return ok('store', 'nothing is registered yet');
	const head = attempt(() => {
		const descriptor = openSync(file, 'r');
		try {
			const buffer = Buffer.alloc(16);
			return buffer.subarray(0, readSync(descriptor, buffer, 0, 16, 0)).toString('latin1');
		} finally {
			closeSync(descriptor);
		}
	});
	if (head === undefined) return fail('store', `${file} cannot be read`, `chmod 600 ${file}`);
	// a store that was just made is empty until its first commit
	if (stats.size > 0 && head !== 'SQLite format 3\0')
		return fail(
			'store',
			`${file} is not a database: it was overwritten or damaged`,
			`mv ${file} ${file}.damaged (what was registered is lost)`,
		);
	return ok('store', `${file}, ${bytes(stats.size)}`);
}

function cache({ world }: Subject): Check {
	const { XDG_CACHE_HOME, HOME } = world.env;
	const base = XDG_CACHE_HOME || (HOME && join(HOME, '.cache'));
	const without = 'orch starts some milliseconds later each time';
	if (!base) return warn('cache', `HOME is not set, so there is no cache: ${without}`, 'export HOME');
	const directory = join(base, 'orch');
	const made = attempt(() => mkdirSync(directory, { recursive: true, mode: 0o700 }) ?? true);
	const stats = statOf(directory);
	if (made === undefined || !stats || !isWritable(directory))
		return warn('cache', `${directory} is not writable: ${without}`, `chown -R ${world.userName()} ${directory}`);
	if (stats.uid !== world.uid) return warn('cache', `${directory} belongs to uid ${stats.uid} and is not used: ${without}`);
	return ok('cache', directory);
}

function nearestThatExists(path: string): string {
	let at = path;
	while (!statOf(at) && dirname(at) !== at) at = dirname(at);
	return at;
}

const isWritable = (path: string): boolean =>
	attempt(() => {
		accessSync(path, constants.W_OK);
		return true;
	}) ?? false;

const statOf = (path: string): Stats | undefined => attempt(() => statSync(path)) ?? attempt(() => lstatSync(path));
const modeText = ({ mode }: Stats): string => (mode & 0o7777).toString(8).padStart(4, '0');

function attempt<T>(get: () => T): T | undefined {
	try {
		return get();
	} catch {
		return undefined;
	}
}
