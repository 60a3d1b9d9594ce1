/**
 * SIGKILL to the daemon at random moments under load: no runtime is lost or doubled, no line of output is missing, every exit status
 * is the true one, the restart policy applies once, and no message between runtimes is lost or comes twice.
 *
 * `ORCH_DEATHS` says how often; scripts/soak has it at 100.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '@orch/base/testing';
import {
	allocatedIn,
	fixture,
	inSandbox,
	isAlive,
	node,
	type Orchd,
	processesWith,
	type Program,
	type Runtime,
	until,
} from '../support/index.ts';

const longMs = 240_000;
const deaths = Number(process.env['ORCH_DEATHS'] ?? 12);
const seed = Number(process.env['ORCH_SEED'] ?? 1);
const writers = 10;
/** Of each: what sends one way, and what exchanges. */
const pairs = 2;
const enders = 6;
/** Of both streams together: a moment of full speed. */
const floodBytes = 16 * 2 ** 20;
/** Ends count as failures and are restarted for ever, as soon as the back-off lets them. */
const restart = { when: 'on-failure', firstMs: 20, capMs: 50, failures: 0 } as const;

const python = (...args: readonly string[]): Program => ({ program: '/usr/bin/python3', args: ['-S', ...args] });

describe('the daemon is killed again and again', () => {
	it(
		'supervision 3.1.23 and 24: under 25 runtimes nothing is lost, doubled or told wrongly',
		async () => {
			await inSandbox(async (own) => {
				const random = seededRandom(seed);
				let daemon = await own.startDaemon();
				const written: Runtime[] = [];
				for (let index = 0; index < writers; index++) {
					const program = python(fixture('numbers.py'), '200', '20');
					written.push(await daemon.run(program, { name: `writer-${index}`, output: { maxBytes: 2 ** 30 } }));
				}
				const sinks: Runtime[] = [];
				const sources: Runtime[] = [];
				const exchanging: Runtime[] = [];
				for (let index = 0; index < pairs; index++) {
					sinks.push(await daemon.run(node(fixture('sdk-sink.mjs')), { name: `sink-${index}` }));
					sources.push(await daemon.add(node(fixture('sdk-source.mjs'), 'Number', '0', '50', '10'), { name: `source-${index}` }));
					await daemon.call('link.add', { from: `source-${index}`, type: 'Number', to: `sink-${index}` });
				}
				for (let index = 0; index < pairs; index++) {
					const [one, other] = [`left-${index}`, `right-${index}`];
					for (const [name, sent, received] of [
						[one, 'There', 'Back'],
						[other, 'Back', 'There'],
					] as const)
						exchanging.push(await daemon.add(node(fixture('sdk-exchange.mjs'), sent, received, '10'), { name }));
					await daemon.call('link.add', { from: one, type: 'There', to: other });
					await daemon.call('link.add', { from: other, type: 'Back', to: one });
				}
				for (const { id } of exchanging) await daemon.call('runtime.start', { runtime: id });
				// never waits: what it writes is cut off at its oldest end, over and over
				const flooding = await daemon.run(python(fixture('numbers.py'), '200', '0'), {
					name: 'flood',
					output: { maxBytes: floodBytes },
				});
				for (const { id, name } of [...sinks, ...exchanging]) {
					await until(`${name} is connected`, async () => (await daemon.show(id)).connected !== null);
				}
				for (const { name } of sources) await daemon.call('runtime.start', { runtime: name });
				const ending: Runtime[] = [];
				for (let index = 0; index < enders; index++) {
					const program = python(fixture('ends.py'), own.path(`notes-${index}`));
					ending.push(await daemon.run(program, { name: `ender-${index}`, restart }));
				}
				const steady = [...written, ...sinks, ...sources, ...exchanging, flooding];
				const pids = new Map<string, number>();
				for (const { id } of steady) {
					pids.set(id, await until('its pid', async () => (await daemon.show(id)).pid ?? undefined));
				}
				const router = await daemon.routerPid();

				for (let death = 0; death < deaths; death++) {
					// at any moment from the first word on, while some of what ended is being settled and launched
					const moment = Math.floor(random.float() * 40);
					for (let turn = 0; turn < moment; turn++) await daemon.call('daemon.version', {});
					await daemon.kill9();
					daemon = await own.startDaemon();
				}

				const list = await daemon.call('runtime.list', {});
				expect(list.map(({ name }) => name)).toEqual(
					[...written, ...pairNames(), ...exchanging, flooding, ...ending].map((one) =>
						typeof one === 'string' ? one : one.name,
					),
				);
				expect(await daemon.routerPid()).toBe(router);
				for (const { id } of steady) {
					const now = await daemon.show(id);
					expect(now, now.name).toMatchObject({ status: 'running', generation: 1, restarts: 0, pid: pids.get(id) });
				}
				await messagesAreWhole(daemon, [...sinks, ...exchanging]);
				await floodIsWhole(daemon, flooding);
				await linesAreWhole(daemon, written);
				for (const [index, one] of ending.entries()) await endsAreTrue(daemon, one, own.path(`notes-${index}`));
				// what carries the cookie is what is listed, and nothing else
				const known = (await daemon.call('runtime.list', {})).flatMap(({ pid }) => (pid === null ? [] : [pid]));
				const programs = processesWith('ORCH_SOCKET', own.socket).filter(
					({ pid, command }) => isAlive(pid) && /python|node/.test(command),
				);
				const stray = programs.filter(({ pid, command }) => !known.includes(pid) && !/orchd|orch-router|ends\.py/.test(command));
				expect(stray).toEqual([]);
			});
		},
		600_000 + deaths * 20_000,
	);
});

const pairNames = () => Array.from({ length: pairs }, (_, index) => [`sink-${index}`, `source-${index}`]).flat();

async function messagesAreWhole(daemon: Orchd, sinks: readonly Runtime[]): Promise<void> {
	for (const sink of sinks) {
		const text = (await daemon.output(sink)).toString('utf8');
		const lines = text.slice(0, text.lastIndexOf('\n')).split('\n');
		const seen = JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
		expect(seen, sink.name).toMatchObject({ missing: 0, duplicates: 0, dropped: {}, lost: 0, connections: 1 });
		expect(seen['count']).toBeGreaterThan(0);
	}
}

/** Stops them first, so that what they wrote is all there. */
async function linesAreWhole(daemon: Orchd, runtimes: readonly Runtime[]): Promise<void> {
	const pids = await Promise.all(runtimes.map(async (one) => (await daemon.show(one)).pid));
	await Promise.all(runtimes.map(({ id }) => daemon.call('runtime.stop', { runtime: id })));
	for (const [index, one] of runtimes.entries()) {
		const pid = pids[index];
		const text = (await daemon.output(one)).toString('latin1');
		const lines = text.slice(0, text.lastIndexOf('\n')).split('\n');
		const wrong = lines.findIndex((line, index) => line !== `${index} ${pid}`);
		expect([wrong, lines[wrong], lines.length > 200], one.name).toEqual([-1, undefined, true]);
	}
}

/** The oldest is gone; from the first line that is kept to the last all are there. */
async function floodIsWhole(daemon: Orchd, one: Runtime): Promise<void> {
	const { pid } = await daemon.show(one);
	await daemon.call('runtime.stop', { runtime: one.id });
	// what it wrote while no daemon lived may be more than a string can hold: first it has to come down to its limit
	const directory = dirname((await daemon.show(one)).stdoutPath);
	await until('it is within its limit', () => allocatedIn(directory) <= floodBytes, longMs);
	// what is over the limit goes while it is read, which the reader is told: behind that all is there
	let parts: Uint8Array[] = [];
	for await (const { bytes, removedBytes } of daemon.stream('runtime.stdout', { runtime: one.id, follow: false })) {
		if (removedBytes !== undefined) parts = [];
		parts.push(bytes);
	}
	const text = Buffer.concat(parts).toString('latin1');
	const lines = text.slice(0, text.lastIndexOf('\n')).split('\n');
	const first = Number(lines[0]?.split(' ')[0]);
	const wrong = lines.findIndex((line, index) => line !== `${first + index} ${pid}`);
	expect([wrong, lines[wrong - 1], lines[wrong]], one.name).toEqual([-1, undefined, undefined]);
	expect(first).toBeGreaterThan(0);
	expect(lines.length).toBeGreaterThan(10_000);
}

/** Every end of its own account of itself is in the history of the daemons, with its code, once and in order. */
async function endsAreTrue(daemon: Orchd, one: Runtime, notes: string): Promise<void> {
	await daemon.call('runtime.stop', { runtime: one.id });
	const { history, restarts, generation } = await daemon.show(one);
	const lines = existsSync(notes) ? readFileSync(notes, 'utf8').trimEnd().split('\n') : [];
	const lives: { readonly pid: number; readonly code: number | string; hasEnded: boolean }[] = [];
	for (const line of lines) {
		const [word, pid, code] = line.split(' ');
		const last = lives.at(-1);
		if (word === 'start') {
			// one that was killed by the stop above is the last of all
			expect(last === undefined || last.hasEnded, `${one.name}: two at a time at ${line}`).toBe(true);
			lives.push({ pid: Number(pid), code: code === 'SIGSEGV' ? code : Number(code), hasEnded: false });
		} else {
			expect(last?.pid, one.name).toBe(Number(pid));
			if (last) last.hasEnded = true;
		}
	}
	// one may have noted its end, and been stopped before it came to it
	const stopped = history.find(({ exit }) => exit?.by !== 'itself')?.pid;
	const ended = lives.filter(({ pid, hasEnded }) => hasEnded && pid !== stopped);
	expect(ended.length, one.name).toBeGreaterThan(1);
	const told = history
		.filter(({ exit }) => exit?.by === 'itself')
		.map(({ pid, exit }) => ({ pid, code: exit?.signal ?? exit?.code }))
		.reverse();
	// the history keeps the last 100
	expect(told, one.name).toEqual(ended.slice(-told.length).map(({ pid, code }) => ({ pid, code })));
	expect(told.length).toBeGreaterThanOrEqual(Math.min(ended.length, 90));
	// each end by itself was followed by one restart, each launch that was called off by none
	expect(restarts, one.name).toBeLessThanOrEqual(generation - 1);
	expect(restarts, one.name).toBeGreaterThanOrEqual(lives.length - 1);
}
