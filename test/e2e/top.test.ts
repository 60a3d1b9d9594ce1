/** `orch top` in a real terminal: what it shows, and that the terminal is given back on every kind of end. */
import { execFileSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundles, has, type Orchd, processesAbout, sh, sleeper, until, useSandbox } from '../support/index.ts';

/** A terminal of 80 × 24 with a shell on it, of a server of its own. */
class Tmux {
	readonly #socket: string;
	readonly #env: Readonly<Record<string, string>>;

	constructor(socket: string, env: Readonly<Record<string, string>>) {
		this.#socket = socket;
		this.#env = { ...env, TERM: 'xterm-256color' };
		this.#run('-f', '/dev/null', 'new-session', '-d', '-x', '80', '-y', '24', 'bash --norc --noprofile');
	}

	#run(...args: readonly string[]): string {
		return execFileSync('tmux', ['-S', this.#socket, ...args], { env: this.#env, encoding: 'utf8' });
	}

	type(...keys: readonly string[]): void {
		this.#run('send-keys', ...keys);
	}

	resize(columns: number, rows: number): void {
		this.#run('resize-window', '-x', String(columns), '-y', String(rows));
	}

	get screen(): string {
		return this.#run('capture-pane', '-p');
	}

	/** Whether a program has the screen to itself. */
	get isTaken(): boolean {
		return this.#run('display-message', '-p', '#{alternate_on}').trim() === '1';
	}

	get hasCursor(): boolean {
		return this.#run('display-message', '-p', '#{cursor_flag}').trim() === '1';
	}

	async shows(text: string | RegExp): Promise<void> {
		await until(
			`the screen shows ${text}`,
			() => (typeof text === 'string' ? this.screen.includes(text) : text.test(this.screen)),
			30_000,
		);
	}

	/** The shell has its screen back, with a cursor, with echo, and line by line. */
	async isGivenBack(): Promise<void> {
		await until('the screen is given back', () => !this.isTaken && this.hasCursor, 30_000);
		this.type('stty -a | grep -oE -- "-?(icanon|echo|isig) " | xargs echo modes', 'Enter');
		await this.shows(/^modes isig icanon echo\s*$/m);
		this.type('clear', 'Enter');
	}

	close(): void {
		try {
			this.#run('kill-server');
		} catch {
			// it has ended with its last shell
		}
	}
}

describe.skipIf(!has('tmux') || !has('bash'))('orch top in a terminal', () => {
	const sandbox = useSandbox();
	let orchd: Orchd;
	let terminal: Tmux;
	beforeAll(async () => {
		orchd = await sandbox.startDaemon();
		await orchd.run(sh('echo hello from api; echo trouble >&2; exec sleep 1000000'), { name: 'api' });
		await orchd.run(sleeper(), { name: 'db' });
		await orchd.add(sleeper(), { name: 'idle' });
		terminal = sandbox.add(new Tmux(`${sandbox.directory}/tmux`, sandbox.env()), (each) => each.close());
		terminal.type(`orch() { '${process.execPath}' '${bundles.cli}' "$@"; }`, 'Enter');
	});
	const begin = async () => {
		terminal.type('orch top', 'Enter');
		await terminal.shows('▸ api');
	};
	const topProcess = () =>
		until('its process', () => processesAbout(sandbox.directory).find(({ command }) => /orch\.cjs top/.test(command)));

	it('shows figures and the log of the selected one, stops after a yes, starts, and quits', async () => {
		await begin();
		await terminal.shows(/api +● running +\S+ +\d+\.\d% +\S+[KMG] /);
		await terminal.shows('hello from api');
		await terminal.shows('! trouble');
		expect(terminal.isTaken).toBe(true);
		terminal.type('j');
		await terminal.shows('▸ db');
		terminal.type('x');
		await terminal.shows('stop db? y does it');
		terminal.type('y');
		await terminal.shows('stopped db');
		await terminal.shows(/db +○ stopped/);
		terminal.type('s');
		await terminal.shows(/db +● running/);
		terminal.type('/', 'idle', 'Enter');
		await terminal.shows('▸ idle');
		expect(terminal.screen).not.toContain('db ');
		terminal.type('q');
		await terminal.isGivenBack();
		expect((await orchd.show('db')).status).toBe('running');
	});

	it('fits into a terminal that changes its size', async () => {
		await begin();
		terminal.resize(40, 10);
		await until('columns are left out', () => terminal.screen.includes('▸ api') && !terminal.screen.includes('UPTIME'), 30_000);
		terminal.resize(120, 30);
		await terminal.shows('PROCS');
		terminal.resize(80, 24);
		terminal.type('C-c');
		await terminal.isGivenBack();
	});

	it('is suspended and comes back, with the shell’s screen in between', async () => {
		await begin();
		terminal.type('C-z');
		await terminal.shows('Stopped');
		expect(terminal.isTaken).toBe(false);
		terminal.type('echo in $((40 + 2)) between', 'Enter');
		await terminal.shows('in 42 between');
		terminal.type('fg', 'Enter');
		await terminal.shows('▸ api');
		expect(terminal.isTaken).toBe(true);
		terminal.type('q');
		await terminal.isGivenBack();
	});

	it.each(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)('gives the terminal back when it is ended by %s', async (signal) => {
		await begin();
		process.kill((await topProcess()).pid, signal);
		await terminal.isGivenBack();
	});

	it('says that orchd is away after kill -9, and goes on with the next one', async () => {
		await begin();
		await orchd.kill9();
		await terminal.shows('reconnecting');
		await terminal.shows(/api +● running/);
		orchd = await sandbox.startDaemon();
		await until('it is connected again', () => !terminal.screen.includes('reconnecting'), 30_000);
		await terminal.shows(/api +● running/);
		terminal.type('q');
		await terminal.isGivenBack();
	});
});
