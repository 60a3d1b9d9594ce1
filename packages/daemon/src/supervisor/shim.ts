/** A shim that runs: who it is, how it gets its word, what it tells, and when it has ended. */
import { constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '@orch/base';
import type { ShimCgroup } from './cgroups.ts';
import { GO, shimDescriptors } from './launch-shim.ts';
import type { Identity } from './ports.ts';
import { isDead, type ProcessStat, readStat } from './proc-scan.ts';
import { isShortage } from './shortage.ts';

export interface ShimOptions {
	readonly clock: Clock;
	/** Our end of its descriptor 3. */
	readonly socket: Duplex & { unref?(): void };
	/** Where it reads its launch. */
	readonly file: string;
	/** Known where it is our own child: then `ended` is to be called. One of a brood tells it, and that is when it is born. */
	readonly root?: Identity;
	readonly onBorn?: () => void;
}

/** Its life may be over a moment before its parent has waited for it; longer than this nobody waits who has to. */
const reapedMs = 50;
/** Its parent is waking up to wait for it: looked at in every turn. */
const wakingMs = 2;
const lookMs = 1;
const lastLookMs = 200;

export class Shim {
	readonly file: string;
	readonly #clock: Clock;
	/** Until there is nothing more to be said. */
	#socket: Duplex | undefined;
	readonly #onBorn: (() => void) | undefined;
	#root: Identity | undefined;
	#life: Socket | undefined;
	#text = '';
	#lines = 0;
	/** It had come to life, and it was we who had nothing left to see that with. */
	#wasUnseen = false;
	/** Nobody holds its life any more. */
	#isOver = false;
	#hasEnded = false;
	#childPid: number | undefined;
	/** Called with each line that it says, and when it ends. */
	onHeard: (() => void) | undefined;
	/** From its birth on, where there are any. */
	cgroup: ShimCgroup | undefined;
	/** Called once, when it has told the pid of its program. */
	onTold: ((pid: number) => void) | undefined;
	/** Called once, when it has ended and nobody has to wait for it any more. */
	onEnd: (() => void) | undefined;

	constructor({ clock, socket, file, root, onBorn }: ShimOptions) {
		this.#clock = clock;
		this.#socket = socket;
		this.file = file;
		this.#root = root;
		this.#onBorn = onBorn;
		// what waits for a launch, or for its end, is no reason for the daemon to go on
		socket.unref?.();
		socket.on('data', (bytes: Buffer) => this.#hear(bytes));
		// one that is gone does not read what it gets, which its record tells
		socket.on('error', () => {});
		// its brood's parent holds the other end until the whole brood has ended: that comes first only for the unborn
		socket.on('close', () => {
			if (!this.#root) this.ended();
		});
	}

	get root(): Identity {
		if (!this.#root) throw new Error('Cannot tell who a shim is before it is born');
		return this.#root;
	}

	/** Its child's, which becomes the program, as soon as it has told it. */
	get childPid(): number | undefined {
		return this.#childPid;
	}

	/** How many lines it has said: the first says that its record is open. */
	get heard(): number {
		return this.#lines;
	}

	get hasEnded(): boolean {
		return this.#hasEnded;
	}

	/** Whether it has ended without having come to life. */
	get neverLived(): boolean {
		return this.#hasEnded && !this.#root && !this.#wasUnseen;
	}

	/** Asked of the system: `hasEnded` comes a moment later. */
	isAlive(): boolean {
		const { pid, startTicks } = this.root;
		// without start times the system cannot be asked either
		if (this.#hasEnded || startTicks === 0) return !this.#hasEnded;
		const stat = readStat(pid);
		return stat !== undefined && stat.startTicks === startTicks && !isDead(stat);
	}

	/** To launch what its file says. */
	go(): void {
		this.#socket?.write(GO);
	}

	/** There is nothing more to be said; before the word this means: do not launch. */
	hangUp(): void {
		this.#text = '';
		this.#socket?.destroy();
		this.#socket = undefined;
	}

	ended(): void {
		if (this.#hasEnded) return;
		this.#hasEnded = true;
		this.onHeard?.();
		this.hangUp();
		this.#life?.destroy();
		this.#life = undefined;
		this.cgroup?.release();
		this.onEnd?.();
	}

	#hear(bytes: Buffer): void {
		this.#text += bytes.toString('latin1');
		for (let end = this.#text.indexOf('\n'); end !== -1; end = this.#text.indexOf('\n')) {
			const pid = Number(this.#text.slice(0, end));
			this.#text = this.#text.slice(end + 1);
			this.#lines++;
			if (this.#lines === 1) this.#born(pid);
			else if (this.#lines === 2) this.#childPid = pid;
			else this.onTold?.(pid);
			this.onHeard?.();
		}
	}

	#born(pid: number): void {
		if (this.#root) return;
		let stat: ProcessStat | undefined;
		try {
			const descriptor = openSync(`/proc/${pid}/fd/${shimDescriptors.life}`, constants.O_RDONLY | constants.O_NONBLOCK);
			this.#life = new Socket({ fd: descriptor, readable: true, writable: false });
			// read after the opening: as it lives now, its end will be seen
			stat = readStat(pid);
		} catch (error) {
			// it is gone already, or we have no descriptor left for it
			this.#wasUnseen = isShortage(error);
		}
		if (!this.#life || !stat || isDead(stat)) {
			this.#life?.destroy();
			this.hangUp();
			return;
		}
		this.#root = { pid, startTicks: stat.startTicks };
		this.#life.on('error', () => {});
		const over = () => {
			if (!this.#isOver) this.#lookForEnd(this.#clock.monotonicMs());
			this.#isOver = true;
		};
		// what follows on the end of a socket takes a while
		this.#life.on('end', over);
		this.#life.on('close', over);
		this.#life.resume();
		this.#life.unref();
		this.#onBorn?.();
	}

	/** A process closes what it holds just before it counts as dead, and stays a zombie until its parent has waited for it. */
	#lookForEnd(since: number, ms = lookMs): void {
		if (this.#hasEnded) return;
		const waitedMs = this.#clock.monotonicMs() - since;
		if (this.#isSeenToBeOver(waitedMs)) this.ended();
		else if (waitedMs < wakingMs) setImmediate(() => this.#lookForEnd(since));
		else this.#clock.setTimer(ms, () => this.#lookForEnd(since, Math.min(lastLookMs, ms * 2)), { background: true });
	}

	#isSeenToBeOver(waitedMs: number): boolean {
		try {
			const stat = readStat(this.root.pid);
			return !stat || stat.startTicks !== this.root.startTicks || (isDead(stat) && waitedMs > reapedMs);
		} catch {
			// the system has nothing left for us to look with: later
			return false;
		}
	}
}
