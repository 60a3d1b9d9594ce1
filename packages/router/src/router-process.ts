/** The router as a program: its parts opened in order, its ways to end, and its end. */
import { mkdirSync } from 'node:fs';
import { type Clock, type Logger, Scope, type Timer } from '@orch/base';
import { ControlServer } from './control-server.ts';
import { aloneMs } from './limits.ts';
import { createOperations } from './operations.ts';
import { Router } from './router.ts';
import type { LoadCompiler } from './schemas.ts';
import { lockState } from './state-lock.ts';

export interface RouterProcessOptions {
	readonly socket: string;
	readonly stateDirectory: string;
	readonly clock: Clock;
	readonly log: Logger;
	readonly pid: number;
	readonly uid: number;
	readonly memoryBytes: () => number;
	readonly loadCompiler: LoadCompiler;
	/** Called once, when the first program connects. */
	readonly inUse: () => void;
}

export interface RouterProcess {
	readonly router: Router;
	/** Asks it to end; calling it again changes nothing. */
	stop(reason: string): void;
	/** Settles when everything is closed. */
	readonly ended: Promise<void>;
}

/** A part that does not close is left behind after this. */
const closeMs = 3_000;

export async function startRouter(options: RouterProcessOptions): Promise<RouterProcess> {
	const { socket, stateDirectory, clock, log, pid, uid, memoryBytes, loadCompiler, inUse } = options;
	const scope = new Scope({ clock, log, closeMs });
	try {
		mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
		scope.add('state lock', await lockState(stateDirectory, uid));
		const router = Router.open({ clock, log, stateDirectory, loadCompiler, connectionsChanged: () => changed() });
		scope.add('router', () => router.close());

		let finish: () => void = () => {};
		const ended = new Promise<void>((resolve) => {
			finish = resolve;
		});
		let control: ControlServer | undefined;
		let stopping = false;
		let alone: Timer | undefined;
		const stop = (reason: string): void => {
			if (stopping) return;
			stopping = true;
			alone?.cancel();
			log.info('router stopping', { reason });
			void scope.close().then(finish);
		};
		let isInUse = false;
		const changed = (): void => {
			watchAlone();
			if (isInUse || router.connections === 0) return;
			isInUse = true;
			inUse();
		};
		/** With neither orchd nor clients there is nothing to be there for. */
		const watchAlone = (): void => {
			alone?.cancel();
			alone = undefined;
			if (stopping || router.connections > 0 || (control?.connections ?? 0) > 0) return;
			alone = clock.setTimer(aloneMs, () => stop('alone'), { background: true });
		};
		control = await ControlServer.open({
			path: socket,
			clock,
			log,
			pid,
			changed: watchAlone,
			dispatch: (asker) =>
				createOperations({
					router,
					pid,
					memoryBytes,
					asker,
					// the answer goes out first
					stop: () => setImmediate(stop, 'asked to'),
					onDefect: (error, operation) => log.error('operation failed', { error, operation }),
				}),
		});
		const server = control;
		scope.add('control socket', () => server.close());
		watchAlone();
		log.info('router started', { socket, stateDirectory });
		return { router, stop, ended };
	} catch (error) {
		await scope.close();
		throw error;
	}
}
