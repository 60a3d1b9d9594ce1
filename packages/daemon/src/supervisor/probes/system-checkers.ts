/** The checkers of this system. */
import { createExecChecker, type ExecCheckerOptions } from './exec-checker.ts';
import type { CheckerOf } from './checker.ts';
import { createHttpChecker } from './http-checker.ts';
import { createLogChecker } from './log-checker.ts';
import { createNotifyChecker } from './notify-checker.ts';
import { createTcpChecker } from './tcp-checker.ts';
import { Turns } from './turns.ts';

/** Commands of probes that run at once, of all runtimes together: more would only take the processor from the programs. */
const mostCommands = 8;

export function createCheckers(options: Omit<ExecCheckerOptions, 'turns'>): CheckerOf {
	const turns = new Turns(mostCommands);
	return (check, target) => {
		switch (check.kind) {
			case 'http':
				return createHttpChecker(check);
			case 'tcp':
				return createTcpChecker(check);
			case 'exec':
				return createExecChecker(check, target, { ...options, turns });
			case 'log':
				return createLogChecker(check, target);
			case 'notify':
				return createNotifyChecker(target);
		}
	};
}
