import { describe, expect, it } from 'vitest';
import { findByReference, suggestLinks } from './references.ts';
import { shortId } from './short-id.ts';

const ping = { id: '019aa000-1111-7222-8333-a3f19c02b001', name: 'ping' };
const pong = { id: '019aa000-1111-7222-8333-a3f1e7710002', name: 'pong' };
const hex = { id: '019aa000-1111-7222-8333-bbbb00000003', name: 'a3f1' };
const all = [ping, pong, hex];

describe('links that may have been meant', () => {
	const links = [
		{ shortId: '7c1e0900', from: 'ping', type: 'Ping', to: 'worker' },
		{ shortId: '7c1e0901', from: '*', type: 'Log', to: 'shop/ping' },
		{ shortId: 'beef0000', from: 'a', type: 'T', to: 'b' },
	];

	it('are those whose ids are near to what was typed', () => {
		expect(suggestLinks('7c1e0911', links)).toEqual(['7c1e0901', '7c1e0900']);
	});

	it('are those of a type or a runtime of that name, where no id is near', () => {
		expect(suggestLinks('Log', links)).toEqual(['7c1e0901']);
		expect(suggestLinks('ping', links)).toEqual(['7c1e0900', '7c1e0901']);
		expect(suggestLinks('zz', links)).toEqual([]);
	});

	it('are of the same ends where a link is named by them', () => {
		expect(suggestLinks({ from: 'ping', type: 'Pong', to: 'worker' }, links)).toEqual(['ping ─Ping→ worker']);
		expect(suggestLinks({ from: 'ping', type: 'Other', to: 'worker' }, links)).toEqual([]);
	});
});

describe('references', () => {
	it('take the name first, also when it reads like a prefix', () => {
		expect(findByReference('a3f1', all)).toEqual({ kind: 'one', one: hex });
	});

	it('take the full id, and unique prefixes of the id or of its last group', () => {
		expect(findByReference(ping.id, all)).toEqual({ kind: 'one', one: ping });
		expect(findByReference(shortId(pong.id), all)).toEqual({ kind: 'one', one: pong });
		expect(findByReference('a3f19', all)).toEqual({ kind: 'one', one: ping });
		expect(findByReference('BBBB', all)).toEqual({ kind: 'one', one: hex });
	});

	it('name every match of an ambiguous prefix, as a clock prefix always is', () => {
		expect(findByReference('019aa000', all)).toEqual({ kind: 'many', matches: all });
	});

	it('take the name within a project, as long as only one project has it', () => {
		const shop = { id: '019aa000-1111-7222-8333-c3f19c02b003', name: 'shop/api' };
		const kiosk = { id: '019aa000-1111-7222-8333-d3f19c02b004', name: 'kiosk/api' };
		expect(findByReference('api', [ping, shop])).toEqual({ kind: 'one', one: shop });
		expect(findByReference('api', [shop, kiosk])).toEqual({ kind: 'many', matches: [shop, kiosk] });
		expect(findByReference('kiosk/api', [shop, kiosk])).toEqual({ kind: 'one', one: kiosk });
		// one that stands for itself goes before
		const own = { ...ping, name: 'api' };
		expect(findByReference('api', [shop, own])).toEqual({ kind: 'one', one: own });
		expect(findByReference('apii', [shop])).toEqual({ kind: 'none', candidates: ['api'] });
	});

	it('take no prefix shorter than four digits, and suggest near names', () => {
		expect(findByReference('a3f', [ping, pong])).toEqual({ kind: 'none', candidates: [] });
		expect(findByReference('pnig', all)).toEqual({ kind: 'none', candidates: ['ping', 'pong'] });
	});
});
