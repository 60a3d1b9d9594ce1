/** One project that is loaded: what is kept of it, what its files were found to be, and the watch that follows them. */
import type { Loaded, ProjectReader } from './load/index.ts';
import type { Mount, ProjectRecord, WatchFiles } from './ports.ts';
import type { Problem } from './problem.ts';
import { fingerprint, fingerprintOf } from './record.ts';
import { SaveWatch, type SaveWatchOptions } from './watch.ts';

export interface LoadedProjectOptions extends Pick<SaveWatchOptions, 'clock'> {
	readonly watchFiles: WatchFiles;
	readonly read: ProjectReader['read'];
	/** Its files say something else than before. */
	readonly saved: () => void;
}

export class LoadedProject {
	record: ProjectRecord;
	problems: readonly Problem[] = [];
	reloadedAt: number | undefined;
	reloads = 0;
	/** Where it is about to be mounted, or is. */
	mount: Mount | undefined;
	readonly #read: ProjectReader['read'];
	readonly #watch: SaveWatch;
	/** Files whose last line has no end, as they were read last. */
	#unended: ReadonlySet<string> = new Set();
	#files: readonly string[] = [];
	#isFollowing = false;

	constructor(record: ProjectRecord, loaded: Loaded, { clock, watchFiles, read, saved }: LoadedProjectOptions) {
		this.record = record;
		this.mount = record.mount;
		this.#read = read;
		this.#watch = new SaveWatch({ clock, watchFiles, look: () => this.#glance(), saved }, record.fingerprint);
		this.look(loaded);
		// what was applied is what the record says, which may be older than the files are now
		this.#watch.know(record.fingerprint);
	}

	follow(): void {
		this.#isFollowing = true;
		this.#watch.follow(this.#files);
	}

	/** Takes notice of what its files are now. */
	look(loaded: Loaded): void {
		this.problems = loaded.problems;
		this.#unended = new Set([...loaded.texts].filter(([, text]) => !text.endsWith('\n')).map(([path]) => path));
		// while they cannot be read, those that were there before may come back
		const files = loaded.project ? loaded.files : [...new Set([...this.#files, ...loaded.files])];
		const changed = JSON.stringify(files) !== JSON.stringify(this.#files);
		this.#files = files;
		this.#watch.know(fingerprintOf(loaded, files));
		if (changed && this.#isFollowing) this.follow();
	}

	/** What its files are now was not applied: what it is made of is what the record says. */
	lookAgain(): void {
		if (!this.#isFollowing) this.follow();
		this.#watch.lookAgain(this.record.fingerprint);
	}

	close(): Promise<void> {
		return this.#watch.close();
	}

	/** What the files are at this moment, and whether one of them looks as if it were being written. */
	#glance(): { readonly fingerprint: string; readonly isUnfinished: boolean } {
		const texts = new Map<string, string>();
		for (const path of this.#files) {
			const content = this.#read(path);
			if ('text' in content) texts.set(path, content.text);
		}
		const isUnfinished = [...texts].some(([path, text]) => !text.endsWith('\n') && !this.#unended.has(path));
		return { fingerprint: fingerprint(this.#files, texts), isUnfinished };
	}
}
