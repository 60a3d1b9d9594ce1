/** Handlers of the uploads. */
import type { binaryOperations, Call, Handlers } from '@orch/protocol';
import { type Binaries, BinaryError, maxBinaryBytes, maxUploads } from '../../binaries/index.ts';

type BinaryCall = Call<'binary.unknown_upload' | 'binary.mismatch' | 'binary.too_large' | 'busy' | 'request.invalid'>;

export function binaryHandlers(binaries: Binaries): Handlers<typeof binaryOperations> {
	return {
		'binary.begin': async ({ size, sha256 }, call) => told(call as BinaryCall, '', () => binaries.begin(size, sha256)),
		'binary.chunk': async ({ upload, offset, bytes }, call) => ({
			received: told(call as BinaryCall, upload, () => binaries.chunk(upload, offset, bytes)),
		}),
		'binary.commit': async ({ upload }, call) => ({ sha256: told(call as BinaryCall, upload, () => binaries.commit(upload)) }),
	};
}

/** The domain's faults as declared errors. */
function told<T>(call: BinaryCall, upload: string, work: () => T): T {
	try {
		return work();
	} catch (error) {
		if (!(error instanceof BinaryError)) throw error;
		const { fault } = error;
		switch (fault.kind) {
			case 'too_large':
				return call.fail('binary.too_large', { bytes: fault.bytes, maxBytes: maxBinaryBytes });
			case 'busy':
				return call.fail('busy', { what: 'uploads', limit: maxUploads });
			case 'unknown_upload':
				return call.fail('binary.unknown_upload', { upload });
			case 'bad_chunk':
				return call.fail('request.invalid', { issues: [fault.reason] });
			case 'mismatch':
				return call.fail('binary.mismatch', { expected: fault.expected, actual: fault.actual });
		}
	}
}
