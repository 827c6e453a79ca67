// `trae-native/testing`: what the tests of a service need where nothing else can see its calls.
//
// - testing/scripted.ts: a network that is played · testing/clock.ts: its time
// - simulator.ts: a Claude API on a real socket

export { createSimulator, Simulator } from './simulator.js';
export { createScripted } from './testing/scripted.js';
