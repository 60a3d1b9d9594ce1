import { silentLogger } from '@orch/base';
import { ManualClock, seededRandom } from '@orch/base/testing';
import { describe, expect, it } from 'vitest';
import type { Binaries } from '../binaries/index.ts';
import { Links, type RouterGate } from '../links/index.ts';
import { type RuntimeSnapshot, type RuntimeSpec, type Supervisor, SupervisorError } from '../supervisor/index.ts';
import { joinRuntimes } from './runtimes.ts';

const id = '01900000-0000-7000-8000-00000000a001';
const processId = '01900000-0000-7000-8000-00000000b001';
const given = { id, name: 'api', program: '/bin/sh', privileged: false, project: 'shop' } as RuntimeSpec;

/** A runtime in its third process; its links belong to nobody yet, for no router was started. */
function joined(first: RuntimeSpec) {
	const clock = new ManualClock();
	let spec = first;
	const links = new Links({
		clock: new ManualClock(),
		random: seededRandom(1),
		log: silentLogger,
		gate: {} as RouterGate,
		secret: new Uint8Array(32),
		socketDirectory: '/run/x.d',
		journal: { load: () => [], put: () => {}, removed: () => {} },
	});
	const forgotten: string[] = [];
	const snapshot = () => ({ spec, processId, generation: 3 }) as RuntimeSnapshot;
	const supervisor = {
		snapshot,
		find: snapshot,
		output: (of) => {
			throw new SupervisorError({ kind: 'not_found', id: of });
		},
		respecify(next: RuntimeSpec) {
			const { name, user } = next;
			if (user === 'nobody-there') throw new SupervisorError({ kind: 'bad_user', name, user, reason: 'there is none' });
			spec = next;
			return snapshot();
		},
	} as Partial<Supervisor> as Supervisor;
	const runtimes = joinRuntimes({
		supervisor,
		links,
		binaries: { hashOf: () => undefined, removeUnused: () => {} } as Partial<Binaries> as Binaries,
		random: seededRandom(1),
		log: silentLogger,
		history: () => [],
		clock,
		userSockets: {
			directoryOf: ({ user }) => `/run/users/${user}`,
			forget: (runtime) => void forgotten.push(runtime),
			close: () => {},
		},
	});
	const process = { processId, generation: 3 };
	runtimes.restore([{ spec, generation: 3, process, became: 'adopted', wasLost: false } as never]);
	return { runtimes, links, clock, forgotten, port: () => links.port(id) };
}

describe('a runtime that gets another spec', () => {
	it('keeps its socket where its user can enter, and the token of its process, when it is privileged', () => {
		const { runtimes, port } = joined({ ...given, user: 'ana' });
		const before = port();
		expect(before).toMatchObject({ socket: '/run/users/ana/00000000a001.sock', privileged: false, generation: 3 });
		runtimes.respecify({ ...given, user: 'ana', privileged: true });
		expect(port()).toEqual({ ...before, privileged: true });
	});

	it('has its socket where its new user can enter, and beside the others when it has none any more', () => {
		const { runtimes, port, forgotten } = joined(given);
		expect(port()?.socket).toBe('/run/x.d/00000000a001.sock');
		runtimes.respecify({ ...given, user: 'ana' });
		expect(port()?.socket).toBe('/run/users/ana/00000000a001.sock');
		runtimes.respecify({ ...given, user: 'ben' });
		expect(port()?.socket).toBe('/run/users/ben/00000000a001.sock');
		expect(forgotten).toEqual([]);
		runtimes.respecify(given);
		expect(port()?.socket).toBe('/run/x.d/00000000a001.sock');
		expect(forgotten).toEqual([id]);
	});

	it('has its port as it was when the spec is refused', () => {
		const { runtimes, port } = joined({ ...given, user: 'ana' });
		const before = port();
		expect(() => runtimes.respecify({ ...given, user: 'nobody-there' })).toThrow(
			expect.objectContaining({ code: 'runtime.user_refused' }),
		);
		expect(port()).toEqual(before);
	});

	it('is of the project that it names', () => {
		const { runtimes, port } = joined(given);
		runtimes.respecify({ ...given, project: 'mall' });
		expect(port()).toMatchObject({ project: 'mall', privileged: false });
	});
});

it('a runtime whose output is being removed with it is not found by who reads it', () => {
	const { runtimes } = joined(given);
	const { signal } = new AbortController();
	const read = () => runtimes.output(id, 'stdout', { follow: false, lines: undefined, signal, onRemoved: () => {} });
	expect(read).toThrow(expect.objectContaining({ code: 'runtime.not_found' }));
});

describe('what passes links, for a list', () => {
	it('is waited for only for a moment, and missing without a router', async () => {
		const { runtimes, links, clock } = joined(given);
		expect(await runtimes.flows()).toEqual(new Map());
		links.flows = () => new Promise(() => {});
		const asked = runtimes.flows();
		await clock.advance(250);
		expect(await asked).toEqual(new Map());
		links.flows = () => Promise.reject(new Error('the router is starting'));
		expect(await runtimes.flows()).toEqual(new Map());
	});
});
