import { expect, it } from 'vitest';
import { type Needing, orderOf } from './stop-order.ts';

const one = (name: string, ...needs: readonly string[]): Needing => ({
	id: `0195fc7b-33e6-70e3-bee1-${name.replace('/', '').padEnd(12, '0')}`,
	name,
	group: /-\d$/.test(name) ? { name: name.slice(0, -2) } : null,
	options: { needs: needs.map((runtime) => ({ runtime })) },
});
const all = [one('db'), one('cache'), one('api', 'db', 'cache'), one('web-1', 'api'), one('web-2', 'api'), one('cron')];

it('puts who needs another of them before it, also by way of others', () => {
	expect(orderOf(['db', 'cron', 'web-1', 'cache'], all)).toEqual([
		{ ref: 'web-1', behind: [] },
		{ ref: 'db', behind: ['web-1'] },
		{ ref: 'cron', behind: [] },
		{ ref: 'cache', behind: ['web-1'] },
	]);
});

it('knows groups, and leaves what it does not know as it is', () => {
	expect(orderOf(['api', 'nobody', 'web'], all)).toEqual([
		{ ref: 'web', behind: [] },
		{ ref: 'api', behind: ['web'] },
		{ ref: 'nobody', behind: [] },
	]);
	expect(orderOf(['db', 'db00'], all).map(({ ref }) => ref)).toEqual(['db', 'db00']);
});

it('knows them by their names within a project, and by prefixes in any case, as orchd does', () => {
	const feed = [one('feed/db'), one('feed/api', 'feed/db'), one('feed/web-1', 'feed/api'), one('feed/web-2', 'feed/api')];
	expect(orderOf(['db', 'web', 'api'], feed)).toEqual([
		{ ref: 'web', behind: [] },
		{ ref: 'api', behind: ['web'] },
		{ ref: 'db', behind: ['web', 'api'] },
	]);
	expect(orderOf(['FEEDDB', 'api'], feed).map(({ ref }) => ref)).toEqual(['api', 'FEEDDB']);
	// whole names go before, and what is ambiguous is left to orchd to refuse
	expect(orderOf(['db', 'api'], [...feed, one('db')]).map(({ ref }) => ref)).toEqual(['db', 'api']);
	expect(orderOf(['db', 'feed/api'], [...feed, one('kiosk/db')]).map(({ ref }) => ref)).toEqual(['db', 'feed/api']);
	expect(orderOf(['0195fc7b', 'feed/api'], feed).map(({ ref }) => ref)).toEqual(['0195fc7b', 'feed/api']);
});
