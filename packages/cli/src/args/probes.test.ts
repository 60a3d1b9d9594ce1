import { describe, expect, it } from 'vitest';
import { parseNeed } from './needs.ts';
import { httpCheck, logCheck, probeOptions, probesOf, tcpCheck } from './probes.ts';
import { words } from './words.ts';

describe('words', () => {
	it.each([
		['pg_isready -h localhost', ['pg_isready', '-h', 'localhost']],
		['  sh  -c \'echo "a b" \\n\' ', ['sh', '-c', 'echo "a b" \\n']],
		['say "a \\"b\\" \\\\ $x" \'\'', ['say', 'a "b" \\ $x', '']],
		['a\\ b c"d"e', ['a b', 'cde']],
	])('reads %s', (line, expected) => expect(words(line)).toEqual(expected));

	it('refuses what is not closed, and nothing', () => {
		expect(() => words('say "a')).toThrow('every " is closed');
		expect(() => words('  ')).toThrow('a command');
	});
});

describe('needs', () => {
	it.each([
		['db', { runtime: 'db', condition: 'started' }],
		['db:ready', { runtime: 'db', condition: 'ready' }],
		['db:succeeded:stop', { runtime: 'db', condition: 'succeeded', onRestart: 'stop' }],
	])('reads %s', (text, expected) => expect(parseNeed(text)).toEqual(expected));

	it.each(['db:redy', 'db:ready:restrt', 'db:ready:keep:now', ':ready'])('refuses %s', (text) => {
		expect(() => parseNeed(text)).toThrow('it must be');
	});
});

describe('checks', () => {
	it.each([
		['http://db.local/health', 'http://db.local/health'],
		['https://localhost:8443', 'https://localhost:8443'],
		['localhost:3000/health', 'http://localhost:3000/health'],
		[':3000', 'http://localhost:3000'],
	])('reads the URL %s', (text, url) => expect(httpCheck(text)).toEqual({ kind: 'http', url }));

	it.each([
		['5432', { kind: 'tcp', port: 5432 }],
		['db.local:5432', { kind: 'tcp', port: 5432, host: 'db.local' }],
		['[::1]:80', { kind: 'tcp', port: 80, host: '::1' }],
	])('reads the address %s', (text, expected) => expect(tcpCheck(text)).toEqual(expected));

	it('refuses what could never succeed', () => {
		for (const bad of ['http://[', '::']) expect(() => httpCheck(bad)).toThrow('a URL');
		for (const bad of ['0', '65536', 'db', '']) expect(() => tcpCheck(bad)).toThrow('a port');
		expect(() => logCheck('ready (')).toThrow('a regular expression');
	});
});

describe('probes', () => {
	const every = probeOptions.probeEvery.parse;
	it('have the timing of all, or their own', () => {
		const probes = probesOf({
			readyHttp: httpCheck(':3000'),
			liveTcp: tcpCheck('3000'),
			startupNotify: true,
			probeEvery: [every('2s'), every('live=10s')],
			probeFailures: [probeOptions.probeFailures.parse('startup=5')],
			probeStatus: [probeOptions.probeStatus.parse('200,204')],
			probeHeader: [probeOptions.probeHeader.parse('X-Token: a:b')],
		});
		expect(probes).toEqual({
			startup: { check: { kind: 'notify' }, everyMs: 2_000, failures: 5 },
			ready: {
				check: { kind: 'http', url: 'http://localhost:3000', statuses: [200, 204], headers: { 'X-Token': 'a:b' } },
				everyMs: 2_000,
			},
			live: { check: { kind: 'tcp', port: 3000 }, everyMs: 10_000 },
		});
		expect(probesOf({})).toBeUndefined();
	});

	it('by a line look at the stream of all, or at their own', () => {
		const stream = probeOptions.probeStream.parse;
		const given = { readyLog: logCheck('up'), liveLog: logCheck('tick') };
		expect(probesOf({ ...given, probeStream: [stream('stderr')] })).toEqual({
			ready: { check: { kind: 'log', pattern: 'up', stream: 'stderr' } },
			live: { check: { kind: 'log', pattern: 'tick', stream: 'stderr' } },
		});
		expect(probesOf({ ...given, probeStream: [stream('live=stdout')] })).toEqual({
			ready: { check: { kind: 'log', pattern: 'up' } },
			live: { check: { kind: 'log', pattern: 'tick', stream: 'stdout' } },
		});
		expect(() => stream('live=out')).toThrow('stdout, stderr');
	});

	it('have the details of their kind, and no others', () => {
		const stream = [probeOptions.probeStream.parse('stderr')];
		expect(() => probesOf({ readyHttp: httpCheck(':1'), probeStream: stream })).toThrow(
			'--probe-stream is for a log probe, and there is none',
		);
		const status = [probeOptions.probeStatus.parse('live=200')];
		expect(() => probesOf({ readyHttp: httpCheck(':1'), liveTcp: tcpCheck('1'), probeStatus: status })).toThrow(
			'--probe-status is for a live http probe, and there is none',
		);
		expect(probesOf({ readyHttp: httpCheck(':1'), liveLog: logCheck('x'), probeStream: stream })?.ready).toEqual({
			check: { kind: 'http', url: 'http://localhost:1' },
		});
	});

	it('are one for each purpose, and timings are for probes', () => {
		expect(() => probesOf({ readyTcp: tcpCheck('1'), readyNotify: true })).toThrow(
			'--ready-tcp and --ready-notify do not go together',
		);
		expect(() => probesOf({ probeEvery: [every('1s')] })).toThrow('--probe-every is for a probe, and there is none');
		expect(() => probesOf({ readyNotify: true, probeEvery: [every('live=1s')] })).toThrow('for a live probe');
	});
});
