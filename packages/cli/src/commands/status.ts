/** `orch status`: how orchd is, or how one runtime is, why, and what to do about it. */
import { command } from '../command.ts';
import { showDaemonStatus } from './daemon-status.ts';
import { showRuntimeStatus } from './runtime-status.ts';

export const status = command({
	path: ['status'],
	summary: 'Show how orchd and projects are; of a runtime: how it is, why, its last words',
	notes: ['For a runtime that does not run the exit code is 3, so that a script may ask.'],
	args: [{ name: 'RUNTIME' }],
	examples: ['orch status', 'orch status ping', 'orch status ping -q || orch start ping'],
	json: 'the status of orchd; of a runtime: as orch runtime show',
	run: (context, { args: [runtime] }) =>
		runtime === undefined ? showDaemonStatus(context) : showRuntimeStatus(context, runtime),
});
