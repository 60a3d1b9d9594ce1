/** Operations on the daemon itself. */
import { Type } from 'typebox';
import { operation } from '../operation.ts';
import { DroppedMessages, Empty, nullable, Time } from './shapes.ts';

export const DaemonStatus = Type.Object({
	version: Type.String(),
	protocol: Type.Object({ min: Type.Integer(), max: Type.Integer() }),
	pid: Type.Integer(),
	node: Type.String(),
	startedAt: Time,
	uptimeMs: Type.Number(),
	socket: Type.String(),
	/** Where its state is kept. */
	home: Type.String(),
	memoryBytes: Type.Number(),
	runtimes: Type.Record(Type.String(), Type.Integer(), { description: 'How many runtimes are in each status' }),
	links: Type.Integer(),
	router: Type.Object({
		status: Type.Union([Type.Literal('running'), Type.Literal('starting'), Type.Literal('stopped')]),
		pid: nullable(Type.Integer()),
		version: nullable(Type.String()),
		memoryBytes: nullable(Type.Number()),
		/** How often it was started anew by this daemon. */
		restarts: Type.Integer(),
	}),
	/** What an operator should know: sockets that could not be made, leftovers that were stopped at the start. */
	notices: Type.Array(Type.String()),
});

export const daemonOperations = {
	'daemon.version': operation({
		summary: 'Tell the versions of the daemon and of the protocol',
		params: Empty,
		result: Type.Object({
			version: Type.String(),
			protocol: Type.Object({ min: Type.Integer(), max: Type.Integer() }),
			node: Type.String(),
			pid: Type.Integer(),
		}),
		errors: [],
		http: { method: 'GET', path: '/daemon/version' },
	}),
	'daemon.status': operation({
		summary: 'Tell how the daemon is',
		params: Empty,
		result: DaemonStatus,
		errors: [],
		http: { method: 'GET', path: '/daemon' },
	}),
	'daemon.stop': operation({
		summary: 'Stop every runtime gracefully, then the daemon',
		notes:
			'Answers once every runtime is gone; the daemon ends right after the answer. What is wanted of the runtimes stays: the next daemon starts them again. With `keep` they run on without a daemon, and the next one knows them again.',
		params: Type.Object({ runtimes: Type.Optional(Type.Union([Type.Literal('stop'), Type.Literal('keep')])) }),
		result: Type.Object({
			stopped: Type.Integer({ description: 'How many runtimes were stopped' }),
			kept: Type.Integer({ description: 'How many run on' }),
		}),
		errors: [],
		http: { method: 'POST', path: '/daemon/stop' },
	}),
	clear: operation({
		summary: 'Stop everything, forget everything',
		notes: 'Stops all runtimes and removes them with their output, removes all links; the daemon goes on.',
		params: Empty,
		result: Type.Object({ runtimes: Type.Integer(), links: Type.Integer(), droppedMessages: DroppedMessages }),
		errors: ['runtime.stop_incomplete', 'runtime.superseded'],
		http: { method: 'POST', path: '/clear' },
	}),
} as const;
