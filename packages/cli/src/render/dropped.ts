/** What a removal has dropped, at the end of the line that tells of it. */
import { plural } from './time.ts';

/** Nothing where nothing was, where the router did not tell it, and of an orchd that is too old to. */
export const droppedText = (messages: number | null | undefined): string =>
	messages ? `; ${plural(messages, 'waiting message')} dropped` : '';
