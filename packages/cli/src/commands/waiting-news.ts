/** What a command waits for, where it has to wait: told after a moment, beside the waiting. */
import type { Context } from '../context.ts';

export type WaitGoal = 'running' | 'ready' | 'stopped' | 'exited' | 'succeeded';

const soonMs = 1_000;

/** Does `work`, and tells once what it waits for if that takes longer than a moment. */
export async function withNews<Result>(
	context: Context,
	runtime: string,
	goal: WaitGoal,
	work: () => Promise<Result>,
): Promise<Result> {
	const timer = context.world.clock.setTimer(soonMs, () => void tell(context, runtime, goal));
	try {
		return await work();
	} finally {
		timer.cancel();
	}
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
