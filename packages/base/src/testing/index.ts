/** What tests of the daemon and the router share; never imported by production code. */
export { allocatedIn } from './allocated.ts';
export { canTakeDescriptors, takeDescriptors } from './descriptors.ts';
export { type Edge, explore } from './explore.ts';
export { ManualClock, settle } from './manual-clock.ts';
export { removeWhole } from './remove-whole.ts';
export { seededRandom } from './seeded-random.ts';
export { mayMount, type SmallDisk, smallDisk } from './small-disk.ts';
export { until } from './until.ts';
