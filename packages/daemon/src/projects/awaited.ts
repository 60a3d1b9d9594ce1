/** What is waited for until a runtime is where it goes, in words of its file. */
import type { ProbeCheckDeclaration, RuntimeDeclaration } from './declaration.ts';
import type { Condition } from './settle.ts';

/** Undefined where nothing is that takes a while. */
export function awaitedOf({ probes }: Pick<RuntimeDeclaration, 'probes'>, goal: Condition): string | undefined {
	if (goal === 'succeeded') return 'its end';
	const checks = [probes?.startup, probes?.ready].flatMap((probe) => (probe ? [textOf(probe.check)] : []));
	return checks.length === 0 ? undefined : checks.join(', then ');
}

function textOf(check: ProbeCheckDeclaration): string {
	switch (check.kind) {
		case 'http':
			return check.url;
		case 'tcp':
			return `tcp:${check.host === undefined ? '' : `${check.host}:`}${check.port}`;
		case 'exec':
			return `exec:${check.command.join(' ')}`;
		case 'log':
			return `log:${check.pattern}`;
		case 'notify':
			return 'its word that it is ready';
	}
}
