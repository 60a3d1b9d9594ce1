/** Why a runtime is as it is, for people: each of the chain with what is known of it, one deeper than what waits for it. */
import { ago, cut, duration, exitText, printable, statusMark, statusPaint, statusText, type Style } from '@orch/base/text';
import type { WhyRuntime } from '@orch/protocol';
import { renderDetails } from './details.ts';

export interface WhyView {
	readonly style: Style;
	/** For a person at a terminal: marks and relative times. */
	readonly pretty: boolean;
	/** Milliseconds since the Unix epoch. */
	readonly now: number;
	/** What a line may be wide; undefined: as long as it is. */
	readonly width: number | undefined;
}

export function renderWhy(chain: readonly WhyRuntime[], view: WhyView): string {
	const text = chain.map((one) => indented(renderOne(one, view), one.depth)).join('');
	const next = nextOf(chain);
	return next.length === 0 ? text : `${text}\n${view.style.dim('next:')} ${next.join(' · ')}\n`;
}

/** What to type: of what others wait for before of what waits. */
export const nextOf = (chain: readonly WhyRuntime[]): string[] => [...new Set(chain.flatMap(({ next }) => next))];

const indented = (text: string, depth: number): string => (depth === 0 ? text : text.replace(/^(?=.)/gm, '  '.repeat(depth)));

function renderOne(one: WhyRuntime, view: WhyView): string {
	const { style, pretty, now } = view;
	const room = (view.width ?? Number.POSITIVE_INFINITY) - 16 - 2 * one.depth;
	const at = (time: string) => (pretty ? ago(time, now) : time);
	const needed = one.need ? `  (needed: ${one.need.condition})` : '';
	if (one.status === null) return `${style.bold(one.name)}  ${style.red('there is no such runtime')}${needed}\n`;
	const shown = { status: one.status, lastExit: one.lastExit, backoff: one.backoff, ready: one.ready };
	const status = statusPaint(shown, style)(`${pretty ? `${statusMark(shown)} ` : ''}${statusText(shown)}`);
	// what is listed below says it better
	const reason = one.status === 'waiting' ? null : one.reason;
	return `${style.bold(one.name)}  ${status}${needed}\n${renderDetails(
		[
			[
				'waits for',
				one.waitsFor.map(({ need, how }) => `${need.runtime}: ${need.condition} (${printable(how)})`).join('\n') || undefined,
			],
			['because', reason === null ? undefined : printable(reason)],
			['ready', one.ready === null || one.status !== 'running' ? undefined : one.ready ? 'yes' : 'no'],
			[
				'running',
				one.pid === null ? undefined : `pid ${one.pid}${one.uptimeMs === null ? '' : `, up ${duration(one.uptimeMs)}`}`,
			],
			['last end', one.lastExit ? exitText(one.lastExit, at) : undefined],
			['failures', failures(one)],
			['restarts', one.restarts > 0 ? `${one.restarts} since it was started` : undefined],
			['probes', one.probes.map((probe) => printable(probeText(probe))).join('\n') || undefined],
			['scheduled', one.scheduledAt ?? undefined],
			['left over', one.escaped.map(({ pid, command }) => `pid ${pid}  ${printable(command)}`).join('\n') || undefined],
			['warnings', one.warnings.map(printable).join('\n') || undefined],
			['last words', one.stderr.map((line) => cut(printable(line), room)).join('\n') || undefined],
		],
		style,
	)}`;
}

/** `3 of 5 in 1m, next try in 8s`. */
function failures({ backoff, status }: WhyRuntime): string | undefined {
	if (!backoff) return undefined;
	const limit = backoff.of > 0 ? ` of ${backoff.of} in ${duration(backoff.withinMs)}` : ', it is never given up';
	const next =
		backoff.nextInMs !== null
			? `, next try in ${duration(backoff.nextInMs)}`
			: status === 'failed'
				? ', parked until somebody starts it'
				: '';
	return `${backoff.failures}${limit}${next}`;
}

/** `ready http http://localhost:3000/health: status 503, 2 failures in a row of 3`. */
function probeText({ role, check, good, isGated, answer, fails, failures: limit }: WhyRuntime['probes'][number]): string {
	const state = isGated
		? 'not asked before the startup probe has succeeded'
		: fails > 0
			? `${fails} ${fails === 1 ? 'failure' : 'failures'} in a row, ${good === false ? 'failed' : `fails at ${limit}`}`
			: good === null
				? 'not decided yet'
				: good
					? 'good'
					: 'failed';
	return `${role} ${check}: ${answer === null ? '' : `${answer}, `}${state}`;
}
