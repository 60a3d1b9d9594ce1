import { describe, expect, it } from 'vitest';
import { findByReference } from './references.ts';
import { shortId } from './short-id.ts';

const ping = { id: '019aa000-1111-7222-8333-a3f19c02b001', name: 'ping' };
const pong = { id: '019aa000-1111-7222-8333-a3f1e7710002', name: 'pong' };
const hex = { id: '019aa000-1111-7222-8333-bbbb00000003', name: 'a3f1' };
const all = [ping, pong, hex];

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
