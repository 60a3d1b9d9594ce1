/** Random valid project files, for properties. */
import fc from 'fast-check';

const names = ['a', 'b', 'c', 'd', 'e', 'f'] as const;
const duration = fc.constantFrom('100ms', '1s', '1m30s', '0');
const words = fc.constantFrom('x', 'y', 'x --port 80', './bin/z "a b"');
const env = fc.dictionary(fc.constantFrom('A', 'B', 'PATH', '__proto__'), fc.constantFrom('1', '2', 'three'), { maxKeys: 3 });
const some = <T extends Record<string, fc.Arbitrary<unknown>>>(parts: T) => fc.record(parts, { requiredKeys: [] });

const probe = fc.oneof(
	fc.constantFrom('tcp:80', 'notify', 'http://localhost/', 'log:up'),
	fc.record({ tcp: fc.constantFrom(80, 81), every: duration }, { requiredKeys: ['tcp'] }),
);

const runtime = fc.record(
	{
		command: words,
		cwd: fc.constantFrom('.', 'lib', '/srv'),
		env,
		env_file: fc.constantFrom('x.env', ['x.env', 'y.env']),
		restart: fc.oneof(
			fc.constantFrom('no', 'always', 'on-failure'),
			some({ first: duration, give_up: fc.constantFrom('never', '3/10s') }),
		),
		stop: fc.oneof(fc.constantFrom('TERM', 'INT'), some({ grace: duration, command: words })),
		probes: some({ ready: probe, live: probe, startup: probe }),
		ports: fc.subarray([80, 81, 82]),
		limits: some({ memory: fc.constantFrom('64M', 1_000_000) }),
		priority: fc.constantFrom('high', 'normal', 'low'),
		privileged: fc.boolean(),
		labels: fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom('1', '2'), { maxKeys: 2 }),
		user: fc.constantFrom('www', 1000),
		umask: fc.constantFrom('022', '027'),
		autostart: fc.boolean(),
		watch: fc.constantFrom('src', ['src', 'lib']),
		output: fc.constantFrom('1M', '2M'),
		instances: fc.integer({ min: 1, max: 3 }),
		needs: fc.subarray([...names]),
	},
	{ requiredKeys: ['command'] },
);

const link = fc.record(
	{
		from: fc.constantFrom('*', ...names),
		type: fc.constantFrom('X', 'Y', 'Z'),
		to: fc.constantFrom(...names),
		queue: fc.integer({ min: 1, max: 3 }),
		overflow: fc.constantFrom('block', 'latest', 'drop-oldest'),
		while_down: fc.constantFrom('drop', 'block'),
	},
	{ requiredKeys: ['from', 'type', 'to'] },
);

/** A file's value: needs go to earlier names only, links to names that are there, each once. */
export const projectFile = fc
	.record({
		runtimes: fc.dictionary(fc.constantFrom(...names), runtime, { maxKeys: names.length }),
		links: fc.uniqueArray(link, { selector: ({ from, type, to }) => `${from} ${type} ${to}`, maxLength: 6 }),
		types: fc.dictionary(fc.constantFrom('X', 'Y'), fc.constantFrom({ type: 'object' }, { type: 'string' }), { maxKeys: 2 }),
		workflows: fc.dictionary(fc.constantFrom('w', 'v'), fc.constantFrom({ steps: [{ run: 'x' }] }, { steps: [{ run: 'y' }] }), {
			maxKeys: 2,
		}),
	})
	.map(({ runtimes, links, ...rest }) => {
		const there = Object.keys(runtimes);
		return {
			name: 'shop',
			...rest,
			runtimes: Object.fromEntries(
				Object.entries(runtimes).map(([name, { needs = [], ...section }]) => [
					name,
					{ ...section, needs: needs.filter((each) => there.includes(each) && each < name) },
				]),
			),
			links: links.filter(({ from, to }) => (from === '*' || there.includes(from)) && there.includes(to)),
		};
	});
