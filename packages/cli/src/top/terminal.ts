/** The terminal of `orch top`: raw keys, a size that changes, and a screen that is given back on every kind of end. */

export interface Terminal {
	readonly columns: number;
	readonly rows: number;
	write(text: string): void;
	/** What is typed, as it comes. */
	onInput(listener: (text: string) => void): void;
	onResize(listener: () => void): void;
	/** Gives the screen back and stops this process; comes back when it is continued. */
	suspend(): void;
	/** Called when the screen is ours again, and blank. */
	onResume(listener: () => void): void;
	/** Gives the screen back for good. */
	close(): void;
}
