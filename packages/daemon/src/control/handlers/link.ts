/** Handlers of the link operations: params to domain calls to answers. */
import { type Clock, withDeadline } from '@orch/base';
import {
	type Call,
	type ErrorCode,
	type ErrorData,
	type Handlers,
	type LinkInfo as LinkInfoSchema,
	type linkOperations,
	findByReference,
	linkEnds,
	OrchError,
	type ParamsOf,
	shortId,
	suggest,
	suggestLinks,
} from '@orch/protocol';
import { findJsonFault, jsonFrame } from '@orch/base/text';
import type { Static } from 'typebox';
import {
	anySender,
	groupEnd,
	groupOfEnd,
	type Injection,
	type Link,
	type LinkFigures,
	type Links,
	type RouterFigures,
	RouterUnavailable,
	type TypeFigures,
} from '../../links/index.ts';
import { type Directory, isoTime, resolveRuntime, resolveRuntimes } from './directory.ts';
import { typeInfos } from './link-types.ts';

type LinkInfo = Static<typeof LinkInfoSchema>;
type RefCall = Call<'runtime.not_found' | 'runtime.ambiguous'>;

export interface LinkHandlersOptions {
	readonly links: Links;
	readonly directory: Directory;
	readonly clock: Clock;
	/** Refuses what would start something while the daemon ends. */
	readonly whileOpen: (call: Call<'daemon.stopping'>) => void;
}

export function linkHandlers({ links, directory, clock, whileOpen }: LinkHandlersOptions): Handlers<typeof linkOperations> {
	/** The name of a group is an end of its own: it means its instances, those to come as well. */
	const end = (ref: string, call: RefCall): string => {
		const { entries, group } = resolveRuntimes(directory, ref, call);
		return group === undefined ? (entries[0]?.id ?? ref) : groupEnd(group);
	};
	const sender = (ref: string, call: RefCall): string => (ref === anySender ? anySender : end(ref, call));
	const party = (id: string) => ({ id, name: id === anySender ? anySender : (groupOfEnd(id) ?? directory.get(id)?.name ?? id) });
	const matchOf = ({ id, from, type, to }: Link) => ({ shortId: shortId(id), from: party(from).name, type, to: party(to).name });
	const describe = (link: Link, figures?: RouterFigures): LinkInfo => ({
		id: link.id,
		shortId: shortId(link.id),
		from: party(link.from),
		type: link.type,
		to: party(link.to),
		queueMessages: link.messages,
		queueBytes: link.bytes,
		overflow: link.overflow,
		whileDown: link.whileDown,
		addedAt: isoTime(link.addedAt),
		notices: noticesOf(link, figures),
	});
	/** Of a link of groups those of all the pairs that it means, each said once. */
	const noticesOf = (link: Link, figures: RouterFigures | undefined): string[] => {
		const senders = link.from === anySender ? [anySender] : links.meant(link.from);
		return [...new Set(senders.flatMap((from) => notices({ ...link, from }, figures, (id) => party(id).name)))];
	};
	/** Figures where the router can be asked; looking at links must work without it too. */
	const figuresIfAny = async (): Promise<RouterFigures | undefined> => {
		try {
			return await links.figures();
		} catch {
			return undefined;
		}
	};
	const select = (
		filter: { readonly from?: string; readonly to?: string; readonly type?: string },
		call: RefCall,
	): readonly Link[] => {
		const from = filter.from === undefined ? undefined : sender(filter.from, call);
		const to = filter.to === undefined ? undefined : end(filter.to, call);
		// a link of a group is one of each of its instances
		const isOf = (end: string, wanted: string) =>
			end === wanted || (groupOfEnd(end) !== undefined && links.meant(end).includes(wanted));
		return links
			.list()
			.filter(
				(link) =>
					(from === undefined || isOf(link.from, from)) &&
					(to === undefined || isOf(link.to, to)) &&
					(filter.type === undefined || link.type === filter.type),
			);
	};
	const findLink = (ref: string, call: Call<'link.not_found' | 'link.ambiguous'>): Link => {
		const found = findByReference(
			ref,
			links.list().map((link) => ({ id: link.id, name: link.id, link })),
		);
		switch (found.kind) {
			case 'one':
				return found.one.link;
			case 'none':
				return call.fail('link.not_found', { link: `'${ref}'`, candidates: suggestLinks(ref, links.list().map(matchOf)) });
			case 'many':
				return call.fail('link.ambiguous', { ref, matches: found.matches.map(({ link }) => matchOf(link)) });
		}
	};
	/** What is to be sent, by whom and to whom: null where it goes as @cli, or by the links. */
	const outgoing = (
		params: ParamsOf<(typeof linkOperations)['link.send']>,
		call: RefCall & Call<'request.invalid' | 'message.invalid' | 'link.not_linked'>,
		receivers: (ref: string) => readonly string[],
	): readonly Injection[] => {
		const { type, codec, body } = params;
		if ((params.from === undefined) === (params.to === undefined))
			call.fail('request.invalid', { issues: ['either to or from is needed, not both'] });
		if (codec === 'json') {
			const fault = jsonFault(body);
			if (fault !== undefined) call.fail('message.invalid', fault);
		}
		const from = params.from === undefined ? null : resolveRuntime(directory, params.from, call).id;
		if (from !== null) mustBeLinked(from, type, call);
		const to = params.to === undefined ? [null] : receivers(params.to);
		return to.map((one) => ({ type, codec, body, from, to: one }));
	};
	const mustBeLinked = (from: string, type: string, call: Call<'link.not_linked'>): void => {
		const ofSender = links.list().filter((link) => link.from === anySender || links.meant(link.from).includes(from));
		const taken = [...new Set(ofSender.map((link) => link.type))];
		if (!taken.includes(type))
			call.fail('link.not_linked', { type, from: party(from).name, taken, candidates: suggest(type, taken) });
	};
	const unavailable = <C extends ErrorCode>(error: unknown, call: Call<C | 'router.unavailable'>): never => {
		if (error instanceof RouterUnavailable) return call.fail('router.unavailable', { reason: error.message });
		// a connection that ends under the call is the same to the caller
		if ((error as { code?: unknown }).code === 'disconnected')
			return call.fail('router.unavailable', { reason: (error as Error).message });
		// it has outlived the orchd that started it
		if ((error as { code?: unknown }).code === 'operation.unknown')
			return call.fail('router.unavailable', { reason: 'it is older than orchd, and does not know what it was asked for' });
		throw error;
	};

	return {
		async 'link.add'(params, call) {
			whileOpen(call);
			const from = sender(params.from, call);
			const to = end(params.to, call);
			const { added, link } = links.add({
				from,
				type: params.type,
				to,
				messages: params.queue,
				bytes: params.queueBytes,
				overflow: params.overflow,
				whileDown: params.whileDown,
			});
			if (!added) {
				const ageMs = Math.max(0, clock.now() - link.addedAt);
				call.fail('link.exists', { from: party(from).name, type: params.type, to: party(to).name, id: shortId(link.id), ageMs });
			}
			return describe(link, link.overflow === 'block' ? await figuresIfAny() : undefined);
		},

		async 'link.list'(params, call) {
			const figures = await figuresIfAny();
			return select(params, call).map((link) => describe(link, figures));
		},

		async 'link.remove'(params, call) {
			let link: Link;
			if ('link' in params) {
				link = findLink(params.link, call);
			} else {
				const wanted = { from: sender(params.from, call), type: params.type, to: end(params.to, call) };
				const named = { from: party(wanted.from).name, type: wanted.type, to: party(wanted.to).name };
				link =
					links.find(wanted) ??
					call.fail('link.not_found', {
						link: linkEnds(named),
						candidates: suggestLinks(named, links.list().map(matchOf)),
					});
			}
			const described = describe(link);
			const counters = await links.remove(link.id)?.counted;
			return { ...described, counters: counters ? { ...counters } : null };
		},

		async *'link.tap'(params, call) {
			const chosen = params.link === undefined ? select(params, call) : [findLink(params.link, call)];
			const everything =
				params.link === undefined && params.from === undefined && params.to === undefined && params.type === undefined;
			// an empty list would mean all: a filter that fits nothing fits nothing
			if (chosen.length === 0 && !everything) {
				const { type, ...ends } = params;
				const types = type === undefined ? [] : select(ends, call).map((link) => link.type);
				call.fail('link.not_found', {
					link: linkEnds({ from: params.from ?? '*', type: type ?? '*', to: params.to ?? '*' }),
					candidates: suggest(type ?? '', new Set(types)),
				});
			}
			const ids = everything ? [] : chosen.map(({ id }) => id);
			try {
				const { bodyBytes, sample } = params;
				const tap = links.tap(ids, { bodyBytes, ...(sample === undefined ? {} : { sample }) }, call.signal);
				try {
					for (let next = await tap.next(); ; next = await tap.next()) {
						if (next.done) return next.value;
						yield {
							messages: next.value.messages.map((message) => ({ ...message, at: isoTime(message.at) })),
							skipped: next.value.skipped,
						};
					}
				} finally {
					await tap.return({ skipped: 0 });
				}
			} catch (error) {
				if (call.signal.aborted) throw error;
				return unavailable(error, call);
			}
		},

		async 'link.send'(params, call) {
			const messages = outgoing(params, call, (ref) => resolveRuntimes(directory, ref, call).entries.map(({ id }) => id));
			try {
				await links.routed(call.signal);
				return sumOfSent(await Promise.all(messages.map((message) => links.inject(message))));
			} catch (error) {
				return unavailable(error, call);
			}
		},

		async 'link.request'({ timeoutMs, ...params }, call) {
			const [message] = outgoing(params, call, (ref) => [resolveRuntime(directory, ref, call).id]);
			const late = new OrchError('reply.late', { type: params.type, ms: timeoutMs });
			const ask = async (signal: AbortSignal) => {
				await links.routed(signal);
				return links.request(message as Injection, signal);
			};
			try {
				return await withDeadline(clock, timeoutMs, ask, () => late, call.signal);
			} catch (error) {
				return unavailable(error, call);
			}
		},

		async 'link.types'({ type }, call) {
			let seen: TypeFigures;
			try {
				seen = await links.types();
			} catch (error) {
				return unavailable(error, call);
			}
			const infos = typeInfos({ links, seen, party, type });
			if (type !== undefined && infos.length === 0) {
				const names = typeInfos({ links, seen, party, type: undefined }).map(({ name }) => name);
				call.fail('type.not_found', { type, candidates: suggest(type, names) });
			}
			return infos;
		},

		async 'link.stats'(params, call) {
			const chosen = select(params, call);
			let figures: RouterFigures;
			try {
				figures = await links.figures(params.windowSeconds);
			} catch (error) {
				return unavailable(error, call);
			}
			const byId = new Map(figures.links.map((row) => [row.id, row]));
			const from = params.from === undefined ? undefined : sender(params.from, call);
			return {
				links: chosen.map((link) => {
					const { id: _id, lastAt, ...row } = byId.get(link.id) ?? nothingYet(link.id);
					return { ...describe(link, figures), ...row, lastAt: lastAt === null ? null : isoTime(lastAt) };
				}),
				unrouted:
					params.to === undefined
						? figures.unrouted
								.filter(
									(row) =>
										(from === undefined || links.meant(from).includes(row.from)) &&
										(params.type === undefined || row.type === params.type),
								)
								.map((row) => ({ ...row, from: party(row.from), lastAt: isoTime(row.lastAt) }))
						: [],
				faults:
					params.to === undefined && params.type === undefined
						? figures.ports
								.filter(
									({ runtime, faults }) =>
										Object.keys(faults).length > 0 && (from === undefined || links.meant(from).includes(runtime)),
								)
								.map(({ runtime, faults }) => ({ runtime: party(runtime), counts: faults }))
						: [],
			};
		},
	};
}

interface Sent {
	readonly accepted: number;
	readonly dropped: Readonly<Record<string, number>>;
}

function sumOfSent(all: readonly Sent[]): { accepted: number; dropped: Record<string, number> } {
	const dropped: Record<string, number> = {};
	for (const sent of all)
		for (const [reason, count] of Object.entries(sent.dropped)) dropped[reason] = (dropped[reason] ?? 0) + count;
	return { accepted: all.reduce((sum, { accepted }) => sum + accepted, 0), dropped };
}

/** A link that the router has not heard of yet. */
const nothingYet = (id: string): LinkFigures => ({
	id,
	counters: { received: 0, delivered: 0, deliveredBytes: 0, dropped: {}, queued: 0, queuedBytes: 0, inFlight: 0 },
	messagesPerSecond: 0,
	bytesPerSecond: 0,
	latencyP50Ms: null,
	latencyP99Ms: null,
	lastAt: null,
	blocking: false,
});

function notices(link: Link, figures: RouterFigures | undefined, nameOf: (id: string) => string): string[] {
	const said: string[] = [];
	if (link.overflow !== 'block') return said;
	const codecOf = new Map(figures?.ports.map(({ runtime, codec }) => [runtime, codec]));
	const codec = link.from === anySender ? null : (codecOf.get(link.from) ?? null);
	if (codec === 'json' || codec === 'veecle') {
		said.push(
			`${nameOf(link.from)} speaks ${codec === 'json' ? 'JSON Lines' : "Veecle's dialect"}, which has no credits: block acts as drop-newest (reason no_credit_sender)`,
		);
	}
	if (figures?.links.find(({ id }) => id === link.id)?.blocking) {
		said.push(`${nameOf(link.to)} is the slowest: senders of ${link.type} wait for it`);
	}
	return said;
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** What is wrong with it, and where: the engine's own words change with its version, and often do not tell the place. */
function jsonFault(body: Uint8Array): ErrorData<'message.invalid'> | undefined {
	let text: string;
	try {
		text = decoder.decode(body);
	} catch {
		return { reason: 'it is not UTF-8' };
	}
	const fault = findJsonFault(text);
	if (fault === undefined) return undefined;
	const { line, column, frame } = jsonFrame(text, fault.at);
	return { reason: `${fault.reason} at line ${line}, column ${column}`, frame };
}
