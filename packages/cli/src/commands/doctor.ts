/** `orch doctor`: whether this machine has what orch needs, and what to do where not. */
import { printable } from '@orch/base/text';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { type Check, type CheckStatus, examine } from '../doctor/index.ts';
import { plural } from '../render/time.ts';

export const doctor = command({
	path: ['doctor'],
	summary: 'Check what orch needs of this machine, and say what to do where it is missing',
	notes: [
		'It needs no orchd, starts none, and repairs nothing. A warning means that it works, but not everything, or not for long; only failures make the exit code 1. With -q it shows warnings and failures alone.',
	],
	examples: ['orch doctor', 'orch doctor --json | jq \'.checks[] | select(.status != "ok")\''],
	json: '{"status", "ok", "warn", "fail", "checks": [{"name", "status", "text", "fix"?}]}',
	async run(context) {
		const checks = await examine(context.world, context.places, process.platform);
		const count = (status: CheckStatus) => checks.filter((check) => check.status === status).length;
		const [ok, warn, fail] = [count('ok'), count('warn'), count('fail')];
		const status: CheckStatus = fail > 0 ? 'fail' : warn > 0 ? 'warn' : 'ok';
		if (context.json) context.printJson({ status, ok, warn, fail, checks });
		else {
			context.print(renderChecks(context, context.namesOnly ? checks.filter((check) => check.status !== 'ok') : checks));
			context.note(`orch: ${ok} ok, ${plural(warn, 'warning')}, ${plural(fail, 'failure')}`);
		}
		return fail > 0 ? 1 : 0;
	},
});

const marks = { ok: '✓', warn: '!', fail: '✗' } as const;

export function renderChecks({ style, pretty }: Pick<Context, 'style' | 'pretty'>, checks: readonly Check[]): string {
	const width = Math.max(0, ...checks.map(({ name }) => name.length));
	const paint = { ok: style.green, warn: style.yellow, fail: style.red };
	return checks
		.map(({ name, status, text, fix }) => {
			const head = `${pretty ? `${marks[status]} ` : ''}${status.padEnd(4)}`;
			const indent = ' '.repeat((pretty ? 2 : 0) + 4 + 2 + width + 2);
			const advice = fix === undefined ? '' : `${indent}${style.dim('→')} ${printable(fix)}\n`;
			return `${paint[status](head)}  ${style.bold(name.padEnd(width))}  ${printable(text)}\n${advice}`;
		})
		.join('');
}
