/** What the machine gives: its system, /proc, cgroups, limits, the shell that programs are started through. */
import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { type Check, fail, machineFile, ok, type Subject, warn } from './check.ts';

export function machineChecks(subject: Subject): Check[] {
	const checks = [platform(subject), node(subject), shell(subject)];
	if (subject.platform !== 'linux') return checks;
	return [...checks, proc(subject), cgroup(subject), openFiles(subject), inotify(subject), priority(subject), clock(subject)];
}

const platform = ({ platform: name }: Subject): Check => {
	if (name === 'linux') return ok('platform', 'Linux: everything is supported');
	if (name === 'darwin')
		return warn(
			'platform',
			'macOS: runtimes are stopped by process group and tree, and none is adopted: orchd stops all of them when it ends',
			'for runtimes that outlive orchd run it on Linux',
		);
	return fail('platform', `${name} is not supported`, 'run orchd on Linux, or on macOS with less');
};

function node({ world }: Subject): Check {
	const version = process.versions.node;
	const [major = 0, minor = 0] = version.split('.').map(Number);
	const said = `Node ${version} (${world.nodeProgram})`;
	if (major < 20 || (major === 20 && minor < 19))
		return fail('node', `${said} is too old`, 'install Node 20.19 or newer, best the one with long-term support');
	return ok('node', said);
}

/** Programs are started through /bin/sh: dash, bash and busybox are what it was proved with. */
function shell({ world }: Subject): Check {
	const path = `${world.root}/bin/sh`;
	try {
		accessSync(path, constants.X_OK);
		const name = basename(realpathSync(path));
		const proved = ['dash', 'bash', 'busybox'].includes(name);
		const said = `/bin/sh is ${name}`;
		return proved ? ok('shell', said) : warn('shell', `${said}, with which orch is not tested; it has to be a POSIX shell`);
	} catch {
		return fail('shell', 'there is no /bin/sh, through which programs are started', 'install dash');
	}
}

function proc({ world }: Subject): Check {
	if (machineFile(world, '/proc/self/stat') === undefined)
		return fail('proc', '/proc cannot be read: nothing can be told apart, measured or adopted', 'mount -t proc proc /proc');
	const options = machineFile(world, '/proc/mounts')
		?.split('\n')
		.map((line) => line.split(' '))
		.find(([, at, kind]) => at === '/proc' && kind === 'proc')?.[3];
	const hidden = /\bhidepid=(\w+)/.exec(options ?? '')?.[1];
	if (hidden === undefined || hidden === '0' || hidden === 'off' || world.uid === 0) return ok('proc', '/proc is readable');
	return warn(
		'proc',
		`/proc hides the processes of other users (hidepid=${hidden}): holders of ports and escaped processes of theirs cannot be named`,
		'run orchd in the group that /proc is mounted with (gid=), or remount it without hidepid',
	);
}

function cgroup(subject: Subject): Check {
	const { world } = subject;
	const path = /^0::(\/.*)$/m.exec(processFile(subject, 'cgroup') ?? '')?.[1];
	// beside the hierarchies of v1 it is mounted elsewhere
	const mount = /^\S+ (\S+) cgroup2 /m.exec(machineFile(world, '/proc/mounts') ?? '')?.[1] ?? '/sys/fs/cgroup';
	if (path === undefined || !existsSync(`${world.root}${mount}/cgroup.controllers`))
		return warn(
			'cgroup',
			`no cgroup v2 at ${mount}: a stop relies on process group, session and cookie alone`,
			'boot with cgroup v2 (systemd.unified_cgroup_hierarchy=1)',
		);
	const directory = `${world.root}${mount}${path === '/' ? '' : path}`;
	try {
		accessSync(directory, constants.W_OK);
		return ok('cgroup', `cgroup v2, and a stop uses it: ${path} is writable`);
	} catch {
		return ok('cgroup', `cgroup v2; ${path} is not writable, so a stop relies on process group, session and cookie`);
	}
}

/** Of the orchd that runs, where it may be looked at, else of this process. */
const processFile = ({ world, daemonPid }: Subject, name: string): string | undefined =>
	(daemonPid === undefined ? undefined : machineFile(world, `/proc/${daemonPid}/${name}`)) ??
	machineFile(world, `/proc/self/${name}`);

/** Two descriptors for each stream of a runtime, its sockets in the router, and what watches its files. */
const fewOpenFiles = 4096;

function openFiles(subject: Subject): Check {
	const limits = processFile(subject, 'limits');
	const [, soft = '', hard = ''] = /^Max open files\s+(\S+)\s+(\S+)/m.exec(limits ?? '') ?? [];
	if (soft === '') return warn('open files', 'the limit on open files cannot be read');
	if (soft === 'unlimited' || Number(soft) >= fewOpenFiles) return ok('open files', `up to ${soft}`);
	return warn(
		'open files',
		`up to ${soft} (could be ${hard}): enough for about ${Math.max(1, Math.floor(Number(soft) / 16))} runtimes`,
		`ulimit -n ${hard} before orch daemon start; in a unit of systemd: LimitNOFILE=${hard}`,
	);
}

const fewWatches = 65_536;
const fewInstances = 128;

function inotify({ world }: Subject): Check {
	const number = (name: string) => Number(machineFile(world, `/proc/sys/fs/inotify/${name}`) ?? Number.NaN);
	const watches = number('max_user_watches');
	const instances = number('max_user_instances');
	if (Number.isNaN(watches) || Number.isNaN(instances))
		return warn('inotify', 'its limits cannot be read: restart on file change may not work here');
	const said = `${watches} watches, ${instances} instances for all programs of a user`;
	const low = [
		...(watches < fewWatches ? [`fs.inotify.max_user_watches=${fewWatches * 8}`] : []),
		...(instances < fewInstances ? [`fs.inotify.max_user_instances=${fewInstances * 8}`] : []),
	];
	if (low.length === 0) return ok('inotify', said);
	return warn('inotify', `${said}: restart on file change of large trees will not see everything`, `sysctl -w ${low.join(' ')}`);
}

/** Bit of CAP_SYS_NICE in CapEff. */
const capSysNice = 23n;
/** RLIMIT_NICE counts from 20 downwards: 30 allows -10. */
const niceForHigh = 30;

function priority(subject: Subject): Check {
	const { world } = subject;
	const capabilities = /^CapEff:\s+([0-9a-f]+)/m.exec(processFile(subject, 'status') ?? '')?.[1];
	const nice = Number(/^Max nice priority\s+(\S+)/m.exec(processFile(subject, 'limits') ?? '')?.[1] ?? 0);
	const capable = capabilities !== undefined && ((BigInt(`0x${capabilities}`) >> capSysNice) & 1n) === 1n;
	if (capable || nice >= niceForHigh) return ok('priority', 'high, normal and low can be set');
	return warn(
		'priority',
		'high cannot be set: a runtime that asks for it runs at normal, with a warning',
		`allow nice -10: "${world.userName()} - nice -10" in /etc/security/limits.conf; in a unit of systemd: LimitNICE=-10`,
	);
}

/** Before this the clock has not been set since the machine was switched on. */
const earliestMs = Date.UTC(2024, 0, 1);

function clock({ world }: Subject): Check {
	const bootId = machineFile(world, '/proc/sys/kernel/random/boot_id')?.trim();
	if (bootId === undefined || !/^[0-9a-f-]{36}$/.test(bootId))
		return fail('clock', 'the id of this boot cannot be read: processes cannot be told from those before it', 'mount /proc/sys');
	const now = world.clock.now();
	if (now < earliestMs) return warn('clock', 'the clock is not set: times of logs and schedules are wrong', 'set it, by NTP');
	return ok('clock', `boot ${bootId.slice(0, 8)}, clock set`);
}
