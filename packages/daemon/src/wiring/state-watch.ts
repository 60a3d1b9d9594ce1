/** Notices that somebody has removed the state while orchd runs, and writes what the next orchd needs anew, from what this one has. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Logger } from '@orch/base';
import { isoTime } from '../control/index.ts';
import type { Store } from '../store/index.ts';

export interface StateWatchOptions {
	readonly home: string;
	readonly store: Pick<Store, 'isThere' | 'backUp'>;
	/** The key of the tokens. */
	readonly secret: Uint8Array;
	readonly recoverRecords: () => number;
	readonly clock: Clock;
	readonly log: Logger;
	/** Called once for each loss, with what a person should know. */
	readonly told: (reason: string) => void;
}

/**
 * The database that was removed is used on, as it is open; what stands in it goes into a backup in its old place, which the next orchd takes for want
 * of anything better. Records of processes come from their shims. With `end`, before orchd ends and what runs is kept, the records are looked at
 * in any case: one of them may be gone alone. Never rejects; costs two looks at files where all is well.
 */
export function createStateWatch(options: StateWatchOptions): (when: 'look' | 'end') => Promise<void> {
	const { home, store, secret, recoverRecords, clock, log, told } = options;
	let isLost = false;
	let trouble: string | undefined;

	const writeAnew = async () => {
		await store.backUp();
		const key = join(home, 'secret');
		if (!existsSync(key)) writeFileSync(key, secret, { mode: 0o600 });
	};
	const look = async (when: 'look' | 'end') => {
		const isThere = store.isThere();
		if (!isThere || when === 'end' || !existsSync(join(home, 'processes'))) recoverRecords();
		if (isThere) return;
		await writeAnew();
		trouble = undefined;
		if (isLost) return;
		isLost = true;
		log.error('the state was removed while orchd runs: what the next one needs is written anew', { home });
		told(
			`the state in ${home} was removed at ${isoTime(clock.now())}, while orchd runs: what was registered was written anew, and what runs goes on. ` +
				'Lost are uploaded programs, the output before, and that of each runtime until its next start. orch daemon restart makes it whole again',
		);
	};
	return async (when) => {
		try {
			await look(when);
		} catch (error) {
			const reason = (error as Error).message;
			if (reason !== trouble) {
				log.error('the state was removed while orchd runs, and cannot be written anew', { home, error });
				told(`the state in ${home} was removed while orchd runs, and cannot be written anew: ${reason}`);
			}
			trouble = reason;
		}
	};
}
