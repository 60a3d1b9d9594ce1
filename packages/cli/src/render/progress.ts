/** One line on standard error that shows how far something is, and leaves nothing behind. */
import { cut, displayWidth, type Style } from '@orch/base/text';
import type { World } from '../world.ts';
import { bytes } from './time.ts';

const barWidth = 24;
/** Drawn no more often than an eye can follow. */
const everyMs = 50;

export function progressBar(
	what: string,
	total: number,
	{ err, clock }: Pick<World, 'err' | 'clock'>,
	style: Style,
): { show(done: number): void; clear(): void } {
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
			const room = (err.columns ?? 80) - 1 - barWidth - 2 - displayWidth(amounts);
			err.write(
				`\r\u001b[K${cut(what, Math.max(8, room))}  ${style.green('━'.repeat(filled))}${style.dim('─'.repeat(barWidth - filled))}${amounts}`,
			);
		},
		clear() {
			if (drawnMs !== Number.NEGATIVE_INFINITY) err.write('\r\u001b[K');
		},
	};
}
