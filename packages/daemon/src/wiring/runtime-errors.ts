/** The faults of the supervisor and of programs as declared errors. */
import { readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { OrchError, suggest } from '@orch/protocol';
import { type ProgramFault, SupervisorError } from '../supervisor/index.ts';

export function toOrchError(error: unknown): unknown {
	if (!(error instanceof SupervisorError)) return error;
	const { fault } = error;
	const options = { cause: error.cause };
	switch (fault.kind) {
		case 'not_found':
			return new OrchError('runtime.not_found', { ref: fault.id, candidates: [] }, options);
		case 'id_taken':
			return new OrchError('runtime.id_taken', { id: fault.id, name: fault.id }, options);
		case 'running':
			return new OrchError('runtime.running', { name: fault.name, pid: fault.pid ?? null }, options);
		case 'not_running':
			return new OrchError('runtime.not_running', { name: fault.name, status: fault.status }, options);
		case 'unknown_signal':
			return new OrchError('request.invalid', { issues: [`this system has no signal ${fault.signal}`] }, options);
		case 'bad_schedule':
			return new OrchError('schedule.invalid', { reason: fault.reason }, options);
		case 'bad_user':
			return new OrchError('runtime.user_refused', { user: fault.user, reason: fault.reason }, options);
		case 'start_failed':
			if (fault.fault.kind === 'port_taken') {
				const { port, uid, holder } = fault.fault;
				const held = holder ? { ...holder, runtime: holder.runtime ?? null } : null;
				return new OrchError('runtime.port_taken', { name: fault.name, port, uid, holder: held }, options);
			}
			return new OrchError('runtime.start_failed', { name: fault.name, fault: fault.fault.kind, reason: fault.reason }, options);
		case 'superseded':
			return new OrchError('runtime.superseded', { name: fault.name, by: fault.by }, options);
		case 'stop_incomplete':
			return new OrchError('runtime.stop_incomplete', { name: fault.name, escaped: fault.escaped }, options);
		case 'waits':
			return new OrchError('runtime.waits', { name: fault.name, reason: fault.reason, how: fault.how }, options);
		case 'needs_circle':
			return new OrchError('runtime.needs_circle', { name: fault.name, circle: fault.circle }, options);
		case 'bad_probe':
			return new OrchError('probe.invalid', { reason: fault.reason }, options);
		case 'not_reached': {
			const { name, goal, status, reason } = fault;
			return new OrchError('runtime.not_reached', { name, goal, status, reason: reason ?? null }, options);
		}
		case 'closing':
			return new OrchError('daemon.stopping', {}, options);
	}
}

export function programError(fault: ProgramFault, program: string, cwd: string): OrchError {
	switch (fault.kind) {
		case 'cwd_missing':
			return new OrchError('program.cwd_missing', { cwd: fault.cwd });
		case 'not_found':
			return new OrchError('program.not_found', { program, cwd, candidates: neighbours(program) });
		case 'is_directory':
			return new OrchError('program.is_directory', { program });
		case 'not_executable':
			return new OrchError('program.not_executable', { program, mode: fault.mode });
		case 'wrong_format':
			return new OrchError('program.wrong_format', { program });
		case 'missing_interpreter':
			return new OrchError('program.missing_interpreter', { program, interpreter: fault.interpreter });
		case 'missing_loader':
			return new OrchError('program.missing_loader', { program, loader: fault.loader });
		case 'wrong_machine':
			return new OrchError('program.wrong_machine', { program, machine: fault.machine, here: fault.here });
	}
}

/** Files beside a missing program with names like its own. */
function neighbours(program: string): string[] {
	const directory = dirname(program);
	try {
		return suggest(basename(program), readdirSync(directory)).map((name) => `${directory}/${name}`);
	} catch {
		return [];
	}
}
