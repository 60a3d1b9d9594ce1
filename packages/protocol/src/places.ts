/** Where a daemon listens and keeps its state: one rule for the daemon and for every client, pure, so that they agree. */

export interface PlacesInput {
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly uid: number;
	readonly homeDirectory: string;
	readonly temporaryDirectory: string;
	readonly sha256Hex: (text: string) => string;
	/** Overrides of the command line. */
	readonly socket?: string | undefined;
	readonly home?: string | undefined;
}

export interface Places {
	readonly socket: string;
	/** State: `logs/`, `processes/`, `binaries/`, `orchd.log` … */
	readonly home: string;
	/** Where the router and the runtimes' sockets live. */
	readonly socketDirectory: string;
	readonly routerSocket: string;
	readonly logFile: string;
}

/** `socket`: `$ORCH_SOCKET`, else `$XDG_RUNTIME_DIR/orch/orchd.sock`, else `orch-<uid>/orchd.sock` in the temporary directory. */
export function findPlaces(input: PlacesInput): Places {
	const { env } = input;
	const set = (name: string) => (env[name] === undefined || env[name] === '' ? undefined : env[name]);
	const runtimeDirectory = set('XDG_RUNTIME_DIR');
	const defaultSocket = runtimeDirectory
		? `${runtimeDirectory}/orch/orchd.sock`
		: `${input.temporaryDirectory}/orch-${input.uid}/orchd.sock`;
	const socket = input.socket ?? set('ORCH_SOCKET') ?? defaultSocket;
	const stateBase = `${set('XDG_STATE_HOME') ?? `${input.homeDirectory}/.local/state`}/orch`;
	// two daemons on two sockets never share a state by accident
	const defaultHome = socket === defaultSocket ? stateBase : `${stateBase}/at-${input.sha256Hex(socket).slice(0, 12)}`;
	const home = input.home ?? set('ORCH_HOME') ?? defaultHome;
	const socketDirectory = `${socket}.d`;
	return { socket, home, socketDirectory, routerSocket: `${socketDirectory}/router.sock`, logFile: `${home}/orchd.log` };
}

/**
 * The abstract socket by which an orchd holds its socket or its state: whoever connects is told the holder's pid, and in a second line how it is
 * (see `HolderState`; an older orchd says nothing of that).
 */
export function lockName(kind: 'socket' | 'state', path: string, uid: number, sha256Hex: (text: string) => string): string {
	return `\0orch-${sha256Hex(`${uid}\0${kind}\0${path}`).slice(0, 32)}`;
}

/** How the socket of the holder is; what it cannot listen for stands behind `cannot listen: `. */
export type HolderState = 'is starting' | 'listens' | 'listens anew' | 'is stopping' | `cannot listen: ${string}`;
