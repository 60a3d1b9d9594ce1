/** Colours, decided for each stream by itself. */
import { plain, type Style } from '@orch/base/text';
import type { Globals } from '../globals.ts';

export interface ColorInput {
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly isTerminal: boolean;
	readonly globals: Pick<Globals, 'color' | 'noColor'>;
}

/** Flags, then NO_COLOR, then the forcing variables, then whether it is a terminal that knows colours. */
export function wantsColor({ env, isTerminal, globals }: ColorInput): boolean {
	const set = (name: string) => env[name] !== undefined && env[name] !== '';
	const forced = (name: string) => set(name) && env[name] !== '0' && env[name] !== 'false';
	if (globals.noColor || globals.color === 'never') return false;
	if (globals.color === 'always') return true;
	if (set('NO_COLOR') || set('ORCH_NO_COLOR') || env['FORCE_COLOR'] === '0') return false;
	if (forced('FORCE_COLOR') || forced('CLICOLOR_FORCE')) return true;
	return isTerminal && env['TERM'] !== 'dumb';
}

/** Loads the library of colours only where there are any. */
export async function loadStyle(colored: boolean): Promise<Style> {
	if (!colored) return plain;
	const { default: picocolors } = await import('picocolors');
	return picocolors.createColors(true);
}
