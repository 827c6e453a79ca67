// `trae-native/testing`: what the tests of a service need where nothing else can see its calls.
//
// - testing/scripted.ts: a network that is played · testing/stage.ts and testing/clock.ts: where, and its time
// - testing/cassette.ts: calls written down and played again · testing/exchange.ts: one of them, as it stands in a file
// - testing/nearest.ts: what nearly fits
// - simulator.ts: a Claude API on a real socket

export { createSimulator, Simulator } from './simulator.js';
export { record, replay } from './testing/cassette.js';
export { createScripted } from './testing/scripted.js';
