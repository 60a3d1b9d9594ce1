/** Room on the disk: asked for before output is moved, watched, made by what goes first where there is none, and told of. */
import { join } from 'node:path';
import type { Clock, Logger, Publisher, Random, Timer } from '@orch/base';
import { Reserve } from './reserve.ts';

export interface DiskRoomOptions {
	readonly stateDirectory: string;
	readonly clock: Clock;
	readonly random: Pick<Random, 'bytes'>;
	readonly log: Logger;
	/** Room that is kept for bad times. */
	readonly reserveBytes?: number | undefined;
	/** What an operator should know, in sentences. */
	readonly told: Publisher<string>;
	/** Removes what is missed least, then the next, as long as it is asked for more and something is left; gives the bytes of each. */
	readonly removeOldest: () => AsyncGenerator<number, void, undefined>;
	/** Of what has not even been kept yet, where nothing else is left; undefined where there is none of that either. */
	readonly giveUpLargest: () => Promise<number | undefined>;
	/** The disk is full, and `shed` is to be called. */
	readonly onShort: () => void;
}

const defaultReserveBytes = 4 * 1024 * 1024;
/** The reserve is taken a moment after the start, which has better to do. */
const reserveAfterMs = 1_000;
/** After something was written, how full the disk is is asked for. */
const lookMs = 250;
/** While it is full, how often it is asked whether it still is. */
const fullLookMs = 1_000;
/** A full disk is called well again with so many reserves free, and so many times what there was no room for: less comes and goes with every segment. */
const wellReserves = 2;
const wellTimes = 2;

export class DiskRoom {
	readonly #options: DiskRoomOptions;
	readonly #reserve: Reserve;
	readonly #reserveTimer: Timer;
	#lookTimer: Timer | undefined;
	/** Since when the disk is full. */
	#fullSince: number | undefined;
	#isShort = false;
	#removedBytes = 0;
	/** What there was no room for when it was last asked: the disk is not well again before there is. */
	#missedBytes = 0;
	#isClosed = false;

	constructor(options: DiskRoomOptions) {
		const { stateDirectory, clock, random } = options;
		this.#options = options;
		this.#reserve = new Reserve(join(stateDirectory, 'reserve'), options.reserveBytes ?? defaultReserveBytes, random);
		this.#reserveTimer = clock.setTimer(reserveAfterMs, () => this.look(), { background: true });
	}

	/** What an operator should know. */
	get notices(): readonly string[] {
		const removed =
			this.#removedBytes > 0 ? `; ${Math.ceil(this.#removedBytes / 1024)} KiB of the oldest output were removed` : '';
		if (this.#fullSince === undefined) return removed === '' ? [] : [`the disk was full${removed}`];
		const what = this.#reserve.isHeld
			? 'the oldest output goes to make room for newer'
			: 'programs may fail to write their output';
		return [`the disk is full since ${new Date(this.#fullSince).toISOString()}: ${what}${removed}`];
	}

	/** Whether `shed` is to be called. */
	get isShort(): boolean {
		return this.#isShort;
	}

	/** Whether there is room for so much; makes some where there is not. */
	async has(bytes: number): Promise<boolean> {
		const enough = () => this.#reserve.freeBytes >= bytes + this.#reserve.bytes;
		if (enough()) return true;
		// a disk that has no room for output without removing some is a full one, before its very last byte is taken
		this.#missedBytes = bytes;
		this.#becameFull(this.#reserve.freeBytes);
		await this.#removeUntil(enough);
		if (enough()) return true;
		// it is given up instead
		this.#removedBytes += bytes;
		return false;
	}

	/** Something was written. */
	lookSoon(): void {
		this.#lookIn(lookMs);
	}

	look(): void {
		this.#lookTimer?.cancel();
		this.#lookTimer = undefined;
		if (this.#isClosed) return;
		const { log, told, onShort } = this.#options;
		try {
			const free = this.#reserve.freeBytes;
			if (free < this.#reserve.bytes) {
				this.#reserve.release();
				this.#becameFull(free);
				this.#isShort = true;
				onShort();
			} else if (this.#reserve.hold() && this.#fullSince !== undefined && this.#reserve.freeBytes >= this.#wellBytes) {
				log.info('the disk has room again', { freeBytes: free, removedBytes: this.#removedBytes });
				told.publish('the disk has room again');
				this.#fullSince = undefined;
				this.#missedBytes = 0;
			}
		} catch (error) {
			log.warn('how full the disk is cannot be told', { error });
		}
		if (this.#fullSince !== undefined) this.#lookIn(fullLookMs);
	}

	/** Removes, oldest first, until the disk is well again. Never rejects: what failed is tried again with the next look. */
	async shed(): Promise<void> {
		this.#isShort = false;
		try {
			await this.#shed();
		} catch (error) {
			this.#options.log.warn('room on the disk could not be made', { error });
		}
	}

	async #shed(): Promise<void> {
		// the reserve is taken of it
		const enough = () => this.#reserve.freeBytes >= this.#wellBytes + this.#reserve.bytes;
		await this.#removeUntil(enough);
		while (!enough() && !this.#isClosed) {
			const bytes = await this.#options.giveUpLargest();
			if (bytes === undefined) return;
			this.#removedBytes += bytes;
		}
	}

	close(): void {
		this.#isClosed = true;
		this.#lookTimer?.cancel();
		this.#reserveTimer.cancel();
	}

	get #wellBytes(): number {
		return wellTimes * this.#missedBytes + wellReserves * this.#reserve.bytes;
	}

	#lookIn(ms: number): void {
		this.#lookTimer ??= this.#options.clock.setTimer(ms, () => this.look(), { background: true });
	}

	/** Says so, once, until there is room again. */
	#becameFull(freeBytes: number): void {
		const { clock, log, told } = this.#options;
		if (this.#fullSince !== undefined) return;
		this.#fullSince = clock.now();
		log.warn('the disk is full: the oldest output is removed', { freeBytes });
		told.publish('the disk is full: the oldest output is being removed');
		this.#lookIn(fullLookMs);
	}

	async #removeUntil(enough: () => boolean): Promise<void> {
		if (enough()) return;
		for await (const bytes of this.#options.removeOldest()) {
			this.#removedBytes += bytes;
			if (enough()) return;
		}
	}
}
