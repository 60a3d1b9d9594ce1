/**
 * The few names of the platform that the protocol needs. It compiles with `"types": []`, so that nothing of Node (or of
 * a browser) can slip in; what every JavaScript platform has is declared here, as far as it is used.
 */

declare global {
	// merges with the platform's own interface where there is one, so the members must read the same
	interface AbortSignal {
		readonly aborted: boolean;
		// biome-ignore lint/suspicious/noExplicitAny: the platform's own type of this member, which merging must repeat
		readonly reason: any;
		addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
		removeEventListener(type: 'abort', listener: () => void): void;
	}
}

interface Platform {
	TextEncoder: new () => { encode(text: string): Uint8Array };
	TextDecoder: new (label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean }) => { decode(bytes?: Uint8Array): string };
	AbortController: new () => { readonly signal: AbortSignal; abort(reason?: unknown): void };
	atob(text: string): string;
	btoa(text: string): string;
	queueMicrotask(run: () => void): void;
}

export const platform = globalThis as unknown as Platform;

export const utf8Encoder = new platform.TextEncoder();
/** Replaces what is not UTF-8. */
export const utf8Decoder = new platform.TextDecoder('utf-8', { ignoreBOM: true });
/** Throws on what is not UTF-8. */
export const strictUtf8Decoder = new platform.TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
