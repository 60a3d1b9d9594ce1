/** How much the maps, sets and arrays of this process hold, by its own inspector: an entry that is never taken away shows, whoever has it. */
import { Session } from 'node:inspector';

export interface Collections {
	readonly count: number;
	/** Of all of them together. */
	readonly entries: number;
}

const lengths = { Map: 'size', Set: 'size', Array: 'length' } as const;
type Kind = keyof typeof lengths;

/** Of those that a collection of garbage leaves. */
export function countCollections(): Record<Kind, Collections> {
	const session = new Session();
	session.connect();
	try {
		return { Map: countOf(session, 'Map'), Set: countOf(session, 'Set'), Array: countOf(session, 'Array') };
	} finally {
		session.disconnect();
	}
}

function countOf(session: Session, kind: Kind): Collections {
	const objectGroup = 'counting';
	const { result: prototype } = ask<{ result: Remote }>(session, 'Runtime.evaluate', {
		objectGroup,
		expression: `${kind}.prototype`,
	});
	const { objects } = ask<{ objects: Remote }>(session, 'Runtime.queryObjects', {
		objectGroup,
		prototypeObjectId: prototype.objectId,
	});
	// the prototype of a map of another class is none itself, and has no size
	const functionDeclaration = `function () {
		const sizes = this.flatMap((one) => { try { return one.${lengths[kind]}; } catch { return []; } });
		return { count: sizes.length, entries: sizes.reduce((sum, size) => sum + size, 0) };
	}`;
	const { result } = ask<{ result: { value: Collections } }>(session, 'Runtime.callFunctionOn', {
		objectId: objects.objectId,
		functionDeclaration,
		returnByValue: true,
	});
	ask(session, 'Runtime.releaseObjectGroup', { objectGroup });
	return result.value;
}

interface Remote {
	readonly objectId: string;
}

/** Within one thread the answer is there before the question returns. */
function ask<Answer>(session: Session, method: string, params: object): Answer {
	let answer: object | undefined;
	session.post(method, params, (error, result) => {
		if (error) throw new Error(`Cannot count collections: ${method}: ${error.message}`);
		answer = result;
	});
	return answer as Answer;
}
