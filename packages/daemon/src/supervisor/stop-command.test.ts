import { expect, it } from 'vitest';
import { defaultStop, type RuntimeSpec } from './spec.ts';
import { type CommandRequest, stopCommandOf } from './stop-command.ts';

const spec = { cwd: '/', stop: { ...defaultStop, command: ['/bin/flush'] } } as unknown as RuntimeSpec;

function rig(environment: () => Readonly<Record<string, string>>) {
	const complaints: string[] = [];
	const requests: CommandRequest[] = [];
	const command = stopCommandOf(spec, {
		processId: 'p',
		pid: 7,
		environment,
		outputDirectory: '/output/',
		run: (request) => {
			requests.push(request);
			return { ended: Promise.resolve({ kind: 'code', code: 0 }), kill: () => {} };
		},
		onComplaint: (complaint) => complaints.push(complaint),
	});
	return { command, complaints, requests };
}

it('a stop command gets the environment of what it stops, and who that is', () => {
	const { command, complaints, requests } = rig(() => ({ PATH: '/bin' }));
	command?.run(() => {});
	expect(requests).toMatchObject([{ env: { PATH: '/bin', ORCH_PROCESS: 'p', ORCH_RUNTIME_PID: '7' } }]);
	expect(complaints).toEqual([]);
});

it('a stop goes on without its command where the environment of what it stops cannot be read, and says so', () => {
	const { command, complaints } = rig(() => {
		throw new Error('EMFILE: too many open files');
	});
	expect(command).toBeUndefined();
	expect(complaints).toEqual(['EMFILE: too many open files']);
});
