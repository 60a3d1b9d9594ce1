/** What privileged runtimes ask for over their links: through the one way in that every client uses. */
import type { Logger } from '@orch/base';
import type { Dispatch } from '@orch/protocol';
import type { Links, RouterEvent } from '../links/index.ts';
import type { Supervisor } from '../supervisor/index.ts';

export interface ControlRequestsOptions {
	readonly links: Links;
	readonly supervisor: Pick<Supervisor, 'markReady'>;
	readonly dispatch: Dispatch;
	readonly log: Logger;
}

/** A privileged runtime may run its siblings; it may not end the daemon, nor add programs to it. */
const allowed = new Set([
	'daemon.version',
	'runtime.list',
	'runtime.show',
	'runtime.start',
	'runtime.stop',
	'runtime.restart',
	'runtime.signal',
	'link.add',
	'link.list',
	'link.remove',
	'link.stats',
]);

/** Answers until the returned function is called. */
export function answerControlRequests({ links, supervisor, dispatch, log }: ControlRequestsOptions): () => void {
	const closing = new AbortController();
	const answer = async (event: RouterEvent & { readonly kind: 'control' }): Promise<void> => {
		if (!allowed.has(event.operation)) {
			links.answer(event.request, { error: { code: 'access.denied', message: `a runtime may not ask for ${event.operation}` } });
			return;
		}
		log.info('control request', { runtime: event.runtime, operation: event.operation });
		const outcome = await dispatch(event.operation, event.params, closing.signal);
		if (outcome.kind === 'ok') links.answer(event.request, { ok: outcome.result });
		else if (outcome.kind === 'error') links.answer(event.request, { error: outcome.error });
	};
	const unsubscribe = links.events.subscribe((event) => {
		switch (event.kind) {
			case 'control':
				void answer(event);
				return;
			case 'ready':
				supervisor.markReady(event.runtime, event.generation);
				return;
			case 'spoof':
				log.warn('a runtime sent as another', { runtime: event.runtime, claimed: event.claimed });
				return;
			case 'connected':
			case 'disconnected':
				log.debug(`runtime ${event.kind}`, { runtime: event.runtime, generation: event.generation });
		}
	});
	return () => {
		unsubscribe();
		closing.abort(new Error('the daemon is closing'));
	};
}
