/** What the two programs say to each other: the names are the types that `orch link add --type` takes. */

export interface Messages {
	Ping: { readonly seq: number };
	Pong: { readonly seq: number };
}
