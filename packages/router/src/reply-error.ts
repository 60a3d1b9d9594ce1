/** The payload of a reply that carries an error, as far as it is one. */
import type { ReplyErrorBody } from '@orch/protocol/data';
import { hasMoreValues, unpack } from '@orch/protocol/wire';
import { maxTranscodedValues } from './limits.ts';

export function errorBody(payload: Uint8Array): ReplyErrorBody {
	const { code, message } = readErrorBody(payload);
	return { code: typeof code === 'string' ? code : 'error', message: typeof message === 'string' ? message : '' };
}

function readErrorBody(payload: Uint8Array): { readonly code?: unknown; readonly message?: unknown } {
	if (hasMoreValues(payload, maxTranscodedValues)) return {};
	try {
		return Object(unpack(payload)) as { code?: unknown; message?: unknown };
	} catch {
		return {};
	}
}
