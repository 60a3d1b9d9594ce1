/** Who this client says it is. */

/** The version of the package. */
export const version = '0.1.0';

export const agent = `orch-sdk-node/${version}`;
