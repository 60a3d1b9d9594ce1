/** What the router loads when the first schema comes, from a bundle of its own: most routers never need it. */
export { compileSchema } from '@orch/base/json-schema';
