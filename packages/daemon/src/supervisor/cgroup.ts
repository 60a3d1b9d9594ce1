/** Which control group is that of a shim: what is recorded of it, and what is known of it so far. */

/** Which directory is meant: one that somebody else made later under the same name has another inode. */
export interface Cgroup {
	readonly path: string;
	readonly inode: number;
}

/** What was made for a shim. It comes in a moment, or never. */
export interface HeldCgroup {
	readonly cgroup?: Cgroup | undefined;
}
