/** What the command line asks for. */
import { parseArgs } from 'node:util';

export const usage = `Usage: ./scripts/bench [a b c …] [options]

Runs the benches named by their letters, all of them unless some are named.

Options:
  --runs N        rounds of each comparison, medians are taken of them   [5]
  --quick         a tenth of the work: shows that it runs, figures are rough
  --calm          before each bench, wait (10 minutes at most) until the machine's load is below 1.5
  --json FILE     write the figures there too, besides bench/results/
  --help

  a  SDK → router → SDK against a bare relay      e  200 programs against pm2 and supervisord
  b  the same against NATS                        f  200 MB of output against writing to a file
  c  one of four receivers stopped                g  kill → first byte of the new process
  d  orch version against node -e 0                h  output rotated, against output left alone
  i  500 idle runtimes against an idle Node       j  500 runtimes adopted by the next orchd
  k  orch up of layers against a bare Node
`;

export class UsageError extends Error {}

export function readArguments(argv, letters) {
	let parsed;
	try {
		parsed = parseArgs({
			args: argv,
			allowPositionals: true,
			options: {
				runs: { type: 'string', default: '5' },
				quick: { type: 'boolean', default: false },
				calm: { type: 'boolean', default: false },
				json: { type: 'string' },
				help: { type: 'boolean', short: 'h', default: false },
			},
		});
	} catch (error) {
		throw new UsageError(error.message);
	}
	const { values, positionals } = parsed;
	const runs = Number(values.runs);
	if (!Number.isInteger(runs) || runs < 1 || runs > 100)
		throw new UsageError(`--runs takes a whole number from 1 to 100, not "${values.runs}"`);
	const unknown = positionals.find((letter) => !letters.includes(letter));
	if (unknown !== undefined) throw new UsageError(`there is no bench "${unknown}": they are ${letters.join(', ')}`);
	return {
		...values,
		runs,
		letters: positionals.length > 0 ? letters.filter((letter) => positionals.includes(letter)) : letters,
	};
}
