/** A promise to be settled from outside, which nobody has to look at. */

export interface Settleable {
	readonly promise: Promise<void>;
	resolve(): void;
	reject(error: Error): void;
}

export function settleable(): Settleable {
	let resolve: () => void = () => {};
	let reject: (error: Error) => void = () => {};
	const promise = new Promise<void>((yes, no) => {
		resolve = yes;
		reject = no;
	});
	promise.catch(() => {
		// whoever waits for it gets the error; whoever does not has been told on stderr
	});
	return { promise, resolve, reject };
}
