/** Supervision 3.1.40: programs end and are started again, over and over; the memory of the daemon stays where it is. scripts/soak has it longer. */
import { expect, it } from 'vitest';
import { inSandbox, sh, until } from '../support/index.ts';

const exits = Number(process.env['ORCH_EXITS'] ?? 600);
const megabyte = 1024 * 1024;
/** What a garbage collector may have left for later. */
const slackBytes = 12 * megabyte;

it(
	'supervision 3.1.40: the memory of the daemon does not grow with the number of processes that it has seen end',
	async () => {
		await inSandbox(async (own) => {
			const daemon = await own.startDaemon();
			const restart = { when: 'always', firstMs: 0, capMs: 0, failures: 0 } as const;
			for (let index = 0; index < 6; index++) {
				await daemon.run(sh('echo one line of output; exit 3'), {
					name: `loop-${index}`,
					restart,
					output: { maxBytes: megabyte },
				});
			}
			const ended = async () => (await daemon.call('runtime.list', {})).reduce((sum, { generation }) => sum + generation, 0);
			const memoryAt = async (count: number) => {
				await until(`${count} processes`, async () => (await ended()) >= count, 60_000 + count * 200);
				return (await daemon.call('daemon.status', {})).memoryBytes;
			};
			const early = await memoryAt(exits / 3);
			const late = await memoryAt(exits);
			expect(late - early).toBeLessThan(slackBytes);
		});
	},
	120_000 + exits * 250,
);
