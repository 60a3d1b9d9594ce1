/** What is known of a runtime's triggers: plain data, for its snapshot. */

/** Times are milliseconds since the Unix epoch. */
export interface TriggerFacts {
	readonly schedule: ScheduleFacts | undefined;
	readonly watch: WatchFacts | undefined;
}

export interface ScheduleFacts {
	readonly nextAt: number | undefined;
	/** When it was due last, since this daemon began, and what came of it. */
	readonly lastAt: number | undefined;
	readonly last: string | undefined;
}

export interface WatchFacts {
	/** Why it acts on no change any more. */
	readonly suspended: string | undefined;
	readonly restarts: number;
	readonly last: { readonly at: number; readonly file: string } | undefined;
	/** What is wrong with it, in a sentence without a period; that it is suspended, too. */
	readonly trouble: string | undefined;
}
