/** A link in one line, and the options by which links are picked. */
import { printable } from '@orch/base/text';
import { nonEmpty } from '../args/values.ts';
import { value } from '../option.ts';

/** `ping ─Ping→ pong`. */
export const linkText = ({ from, type, to }: LinkEnds): string =>
	`${printable(from.name)} ─${printable(type)}→ ${printable(to.name)}`;

export interface LinkEnds {
	readonly from: { readonly name: string };
	readonly type: string;
	readonly to: { readonly name: string };
}

export const linkFilter = {
	from: value('--from RUNTIME', 'only from this sender', nonEmpty),
	type: value('--type TYPE', 'only of this type', nonEmpty),
	to: value('--to RUNTIME', 'only to this receiver', nonEmpty),
} as const;

export interface LinkFilter {
	readonly from?: string | undefined;
	readonly type?: string | undefined;
	readonly to?: string | undefined;
}

export const isFiltered = ({ from, type, to }: LinkFilter): boolean => [from, type, to].some((each) => each !== undefined);

/** Without the keys that were not given. */
export const filterOf = ({ from, type, to }: LinkFilter): { from?: string; type?: string; to?: string } => ({
	...(from === undefined ? {} : { from }),
	...(type === undefined ? {} : { type }),
	...(to === undefined ? {} : { to }),
});
