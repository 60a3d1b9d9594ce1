/** Who a program runs as: a user of this system, with the groups that the system's files give him. */
import { closeSync, fchownSync, openSync, readFileSync } from 'node:fs';
import { isExecutable } from './check-program.ts';
import { LaunchError } from './faults.ts';

export interface User {
	readonly name: string;
	readonly uid: number;
	readonly gid: number;
	/** All that he is a member of, his own first. */
	readonly groups: readonly number[];
	readonly home: string;
	readonly shell: string;
}

/** Where the system keeps its users and groups. */
export interface UserFiles {
	readonly passwd: () => string;
	readonly group: () => string;
}

const systemFiles: UserFiles = {
	passwd: () => readFileSync('/etc/passwd', 'utf8'),
	group: () => readFileSync('/etc/group', 'utf8'),
};

/** By name or by number, in the files of this machine; undefined where there is none. */
export function findUser(wanted: string, files: UserFiles = systemFiles): User | undefined {
	const rows = rowsOf(files.passwd());
	const isNumber = /^\d+$/.test(wanted);
	const row = rows.find(([name]) => name === wanted) ?? (isNumber ? rows.find(([, , uid]) => uid === wanted) : undefined);
	if (!row) return undefined;
	const [name = '', , uid = '', gid = '', , home = '', shell = ''] = row;
	const memberOf = rowsOf(files.group()).flatMap(([, , number = '', members = '']) =>
		members.split(',').includes(name) && number !== gid ? [Number(number)] : [],
	);
	return {
		name,
		uid: Number(uid),
		gid: Number(gid),
		groups: [Number(gid), ...memberOf],
		home: home === '' ? '/' : home,
		shell: shell === '' ? '/bin/sh' : shell,
	};
}

const rowsOf = (text: string): string[][] =>
	text.split('\n').flatMap((line) => (line === '' || line.startsWith('#') ? [] : [line.split(':')]));

/** What every program finds about its user, where its spec says nothing else. */
export const userEnvironment = ({ name, home, shell }: User): Readonly<Record<string, string>> => ({
	HOME: home,
	USER: name,
	LOGNAME: name,
	SHELL: shell,
});

/** The user of a launch; throws the LaunchError that says why it cannot be. */
export function userOf(wanted: string, ourUid: number | undefined): User {
	const no = (reason: string): never => {
		throw new LaunchError({ kind: 'user', user: wanted, reason });
	};
	let user: User | undefined;
	try {
		user = findUser(wanted);
	} catch (error) {
		return no(error instanceof Error ? error.message : String(error));
	}
	if (!user) return no('this system has no such user');
	if (user.uid !== ourUid && ourUid !== 0) return no('orchd does not run as root, and only root may run programs as others');
	return user;
}

/** Programs that run another one as somebody else: of util-linux, and so on nearly every Linux. */
const setprivPaths = ['/usr/bin/setpriv', '/bin/setpriv', '/usr/sbin/setpriv'];

/**
 * What is put before a program, so that it runs as another user. The shim stays ours: nobody but us can end it, nor write what
 * it records.
 */
export function wordsToBecome(user: User): readonly string[] {
	if (user.uid === process.getuid?.()) return [];
	const setpriv = setprivPaths.find(isExecutable);
	if (setpriv === undefined) {
		throw new LaunchError({ kind: 'user', user: user.name, reason: 'the program setpriv (of util-linux) is not installed' });
	}
	return [setpriv, `--reuid=${user.uid}`, `--regid=${user.gid}`, `--groups=${user.groups.join(',')}`, '--inh-caps=-all', '--'];
}

/** Makes files that this user may open again, as programs do by /dev/stdout; those that are there become his. */
export function giveFiles({ uid, gid }: User, paths: readonly string[]): void {
	for (const path of paths) {
		const file = openSync(path, 'a', 0o600);
		try {
			fchownSync(file, uid, gid);
		} finally {
			closeSync(file);
		}
	}
}
