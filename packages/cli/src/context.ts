/** What a command works with: its world, its global options, one connection to orchd, and ways to print. */
import { plain, type Style } from '@orch/base/text';
import type { Api, ItemOf, OperationName, ParamsOf, ResultOf } from '@orch/protocol';
import { OrchError, type Places, version } from '@orch/protocol/wire';
import { askInJson, notJson } from './ask.ts';
import { within } from './clock.ts';
import type { Connection, Hello } from './connect.ts';
import { type Globals, wantsJson, wantsNames } from './globals.ts';
import { placesOf } from './places.ts';
import { toJson } from './render/json.ts';
import { terminalText } from './render/log-text.ts';
import { loadStyle, wantsColor } from './render/style.ts';
import type { World } from './world.ts';

/** How long a command waits for what orchd answers by itself; what waits for processes to end is given no limit. */
export const answerMs = 10_000;

export class Context {
	readonly world: World;
	readonly globals: Globals;
	readonly places: Places;
	/** For standard output. */
	readonly style: Style;
	/** For standard error. */
	readonly noteStyle: Style;
	#connection: Connection | undefined;
	#daemonVersion: string | undefined;

	constructor(world: World, globals: Globals, styles: { readonly out: Style; readonly err: Style }) {
		this.world = world;
		this.globals = globals;
		this.places = placesOf(world, globals.socket);
		this.style = styles.out;
		this.noteStyle = styles.err;
	}

	static async open(world: World, globals: Globals): Promise<Context> {
		const style = (isTerminal: boolean) => loadStyle(wantsColor({ env: world.env, isTerminal, globals }));
		return new Context(world, globals, { out: await style(world.out.isTerminal), err: await style(world.err.isTerminal) });
	}

	get json(): boolean {
		return wantsJson(this.globals);
	}

	get namesOnly(): boolean {
		return wantsNames(this.globals);
	}

	/** For a person at a terminal: marks, relative times, cut to fit. */
	get pretty(): boolean {
		return this.world.out.isTerminal;
	}

	/** What a table may be wide; undefined: everything. */
	get tableWidth(): number | undefined {
		return this.globals.output === 'wide' ? undefined : this.world.out.columns;
	}

	/** The result, and nothing else. */
	print(text: string): void {
		if (text !== '') this.world.out.write(text);
	}

	printJson(value: unknown): void {
		this.print(toJson(value, this.pretty));
	}

	/** What a person should know besides the result. */
	note(sentence: string): void {
		if (this.namesOnly) return;
		// there may be anything in it that a file, a program or orchd has said
		const lines = sentence.split('\n').map((line) => terminalText(line, this.noteStyle !== plain));
		this.world.err.write(`${lines.join('\n')}\n`);
	}

	/** What to type next, for who types. */
	next(...commands: readonly string[]): void {
		if (this.world.err.isTerminal) this.note(`${this.noteStyle.dim('next:')} ${commands.join(' · ')}`);
	}

	/** One connection for all that the command asks. */
	async connection(): Promise<Connection> {
		if (!this.#connection) {
			await this.#refuseForeign();
			const { openConnection } = await import('./connect.ts');
			// several may have asked at once: one connection is for all of them
			if (!this.#connection) this.adopt(openConnection(this.world, this.places));
		}
		return this.#connection as Connection;
	}

	/** As `connection`, and starts orchd where none runs, unless ORCH_AUTOSTART=0. */
	async connectionOrStart(): Promise<Connection> {
		const connection = await this.connection();
		try {
			await connection.connected;
			return connection;
		} catch (error) {
			const { isDaemonMissing } = await import('./connect-failure.ts');
			if (!isDaemonMissing(error) || this.world.env['ORCH_AUTOSTART'] === '0') throw error;
		}
		const { startDaemon } = await import('./daemon-start.ts');
		const started = await startDaemon(this.world, this.places);
		this.adopt(started.connection);
		if (started.pid !== undefined) this.note(`orch: started orchd (pid ${started.pid}), log ${this.places.logFile}`);
		return started.connection;
	}

	/** Goes on with a connection that was opened elsewhere. */
	adopt(connection: Connection): void {
		this.#connection?.close();
		this.#connection = connection;
		this.#daemonVersion = undefined;
		// only a person is told that it is another one
		if (this.json || this.namesOnly || !this.world.out.isTerminal || !this.world.err.isTerminal) return;
		connection.session.hello().then(
			({ agent }) => {
				if (this.#connection === connection) this.#daemonVersion = /^orchd[/ ](\S+)$/.exec(agent)?.[1];
			},
			// what is wrong with the connection is told by what is asked over it
			() => {},
		);
	}

	/** What is told behind the result, once a day: that orchd is of another version. */
	async afterwards(): Promise<void> {
		if (this.#daemonVersion === undefined || this.#daemonVersion === version) return;
		(await import('./version-notice.ts')).noticeVersion(this, this.#daemonVersion);
	}

	/** Asks what orchd answers by itself. What is interrupted does not wait for the answer. */
	async read<Name extends OperationName>(
		name: Name,
		params: ParamsOf<Api[Name]>,
		signal?: AbortSignal,
	): Promise<ResultOf<Api[Name]>> {
		return this.#ask(await this.connection(), name, params, this.globals.timeout ?? answerMs, signal);
	}

	/** As `read`, on a connection of its own, for what may be long and is to be there fast. Not for answers with bytes in them. */
	async readFast<Name extends OperationName>(name: Name, params: ParamsOf<Api[Name]>): Promise<ResultOf<Api[Name]>> {
		await this.#refuseForeign();
		const asked = askInJson(this.world, this.places, name, params);
		const answer = await this.#inTime(this.globals.timeout ?? answerMs, () => asked);
		// the frames tell what is wrong with it
		return answer === notJson ? this.read(name, params) : (answer as ResultOf<Api[Name]>);
	}

	async #refuseForeign(): Promise<void> {
		const { env, uid } = this.world;
		// where it is not named by hand, nor in a directory of this user alone
		if (!env['ORCH_SOCKET'] && this.places.socket.includes(`/orch-${uid}/`))
			(await import('./connect-failure.ts')).refuseForeignDirectory(this.world, this.places);
	}

	/** Asks for something that takes as long as it takes, once orchd has said its first word. */
	async act<Name extends OperationName>(
		name: Name,
		params: ParamsOf<Api[Name]>,
		limitMs = this.globals.timeout,
	): Promise<ResultOf<Api[Name]>> {
		return this.#ask(await this.connection(), name, params, limitMs);
	}

	/** Who answers there. */
	async hello(signal?: AbortSignal): Promise<Hello> {
		const connection = await this.connection();
		const { helloOf } = await import('./connect.ts');
		return helloOf(connection, this.world.clock, this.globals.timeout ?? answerMs, signal);
	}

	/** Does what comes to its end by itself, in the time that all of it is given. */
	async withinTimeout<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
		const { timeout: ms } = this.globals;
		if (ms === undefined) return work(new AbortController().signal);
		return this.#inTime(ms, work);
	}

	/** The items of a stream; leaving it early ends it on the other side, too. It is limited by its signal alone: `withinTimeout`, or `untilInterrupted`. */
	async *follow<Name extends OperationName>(
		name: Name,
		params: ParamsOf<Api[Name]>,
		signal: AbortSignal,
	): AsyncGenerator<ItemOf<Api[Name]>, ResultOf<Api[Name]>, undefined> {
		const { session } = await this.connection();
		// asked for before the first word is there: both are one write
		const items = session.stream(name, params, { signal });
		await this.hello(signal);
		return (yield* items as AsyncGenerator<ItemOf<Api[Name]>, never, undefined>) as ResultOf<Api[Name]>;
	}

	async #ask<Result>(
		{ session, connected }: Connection,
		name: string,
		params: unknown,
		timeoutMs: number | undefined,
		signal?: AbortSignal,
	): Promise<Result> {
		const asked = session.request(name, params) as Promise<Result>;
		// where connecting fails, its reason says more than that of the answer
		asked.catch(() => {});
		if (timeoutMs === undefined) return this.hello().then(() => asked);
		return this.#inTime(timeoutMs, () => connected.then(() => asked), signal);
	}

	/** The command ends with a failure of this, and what it asked for with its connection. */
	#inTime<Result>(ms: number, work: (signal: AbortSignal) => Promise<Result>, outer?: AbortSignal): Promise<Result> {
		return within(this.world.clock, ms, work, () => new OrchError('timeout', { ms }), outer);
	}

	close(): void {
		this.#connection?.close();
	}
}
