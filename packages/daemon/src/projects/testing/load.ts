/** Projects of texts: files, programs and variables are what a test says they are. */
import { suggest, typeNameFault } from '@orch/protocol/wire';
import { type Loaded, type LoadPorts, loadProject } from '../load/load.ts';
import type { Policies } from '../declaration.ts';

export const policies: Policies = {
	restart: {
		when: 'on-failure',
		firstMs: 500,
		capMs: 30_000,
		failures: 5,
		withinMs: 60_000,
		retryEveryMs: null,
		healthyMs: 60_000,
	},
	stop: { signal: 'SIGTERM', graceMs: 10_000 },
	mailbox: { messages: 1024, bytes: 8 * 1024 * 1024 },
};

export interface LoadText {
	/** More files, by path. */
	readonly files?: Readonly<Record<string, string>>;
	/** Names of the files that are loaded, in /shop; `orch.yaml` alone where nothing is said. */
	readonly load?: readonly string[];
	readonly name?: string;
	readonly profiles?: readonly string[];
	readonly environment?: Readonly<Record<string, string>>;
	/** Programs, paths and users that are not there. */
	readonly missing?: readonly string[];
}

export const portsOf = (files: ReadonlyMap<string, string>, missing: readonly string[] = []): LoadPorts => ({
	read: (path) => {
		const text = files.get(path);
		return text === undefined ? { fault: 'missing', reason: 'no such file' } : { text };
	},
	locate: (program, cwd) =>
		missing.includes(program)
			? { fault: `does not exist (looked in ${cwd})`, candidates: ['./bin/ping'] }
			: {
					path: program.startsWith('/')
						? program
						: program.includes('/')
							? `${cwd}/${program.replace(/^\.\//, '')}`
							: `/usr/bin/${program}`,
				},
	isThere: (path) => !missing.includes(path),
	hasUser: (name) => !missing.includes(name),
	hasSignal: (name) => ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGKILL', 'SIGUSR1', 'SIGUSR2'].includes(name),
	scheduleFault: ({ cron, timeZone }) => {
		if (timeZone === 'Mars/X') return "there is no time zone 'Mars/X'";
		return cron.startsWith('61') ? `'${cron}' is no cron expression` : undefined;
	},
	schemaFault: (schema) =>
		typeof schema === 'object' && schema !== null && 'type' in schema && schema.type === 'strng'
			? 'type must be equal to one of the allowed values'
			: undefined,
	typeNameFault,
	suggest,
	policies,
});

/** `text` is /shop/orch.yaml. */
export function loadText(
	text: string,
	{ files = {}, load = ['orch.yaml'], name, profiles = [], environment = {}, missing = [] }: LoadText = {},
): Loaded {
	const there = new Map([['/shop/orch.yaml', text], ...Object.entries(files)]);
	const request = {
		files: load.map((each) => ({ path: `/shop/${each}`, name: each })),
		name,
		profiles,
		environment,
		inherited: { PATH: '/usr/bin' },
	};
	return loadProject(request, portsOf(there, missing));
}
