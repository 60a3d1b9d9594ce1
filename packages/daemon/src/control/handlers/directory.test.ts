import { type Call, OrchError } from '@orch/protocol';
import { describe, expect, it } from 'vitest';
import { type Directory, resolveRuntime, resolveRuntimes, resolveWriters } from './directory.ts';

const entry = (name: string, at: number) => ({ id: `01900000-0000-7000-8000-0000000cafe${at}`, name, status: 'running' });
const standing = { api: entry('api', 1), kioskApi: entry('kiosk/api', 2), mail: entry('shop/mail', 3) };
const workers = [entry('shop/worker-1', 4), entry('shop/worker-2', 5)];
const cooks = [entry('kiosk/cook-1', 6), entry('mall/cook-1', 7)];

function directory(removed: ReturnType<typeof entry>[] = []): Directory & { removed(): ReturnType<typeof entry>[] } {
	const all = [...Object.values(standing), ...workers, ...cooks];
	const groups: Record<string, readonly ReturnType<typeof entry>[]> = {
		'shop/worker': workers,
		'kiosk/cook': cooks.slice(0, 1),
		'mall/cook': cooks.slice(1),
	};
	return {
		get: (id) => all.find((one) => one.id === id),
		byName: (name) => all.find((one) => one.name === name),
		list: () => all,
		group: (name) => groups[name] ?? [],
		groups: () => Object.keys(groups),
		removed: () => removed,
	};
}

const call = {
	signal: new AbortController().signal,
	fail: (code: never, data: never): never => {
		throw new OrchError(code, data);
	},
} as unknown as Call<'runtime.not_found' | 'runtime.ambiguous'>;
const refusal = (code: string, data: object) => expect.objectContaining({ code, data: expect.objectContaining(data) });

describe('a reference', () => {
	it('that is a project is told to be one', () => {
		const told = (ref: string) => {
			try {
				return resolveRuntimes(directory(), ref, call);
			} catch (error) {
				return (error as OrchError<'runtime.not_found'>).data.project;
			}
		};
		expect(['shop', 'kiosk', 'sho', 'nobody'].map(told)).toEqual(['shop', 'kiosk', undefined, undefined]);
	});

	it('means a group by its whole name, and by its name within the only project that has it', () => {
		const meant = { entries: workers, group: 'shop/worker' };
		expect(resolveRuntimes(directory(), 'shop/worker', call)).toEqual(meant);
		expect(resolveRuntimes(directory(), 'worker', call)).toEqual(meant);
	});

	it('means one runtime by its name, its id, and its name within a project', () => {
		const { api, mail } = standing;
		expect(resolveRuntimes(directory(), 'api', call)).toEqual({ entries: [api], group: undefined });
		expect(resolveRuntimes(directory(), mail.id, call)).toEqual({ entries: [mail], group: undefined });
		expect(resolveRuntimes(directory(), 'mail', call)).toEqual({ entries: [mail], group: undefined });
	});

	it('is ambiguous where groups of several projects have the name', () => {
		expect(() => resolveRuntimes(directory(), 'cook', call)).toThrow(
			refusal('runtime.ambiguous', { ref: 'cook', matches: cooks.map(({ name }) => expect.objectContaining({ name })) }),
		);
	});

	it('to a group is ambiguous where one runtime is wanted', () => {
		for (const ref of ['shop/worker', 'worker'])
			expect(() => resolveRuntime(directory(), ref, call)).toThrow(refusal('runtime.ambiguous', { ref }));
	});

	it('that means nothing is told which name is near, of groups as well', () => {
		expect(() => resolveRuntimes(directory(), 'wroker', call)).toThrow(
			refusal('runtime.not_found', { ref: 'wroker', candidates: expect.arrayContaining(['worker']) }),
		);
	});

	it('to who wrote something means those of today before one that is gone and had the same name, and that one by its id', () => {
		const before = entry('shop/worker', 8);
		expect(resolveWriters(directory([before]), 'worker', call)).toEqual({ entries: workers, group: 'shop/worker' });
		for (const ref of [before.id.slice(-12), before.id])
			expect(resolveWriters(directory([before]), ref, call)).toEqual({ entries: [before], group: undefined });
		const gone = entry('shop/packer', 9);
		expect(resolveWriters(directory([gone]), 'packer', call)).toEqual({ entries: [gone], group: undefined });
	});
});
