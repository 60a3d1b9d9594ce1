/** The version of orch: one for all its packages. */
export const version = '0.1.0';
