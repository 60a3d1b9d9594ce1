/** What projects say of message types: JSON Schemas that their runtimes' messages have to fit. */

export interface DeclaredType {
	readonly project: string;
	readonly type: string;
	readonly schema: unknown;
	/** As JSON: what the router is sent. */
	readonly text: string;
	/** Whether anything could not fit it. */
	readonly demands: boolean;
	/** Why the router does not enforce it. */
	problem: string | undefined;
}

export class DeclaredTypes {
	readonly #byProject = new Map<string, ReadonlyMap<string, DeclaredType>>();

	/** These are all that the project says; false when it has said the same before. */
	declare(project: string, schemas: Readonly<Record<string, unknown>>): boolean {
		const before = this.#byProject.get(project);
		const after = new Map(
			Object.entries(schemas).map(([type, schema]): [string, DeclaredType] => {
				const text = JSON.stringify(schema);
				const known = before?.get(type);
				const demands = text !== 'true' && text !== '{}';
				return [type, known?.text === text ? known : { project, type, schema, text, demands, problem: undefined }];
			}),
		);
		const isSame = after.size === (before?.size ?? 0) && [...after].every(([type, each]) => before?.get(type) === each);
		if (after.size > 0) this.#byProject.set(project, after);
		else this.#byProject.delete(project);
		return !isSame;
	}

	list(): readonly DeclaredType[] {
		return [...this.#byProject.values()].flatMap((byType) => [...byType.values()]);
	}

	/** These the router does not enforce, all others it does. */
	judged(problems: readonly { readonly project: string; readonly type: string; readonly message: string }[]): void {
		for (const each of this.list())
			each.problem = problems.find(({ project, type }) => project === each.project && type === each.type)?.message;
	}
}
