/** Why a runtime is as it is: itself, then what it waits for, and what that waits for. */
import type { NeedsKeeper } from './needs-keeper.ts';
import type { RuntimeSnapshot } from './snapshot.ts';
import type { Need } from './spec.ts';

/** One of the chain. What it waits for follows it, one deeper. */
export interface Why {
	/** 0 for the one that was asked for. */
	readonly depth: number;
	/** By which the one before waits for it; undefined for the one that was asked for. */
	readonly need: Need | undefined;
	readonly name: string;
	/** Undefined where there is no such runtime. */
	readonly snapshot: RuntimeSnapshot | undefined;
	/** How each of its own needs stands that is not met. */
	readonly waitsFor: readonly { readonly need: Need; readonly how: string }[];
	/** What its last process wrote to its standard error last. */
	readonly words: readonly string[];
	/** What to type about it; nothing where what follows comes first, or all is well. */
	readonly next: readonly string[];
}

export interface WhyOptions {
	readonly needs: Pick<NeedsKeeper, 'unmet'>;
	readonly find: (id: string) => RuntimeSnapshot | undefined;
	/** The last lines of its last process. */
	readonly wordsOf: (id: string) => Promise<readonly string[]>;
}

/** Of a long chain the rest is left out: nobody reads it, and its beginning leads there. */
const longestChain = 50;

export async function explain(id: string, { needs, find, wordsOf }: WhyOptions): Promise<readonly Why[]> {
	const chain: Why[] = [];
	const told = new Set<string>();
	const open: {
		readonly id: string | undefined;
		readonly name: string;
		readonly need: Need | undefined;
		readonly depth: number;
	}[] = [{ id, name: '', need: undefined, depth: 0 }];
	for (let one = open.pop(); one && chain.length < longestChain; one = open.pop()) {
		const { need, depth } = one;
		const snapshot = one.id === undefined ? undefined : find(one.id);
		const name = snapshot?.spec.name ?? one.name;
		const isAgain = told.has(name);
		told.add(name);
		const unmet = snapshot?.status === 'waiting' && !isAgain ? needs.unmet(snapshot.spec.id) : [];
		// what it has written says something where it has failed, and is not there yet
		const words = snapshot && !isAgain && hasTrouble(snapshot, need) ? await wordsOf(snapshot.spec.id) : [];
		chain.push({
			depth,
			need,
			name,
			snapshot,
			waitsFor: unmet.map(({ need: own, how }) => ({ need: own, how })),
			words,
			next: isAgain ? [] : nextSteps(name, snapshot, need, unmet.length > 0),
		});
		// the first one that it waits for comes first
		for (const each of [...unmet].reverse()) {
			const other = each.id === undefined ? undefined : find(each.id);
			open.push({ id: each.id, name: other?.spec.name ?? each.need.runtime, need: each.need, depth: depth + 1 });
		}
	}
	return chain;
}

function hasTrouble({ status, ready, lastExit }: RuntimeSnapshot, need: Need | undefined): boolean {
	if (status === 'running') return ready === false || (need?.condition === 'ready' && ready !== true);
	return status !== 'waiting' && (lastExit === undefined || lastExit.by !== 'stop' || lastExit.reason !== undefined);
}

function nextSteps(name: string, snapshot: RuntimeSnapshot | undefined, need: Need | undefined, waits: boolean): string[] {
	if (!snapshot) return [`orch runtime add PROGRAM --name ${name}`];
	const errors = `orch logs ${name} --stream stderr`;
	const start = `orch start ${name}`;
	const { status, ready, spec, lastExit } = snapshot;
	switch (status) {
		case 'stopped':
			return [start];
		case 'exited':
			return lastExit?.code === 0 ? [start] : [errors, start];
		case 'failed':
			return [errors, start];
		case 'backoff':
			return [errors];
		case 'running':
			if (ready === true || (need?.condition === 'succeeded' && ready !== false)) return [];
			if (ready === undefined && need?.condition === 'ready' && !spec.probes?.ready) return [`orch runtime show ${name}`, errors];
			return ready === false ? [errors, `orch logs ${name} -f`] : [];
		case 'waiting':
			return waits ? [] : [`orch status ${name}`];
		case 'starting':
		case 'stopping':
			return [];
	}
}
