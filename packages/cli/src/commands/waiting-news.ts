/** What a command waits for, where it has to wait: told after a moment, beside the waiting, and when its time is over. */
import type { ResultOf, Api } from '@orch/protocol';
import { OrchError } from '@orch/protocol/wire';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';

export type WaitGoal = 'running' | 'ready' | 'stopped' | 'exited' | 'succeeded';

const soonMs = 1_000;

/** An orchd that does not answer this quickly is what was waited for in vain. */
const lookMs = 1_000;

/** Does `work`, and tells once what it waits for if that takes longer than a moment; and how that stands where its time is over. */
export async function withNews<Result>(
	context: Context,
	runtime: string,
	goal: WaitGoal,
	work: () => Promise<Result>,
): Promise<Result> {
	const { timeout } = context.globals;
	const isSoonOver = timeout !== undefined && timeout <= soonMs;
	const timer = isSoonOver ? undefined : context.world.clock.setTimer(soonMs, () => void tell(context, runtime, goal));
	try {
		return await work();
	} catch (error) {
		if (timeout === undefined || !(error instanceof OrchError) || error.code !== 'timeout') throw error;
		throw (await over(context, runtime, goal, timeout)) ?? error;
	} finally {
		timer?.cancel();
	}
}

const missed: Readonly<Record<WaitGoal, string>> = {
	running: 'is not running',
	ready: 'is not ready',
	stopped: 'has not stopped',
	exited: 'has not exited',
	succeeded: 'has not succeeded',
};

async function over(context: Context, runtime: string, goal: WaitGoal, ms: number): Promise<CliError | undefined> {
	try {
		const { runtimes } = await context.act('runtime.why', { runtime }, lookMs);
		// of a group each instance has depth 0
		const asked = runtimes.filter(({ depth }) => depth === 0);
		const one = asked.find((each) => !isReached(each, goal)) ?? asked[0];
		return one && new CliError('wait.over', { name: one.name, goal: missed[goal], ms, state: stateOf(one, goal) });
	} catch {
		// nothing is known but that there was no answer
		return undefined;
	}
}

type Why = ResultOf<Api['runtime.why']>['runtimes'][number];

const isReached = ({ status, ready }: Why, goal: WaitGoal): boolean =>
	goal === 'ready' ? ready === true : goal === 'running' ? status === 'running' : status === 'exited' || status === 'stopped';

function stateOf({ status, reason, ready, probes }: Why, goal: WaitGoal): string {
	if (status === 'waiting') return `it ${reason ?? 'waits'}`;
	if (status === 'backoff') return `it has failed, and is tried again${reason === null ? '' : `: ${reason}`}`;
	const state = `it is ${status}${reason === null ? '' : `: ${reason}`}`;
	if (status !== 'running' || goal !== 'ready' || ready === true) return state;
	const probe = probes.find(({ role, isGated }) => role === 'ready' && !isGated) ?? probes.find(({ role }) => role === 'startup');
	if (!probe) return `${state}; it has no ready probe, and has not said that it is ready`;
	return `${state}; its ${probe.role} probe, ${probe.check}: ${probe.answer ?? 'no answer yet'}`;
}

async function tell(context: Context, runtime: string, goal: WaitGoal): Promise<void> {
	try {
		const { name, status, reason, ready } = await context.read('runtime.show', { runtime });
		const news = newsOf({ status, reason, ready }, goal);
		if (news !== undefined) context.note(`${name} ${news} (orch why ${name})`);
	} catch {
		// what the work itself comes to is told in any case
	}
}

function newsOf(
	{ status, reason, ready }: { readonly status: string; readonly reason: string | null; readonly ready: boolean | null },
	goal: WaitGoal,
): string | undefined {
	if (status === 'waiting') return reason ?? 'waits';
	if (status === 'backoff') return 'has failed, and is tried again';
	if (status !== 'running' || goal !== 'ready') return undefined;
	if (ready === false) return 'runs, and is not ready yet';
	return ready === null ? 'runs; it has no ready probe, and has not said that it is ready' : undefined;
}
