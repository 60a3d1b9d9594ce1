import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import type { LaunchError } from './faults.ts';
import { findUser, userOf, wordsToBecome } from './user.ts';

const files = {
	passwd: () =>
		'root:x:0:0:root:/root:/bin/bash\n# comment\nana:x:1000:1001:Ana,,,:/home/ana:/bin/zsh\n1000:x:7:7::/odd:\nbare:x:1002:1002:::\n',
	group: () => 'root:x:0:\nana:x:1001:ana\nvideo:x:44:ben,ana\naudio:x:63:ben\nplugdev:x:46:ana\n',
};

test('a user is found by name or number, with the groups that the files give', () => {
	const ana = { name: 'ana', uid: 1000, gid: 1001, groups: [1001, 44, 46], home: '/home/ana', shell: '/bin/zsh' };
	expect(findUser('ana', files)).toEqual(ana);
	// a name is a name, be it of digits
	expect(findUser('1000', files)).toMatchObject({ name: '1000', uid: 7 });
	expect(findUser('0', files)).toMatchObject({ name: 'root', uid: 0 });
	expect(findUser('bare', files)).toMatchObject({ home: '/', shell: '/bin/sh' });
	expect(findUser('nobody-there', files)).toBeUndefined();
	expect(findUser('', files)).toBeUndefined();
});

test('a user that is not there, or whom only root could be, is refused with the reason', () => {
	const faultOf = (work: () => unknown) => {
		try {
			work();
		} catch (error) {
			return (error as LaunchError).message;
		}
		return undefined;
	};
	expect(faultOf(() => userOf('nobody-there', 0))).toBe('it cannot run as nobody-there: this system has no such user');
	expect(faultOf(() => userOf('root', 1000))).toBe(
		'it cannot run as root: orchd does not run as root, and only root may run programs as others',
	);
	expect(faultOf(() => userOf('root', 0))).toBeUndefined();
});

const isRoot = process.getuid?.() === 0;

test.runIf(isRoot)('a program runs as the user, with his groups and no others', () => {
	const user = { name: 'nobody', uid: 65_534, gid: 65_534, groups: [65_534, 44], home: '/', shell: '/bin/sh' };
	const [first = '', ...words] = wordsToBecome(user);
	const told = execFileSync(first, [...words, '/bin/sh', '-c', 'id -u; id -g; id -G'], { encoding: 'utf8' });
	expect(told).toBe('65534\n65534\n65534 44\n');
});
