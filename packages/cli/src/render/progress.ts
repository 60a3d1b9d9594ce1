/** One line on standard error that shows how far something is, and leaves nothing behind. */
import { cut, displayWidth, printable, type Style } from '@orch/base/text';
import type { World } from '../world.ts';
import { bytes } from './time.ts';

const barWidth = 24;
const leastName = 8;
/** Drawn no more often than an eye can follow. */
const everyMs = 50;

export function progressBar(
	what: string,
	total: number,
	{ err, clock }: Pick<World, 'err' | 'clock'>,
	style: Style,
): { show(done: number): void; clear(): void } {
	const name = printable(what);
	const startedMs = clock.monotonicMs();
	let drawnMs = Number.NEGATIVE_INFINITY;
	return {
		show(done) {
			const now = clock.monotonicMs();
			if (now - drawnMs < everyMs && done < total) return;
			drawnMs = now;
			const seconds = (now - startedMs) / 1000;
			const rate = seconds > 0.2 ? `  ${bytes(done / seconds)}/s` : '';
			const filled = Math.round((done / Math.max(1, total)) * barWidth);
			const amounts = `  ${Math.floor((done / Math.max(1, total)) * 100)}%  ${bytes(done)} of ${bytes(total)}${rate}`;
			const bar = `  ${style.green('━'.repeat(filled))}${style.dim('─'.repeat(barWidth - filled))}`;
			const width = (err.columns ?? 80) - 1;
			// a line that wraps could not be drawn over: what is narrow has no bar, or only the amounts
			const room = width - displayWidth(amounts);
			const hasBar = room >= barWidth + 2 + leastName;
			const head = hasBar ? `${cut(name, room - barWidth - 2)}${bar}` : room >= leastName ? cut(name, room) : '';
			err.write(`\r\u001b[K${head}${head === '' ? cut(amounts.trimStart(), width) : amounts}`);
		},
		clear() {
			if (drawnMs !== Number.NEGATIVE_INFINITY) err.write('\r\u001b[K');
		},
	};
}
