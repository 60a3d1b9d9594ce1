/** Where runtimes meet the router that run as somebody else: directories of their own, for ours lets nobody in. */
import { chownSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { findUser } from '../supervisor/index.ts';

export interface UserSockets {
	/** The directory for the sockets of a runtime; it belongs to the user. Undefined where there is no such user. */
	directoryOf(runtime: { readonly id: string; readonly user: string }): string | undefined;
	forget(id: string): void;
	close(): void;
}

/** `directory` is made when it is needed: to be passed through by everybody, to be listed by nobody else. */
export function createUserSockets(directory: string): UserSockets {
	const own = (id: string): string => `${directory}/${id.slice(-12)}`;
	return {
		directoryOf({ id, user: name }) {
			const user = findUser(name);
			if (!user) return undefined;
			makeOwn(directory, 0o711);
			const path = own(id);
			mkdirSync(path, { recursive: true, mode: 0o700 });
			chownSync(path, user.uid, user.gid);
			return path;
		},
		forget: (id) => rmSync(own(id), { recursive: true, force: true }),
		close: () => rmSync(directory, { recursive: true, force: true }),
	};
}

/** Refuses what somebody else has put there. */
function makeOwn(path: string, mode: number): void {
	mkdirSync(path, { recursive: true, mode });
	const stats = lstatSync(path);
	if (!stats.isDirectory() || stats.uid !== process.getuid?.())
		throw new Error(`Cannot use ${path}: it is not a directory of ours`);
}
