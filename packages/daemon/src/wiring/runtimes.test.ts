import { silentLogger } from '@orch/base';
import { ManualClock, seededRandom, settle } from '@orch/base/testing';
import { describe, expect, it } from 'vitest';
import type { Binaries } from '../binaries/index.ts';
import { Links, type RouterGate } from '../links/index.ts';
import {
	defaultRestart,
	defaultStop,
	type RuntimeSnapshot,
	type RuntimeSpec,
	type Supervisor,
	SupervisorError,
} from '../supervisor/index.ts';
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

describe('a group that is scaled', () => {
	/** Four instances that run; a removal takes until it is let go, or fails. */
	function group() {
		const specs = new Map<string, RuntimeSpec>();
		const removals = new Map<string, { readonly succeed: () => void; readonly fail: () => void }>();
		const snapshot = (of: string) =>
			({
				spec: specs.get(of),
				status: 'running',
				desired: 'running',
				generation: 1,
				addedAt: 0,
				escaped: [],
				warnings: [],
			}) as Partial<RuntimeSnapshot> as RuntimeSnapshot;
		const supervisor = {
			snapshot,
			find: (of) => (specs.has(of) ? snapshot(of) : undefined),
			add: (...added) => {
				for (const spec of added) specs.set(spec.id, spec);
			},
			start: async (of) => snapshot(of),
			remove: (of) =>
				new Promise((resolve, reject) => {
					const last = snapshot(of);
					const { name } = last.spec;
					removals.set(name, {
						succeed: () => {
							removals.delete(name);
							specs.delete(of);
							resolve(last);
						},
						fail: () => {
							removals.delete(name);
							reject(new SupervisorError({ kind: 'stop_incomplete', name, escaped: [] }));
						},
					});
				}),
		} as Partial<Supervisor> as Supervisor;
		const runtimes = joinRuntimes({
			supervisor,
			links: {
				register: () => {},
				unregister: () => ({ links: [], counted: Promise.resolve(undefined) }),
				problem: () => undefined,
			} as Partial<Links> as Links,
			binaries: { hashOf: () => undefined, removeUnused: () => {}, release: () => {} } as Partial<Binaries> as Binaries,
			random: seededRandom(1),
			log: silentLogger,
			history: () => [],
			clock: new ManualClock(),
		});
		const restored = [1, 2, 3, 4].map((index) => {
			const spec = {
				...given,
				args: [],
				env: {},
				restart: defaultRestart,
				stop: defaultStop,
				id: `${id.slice(0, -1)}${index}`,
				name: `web-${index}`,
				group: { name: 'web', index },
			};
			specs.set(spec.id, spec);
			return { spec, generation: 1, process: undefined, became: 'none', wasLost: false };
		});
		runtimes.restore(restored as never);
		return {
			runtimes,
			removals,
			scale: (wanted: number, { signal } = new AbortController()) => runtimes.scale('web', wanted, { maxRuntimes: 10, signal }),
			names: () => runtimes.group('web').map(({ name }) => name),
		};
	}

	it('to more, while instances are being removed: has as many as the last who scaled it has said', async () => {
		const { scale, removals, names } = group();
		const fewer = scale(2);
		const more = scale(4);
		await settle();
		expect([...removals.keys()].sort()).toEqual(['web-3', 'web-4']);
		removals.get('web-4')?.succeed();
		await settle();
		removals.get('web-3')?.succeed();
		expect((await fewer).removed.map(({ name }) => name)).toEqual(['web-4', 'web-3']);
		expect((await more).added).toEqual(['web-3', 'web-4']);
		expect(names()).toEqual(['web-1', 'web-2', 'web-3', 'web-4']);
	});

	it('to more, while somebody else removes an instance: counts what is there after that, also where nothing came of it', async () => {
		const { runtimes, scale, removals, names } = group();
		const { signal } = new AbortController();
		const removed = runtimes.remove(`${id.slice(0, -1)}4`, { force: true, signal });
		const more = scale(5);
		await settle();
		removals.get('web-4')?.fail();
		await expect(removed).rejects.toMatchObject({ code: 'runtime.stop_incomplete' });
		expect((await more).added).toEqual(['web-5']);
		expect(names()).toHaveLength(5);
	});

	it('by several at once: each waits for the removals of those before, or stops waiting', async () => {
		const { scale, removals, names } = group();
		const first = scale(3);
		const second = scale(2);
		const impatient = new AbortController();
		const third = scale(4, impatient);
		impatient.abort(new Error('enough'));
		await expect(third).rejects.toThrow('enough');
		removals.get('web-4')?.succeed();
		await first;
		await settle();
		expect([...removals.keys()]).toEqual(['web-3']);
		removals.get('web-3')?.succeed();
		await second;
		expect(names()).toEqual(['web-1', 'web-2']);
	});

	it('away by others meanwhile is not found', async () => {
		const { scale, runtimes, removals } = group();
		const { signal } = new AbortController();
		const all = runtimes.group('web').map((one) => runtimes.remove(one.id, { force: true, signal }));
		const more = scale(4);
		await settle();
		for (const removal of [...removals.values()]) removal.succeed();
		await Promise.all(all);
		await expect(more).rejects.toMatchObject({ code: 'runtime.not_found' });
	});
});
