import { expect, it } from 'vitest';
import { labelFilter } from '../args/label.ts';
import { lonelyOption, runtimeOptions, runtimeOptionsOf } from './runtime-options.ts';

it('what is given becomes the part of the request that it means, paths from where it is typed', () => {
	expect(
		runtimeOptionsOf(
			{
				instances: 2,
				label: [['tier', 'web']],
				noAutostart: true,
				envFileLive: ['a.env', '/etc/b.env'],
				user: 'ana',
				umask: '027',
				port: [80, 443, 80],
				cron: '0 3 * * *',
				timeZone: 'Europe/Berlin',
				overlap: 'queue',
				watch: ['src', '/etc/app'],
				watchIgnore: ['*.log'],
				watchQuiet: 50,
				maxOutput: 1_048_576,
			},
			'/home/ana',
		),
	).toEqual({
		instances: 2,
		labels: { tier: 'web' },
		autostart: false,
		envFiles: ['/home/ana/a.env', '/etc/b.env'],
		user: 'ana',
		umask: '027',
		ports: [80, 443],
		schedule: { cron: '0 3 * * *', action: 'start', timeZone: 'Europe/Berlin', overlap: 'queue' },
		watch: { paths: ['/home/ana/src', '/etc/app'], ignore: ['*.log'], quietMs: 50 },
		output: { maxBytes: 1_048_576 },
	});
	expect(runtimeOptionsOf({}, '/')).toEqual({});
});

it('what means nothing alone is named with what it belongs to', () => {
	expect(lonelyOption({ overlap: 'skip' })).toBe('--overlap means nothing without --cron');
	expect(lonelyOption({ watchQuiet: 5 })).toBe('--watch-quiet means nothing without --watch');
	expect(lonelyOption({ stopCommandTimeout: 5 })).toBe('--stop-command-timeout means nothing without --stop-command');
	expect(lonelyOption({ cron: '@daily', overlap: 'skip', watch: ['x'], watchIgnore: ['y'] })).toBeUndefined();
});

it('values are read, or refused with what they must be', () => {
	expect(runtimeOptions.label.parse('a/b=c=d')).toEqual(['a/b', 'c=d']);
	expect(labelFilter('tier')).toEqual(['tier', '']);
	for (const wrong of ['tier', '=x', 'a b=c']) expect(() => runtimeOptions.label.parse(wrong)).toThrow('NAME=VALUE');
	expect(() => runtimeOptions.umask.parse('999')).toThrow('octal');
	expect(runtimeOptions.maxOutput.parse('64k')).toBe(65_536);
	expect(() => runtimeOptions.maxOutput.parse('63k')).toThrow('a size of 64k or more');
	expect(() => runtimeOptions.maxOutput.parse('much')).toThrow('a size in bytes');
	expect(() => runtimeOptions.successCode.parse('256')).toThrow();
	expect(runtimeOptions.stopCommand.parse('./drain "two words"')).toEqual(['./drain', 'two words']);
});
