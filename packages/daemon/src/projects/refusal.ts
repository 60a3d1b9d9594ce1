/** Why a command on a project was refused; nothing was done then. */
import type { Problem } from './problem.ts';

export type ProjectRefusal =
	| { readonly kind: 'invalid'; readonly problems: readonly Problem[] }
	/** Another one of that name is loaded. */
	| { readonly kind: 'elsewhere'; readonly name: string; readonly file: string }
	/** The file of one that is loaded, which it calls otherwise by now. */
	| { readonly kind: 'renamed'; readonly name: string; readonly loaded: string; readonly file: string }
	| { readonly kind: 'not_loaded'; readonly name: string; readonly known: readonly string[] }
	| { readonly kind: 'unknown_runtime'; readonly name: string; readonly known: readonly string[] }
	| { readonly kind: 'busy'; readonly limit: number }
	/** A runner is a project, and there is one of that name. */
	| { readonly kind: 'name_taken'; readonly name: string; readonly file: string }
	| { readonly kind: 'path_taken'; readonly name: string; readonly basePath: string; readonly other: string }
	| { readonly kind: 'bad_path'; readonly basePath: string; readonly reason: string }
	/** What a file mounts is taken away there. */
	| { readonly kind: 'declared'; readonly name: string; readonly parent: string; readonly file: string }
	| { readonly kind: 'not_mounted'; readonly name: string; readonly known: readonly string[] };

export class ProjectError extends Error {
	override readonly name = 'ProjectError';
	readonly refusal: ProjectRefusal;

	constructor(refusal: ProjectRefusal) {
		super(`project refused: ${refusal.kind}`);
		this.refusal = refusal;
	}
}
