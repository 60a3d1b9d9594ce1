/** `orch top` on a terminal: joins model, screen, keys and feed until somebody quits. */
import { openConnection } from '../connect.ts';
import type { Context } from '../context.ts';
import { createFeed } from './feed.ts';
import { keysOf } from './keys.ts';
import { firstState, step, type TopEffect, type TopEvent } from './model.ts';
import type { SortKey } from './order.ts';
import { createScreen } from './screen.ts';
import { viewOf } from './view.ts';

export interface TopWish {
	/** Ids; none stands for all. */
	readonly only: readonly string[];
	readonly sort: SortKey;
}

/** Drawn no more often than this, however much happens. */
const frameMs = 100;
/** Times that go on are drawn so often. */
const tickMs = 1_000;

export async function runTop(context: Context, { only, sort }: TopWish): Promise<number> {
	const { world, places, style } = context;
	const { clock } = world;
	const terminal = await world.openTerminal();
	const screen = createScreen((text) => terminal.write(text));
	const size = () => ({ columns: terminal.columns, rows: terminal.rows });
	let state = firstState({ size: size(), nowMs: clock.monotonicMs(), sort: { key: sort, reversed: false }, only });
	let drawnMs = Number.NEGATIVE_INFINITY;
	let isFrameDue = false;
	let isOver = false;
	let quit: (exitCode: number) => void = () => {};
	const over = new Promise<number>((resolve) => {
		quit = resolve;
	});

	const draw = () => {
		isFrameDue = false;
		if (isOver) return;
		drawnMs = clock.monotonicMs();
		screen.draw(viewOf(state, { style, now: clock.now() }));
	};
	const drawSoon = (isUrgent: boolean) => {
		const waitMs = isUrgent ? 0 : Math.max(0, drawnMs + frameMs - clock.monotonicMs());
		if (waitMs === 0) draw();
		else if (!isFrameDue) {
			isFrameDue = true;
			clock.setTimer(waitMs, () => isFrameDue && draw());
		}
	};
	const perform = (effect: TopEffect) => {
		switch (effect.kind) {
			case 'act':
				return feed.act(effect.action, effect.id, effect.name);
			case 'follow':
				return feed.follow(effect.id);
			case 'quit':
				return quit(0);
			case 'suspend':
				return terminal.suspend();
			case 'redraw':
				return screen.forget();
		}
	};
	const tell = (event: TopEvent) => {
		if (isOver) return;
		const next = step({ ...state, nowMs: clock.monotonicMs() }, event);
		state = next.state;
		for (const effect of next.effects) perform(effect);
		feed.look(state.view === 'links');
		drawSoon(event.kind === 'key' || event.kind === 'resized');
	};
	const tick = () => {
		if (isOver) return;
		tell({ kind: 'tick', nowMs: clock.monotonicMs() });
		clock.setTimer(tickMs, tick);
	};
	const feed = createFeed({ open: () => openConnection(world, places), clock, tell });
	const release = world.onInterrupt((exitCode) => quit(exitCode));
	terminal.onInput((text) => {
		for (const key of keysOf(text)) tell({ kind: 'key', key });
	});
	terminal.onResize(() => tell({ kind: 'resized', ...size() }));
	terminal.onResume(() => tell({ kind: 'resized', ...size() }));
	draw();
	tick();
	try {
		return await over;
	} finally {
		isOver = true;
		release();
		feed.close();
		terminal.close();
	}
}
